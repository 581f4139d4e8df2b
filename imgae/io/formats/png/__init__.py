"""PNG: its chunks, its pixels, and what travels in it."""

__all__ = ["belongings", "chunks", "format", "pixels", "profiles"]
