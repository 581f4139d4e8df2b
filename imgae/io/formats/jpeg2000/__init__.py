"""JPEG 2000: files, bare codestreams, and HTJ2K."""

__all__ = ["codestream", "format", "htj2k"]
