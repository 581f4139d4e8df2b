"""What a training step minimises, one objective a module."""

__all__ = [
    "adversarial",
    "camera",
    "code",
    "contractive",
    "contrast",
    "denoise",
    "detect",
    "estimate",
    "features",
    "inpaint",
    "regularisers",
]
