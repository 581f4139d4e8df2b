"""The small cases that the theory of autoencoders is about: trained, measured and drawn."""

__all__ = [
    "cases",
    "contractive",
    "curves",
    "fitting",
    "patches",
    "sparse",
    "undercomplete",
]
