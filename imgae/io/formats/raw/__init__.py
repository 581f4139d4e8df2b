"""Camera raw files: which files they are, what they say of the photo, and their development."""

__all__ = ["camera", "format"]
