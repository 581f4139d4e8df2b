"""What a program, but no library, may set in the libraries that read pictures."""

import logging

import PIL.Image


def prepare_libraries() -> None:
    """Raise Pillow's limit of pixels, and silence tifffile's own messages, for this process."""
    PIL.Image.MAX_IMAGE_PIXELS = 1 << 29  # half a gigapixel is read, twice that is an error
    logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)
