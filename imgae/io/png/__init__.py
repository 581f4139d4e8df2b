"""The parts of a PNG file: chunks, pixels, and what travels beside them."""

__all__ = ["belongings", "chunks", "pixels", "profiles"]
