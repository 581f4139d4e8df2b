"""Picture files: reading and writing them, with all that travels in them."""

__all__ = [
    "associated",
    "atomic",
    "boxes",
    "exif_dpi",
    "files",
    "format",
    "formats",
    "jxl",
    "lenient",
    "libraries",
    "metadata",
    "opencv",
    "pillow",
    "places",
]
