"""XMP: brought up to date, and elements taken out of it."""

import re
from typing import Final

THUMBNAILS: Final = re.compile(rb"<([A-Za-z_][\w.-]{0,40}:Thumbnails)(?=[\s/>])")
"""Where XMP holds small copies of the picture."""
SMALL_IMAGES: Final = re.compile(
    rb"xmlns:([\w.-]{1,40})\s*=\s*[\"']http://ns\.adobe\.com/xap/1\.0/g/img/[\"']"
)
"""Where XMP says how it marks small pictures, wherever they are."""
MOST_PREFIXES: Final = 4


def fresh_xmp(xmp: bytes, size: tuple[int, int]) -> bytes:
    """Set in XMP that the picture is upright, and its width and height; take out thumbnails."""
    width, height = (str(value).encode() for value in size)
    for name, value in (
        (rb"tiff:Orientation", b"1"),
        (rb"tiff:ImageWidth|exif:PixelXDimension", width),
        (rb"tiff:ImageLength|exif:PixelYDimension", height),
    ):
        xmp = re.sub(rb"((?:" + name + rb")(?:=[\"']|>))[0-9]+", rb"\g<1>" + value, xmp)
    for prefix in list(dict.fromkeys(SMALL_IMAGES.findall(xmp)))[:MOST_PREFIXES]:
        said = re.escape(prefix) + rb":image"
        xmp = re.sub(rb"\s" + said + rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')", b"", xmp)
        xmp = without_elements(xmp, re.compile(rb"<(" + said + rb")(?=[\s/>])"))
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
