"""Pictures as values: pixels, and what is computed from them without files or models."""

__all__ = [
    "arrays",
    "bands",
    "image",
    "mask_values",
    "masks",
    "metrics",
    "noise",
    "orientation",
    "pixels",
    "rows",
    "tiling",
]
