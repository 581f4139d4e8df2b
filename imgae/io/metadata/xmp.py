"""XMP: brought up to date, and elements taken out of it."""

import re
from typing import Final

THUMBNAILS: Final = re.compile(rb"<((?:xmp|xap):Thumbnails)(?=[\s/>])")
"""Where XMP holds small copies of the picture."""


def fresh_xmp(xmp: bytes, size: tuple[int, int]) -> bytes:
    """Set in XMP that the picture is upright, and its width and height; take out thumbnails."""
    width, height = (str(value).encode() for value in size)
    for name, value in (
        (rb"tiff:Orientation", b"1"),
        (rb"tiff:ImageWidth|exif:PixelXDimension", width),
        (rb"tiff:ImageLength|exif:PixelYDimension", height),
    ):
        xmp = re.sub(rb"((?:" + name + rb")(?:=[\"']|>))[0-9]+", rb"\g<1>" + value, xmp)
    return without_elements(xmp, THUMBNAILS)


def without_elements(xmp: bytes, opening: re.Pattern[bytes]) -> bytes:
    """Take out of XMP the elements that such openings begin, with all that is in them."""
    kept, at = [], 0
    while found := opening.search(xmp, at):
        tag = xmp.find(b">", found.end())
        if tag < 0:
            break
        closing = b"</" + found[1] + b">"
        after = tag + 1
        if xmp[tag - 1 : tag] != b"/":
            end = xmp.find(closing, after)
            if end < 0:  # no XML
                break
            after = end + len(closing)
        kept.append(xmp[at : found.start()])
        at = after
    return b"".join([*kept, xmp[at:]])
