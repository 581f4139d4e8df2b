"""Picture files: reading and writing them, with all that travels in them."""

__all__ = [
    "atomic",
    "camera",
    "cms",
    "files",
    "format",
    "formats",
    "libraries",
    "metadata",
    "opencv",
    "openexr",
    "pillow",
    "places",
    "tags",
]
