"""What travels beside pixels in more than one format: EXIF, XMP, resources of Photoshop, texts."""

__all__ = ["directories", "exif", "photoshop", "resolution", "text", "upright", "xmp"]
