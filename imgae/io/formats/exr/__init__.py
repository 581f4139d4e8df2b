"""OpenEXR: the structure of its files, and what an Image takes of them."""

__all__ = ["format", "openexr"]
