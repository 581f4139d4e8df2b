"""Picture files: reading and writing them, with all that travels in them."""

__all__ = [
    "atomic",
    "av1",
    "boxes",
    "depth",
    "exif",
    "files",
    "format",
    "formats",
    "items",
    "libraries",
    "metadata",
    "opencv",
    "outer",
    "pillow",
    "places",
    "sequences",
]
