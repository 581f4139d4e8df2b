"""Picture files: reading and writing them, with all that travels in them."""

__all__ = [
    "atomic",
    "cms",
    "files",
    "format",
    "formats",
    "inks",
    "jpeg",
    "libraries",
    "metadata",
    "opencv",
    "pillow",
    "places",
]
