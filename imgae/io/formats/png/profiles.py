"""EXIF, IPTC, XMP and profiles in the texts of a PNG, as ImageMagick writes them."""

import binascii
from typing import Final

from imgae.io.metadata import photoshop

RAW: Final = "Raw profile type "
PHOTOSHOP: Final = b"8BIM"
DIGITS_A_LINE: Final = 72
BLANKS: Final = str.maketrans("", "", " \t\r\n")


def decode(text: str) -> bytes:
    """Return the bytes that such a text holds. Raises ValueError if it holds none."""
    _, _, rest = text.strip().partition("\n")  # the name, as "iptc" or "IPTC profile"
    length, _, digits = rest.strip().partition("\n")
    if not length.strip().isdecimal():
        raise ValueError("no profile")
    data = binascii.unhexlify(digits.translate(BLANKS))
    if len(data) != int(length):
        raise ValueError("of another length than it says")
    return data


def encode(kind: str, data: bytes) -> str:
    digits = data.hex()
    lines = (digits[at : at + DIGITS_A_LINE] for at in range(0, len(digits), DIGITS_A_LINE))
    return f"\n{kind}\n{len(data):8}\n" + "\n".join(lines) + "\n"


def captions_of(resources: bytes) -> bytes | None:
    """Return the captions (IPTC-IIM) in Photoshop's resources, or None.

    Bytes that are no such resources are captions themselves if they begin so.
    """
    if not resources.startswith(PHOTOSHOP):
        return resources if resources[:1] == b"\x1c" else None
    found = photoshop.first_of_each(photoshop.parse(resources)[0])
    return found.get(photoshop.IPTC) or None
