"""Picture files: reading and writing them, with all that travels in them."""

__all__ = [
    "atomic",
    "av1",
    "boxes",
    "cms",
    "depth",
    "exif",
    "files",
    "format",
    "formats",
    "inks",
    "items",
    "libraries",
    "metadata",
    "opencv",
    "outer",
    "pillow",
    "places",
    "sequences",
]
