"""Networks whose convolutions compute with 8-bit integers."""

__all__ = [
    "basis",
    "prepare",
    "rounding",
    "stored",
]
