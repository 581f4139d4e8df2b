"""Pictures and masks that are drawn or simulated, for training and benchmarks."""

__all__ = [
    "camera",
    "captions",
    "damage",
    "defects",
    "drawings",
    "fonts",
    "kit",
    "lines",
    "masks",
    "pages",
    "screens",
    "sky",
    "stamps",
    "tones",
]
