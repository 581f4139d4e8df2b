"""PNG: its chunks, its pixels, and what travels in it."""

__all__ = ["chunks", "format", "metadata", "pixels", "profiles"]
