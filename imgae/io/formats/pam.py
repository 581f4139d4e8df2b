"""PAM, the kind of Netpbm's files that holds transparency."""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from imgae.errors import ImageError, warn
from imgae.io.format import Encoding, File, Format, Limits
from imgae.io.formats import pnm
from imgae.io.metadata.upright import upright
from imgae.picture.arrays import channels_of, split_alpha
from imgae.picture.image import Frames, Image, Stored

CHANNELS: Final = {
    "BLACKANDWHITE": 1,
    "GRAYSCALE": 1,
    "RGB": 3,
    "BLACKANDWHITE_ALPHA": 2,
    "GRAYSCALE_ALPHA": 2,
    "RGB_ALPHA": 4,
}
UNNAMED: Final = {1: "GRAYSCALE", 3: "RGB"}
"""What samples are that a file does not name."""
BEGINS: Final = b"P7"
LONGEST_HEAD: Final = 1 << 20


def read(file: File) -> Frames:
    try:
        image, at = read_one(file)
    except ValueError as error:
        raise ImageError(f"{file.name}: damaged or cut short: {error}") from error
    if rest := len(file.data[at:].lstrip(pnm.BLANK)):
        warn(f"{file.name}: {rest} bytes after the end of the picture are left out")
    return Frames((upright(image, 1),))


@dataclass(frozen=True)
class Head:
    """What a file says of its picture, and where the pixels begin."""

    width: int
    height: int
    depth: int
    largest: int
    kind: str
    comments: list[bytes]
    begins: int

    def stored(self) -> Stored:
        details = {"largest": self.largest, "kind": self.kind}
        bits = self.largest.bit_length()
        return Stored("PAM", "1 bit" if self.largest == 1 else "", bits, details)


def head_in(file: File) -> Head:
    """Return what a file says of its picture. Raises ValueError if it is damaged."""
    fields, comments, at = read_head(file.data)
    try:
        width, height, depth, largest = (
            int(fields[key]) for key in ("WIDTH", "HEIGHT", "DEPTH", "MAXVAL")
        )
    except KeyError as missing:
        raise ValueError(f"its head lacks {missing.args[0]}") from missing
    file.check_size(width, height)
    kind = fields.get("TUPLTYPE") or UNNAMED.get(depth, "")
    if CHANNELS.get(kind) != depth:
        raise ImageError(
            f"{file.name}: {depth} channels called {kind or 'nothing'}; expected gray or RGB, with "
            "or without alpha"
        )
    if not 1 <= largest <= pnm.MOST:
        raise ValueError(f"its largest value is {largest}")
    return Head(width, height, depth, largest, kind, comments, at)


def read_one(file: File) -> tuple[Image, int]:
    """Return the picture, and where it ends. Raises ValueError if the file is damaged."""
    head = head_in(file)
    shape = head.height, head.width, head.depth
    array, end = pnm.from_bytes(file.data, head.begins, shape, head.largest)
    samples = pnm.Samples(array, head.largest).spread(file.name)
    pixels, alpha = split_alpha(samples, head.depth in (2, 4))
    return Image(pixels, alpha, text=pnm.in_text(head.comments), stored=head.stored()), end


def read_head(data: bytes) -> tuple[dict[str, str], list[bytes], int]:
    """Return the fields of the head, its comments, and where the pixels begin."""
    head = re.compile(rb"P7[^\n]*\n(?:[^\n]*\n)*?[ \t]*ENDHDR[^\n]*\n").match(data[:LONGEST_HEAD])
    if head is None:
        raise ValueError("its head has no end")
    fields: dict[str, str] = {}
    comments = []
    for line in head[0].split(b"\n")[1:]:
        if line.lstrip().startswith(b"#"):
            comments.append(line.lstrip()[1:])
            continue
        key, _, value = line.decode("ascii", "replace").strip().partition(" ")
        if key == "TUPLTYPE" and key in fields:  # several are one
            value = f"{fields[key]} {value.strip()}"
        fields[key] = value.strip()
    return fields, comments, head.end()


def encode(frames: Frames, name: str, encoding: Encoding) -> bytes:  # noqa: ARG001 - a Format's signature
    image = frames[0]
    stored = image.stored if image.stored is not None and image.stored.format == "PAM" else None
    largest = pnm.largest_of(image, stored, name)
    return head_of(image, largest) + samples_of(image, largest)


def head_of(image: Image, largest: int) -> bytes:
    """Return what comes before the pixels of a picture."""
    channels = image.pixels.shape[2]
    kind = "GRAYSCALE" if channels == 1 else "RGB"
    if largest == 1 and kind == "GRAYSCALE":
        kind = "BLACKANDWHITE"
    if image.alpha is not None:
        kind += "_ALPHA"
        channels += 1
    head = (
        f"WIDTH {image.width}\nHEIGHT {image.height}\nDEPTH {channels}\nMAXVAL {largest}\n"
        f"TUPLTYPE {kind}\nENDHDR\n"
    )
    return BEGINS + b"\n" + pnm.as_comments(image) + head.encode()


def samples_of(image: Image, largest: int) -> bytes:
    return pnm.in_bytes(np.ascontiguousarray(channels_of(image)), largest)


FORMAT: Final = Format(read, encode, Limits(bits=16, holds=frozenset({"text"})))
