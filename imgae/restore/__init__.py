"""What models do to a picture: denoise, inpaint, detect, encode."""

__all__ = [
    "clean_and_fill",
    "controls",
    "denoise",
    "detect",
    "encode",
    "estimate",
    "grain",
    "holes",
    "impulses",
    "inpaint",
    "large",
    "levels",
    "marks",
    "memory",
    "routes",
    "scaling",
    "synthesis",
    "toned",
    "unseen",
    "work",
]
