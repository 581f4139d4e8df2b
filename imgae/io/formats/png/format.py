"""PNG and its animations (APNG): chunks by hand, rows of pixels by imagecodecs and Pillow."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError, warn
from imgae.io.format import Encoding, File, Format, Limits
from imgae.io.formats.png import metadata, pixels
from imgae.io.formats.png.chunks import MAGIC, Chunk, take_apart, written, written_stream
from imgae.io.formats.png.pixels import GRAY, GRAY_ALPHA, PALETTE, RGB, RGB_ALPHA, Header
from imgae.io.metadata.resolution import METRE
from imgae.io.metadata.upright import upright
from imgae.io.samples.frames import Canvas, bounds, check_one_size, with_alpha
from imgae.io.samples.palettes import filled, numbers_in
from imgae.picture.arrays import channels_of
from imgae.picture.image import Frames, Image, Stored
from imgae.picture.pixels import scale_of

PALETTE_MODE: Final = "palette"
COLOUR_MODE: Final = "transparent colour"
KEEP: Final = 0
DISPOSALS: Final[tuple[Literal["leave", "clear", "back"], ...]] = ("leave", "clear", "back")
"""What becomes of a frame's place before the next, by the number that says it."""
OTHERS: Final = {b"\x8aMNG": "MNG, animations of an older kind", b"\x8bJNG": "JNG, JPEG in PNG"}
SUGGESTED: Final = "palette for small screens"
MOST_DELAY: Final = 65535


@dataclass(frozen=True)
class Colours:
    """What turns decoded samples into pixels and alpha.

    palette: (N, 3) or None. transparency: what tRNS holds, or None.
    """

    header: Header
    palette: NDArray[np.uint8] | None
    transparency: bytes | None

    def apply(
        self, samples: NDArray[Any], name: str, say: Callable[[str], None] = warn
    ) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """Return pixels (H, W, 1 or 3) and alpha (H, W) or None."""
        if self.palette is not None:
            numbers = samples[:, :, 0]
            table = filled(self.with_alphas(), numbers, name, say)
            return table[:, :3][numbers], table[:, 3][numbers] if self.transparency else None
        if samples.shape[2] in (2, 4):
            return np.ascontiguousarray(samples[:, :, :-1]), np.ascontiguousarray(samples[:, :, -1])
        key = self.key(samples.dtype)
        if key is None:
            return samples, None
        full = scale_of(samples.dtype)
        alpha = np.where((samples == key).all(2), 0, full).astype(samples.dtype)
        return samples, alpha

    def with_alphas(self) -> NDArray[np.uint8]:
        """Return the palette with alpha, (N, 4)."""
        assert self.palette is not None
        said = np.frombuffer(self.transparency or b"", np.uint8)[: len(self.palette)]
        alphas = np.full((len(self.palette), 1), 255, np.uint8)
        alphas[: len(said), 0] = said
        return np.hstack([self.palette, alphas])

    def key(self, dtype: Any) -> NDArray[Any] | None:
        """Return the transparent colour in the type of the samples, or None."""
        if not self.transparency or self.palette is not None:
            return None
        most = (1 << self.header.depth) - 1
        values = np.frombuffer(self.transparency, ">u2").astype(np.int64) & most
        return (values * scale_of(dtype) // most).astype(dtype)


@dataclass(frozen=True)
class Control:
    """What is said of one frame of an animation."""

    width: int
    height: int
    left: int
    top: int
    numerator: int
    denominator: int
    dispose: int
    blend: int

    def seconds(self) -> float:
        return self.numerator / (self.denominator or 100)


Part = tuple[NDArray[Any], NDArray[Any] | None, Control | None]
"""A picture's pixels and alpha, and what is said of it as a frame."""


def read(file: File) -> Frames:
    if (other := OTHERS.get(file.data[:4])) is not None:
        raise ImageError(f"{file.name}: {other}, which imgae does not read; convert it to PNG")
    chunks = take_apart(file)
    header = pixels.read_header(chunks[0].data, file)
    colours = read_colours(chunks, header, file.name)
    found = metadata.read(chunks, header, colours.palette, file.name)
    parts: list[Part]
    if any(chunk.kind == b"acTL" for chunk in chunks):
        parts, loop = read_animation(chunks, header, colours, file)
        kind = "animation"
    else:
        stream = b"".join(chunk.data for chunk in chunks if chunk.kind == b"IDAT")
        samples = pixels.decode(header, stream, file)
        parts, loop, kind = [(*colours.apply(samples, file.name), None)], 0, "picture"
    stored = stored_as(colours, found, chunks)
    images = [upright(picture(part, found, stored), found.orientation) for part in parts]
    return Frames(tuple(images), kind, loop)  # type: ignore[arg-type]


def picture(part: Part, found: metadata.Found, stored: Stored) -> Image:
    """Return a picture with what its file holds besides pixels, as it lies in the file."""
    array, alpha, control = part
    own = dict(stored.details)
    if control is not None:
        own["delay"] = (control.numerator, control.denominator)
    return Image(
        array,
        alpha,
        icc=found.icc,
        exif=found.exif,
        xmp=found.xmp,
        iptc=found.iptc,
        dpi=found.dpi,
        cicp=found.cicp,
        text=tuple(found.text),
        private=found.private,
        duration=None if control is None else control.seconds(),
        stored=replace(stored, details=own),
    )


def read_colours(chunks: list[Chunk], header: Header, name: str) -> Colours:
    kept = {chunk.kind: bytes(chunk.data) for chunk in reversed(chunks)}  # the first of each
    transparency = kept.get(b"tRNS")
    palette = None
    if header.colour == PALETTE:
        data = kept.get(b"PLTE", b"")
        if not 3 <= len(data) <= 768 or len(data) % 3:
            raise ImageError(f"{name}: damaged: a PNG of a palette that has none")
        palette = np.frombuffer(data, np.uint8).reshape(-1, 3)
    elif transparency is not None:
        size = {GRAY: 2, RGB: 6}.get(header.colour)
        if size != len(transparency):
            warn(f"{name}: its transparent colour (tRNS) is not one, and is left out")
            transparency = None
    return Colours(header, palette, transparency)


def stored_as(colours: Colours, found: metadata.Found, chunks: list[Chunk]) -> Stored:
    """Return how a file stores its picture."""
    details, mode, bits = found.details, "", colours.header.depth
    if colours.palette is not None:
        count = min(len(colours.transparency or b""), len(colours.palette))
        details.update(palette=colours.with_alphas(), alphas=count)
        mode = PALETTE_MODE
    elif colours.transparency:
        full = np.uint16 if bits == 16 else np.uint8
        details["transparent"] = tuple(colours.key(full).tolist())  # type: ignore[union-attr]
        mode = COLOUR_MODE
    elif bits < 8:
        mode = f"{bits} bit{'s' * (bits > 1)}"
    if colours.header.colour in (RGB, RGB_ALPHA):
        details.update((SUGGESTED, bytes(c.data)) for c in chunks if c.kind == b"PLTE")
    return Stored("PNG", mode, bits, details)


def read_animation(
    chunks: list[Chunk], header: Header, colours: Colours, file: File
) -> tuple[list[Part], int]:
    """Return every frame whole, with what is said of it, and how often all are shown."""
    said = next(chunk.data for chunk in chunks if chunk.kind == b"acTL")
    count, loop = struct.unpack(">II", said)
    described = descriptions(chunks, file.name)
    if count != len(described):
        warn(f"{file.name}: says that it has {count} frames; it has {len(described)}")
    file.check_size(header.width, header.height, len(described))
    for control, _ in described:
        check_control(control, header, file.name)
    drawn = compose(described, header, colours, file)
    opaque = header.colour in (GRAY, RGB, PALETTE) and colours.transparency is None
    if opaque and all((alpha == scale_of(alpha.dtype)).all() for _, alpha in drawn):
        drawn = [(array, None) for array, _ in drawn]  # type: ignore[misc]
    return [(*pair, control) for pair, (control, _) in zip(drawn, described, strict=True)], loop


def descriptions(chunks: list[Chunk], name: str) -> list[tuple[Control, bytes]]:
    """Return what is said of each frame, and its stream of pixels, in order."""
    controls: list[Control] = []
    streams: list[list[memoryview]] = []
    numbers: list[int] = []
    still = False
    for chunk in chunks:
        if chunk.kind == b"fcTL":
            number, *values = struct.unpack(">5I2H2B", chunk.data)
            numbers.append(number)
            controls.append(Control(*values))
            streams.append([])
        elif chunk.kind == b"IDAT":
            still = still or not streams
            if len(streams) == 1 and not still:
                streams[0].append(chunk.data)
        elif chunk.kind == b"fdAT":
            if not streams:
                raise ImageError(f"{name}: damaged: pixels of a frame that is not described")
            numbers.append(struct.unpack_from(">I", chunk.data)[0])
            streams[-1].append(chunk.data[4:])
    if not controls or numbers != list(range(len(numbers))):
        raise ImageError(f"{name}: damaged: its frames are not in their order, or missing")
    if still:
        warn(
            f"{name}: its still picture, which is no part of the animation, is left out; the first "
            "frame takes its place"
        )
    return [(control, b"".join(stream)) for control, stream in zip(controls, streams, strict=True)]


def check_control(control: Control, header: Header, name: str) -> None:
    if (
        control.width < 1
        or control.height < 1
        or control.left + control.width > header.width
        or control.top + control.height > header.height
        or control.dispose >= len(DISPOSALS)
        or control.blend > 1
    ):
        raise ImageError(f"{name}: damaged: a frame that does not lie in the picture")


def compose(
    described: list[tuple[Control, bytes]], header: Header, colours: Colours, file: File
) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Draw each frame over those before it; return pixels and alpha of each."""
    dtype = np.uint16 if header.depth == 16 else np.uint8
    full = scale_of(dtype)
    channels = 1 if header.colour in (GRAY, GRAY_ALPHA) else 3
    canvas = Canvas(header.height, header.width, channels, dtype)
    drawn = []
    for control, stream in described:
        rows = slice(control.top, control.top + control.height)
        place = rows, slice(control.left, control.left + control.width)
        own = header._replace(width=control.width, height=control.height)
        array, alpha = colours.apply(pixels.decode(own, stream, file), file.name)
        before = canvas.under(place)
        if control.blend == 1 and alpha is not None:
            array, alpha = blended(array, alpha, *before)
        drawn.append(canvas.show(place, array, full if alpha is None else alpha))
        canvas.dispose(place, DISPOSALS[control.dispose], before)
    return drawn


def blended(
    array: NDArray[Any], alpha: NDArray[Any], under: NDArray[Any], cover: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Draw pixels with alpha over others with theirs."""
    full = scale_of(alpha.dtype)
    above = alpha / full
    below = cover / full * (1 - above)
    both = above + below
    share = np.divide(above, both, out=np.zeros_like(above), where=both > 0)[:, :, None]
    mixed = np.rint(array * share + under * (1 - share)).astype(array.dtype)
    solid, clear = (alpha == full)[:, :, None], (alpha == 0)[:, :, None]
    mixed = np.where(solid | (cover == 0)[:, :, None] & ~clear, array, mixed)
    return np.where(clear, under, mixed), np.rint(both * full).astype(alpha.dtype)


@dataclass(frozen=True)
class Layout:
    """How a file stores its pixels; palette: (N, 4), alphas: how many of it tRNS names."""

    colour: int
    depth: int
    palette: NDArray[np.uint8] | None = None
    alphas: int = 0
    key: tuple[int, ...] = ()

    def chunks(self) -> list[bytes]:
        """Return PLTE and tRNS."""
        found = []
        if self.palette is not None:
            found.append(written(b"PLTE", self.palette[:, :3].tobytes()))
            if self.alphas:
                found.append(written(b"tRNS", self.palette[: self.alphas, 3].tobytes()))
        elif self.key:
            found.append(written(b"tRNS", struct.pack(f">{len(self.key)}H", *self.key)))
        return found

    def samples(self, image: Image) -> NDArray[Any]:
        """Return the samples (H, W, C) that a picture of this layout has."""
        if self.palette is not None:
            numbers: NDArray[Any] = numbers_in(channels_of(with_alpha(image)), self.palette)
            return numbers[:, :, None]
        array = image.pixels
        if self.colour in (RGB, RGB_ALPHA) and array.shape[2] == 1:
            array = array.repeat(3, 2)
        if self.depth == 16 and array.dtype == np.uint8:
            array = array.astype(np.uint16) * 257
        if self.depth < 8:
            array = array // (255 // ((1 << self.depth) - 1))
        if self.colour not in (GRAY_ALPHA, RGB_ALPHA):
            return array
        alpha: Any = with_alpha(image).alpha
        if alpha.dtype != array.dtype:
            alpha = alpha.astype(np.uint16) * 257
        return np.concatenate([array, alpha[:, :, None]], 2)

    def stream(self, samples: NDArray[Any]) -> bytes:
        if self.palette is not None:
            return pixels.encode_numbers(samples[:, :, 0], self.depth)
        return pixels.encode(samples, self.depth)


def layout_of(frames: Frames, stored: Stored | None, name: str) -> Layout:
    """Return how to store the pictures: as the file that they came from did, if they fit."""
    first = frames[0]
    gray = all(image.pixels.shape[2] == 1 for image in frames)
    deep = any(image.bits == 16 for image in frames)
    alpha = any(image.alpha is not None for image in frames)
    plain = Layout(
        (GRAY_ALPHA if alpha else GRAY) if gray else (RGB_ALPHA if alpha else RGB),
        16 if deep else 8,
    )
    if stored is None or not stored.mode:
        return plain
    if stored.mode == PALETTE_MODE and not deep and first.pixels.shape[2] == 3:
        palette = stored.details["palette"]
        fitting = Layout(PALETTE, stored.bits, palette, stored.details["alphas"])
        if all(fits_palette(image, palette) for image in frames):
            return fitting
        warn(
            f"{name}: its colours are no longer the {len(palette)} of the palette that it came "
            f"with; written as RGB{'+alpha' * alpha}"
        )
    elif stored.mode == COLOUR_MODE:
        colour = GRAY if gray else RGB
        key = stored.details["transparent"]
        if alpha and len(key) == (1 if gray else 3) and deep == (stored.bits == 16):
            fits = all(fits_key(image, key) for image in frames)
            depth = stored.bits if stored.bits >= 8 or fits_bits(frames, stored.bits) else 8
            most, full = (1 << depth) - 1, 65535 if deep else 255
            if fits:
                return Layout(colour, depth, key=tuple(value * most // full for value in key))
    elif stored.bits < 8 and plain == Layout(GRAY, 8):
        if fits_bits(frames, stored.bits):
            return Layout(GRAY, stored.bits)
        warn(f"{name}: its grays no longer fit into {stored.mode}; written with 8 bits")
    return plain


def fits_palette(image: Image, palette: NDArray[np.uint8]) -> bool:
    return (
        image.pixels.shape[2] == 3
        and numbers_in(channels_of(with_alpha(image)), palette) is not None
    )


def fits_key(image: Image, key: tuple[int, ...]) -> bool:
    """Return whether just the pixels of one colour are transparent, and wholly so."""
    if image.alpha is None:
        return False
    wanted = np.where(
        (image.pixels == np.array(key, image.pixels.dtype)).all(2), 0, scale_of(image.alpha.dtype)
    )
    return bool((image.alpha == wanted).all())


def fits_bits(frames: Frames, bits: int) -> bool:
    """Return whether grays of 8 bits are among those of fewer."""
    step = 255 // ((1 << bits) - 1)
    return all(not (image.pixels % step).any() for image in frames)


def significant_chunk(
    frames: Frames, layout: Layout, details: dict[str, Any], name: str
) -> list[bytes]:
    """Return the chunk that says how many bits hold something, if that is still so."""
    bits = details.get("sBIT")
    wanted = {GRAY: 1, RGB: 3, PALETTE: 3, GRAY_ALPHA: 2, RGB_ALPHA: 4}[layout.colour]
    if not bits:
        return []
    depth = 8 if layout.palette is not None else layout.depth
    if (
        len(bits) == wanted
        and max(bits) <= depth
        and (
            layout.palette is not None
            or all(
                holds_bits(layout.samples(image)[:, :, channel], count, depth)
                for image in frames
                for channel, count in enumerate(bits)
                if count < depth
            )
        )
    ):
        return [written(b"sBIT", bits)]
    warn(
        f"{name}: its pixels use all their bits now; the mark that only {max(bits)} of them count "
        "(sBIT) is left out"
    )
    return []


def holds_bits(samples: NDArray[Any], bits: int, depth: int) -> bool:
    """Return whether samples hold no more than so many bits, however they were spread."""
    full = (1 << depth) - 1
    values = np.arange(full + 1)
    high = values >> (depth - bits)
    repeated = sum(
        high << shift if shift >= 0 else high >> -shift
        for shift in range(depth - bits, -bits, -bits)
    )
    most = (1 << bits) - 1
    scaled = np.rint(np.rint(values * most / full) * full / most)
    spread = (high << (depth - bits), repeated, scaled)
    return any(bool((values == one)[samples].all()) for one in spread)


def encode(frames: Frames, name: str, encoding: Encoding) -> bytes:  # noqa: ARG001 - a Format's signature
    first = frames[0]
    stored = first.stored if first.stored is not None and first.stored.format == "PNG" else None
    details = dict(stored.details) if stored else {}
    check_one_size(frames, "PNG", name)
    layout = layout_of(frames, stored, name)
    significant = significant_chunk(frames, layout, details, name)
    parts = chunks_before(first, layout, details, significant, name)
    if frames.kind == "animation":
        parts += animation_chunks(frames, layout)
    else:
        parts.append(written_stream(b"IDAT", layout.stream(layout.samples(first))))
    return b"".join(parts + chunks_after(first))


def chunks_before(
    first: Image, layout: Layout, details: dict[str, Any], significant: list[bytes], name: str
) -> list[bytes]:
    """Return all of a file before the pixels. significant: the chunk that names the bits used."""
    header = Header(first.width, first.height, layout.depth, layout.colour)
    parts = [MAGIC, written(b"IHDR", header.packed())]
    parts += metadata.colour_chunks(first, details)
    parts += significant
    suggested = details.get(SUGGESTED, b"") if layout.colour in (RGB, RGB_ALPHA) else b""
    if suggested:
        parts.append(written(b"PLTE", suggested))
    parts += layout.chunks()
    if "hIST" in details:
        entries = len(suggested) // 3 if layout.palette is None else len(layout.palette)
        if entries and len(details["hIST"]) == 2 * entries:
            parts.append(written(b"hIST", details["hIST"]))
        else:
            warn(f"{name}: the use of its palette (hIST) is left out with the palette")
    parts += metadata.background_chunk(first, layout.colour, layout.depth, layout.palette)
    return parts + metadata.side_chunks(first, details, name)


def chunks_after(first: Image) -> list[bytes]:
    """Return all of a file after the pixels."""
    return [*metadata.further_chunks(first, after=True), written(b"IEND")]


def animation_chunks(frames: Frames, layout: Layout) -> list[bytes]:
    """Return frames as chunks: the first whole, of each further one what differs."""
    parts = [written(b"acTL", struct.pack(">II", len(frames), frames.loop))]
    number = 0
    before: NDArray[Any] | None = None
    for image in frames:
        samples = layout.samples(image)
        differs = np.full(samples.shape[:2], True) if before is None else (before != samples).any(2)
        rows, columns = bounds(differs)
        numerator, denominator = delay_of(image)
        parts.append(
            written(
                b"fcTL",
                struct.pack(
                    ">5I2H2B",
                    number,
                    columns.stop - columns.start,
                    rows.stop - rows.start,
                    columns.start,
                    rows.start,
                    numerator,
                    denominator,
                    KEEP,
                    0,
                ),
            )
        )
        number += 1
        stream = layout.stream(np.ascontiguousarray(samples[rows, columns]))
        if before is None:
            parts.append(written_stream(b"IDAT", stream))
        else:
            parts.append(written(b"fdAT", struct.pack(">I", number), stream))
            number += 1
        before = samples
    return parts


def delay_of(image: Image) -> tuple[int, int]:
    """Return how long a frame is shown as a fraction of seconds: as it was, if that is so still."""
    duration = image.duration or 0.0
    kept = image.stored.details.get("delay") if image.stored else None
    if kept is not None and kept[0] / (kept[1] or 100) == duration:
        return int(kept[0]), int(kept[1])
    if duration > MOST_DELAY:
        return MOST_DELAY, 1
    most = max(1, min(MOST_DELAY, int(MOST_DELAY / max(duration, 1.0))))
    fraction = Fraction(duration).limit_denominator(most)
    return fraction.numerator, fraction.denominator


FORMAT: Final = Format(
    read,
    encode,
    Limits(
        bits=16,
        side=(1 << 31) - 1,
        dpi=(1 << 31) * METRE,
        holds=frozenset({"icc", "exif", "xmp", "iptc", "dpi", "text", "cicp"}),
        private=metadata.PRIVATE,
        frames=frozenset({"animation"}),
    ),
)
