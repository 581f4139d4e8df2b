"""Pictures and masks that are drawn or simulated, for training and benchmarks."""

__all__ = [
    "camera",
    "damage",
    "drawings",
    "fonts",
    "kit",
    "lines",
    "masks",
    "pages",
    "screens",
    "sky",
    "tones",
]
