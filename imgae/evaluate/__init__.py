"""Measurements of models beside baselines."""

__all__ = [
    "baselines",
    "camera",
    "code",
    "contraction",
    "denoise",
    "detect",
    "figures",
    "folders",
    "inpaint",
    "memory",
    "protocol",
    "report",
]
