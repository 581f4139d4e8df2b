"""What models do to a picture: denoise, inpaint, detect, encode."""

__all__ = [
    "clean_and_fill",
    "controls",
    "denoise",
    "detect",
    "encode",
    "estimate",
    "impulses",
    "inpaint",
    "levels",
    "marks",
    "routes",
    "scaling",
    "texture",
    "unseen",
]
