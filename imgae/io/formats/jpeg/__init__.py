"""JPEG: its stream, its coding, and what travels in it."""

__all__ = ["coding", "decoding", "format", "metadata", "stream", "trailer", "xmp"]
