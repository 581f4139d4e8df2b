"""Measurements of models beside baselines."""

__all__ = [
    "auto",
    "auto_tables",
    "baselines",
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
    "protocol",
    "report",
]
