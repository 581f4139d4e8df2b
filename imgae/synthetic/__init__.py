"""Pictures and masks that are drawn or simulated, for training and benchmarks."""

__all__ = [
    "camera",
    "captions",
    "damage",
    "defects",
    "drawings",
    "flaws",
    "fonts",
    "kit",
    "lines",
    "masks",
    "pages",
    "screens",
    "sky",
    "stamps",
    "textures",
    "tones",
]
