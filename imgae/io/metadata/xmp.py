"""XMP: brought up to date, and elements taken out of it."""

import re
from typing import Final

SPACES: Final = {
    b"tiff": b"http://ns.adobe.com/tiff/1.0/",
    b"exif": b"http://ns.adobe.com/exif/1.0/",
    b"xmp": b"http://ns.adobe.com/xap/1.0/",
    b"xmpGImg": b"http://ns.adobe.com/xap/1.0/g/img/",
}
"""By their usual prefixes, the namespaces of XMP in which size, turn and thumbnails are."""
MOST_PREFIXES: Final = 16


def fresh_xmp(xmp: bytes, size: tuple[int, int]) -> bytes:
    """Set in XMP that the picture is upright, and its width and height; take out thumbnails."""
    width, height = (str(value).encode() for value in size)
    tiff, exif, general, images = (prefixes(xmp, usual) for usual in SPACES)
    for name, value in (
        (tiff + rb":Orientation", b"1"),
        (tiff + rb":ImageWidth|" + exif + rb":PixelXDimension", width),
        (tiff + rb":ImageLength|" + exif + rb":PixelYDimension", height),
    ):
        pattern = rb"((?:" + name + rb")\s*(?:=\s*[\"']|>)\s*)[0-9]+"
        xmp = re.sub(pattern, rb"\g<1>" + value, xmp)
    small = images + rb":image"
    xmp = re.sub(rb"\s" + small + rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')", b"", xmp)
    for name in (general + rb":Thumbnails", rb"xap:Thumbnails", small):
        xmp = without_elements(xmp, re.compile(rb"<(" + name + rb")(?=[\s/>])"))
    return xmp


def prefixes(xmp: bytes, usual: bytes) -> bytes:
    """Return a regular expression of the prefixes that XMP has for a namespace."""
    declared = rb"xmlns:([\w.-]+)\s*=\s*[\"']" + re.escape(SPACES[usual]) + rb"[\"']"
    found = dict.fromkeys([usual, *re.findall(declared, xmp)][:MOST_PREFIXES])
    return rb"(?:" + rb"|".join(map(re.escape, found)) + rb")"


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
