"""PNM, PAM and PFM written by rows."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from imgae.io.bands.writing import Write
from imgae.io.format import Encoding, details_of
from imgae.io.formats import pam, pfm, pnm
from imgae.picture.image import Image
from imgae.picture.pixels import scale_of


def can_pnm(path: Path, header: Image) -> bool:
    """Return whether a picture is to be written in bytes, and not as bits."""
    return path.suffix.lower() != ".pbm" and not details_of(header, "PNM").get("words")


def always(path: Path, header: Image) -> bool:
    del path, header
    return True


def largest_of(header: Image, kind: str) -> int:
    """Return the largest value to write; below 255 whether it is kept would hang on all pixels."""
    full = scale_of(header.pixels.dtype)
    largest = int(details_of(header, kind).get("largest", full))
    return largest if full > largest > 255 else full


def write_pnm(
    file: BinaryIO, header: Image, parts: Iterator[Image], encoding: Encoding, name: str
) -> None:
    del encoding
    channels, kind = pnm.KINDS.get(Path(name).suffix.lower(), (header.pixels.shape[2], "PNM"))
    if channels < header.pixels.shape[2]:
        pnm.warn_of_colours(name, kind)
    repeated = channels > header.pixels.shape[2] and not details_of(header, "PNM")
    largest = largest_of(header, "PNM")
    gray = header.pixels.shape[2] == 1 and not repeated
    file.write(pnm.head_of(header, 5 if gray else 6, largest))
    for part in parts:
        pixels = part.pixels.repeat(3, 2) if repeated else part.pixels
        file.write(pnm.in_bytes(pixels, largest))


def write_pam(
    file: BinaryIO, header: Image, parts: Iterator[Image], encoding: Encoding, name: str
) -> None:
    del encoding, name
    largest = largest_of(header, "PAM")
    file.write(pam.head_of(header, largest))
    file.writelines(pam.samples_of(part, largest) for part in parts)


def write_pfm(
    file: BinaryIO, header: Image, parts: Iterator[Image], encoding: Encoding, name: str
) -> None:
    """Write from the bottom up, while rows come from the top."""
    del encoding, name
    head = pfm.head_of(header)
    file.write(head)
    left, row = header.height, 4 * header.width * header.pixels.shape[2]
    for part in parts:
        left -= part.height
        file.seek(len(head) + left * row)
        file.write(pfm.samples_of(part.pixels[::-1], pfm.scale_of(header)))


PNM: Final = Write(can_pnm, write_pnm)
PAM: Final = Write(always, write_pam)
PFM: Final = Write(always, write_pfm)
