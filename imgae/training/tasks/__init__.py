"""What can be trained, one task a module, and the table of them all."""

__all__ = [
    "camera",
    "code",
    "denoise",
    "detect",
    "inpaint",
    "lookup",
    "table",
    "task",
]
