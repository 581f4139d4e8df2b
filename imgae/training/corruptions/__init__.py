"""What training does to clean pictures, one corruption a module."""

__all__ = [
    "camera",
    "camera_noise",
    "defects",
    "flaws",
    "holes",
    "jpeg",
    "materials",
    "mixture",
    "noise",
    "prints",
    "views",
]
