"""Pictures as values: pixels, and what is computed from them without files or models."""

__all__ = [
    "arrays",
    "image",
    "masks",
    "metrics",
    "noise",
    "orientation",
    "pixels",
    "tiling",
]
