"""Picture files: reading and writing them, with all that travels in them."""

__all__ = [
    "atomic",
    "bmff",
    "colour",
    "exif",
    "exif_dpi",
    "files",
    "format",
    "formats",
    "libraries",
    "metadata",
    "pillow",
    "places",
    "samples",
    "tags",
]
