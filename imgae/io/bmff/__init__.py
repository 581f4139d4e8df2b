"""Boxes of ISO base media files, of which AVIF, HEIC, JPEG 2000 and JPEG XL files consist."""

__all__ = ["boxes", "outer", "stills"]
