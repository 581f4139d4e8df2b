"""What a program, but no library, may set in the libraries that read pictures."""

import logging

import PIL.Image


def prepare_libraries() -> None:
    """Leave the limit of pixels to --max-pixels, and silence tifffile's own messages."""
    PIL.Image.MAX_IMAGE_PIXELS = None
    logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)
