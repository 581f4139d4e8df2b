"""The networks, one family a module, and the parts that they share."""

__all__ = [
    "body",
    "camera",
    "code",
    "denoise",
    "detect",
    "estimate",
    "features",
    "fill",
    "inpaint",
    "own_noise",
    "parts",
    "pca",
    "search",
]
