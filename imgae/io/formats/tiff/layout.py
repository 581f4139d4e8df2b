"""How a TIFF file's directory says that a picture is stored, checked before it is decoded."""

import math
from dataclasses import dataclass, replace
from typing import Final

from imgae.errors import ImageError
from imgae.io.format import File
from imgae.io.formats.tiff.container import Directory
from imgae.io.formats.tiff.notes import tell

WHITE_IS_ZERO: Final = 0
BLACK_IS_ZERO: Final = 1
RGB: Final = 2
PALETTE: Final = 3
MASK: Final = 4
CMYK: Final = 5
YCBCR: Final = 6
LAB: Final = 8
ICC_LAB: Final = 9
COLOURS: Final = {
    WHITE_IS_ZERO: 1,
    BLACK_IS_ZERO: 1,
    RGB: 3,
    PALETTE: 1,
    MASK: 1,
    CMYK: 4,
    YCBCR: 3,
    LAB: 3,
    ICC_LAB: 3,
}
"""Samples of a pixel that are colours, by the photometric interpretation."""
REFUSED_COLOURS: Final = {
    10: "ITU L*a*b*",
    32803: "a camera's colour filter",
    32844: "logarithms of brightness (LogL)",
    32845: "logarithms of brightness (LogLuv)",
    34892: "a camera's linear data",
    51177: "a depth map",
}
COLOUR_WORDS: Final = {WHITE_IS_ZERO: "black on white", BLACK_IS_ZERO: "gray", RGB: "RGB"}
UNSIGNED: Final = 1
FLOATS: Final = 3
FORMATS: Final = {2: "signed integers", 5: "complex integers", 6: "complex numbers"}
FAX: Final = (2, 3, 4)
FAX_ROWS: Final = {2: 1, 3: 8, 4: 8}
"""How many rows one byte of a fax's compression holds at most."""
OLD_JPEG: Final = 6
JPEG: Final = (7,)
DENSEST: Final = {1: 1, 5: 4096, 8: 1100, 32773: 70, 32946: 1100}
"""How many bytes one byte of a compression holds at most; of others, nothing is known."""
ROOM: Final = 1 << 16


@dataclass(frozen=True)
class Layout:
    """How a picture is stored.

    floats: whether its samples are floats. further: what ExtraSamples says of each sample beyond
    the colours: 0 nothing, 1 transparency that colours are multiplied by, 2 transparency.
    apart: whether its planes are stored apart. tile: width and height of a tile, or None for
    strips of so many rows. places, sizes: of its segments in the file.
    """

    width: int
    height: int
    bits: int
    samples: int
    floats: bool
    photometric: int
    further: tuple[int, ...]
    compression: int
    predictor: int
    reversed_bits: bool
    apart: bool
    tile: tuple[int, int] | None
    rows: int
    places: tuple[int, ...]
    sizes: tuple[int, ...]
    subsampling: tuple[int, int] = (1, 1)

    @property
    def colours(self) -> int:
        return self.samples - len(self.further)

    @property
    def deep(self) -> int:
        """Samples of a segment's pixel."""
        return 1 if self.apart else self.samples

    @property
    def segment(self) -> tuple[int, int]:
        """Height and width of a segment; the last strips are shorter."""
        return (self.tile[1], self.tile[0]) if self.tile else (self.rows, self.width)

    @property
    def packed_bits(self) -> int:
        """Bits of a row of a segment, before it is filled up to whole bytes."""
        return self.segment[1] * self.deep * self.bits


def read_layout(directory: Directory, file: File) -> Layout:
    """Return how a picture is stored. Raises ImageError for what is damaged or not taken."""
    name = file.name
    for tag, what in ((256, "width"), (257, "height")):
        if tag not in directory:
            raise ImageError(f"{name}: damaged: it does not say its {what}")
    width, height = directory.number(256, 0), directory.number(257, 0)
    compression = directory.number(259, 1)
    bits, samples = bits_and_samples(directory, name)
    file.check_size(width, height, math.ceil(samples / 4) if samples > 4 else 1)
    if directory.number(32997, 1) > 1:
        raise ImageError(f"{name}: a volume (ImageDepth); save its slices as pages")
    photometric = photometric_of(directory, compression, samples, name)
    colours = COLOURS[photometric]
    if samples < colours:
        raise ImageError(f"{name}: damaged: {samples} channels of a picture of {colours} colours")
    if photometric == CMYK and (
        directory.number(332, 1) != 1 or directory.number(334, 4) != colours
    ):
        raise ImageError(f"{name}: its inks are not those of CMYK; convert it to RGB first")
    layout = Layout(
        width,
        height,
        bits,
        samples,
        floats=sample_kind(directory, bits, name),
        photometric=photometric,
        further=further_samples(directory, samples - colours),
        compression=compression,
        predictor=directory.number(317, 1),
        reversed_bits=directory.number(266, 1) == 2,
        apart=directory.number(284, 1) == 2 and samples > 1,
        tile=tile_of(directory, name),
        rows=min(directory.number(278, height) or height, height),
        places=(),
        sizes=(),
        subsampling=subsampling_of(directory, photometric),
    )
    return with_segments(layout, directory, file)


def bits_and_samples(directory: Directory, name: str) -> tuple[int, int]:
    """Return the bits of a sample and the samples of a pixel."""
    depths = directory.numbers(258) or (1,)
    samples = directory.number(277, max(1, len(depths)))
    if not 0 < samples < 1 << 16:
        raise ImageError(f"{name}: damaged: it says {samples} channels")
    if len(set(depths[:samples])) > 1:
        raise ImageError(
            f"{name}: its channels have {', '.join(map(str, depths[:8]))} bits; expected equal ones"
        )
    return int(depths[0]), samples


def photometric_of(directory: Directory, compression: int, samples: int, name: str) -> int:
    """Return what the samples mean. Raises ImageError for what an Image cannot hold."""
    photometric = directory.number(262, -1)
    if photometric < 0:
        guess = WHITE_IS_ZERO if compression in FAX else RGB if samples >= 3 else BLACK_IS_ZERO
        tell(f"{name}: it does not say what its colours are; taken for {COLOUR_WORDS[guess]}")
        return guess
    if photometric not in COLOURS:
        what = REFUSED_COLOURS.get(photometric, f"of an unknown kind ({photometric})")
        raise ImageError(f"{name}: its colours are {what}; convert it to gray or RGB first")
    return photometric


def sample_kind(directory: Directory, bits: int, name: str) -> bool:
    """Return whether samples are floats. Raises ImageError for kinds that an Image cannot hold."""
    kinds = set(directory.numbers(339)) or {UNSIGNED}
    kind = int(kinds.pop())
    if kinds:
        raise ImageError(f"{name}: its channels are of different kinds of numbers")
    if kind == FLOATS:
        if bits not in (16, 24, 32, 64):
            raise ImageError(f"{name}: damaged: it says floats of {bits} bits")
        return True
    if kind in FORMATS or not 1 <= bits <= 16:
        what = FORMATS.get(kind, "integers")
        raise ImageError(
            f"{name}: its samples are {what} of {bits} bits; imgae takes unsigned integers of up "
            "to 16 bits and floats, so convert it first"
        )
    return False


def further_samples(directory: Directory, count: int) -> tuple[int, ...]:
    """Return what ExtraSamples says of each sample beyond the colours; 0 where it says nothing."""
    said = tuple(int(code) for code in directory.numbers(338)[:count])
    return said + (0,) * (count - len(said))


def tile_of(directory: Directory, name: str) -> tuple[int, int] | None:
    if 322 not in directory:
        return None
    width, height = directory.number(322, 0), directory.number(323, 0)
    if not (0 < width < 1 << 20 and 0 < height < 1 << 20):
        raise ImageError(f"{name}: damaged: it says tiles of {width}x{height} pixels")
    return width, height


def subsampling_of(directory: Directory, photometric: int) -> tuple[int, int]:
    if photometric != YCBCR:
        return 1, 1
    across, down = (*directory.numbers(530), 2, 2)[:2] if 530 in directory else (2, 2)
    return int(across), int(down)


def with_segments(layout: Layout, directory: Directory, file: File) -> Layout:
    """Return a layout with where its segments lie. Raises ImageError if they cannot be there."""
    name, data = file.name, file.data
    if layout.rows < 1:
        raise ImageError(f"{name}: damaged: it says strips of {layout.rows} rows")
    high, wide = layout.segment
    count = math.ceil(layout.height / high) * math.ceil(layout.width / wide)
    count *= layout.samples if layout.apart else 1
    if layout.tile:  # a picture of one pixel may not ask for tiles of terabytes
        file.check_size(wide, high)
    places = directory.numbers(324) or directory.numbers(273)
    sizes = directory.numbers(325) or directory.numbers(279)
    if any(places) and not any(sizes):  # of a sparse file, the places are 0 too
        sizes = ()
    if layout.compression == OLD_JPEG and 513 in directory:
        return with_old_jpeg(layout, directory, file)
    if len(places) < count:
        raise ImageError(
            f"{name}: damaged or cut short: {len(places)} of its {count} parts are there"
        )
    expected = high * math.ceil(layout.packed_bits / 8)
    if not sizes and (layout.compression == 1 or count == 1):
        sizes = tuple(
            min(expected, len(data) - at) if layout.compression == 1 else len(data) - at
            for at in places
        )
        if layout.compression != 1:
            tell(f"{name}: it does not say how long its data is; read up to the file's end")
    if len(sizes) < count:
        raise ImageError(f"{name}: damaged: {len(sizes)} of {count} lengths of its parts are there")
    places, sizes = places[:count], tuple(map(int, sizes[:count]))
    if any(at + size > len(data) for at, size in zip(places, sizes, strict=True)):
        raise ImageError(f"{name}: cut short: a part of its pixels lies beyond the file's end")
    check_dense_enough(layout, sizes, name)
    return replace(layout, places=places, sizes=sizes)


def check_dense_enough(layout: Layout, sizes: tuple[int, ...], name: str) -> None:
    """Raise ImageError if so many bytes cannot hold the picture, however well compressed."""
    total = sum(sizes)
    whole = layout.height * math.ceil(layout.width * layout.samples * layout.bits / 8)
    whole = whole // 3 if layout.subsampling != (1, 1) else whole
    densest = DENSEST.get(layout.compression)
    if densest and all(sizes) and whole > total * densest + ROOM:
        raise ImageError(f"{name}: cut short: {total} bytes cannot hold {whole}")
    rows_a_byte = FAX_ROWS.get(layout.compression)
    if rows_a_byte and layout.height > total * rows_a_byte:
        raise ImageError(f"{name}: cut short: {total} bytes cannot hold {layout.height} rows")


def with_old_jpeg(layout: Layout, directory: Directory, file: File) -> Layout:
    """Return the layout of a JPEG of the first version of TIFF 6 as one whole JPEG."""
    at, size = directory.number(513, 0), directory.number(514, 0)
    size = size or len(file.data) - at
    if file.data[at : at + 2] != b"\xff\xd8" or at + size > len(file.data) or layout.apart:
        raise ImageError(
            f"{file.name}: an old kind of JPEG inside TIFF, in parts; convert it with the program "
            "that wrote it"
        )
    places = directory.numbers(273)
    end = max(
        (a + s for a, s in zip(places, directory.numbers(279), strict=False) if a > at), default=0
    )
    size = max(size, min(end, len(file.data)) - at)  # some count only the header
    return replace(layout, tile=None, rows=layout.height, places=(at,), sizes=(size,))
