"""The parts of JPEG files: their segments and scans, their pixels, and what travels in them."""

__all__ = ["belongings", "coding", "decoding", "photoshop", "stream", "trailer", "xmp"]
