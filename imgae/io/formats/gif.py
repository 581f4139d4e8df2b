"""GIF: blocks by hand, the numbers of colours by imagecodecs and Pillow."""

import io
import struct
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import imagecodecs
import numpy as np
import PIL.GifImagePlugin
import PIL.Image
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.io.format import Encoding, File, Format, Limits, details_of
from imgae.io.metadata import text
from imgae.io.metadata.upright import upright
from imgae.io.samples.frames import Canvas, bounds, check_one_size, whole_counts
from imgae.io.samples.palettes import chosen, dithered, error_of, few_colours, numbers_in
from imgae.picture.image import Frames, Image, Stored

IMAGE, EXTENSION, END = 0x2C, 0x21, 0x3B
CONTROL, COMMENT, APPLICATION, PLAIN_TEXT = 0xF9, 0xFE, 0xFF, 0x01
LOOPS: Final = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
XMP: Final = b"XMP DataXMP"
XMP_END: Final = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
PROFILE: Final = b"ICCRGBG1012"
LEAVE, CLEAR, BACK = 1, 2, 3
DISPOSALS: Final[dict[int, Literal["clear", "back"]]] = {CLEAR: "clear", BACK: "back"}
"""What becomes of a frame's place before the next: else it stays."""
KEEPS_PALETTE: Final = 1.15
"""By how much a new palette must be better than that of the frame before: colours that change
between frames flicker."""
MOST_SIDE: Final = 65535
LONGEST: Final = 65535
"""Hundredths of a second that a frame can be shown."""
MOST_SAID: Final = 20


@dataclass
class Frame:
    """One picture in a file, as it is described; palette: (N, 3)."""

    left: int
    top: int
    width: int
    height: int
    interlaced: bool
    palette: NDArray[np.uint8]
    stream: bytes
    delay: int | None = None
    dispose: int = 0
    transparent: int | None = None


@dataclass
class Contents:
    """What a file holds. loop: what it says of repeating, or None."""

    width: int
    height: int
    aspect: int = 0
    frames: list[Frame] = field(default_factory=list)
    loop: int | None = None
    comments: list[bytes] = field(default_factory=list)
    xmp: bytes | None = None
    icc: bytes | None = None
    said: set[str] = field(default_factory=set)

    def say(self, sentence: str) -> None:
        """Warn of what is left out, once, and of no more than a few things."""
        if sentence not in self.said and len(self.said) < MOST_SAID:
            warn(sentence)
            self.said.add(sentence)


class Blocks:
    """What is left of a file's bytes. Raises ValueError if it is cut short."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise ValueError("cut short")
        self.at += count
        return self.data[self.at - count : self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def parts(self) -> bytes:
        """Return what a row of sub-blocks holds."""
        found = []
        while size := self.byte():
            found.append(self.take(size))
        return b"".join(found)

    def stream(self) -> bytes:
        """Return the bits of the first codes, and the sub-blocks of a frame's pixels.

        A last one that is cut short is closed: whether all pixels are there is seen later.
        """
        start = self.at
        self.byte()
        while (size := self.data[self.at] if self.at < len(self.data) else 0) and (
            self.at + 1 + size <= len(self.data)
        ):
            self.at += 1 + size
        whole = self.data[start : self.at]
        left = self.data[self.at + 1 :][:size]
        self.at = min(self.at + 1 + len(left), len(self.data))
        return whole + (bytes([len(left)]) + left if left else b"") + b"\0"

    def palette(self, flags: int) -> NDArray[np.uint8] | None:
        """Return the palette that follows if flags say so."""
        if not flags & 0x80:
            return None
        data = self.take(3 << ((flags & 7) + 1))
        return np.frombuffer(data, np.uint8).reshape(-1, 3)


def read(file: File) -> Frames:
    contents = take_apart(file)
    file.check_size(contents.width, contents.height, len(contents.frames))
    drawn = compose(contents, file)
    opaque = all(cover.all() for _, cover in drawn)
    texts = tuple((text.COMMENT, text.decoded(comment)) for comment in contents.comments)
    images = []
    for (array, cover), frame in zip(drawn, contents.frames, strict=True):
        image = Image(
            array,
            None if opaque else cover,
            icc=contents.icc,
            xmp=contents.xmp,
            text=texts,
            duration=None if frame.delay is None else frame.delay / 100,
            stored=Stored("GIF", "palette", 8, {"aspect": contents.aspect}),
        )
        images.append(upright(image, 1))
    loop = 1 if contents.loop is None else contents.loop + 1 if contents.loop else 0
    several = len(images) > 1
    return Frames(tuple(images), "animation" if several else "picture", loop if several else 0)


def take_apart(file: File) -> Contents:
    """Return what a file holds, its pictures still packed. Raises ImageError if it is damaged."""
    blocks = Blocks(file.data)
    blocks.take(6)
    width, height, flags, _, aspect = struct.unpack("<HHBBB", blocks.take(7))
    palette = blocks.palette(flags)
    contents = Contents(width, height, aspect)
    control: dict[str, Any] = {}
    ended = False
    while blocks.at < len(file.data) and not ended:
        kind = blocks.byte()
        if kind == IMAGE:
            contents.frames.append(read_frame(blocks, palette, control, file.name))
            control = {}
        elif kind == EXTENSION:
            control = read_extension(blocks, contents, file.name) or control
        elif kind == END:
            ended = True
        elif kind:  # zeros between blocks are passed over
            raise ImageError(f"{file.name}: damaged: a block of a kind that GIF has not ({kind})")
    if not contents.frames:
        raise ImageError(f"{file.name}: damaged or cut short: a GIF without a picture")
    if not ended:
        warn(f"{file.name}: a GIF without its end; what there is was read")
    elif rest := len(file.data[blocks.at :].strip(b"\0")):
        warn(f"{file.name}: {rest} bytes after the end of the picture are left out")
    fit_canvas(contents, file.name)
    return contents


def fit_canvas(contents: Contents, name: str) -> None:
    """Let a first frame that is larger than the whole make the whole larger, as browsers do."""
    first = contents.frames[0]
    width, height = first.left + first.width, first.top + first.height
    if width > contents.width or height > contents.height:
        if contents.width and contents.height:
            warn(f"{name}: its first frame is larger than the picture, which grows to hold it")
        contents.width = max(contents.width, width)
        contents.height = max(contents.height, height)


def read_frame(
    blocks: Blocks, palette: NDArray[np.uint8] | None, control: dict[str, Any], name: str
) -> Frame:
    left, top, width, height, flags = struct.unpack("<4HB", blocks.take(9))
    own = blocks.palette(flags)
    palette = palette if own is None else own
    if palette is None:
        raise ImageError(f"{name}: damaged: a GIF without a palette")
    return Frame(left, top, width, height, bool(flags & 0x40), palette, blocks.stream(), **control)


def read_extension(blocks: Blocks, contents: Contents, name: str) -> dict[str, Any] | None:
    """Read what stands between pictures; return what is said of the next, if it is that."""
    label = blocks.byte()
    if label == APPLICATION:
        read_application(blocks, contents, name)
        return None
    data = blocks.parts()
    if label == CONTROL:
        if len(data) < 4:
            return None
        flags, delay, transparent = struct.unpack_from("<BHB", data)
        return {
            "delay": delay,
            "dispose": flags >> 2 & 7,
            "transparent": transparent if flags & 1 else None,
        }
    if label == COMMENT:
        contents.comments.append(data)
    elif label == PLAIN_TEXT:
        contents.say(f"{name}: text that no viewer draws (a plain text extension) is left out")
    else:
        contents.say(f"{name}: an extension that GIF has not ({label}) is left out")
    return None


def read_application(blocks: Blocks, contents: Contents, name: str) -> None:
    key = blocks.take(blocks.byte())
    start = blocks.at
    data = blocks.parts()
    if key in LOOPS and len(data) >= 3 and data[0] & 7 == 1:
        contents.loop = int.from_bytes(data[1:3], "little")
    elif key == XMP:
        raw = blocks.data[start : blocks.at]
        contents.xmp = raw.removesuffix(XMP_END).rstrip(b"\0") or None
    elif key == PROFILE:
        contents.icc = data or None
    elif key not in LOOPS:
        shown = "".join(chr(letter) if 32 <= letter < 127 else "?" for letter in key)
        contents.say(f"{name}: what the program {shown} keeps in it is left out")


def numbers_of(frame: Frame, file: File) -> NDArray[np.uint8]:
    """Return the number of the colour of each pixel (H, W), by a file of just that frame."""
    file.check_size(frame.width, frame.height)
    cut = f"{file.name}: damaged or cut short: the pixels of a frame are not whole"
    if frame.width * frame.height > len(frame.stream) * 8 // 3 * 4096:
        raise ImageError(cut)
    whole = b"".join(
        [
            b"GIF89a",
            struct.pack("<HHBBB", frame.width, frame.height, 0xF7, 0, 0),
            bytes(768),
            struct.pack("<B4HB", IMAGE, 0, 0, frame.width, frame.height, 0x40 * frame.interlaced),
            frame.stream,
            bytes([END]),
        ]
    )
    try:
        numbers: NDArray[np.uint8] = imagecodecs.gif_decode(whole, index=0, asrgb=False)
    except Exception as error:
        raise ImageError(f"{cut} ({error})") from error
    file.check_decoded(numbers, frame.width, frame.height, 1)
    return numbers.reshape(frame.height, frame.width)


def compose(contents: Contents, file: File) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Draw each frame over those before it; return pixels and alpha of each."""
    canvas = Canvas(contents.height, contents.width, 3, np.uint8)
    drawn = []
    for frame in contents.frames:
        numbers = numbers_of(frame, file)
        place = (
            slice(frame.top, frame.top + frame.height),
            slice(frame.left, frame.left + frame.width),
        )
        before = canvas.under(place)
        height, width = before[1].shape
        if (height, width) != numbers.shape:
            contents.say(f"{file.name}: a frame reaches out of the picture; that part is left out")
            numbers = numbers[:height, :width]
        table = np.zeros((256, 3), np.uint8)
        table[: len(frame.palette)] = frame.palette
        shown = np.full(numbers.shape, True)
        if frame.transparent is not None:
            shown = numbers != frame.transparent
        if len(frame.palette) < 256 and (numbers[shown] >= len(frame.palette)).any():
            contents.say(
                f"{file.name}: some pixels have colours that its palette lacks; they become black"
            )
        free = shown | (before[1] == 0)
        colours = np.where(free[:, :, None], table[numbers], before[0])
        drawn.append(canvas.show(place, colours, np.where(shown, 255, before[1])))
        canvas.dispose(place, DISPOSALS.get(frame.dispose, "leave"), before)
    return drawn


def encode(frames: Frames, name: str, encoding: Encoding) -> bytes:  # noqa: ARG001 - a Format's signature
    first = frames[0]
    check_one_size(frames, "GIF", name)
    details = details_of(first, "GIF")
    shown = Shown(frames, name)
    bodies = [
        shown.block(image, delay)
        for image, delay in zip(frames, delays_of(frames, name), strict=True)
    ]
    if shown.coarse:
        warn(f"{name}: GIF holds 256 colours a frame; the others are mixed from these")
    bits = table_bits(shown.common)
    said = (first.width, first.height, 0xF0 | bits - 1, 0, details.get("aspect", 0))
    head = b"GIF89a" + struct.pack("<HHBBB", *said) + table_of(shown.common, bits)
    return b"".join([head, *side_blocks(first, frames), *bodies, bytes([END])])


def side_blocks(image: Image, frames: Frames) -> list[bytes]:
    """Return the blocks that stand before the pictures."""
    found = []
    if len(frames) > 1 and frames.loop != 1:
        times = min(max(frames.loop - 1, 0), 65535)
        found.append(application(LOOPS[0]) + b"\x03\x01" + struct.pack("<H", times) + b"\0")
    if image.icc:
        found.append(application(PROFILE) + split(image.icc))
    if image.xmp:
        found.append(application(XMP) + image.xmp + XMP_END)
    for keyword, words in image.text:
        said = text.as_comment(keyword, words).encode("utf-8", "replace")
        found.append(bytes([EXTENSION, COMMENT]) + split(said))
    return found


def application(key: bytes) -> bytes:
    return bytes([EXTENSION, APPLICATION, len(key)]) + key


def split(data: bytes) -> bytes:
    """Return bytes as a row of sub-blocks."""
    parts = [data[at : at + 255] for at in range(0, len(data), 255)]
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def delays_of(frames: Frames, name: str) -> list[int | None]:
    """Return the hundredths of a second of each frame; together they are as long as before."""
    if len(frames) == 1 and frames[0].duration is None:
        return [None]
    wanted = [100 * (image.duration or 0.0) for image in frames]
    found: list[int | None] = [min(round(value), LONGEST) for value in wanted]
    if all(abs(value - (delay or 0)) < 1e-6 for value, delay in zip(wanted, found, strict=True)):
        return found
    warn(f"{name}: GIF counts hundredths of a second; the timing of its frames is rounded to them")
    return [min(count, LONGEST) for count in whole_counts(wanted)]


def table_bits(palette: NDArray[np.uint8]) -> int:
    return max(1, (len(palette) - 1).bit_length())


def table_of(palette: NDArray[np.uint8], bits: int) -> bytes:
    return palette.tobytes().ljust(3 << bits, b"\0")


class Shown:
    """What a viewer shows after each frame that is written.

    Opaque frames draw only what changes. Where any frame has transparency, each is drawn whole on
    nothing. colours: of the last frame. common: the table of the whole file, that of its first
    frame. coarse: whether a frame has lost colours.
    """

    def __init__(self, frames: Frames, name: str) -> None:
        self.colours = np.zeros((0, 3), np.uint8)
        self.common = np.zeros((0, 3), np.uint8)
        self.before: NDArray[np.uint8] | None = None
        self.coarse = False
        self.most = 256 if len(frames) == 1 else 255  # one is for what is not drawn
        alphas = [image.alpha for image in frames if image.alpha is not None]
        self.opaque = all((alpha == 255).all() for alpha in alphas)
        if any(((alpha > 0) & (alpha < 255)).any() for alpha in alphas):
            warn(f"{name}: GIF holds no partial transparency; half or less of it becomes none")

    def block(self, image: Image, delay: int | None) -> bytes:
        """Return the blocks of the next frame."""
        picture: NDArray[np.uint8] = np.asarray(image.pixels, np.uint8)
        if picture.shape[2] == 1:
            picture = picture.repeat(3, 2)
        drawn: NDArray[np.bool_] = np.full((image.height, image.width), True)
        rows, columns = slice(0, image.height), slice(0, image.width)
        if not self.opaque and image.alpha is not None:
            drawn = image.alpha >= 128
        elif self.opaque and self.before is not None:
            drawn = (picture != self.before).any(2)
            rows, columns = bounds(drawn)
        self.before = picture
        picture, drawn = picture[rows, columns], drawn[rows, columns]
        whole = bool(drawn.all())
        numbers = self.numbers(picture, drawn, whole=whole)
        table = self.table(picture[~drawn][:1])
        if not len(self.common):
            self.common = table
        out = []
        if delay is not None or not whole:
            flags = (LEAVE if self.opaque else CLEAR) << 2 | (not whole)
            said = (flags, delay or 0, 0 if whole else len(table) - 1)
            out.append(bytes([EXTENSION, CONTROL, 4]) + struct.pack("<BHB", *said) + b"\0")
        bits = table_bits(table)
        own = not np.array_equal(self.common, table)
        place = (columns.start, rows.start, drawn.shape[1], drawn.shape[0])
        out.append(struct.pack("<B4HB", IMAGE, *place, (0x80 | bits - 1) * own))
        if own:
            out.append(table_of(table, bits))
        out.append(packed(numbers))
        return b"".join(out)

    def table(self, hidden: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the colours, and one more for what is not drawn if there is room."""
        if len(self.colours) == 256:
            return self.colours
        if self.opaque or not len(hidden):
            hidden = self.colours[:1]
        return np.concatenate([self.colours, hidden])

    def numbers(
        self, picture: NDArray[np.uint8], drawn: NDArray[np.bool_], *, whole: bool
    ) -> NDArray[np.uint8]:
        """Return the numbers of the colours (H, W), and set the colours that they are of.

        What is not drawn has the number after the last colour.
        """
        room = 256 if whole else 255
        self.colours = self.colours[:room]
        wanted = picture[drawn]
        found = np.zeros(0, np.uint8)
        if len(wanted):
            found = self.exactly(wanted, room)
            if found is None:
                self.coarse = True
                self.colours = self.fitting(wanted, min(room, self.most))
                found = dithered(picture, drawn, self.colours)
        numbers = np.full(drawn.shape, len(self.colours) % 256, np.uint8)
        numbers[drawn] = found
        return numbers

    def exactly(self, wanted: NDArray[np.uint8], room: int) -> Any:
        """Return the numbers of colours (N, 3), with new ones if they must be; None if too many."""
        found = numbers_in(wanted, self.colours) if len(self.colours) else None
        if found is None and (few := few_colours(wanted, room)) is not None:
            self.colours = few
            found = numbers_in(wanted, few)
        return found

    def fitting(self, wanted: NDArray[np.uint8], room: int) -> NDArray[np.uint8]:
        """Return the colours of the frame before if they are about as good as new ones."""
        new, last = chosen(wanted, room), self.colours[:room]
        if len(last) and error_of(wanted, last) <= KEEPS_PALETTE * error_of(wanted, new):
            return last
        return new


def packed(numbers: NDArray[np.uint8]) -> bytes:
    """Return the stream of a frame, with the bits of its first codes, as Pillow packs it."""
    out = io.BytesIO()
    PIL.Image.fromarray(np.ascontiguousarray(numbers)).save(out, "GIF", optimize=False, interlace=0)
    blocks = Blocks(out.getvalue())
    blocks.take(10)
    flags = blocks.byte()
    blocks.take(2)
    blocks.palette(flags)
    while (kind := blocks.byte()) != IMAGE:
        assert kind == EXTENSION
        blocks.byte()
        blocks.parts()
    blocks.take(8)
    blocks.palette(blocks.byte())
    return blocks.stream()


FORMAT: Final = Format(
    read,
    encode,
    Limits(
        bits=8,
        side=MOST_SIDE,
        holds=frozenset({"icc", "xmp", "text"}),
        frames=frozenset({"animation"}),
    ),
)
