"""Picture files: reading and writing them, with all that travels in them."""

__all__ = [
    "associated",
    "atomic",
    "cms",
    "files",
    "format",
    "formats",
    "inks",
    "libraries",
    "metadata",
    "opencv",
    "pillow",
    "places",
    "tiff",
]
