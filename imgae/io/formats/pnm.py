"""PNM: the PBM, PGM and PPM of Netpbm, in words or bytes. PAM and PFM share its parts."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.io.format import Encoding, File, Format, Limits
from imgae.io.metadata.text import COMMENT, as_comment
from imgae.io.metadata.upright import upright
from imgae.io.samples.depth import gathered, spread
from imgae.picture.image import Frames, Image, Stored
from imgae.picture.pixels import scale_of

BLANK: Final = b" \t\n\v\f\r"
BLANKS: Final = re.compile(rb"[ \t\n\v\f\r]*")
ANOTHER: Final = re.compile(rb"P[1-6][\s#]")
"""How a picture begins that stands behind another."""
LINE_END: Final = re.compile(rb"[\r\n]|\Z")
PART: Final = 1 << 20
"""Letters of a picture in words that are taken at once."""
MOST: Final = 65535
KINDS: Final = {".pbm": (1, "PBM"), ".pgm": (1, "PGM"), ".ppm": (3, "PPM")}
"""By the extension, the channels of a picture and the name of its kind."""


class Cursor:
    """Where reading a file's head stands, and the comments that were met."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at
        self.comments: list[bytes] = []

    def skip(self) -> None:
        """Pass blanks and comments."""
        data = self.data
        while True:
            self.at = BLANKS.match(data, self.at).end()  # type: ignore[union-attr]
            if data[self.at : self.at + 1] != b"#":
                return
            end = LINE_END.search(data, self.at).start()  # type: ignore[union-attr]
            self.comments.append(data[self.at + 1 : end])
            self.at = end

    def number(self) -> int:
        """Return the whole number that comes next. Raises ValueError if there is none."""
        self.skip()
        found = re.compile(rb"[0-9]{1,10}").match(self.data, self.at)
        if found is None:
            raise ValueError("its size or largest value is no number")
        self.at = found.end()
        return int(found[0])

    def one_blank(self) -> None:
        """Pass the single blank after the head; a comment there is passed with its line."""
        if self.data[self.at : self.at + 1] == b"#":
            self.skip()
        elif self.data[self.at : self.at + 1].strip(BLANK) or self.at >= len(self.data):
            raise ValueError("no blank before its pixels")
        else:
            self.at += 1


@dataclass(frozen=True)
class Samples:
    """Samples (H, W, C) as the file has them, and the largest that it may have."""

    array: NDArray[Any]
    largest: int

    def spread(self, name: str, say: Callable[[str], None] = warn) -> NDArray[Any]:
        """Return them as uint8 or uint16 over the whole range."""
        array = self.array
        if int(array.max()) > self.largest:
            say(f"{name}: some values are above the largest that it names; they become that")
            array = np.minimum(array, self.largest)
        return spread(array, self.largest)


def largest_of(image: Image, stored: Stored | None, name: str) -> int:
    """Return the largest value to write: that of the file it came from, if the picture has it.

    A largest value below 255 is kept only if no pixel changes by it.
    """
    full = scale_of(image.pixels.dtype)
    largest = int(stored.details.get("largest", full)) if stored else full
    if full == MOST and largest > 255:
        return largest
    if full == 255 and largest < 255:
        parts = [image.pixels] if image.alpha is None else [image.pixels, image.alpha]
        if all((spread(gathered(part, largest), largest) == part).all() for part in parts):
            return largest
        warn(f"{name}: its values no longer fit into 0 to {largest}; written as 0 to 255")
    return full


def in_bytes(array: NDArray[Any], largest: int) -> bytes:
    """Return samples as bytes, the high one of two first."""
    return gathered(array, largest).astype(">u2" if largest > 255 else np.uint8).tobytes()


def from_bytes(
    data: bytes, at: int, shape: tuple[int, int, int], largest: int
) -> tuple[NDArray[Any], int]:
    """Return samples from bytes, and where they end. Raises ValueError if there are too few."""
    dtype = np.dtype(np.uint8 if largest < 256 else ">u2")
    count = shape[0] * shape[1] * shape[2]
    if len(data) - at < count * dtype.itemsize:
        raise ValueError("its pixels are not whole")
    array = np.frombuffer(data, dtype, count, at).reshape(shape)
    return array.astype(dtype.newbyteorder("=")), at + count * dtype.itemsize


def in_text(comments: list[bytes]) -> tuple[tuple[str, str], ...]:
    lines = (comment.decode("utf-8", "replace").strip() for comment in comments)
    return tuple((COMMENT, line) for line in lines if line)


def as_comments(image: Image) -> bytes:
    """Return the texts of a picture as lines of comments."""
    found = []
    for key, text in image.text:
        found += [f"# {line}\n" for line in as_comment(key, text).splitlines()]
    return "".join(found).encode("utf-8", "replace")


def read(file: File) -> Frames:
    images: list[Image] = []
    at, pixels = 0, 0
    while True:
        try:
            image, at = read_one(file, at)
        except ValueError as error:
            if not images:
                raise ImageError(f"{file.name}: damaged or cut short: {error}") from error
            raise ImageError(
                f"{file.name}: damaged or cut short in its picture {len(images) + 1}: {error}"
            ) from error
        images.append(image)
        pixels += image.width * image.height
        file.check_size(pixels, 1)
        at = BLANKS.match(file.data, at).end()  # type: ignore[union-attr]
        if not ANOTHER.match(file.data, at):
            break
    if rest := len(file.data) - at:
        warn(f"{file.name}: {rest} bytes after the end of the picture are left out")
    return Frames(tuple(images), "pages" if len(images) > 1 else "picture")


@dataclass(frozen=True)
class Head:
    """What a picture says of itself. kind: its number after P. cursor: where its pixels begin."""

    kind: int
    width: int
    height: int
    largest: int
    cursor: Cursor

    @property
    def is_bits(self) -> bool:
        return self.kind in (1, 4)

    @property
    def channels(self) -> int:
        return 3 if self.kind in (3, 6) else 1

    def stored(self) -> Stored:
        details = {"largest": self.largest, "words": self.kind <= 3}
        return Stored("PNM", "1 bit" if self.is_bits else "", self.largest.bit_length(), details)


def read_head(file: File, start: int) -> Head:
    """Return what a picture says of itself that begins at a place. Raises ValueError."""
    data = file.data
    kind = data[start + 1] - ord("0")
    cursor = Cursor(data, start + 2)
    width, height = cursor.number(), cursor.number()
    file.check_size(width, height)
    largest = 1 if kind in (1, 4) else cursor.number()
    if not 1 <= largest <= MOST:
        raise ValueError(f"its largest value is {largest}")
    if kind > 3:
        cursor.one_blank()
    return Head(kind, width, height, largest, cursor)


def read_one(file: File, start: int) -> tuple[Image, int]:
    """Return one of the pictures that a file holds one after another, and where it ends."""
    head = read_head(file, start)
    cursor, shape = head.cursor, (head.height, head.width, head.channels)
    if head.kind <= 3:
        array = from_words(cursor, shape, bits=head.is_bits)
    elif head.is_bits:
        size = (head.width + 7) // 8
        rows, cursor.at = from_bytes(cursor.data, cursor.at, (head.height, size, 1), 255)
        array = np.unpackbits(rows[:, :, 0], axis=1, count=head.width)[:, :, None]
    else:
        array, cursor.at = from_bytes(cursor.data, cursor.at, shape, head.largest)
    if head.is_bits:
        array = 1 - array  # 1 is black
    pixels = Samples(array, head.largest).spread(file.name)
    image = Image(pixels, text=in_text(cursor.comments), stored=head.stored())
    return upright(image, 1), cursor.at


def from_words(cursor: Cursor, shape: tuple[int, int, int], *, bits: bool) -> NDArray[Any]:
    """Return samples that are written as words; bits need no blanks between them."""
    count = shape[0] * shape[1] * shape[2]
    if len(cursor.data) - cursor.at < count:  # each takes a letter at least
        raise ValueError("its pixels are not whole")
    found: list[NDArray[Any]] = []
    left = count
    text = cursor.data[cursor.at :]
    if b"#" in text:
        cursor.comments += re.findall(rb"#([^\r\n]*)", text)
        text = re.sub(rb"#[^\r\n]*", b"", text)
    cursor.at = len(cursor.data)
    for line in lines_of(text):
        found.append(bits_in(line, left) if bits else numbers_in(line, left))
        left -= found[-1].size
        if not left:
            break
    if left:
        raise ValueError("its pixels are not whole")
    array = np.concatenate(found)
    if not bits and array.max() > MOST:
        raise ValueError("its pixels are no numbers of up to 65535")
    return array.reshape(shape)


def bits_in(line: bytes, most: int) -> NDArray[np.uint8]:
    """Return up to so many bits of a text. Raises ValueError if others stand among them."""
    digits = np.frombuffer(line.translate(None, BLANK), np.uint8)[:most] - ord("0")
    if digits.size and digits.max() > 1:
        raise ValueError("its pixels are neither 0 nor 1")
    return digits


def numbers_in(line: bytes, most: int) -> NDArray[np.uint32]:
    """Return up to so many numbers of a text. Raises ValueError if others stand among them."""
    words = line.split()[:most]
    if any(len(word) > 5 or not word.isdigit() for word in words):
        raise ValueError("its pixels are no numbers of up to 65535")
    return np.array(words, np.uint32) if words else np.zeros(0, np.uint32)


def lines_of(text: bytes) -> Iterator[bytes]:
    """Yield a text in parts that end at a blank."""
    at = 0
    while at < len(text):
        end = text.find(b"\n", at + PART)
        end = len(text) if end < 0 else end
        yield text[at:end]
        at = end


def encode(frames: Frames, name: str, encoding: Encoding) -> bytes:  # noqa: ARG001 - a Format's signature
    return b"".join(encode_one(image, name) for image in frames)


def encode_one(image: Image, name: str) -> bytes:
    """Return a picture as the kind that the name's extension is for, if it can hold it.

    One that came from such a file stays gray, or black and white, whatever the name.
    """
    stored = image.stored if image.stored is not None and image.stored.format == "PNM" else None
    suffix = PurePath(name).suffix.lower()
    channels, kind = KINDS.get(suffix, (image.pixels.shape[2], "PNM"))
    pixels = image.pixels
    if channels == 3 and pixels.shape[2] == 1 and stored is None:
        pixels = pixels.repeat(3, 2)
    elif channels < pixels.shape[2]:
        warn_of_colours(name, kind)
    binary = suffix == ".pbm" or (stored is not None and stored.mode == "1 bit")
    if binary and pixels.shape[2] == 1:
        white = scale_of(pixels.dtype)
        if ((pixels == 0) | (pixels == white)).all():
            return encode_bits(image, stored, black=pixels[:, :, 0] == 0)
        warn(f"{name}: its pixels are no longer black and white alone; written as gray (PGM)")
    own = stored if stored is not None and stored.mode != "1 bit" else None
    largest = largest_of(image, own, name)
    in_words = own is not None and own.details["words"]
    number = (2 if in_words else 5) if pixels.shape[2] == 1 else (3 if in_words else 6)
    head = head_of(image, number, largest)
    if in_words:
        return head + as_words(gathered(pixels, largest))
    return head + in_bytes(pixels, largest)


def warn_of_colours(name: str, kind: str) -> None:
    warn(f"{name}: {kind} holds no colours; written as PPM under this name")


def head_of(image: Image, number: int, largest: int) -> bytes:
    """Return what comes before the pixels of a picture of the kind of that number."""
    said = f"{image.width} {image.height}\n{largest}\n"
    return f"P{number}\n".encode() + as_comments(image) + said.encode()


def encode_bits(image: Image, stored: Stored | None, *, black: NDArray[np.bool_]) -> bytes:
    in_words = stored is not None and stored.details["words"]
    head = (b"P1\n" if in_words else b"P4\n") + as_comments(image)
    head += f"{image.width} {image.height}\n".encode()
    return head + (as_words(black[:, :, None]) if in_words else np.packbits(black, 1).tobytes())


def as_words(samples: NDArray[Any]) -> bytes:
    """Return samples as words, eleven on a line: a line has at most 70 letters."""
    words = samples.astype(np.uint32).ravel().astype("S5").tolist()
    parts = range(0, len(words), 11)
    return b"".join(b" ".join(words[at : at + 11]) + b"\n" for at in parts)


FORMAT: Final = Format(
    read,
    encode,
    Limits(bits=16, alpha=False, holds=frozenset({"text"}), frames=frozenset({"pages", "stack"})),
)
