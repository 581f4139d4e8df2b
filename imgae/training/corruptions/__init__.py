"""What training does to clean pictures, one corruption a module."""

__all__ = [
    "camera",
    "camera_noise",
    "defects",
    "holes",
    "jpeg",
    "mixture",
    "noise",
    "prints",
    "views",
]
