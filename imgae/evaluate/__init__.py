"""Measurements of models beside baselines."""

__all__ = [
    "auto",
    "auto_tables",
    "baselines",
    "blind",
    "camera",
    "code",
    "contraction",
    "denoise",
    "detect",
    "drawn",
    "figures",
    "folders",
    "inpaint",
    "memory",
    "objects",
    "protocol",
    "report",
    "search",
]
