"""Picture files: reading and writing them, with all that travels in them."""

__all__ = [
    "atomic",
    "files",
    "format",
    "formats",
    "libraries",
    "metadata",
    "opencv",
    "palettes",
    "pillow",
    "places",
    "png",
]
