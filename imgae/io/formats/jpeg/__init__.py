"""JPEG: its stream, its coding, and what travels in it."""

__all__ = ["belongings", "coding", "decoding", "format", "stream", "trailer", "xmp"]
