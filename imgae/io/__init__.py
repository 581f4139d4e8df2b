"""Picture files: reading and writing them, with all that travels in them."""

__all__ = [
    "atomic",
    "bands",
    "bmff",
    "colour",
    "files",
    "format",
    "formats",
    "labels",
    "large",
    "libraries",
    "measure",
    "metadata",
    "numbers",
    "places",
    "remote",
    "samples",
]
