"""Fonts for drawn pages: files in folders, and Pillow's own, which is always there.

Training and evaluation have different fonts: families are halved by a hash of their name, and of
Pillow's own, which is one family, training has the odd sizes and evaluation the even ones.
"""

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import PIL.ImageFont
from numpy.random import Generator

Face = PIL.ImageFont.FreeTypeFont
ENDINGS: Final = (".ttf", ".otf", ".ttc", ".pcf", ".pcf.gz")
USUAL: Final = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "~/Library/Fonts",
    "C:/Windows/Fonts",
)
"""Where systems keep fonts."""
LARGEST: Final = 64
"""Pixels: a font of one size that is larger, as those of coloured signs, is not used."""
SCRIPTS: Final = (
    "etaoinshrdlucmwfgypbvkjxqz",
    "".join(map(chr, range(0x391, 0x3AA))).replace("\u03a2", ""),
    "".join(map(chr, range(0x430, 0x450))),
    "".join(map(chr, range(0x5D0, 0x5EB))),
    "".join(map(chr, range(0x627, 0x64B))).replace("\u063b", ""),
    "".join(map(chr, range(0x905, 0x93A))),
    "".join(map(chr, range(0x3041, 0x3097))),
    "".join(map(chr, range(0xAC00, 0xD7A4, 43))),
    "".join(map(chr, range(0x4E00, 0x9FA6, 67))),
)
"""Latin, Greek, Cyrillic, Hebrew, Arabic, Devanagari, Hiragana, Hangul, Han."""


@dataclass(frozen=True)
class Fonts:
    """Fonts to draw with: files, and Pillow's own if there are none, or too few of a size.

    odd: Pillow's own is drawn at odd sizes alone, or at even ones alone; None: at any.
    """

    files: tuple[Path, ...] = ()
    odd: bool | None = None

    def face(self, size: int, generator: Generator) -> Face:
        """Choose a font of about this size, in pixels: a bitmap has its own, up to LARGEST.

        Pillow's own is as likely as each of the files.
        """
        chosen = int(generator.integers(0, len(self.files) + 1)) if self.files else 0
        found = face_of(self.files[chosen - 1], size) if chosen else None
        return found or pillows(size + (self.odd is not None and size % 2 != self.odd))


ANY: Final = Fonts()
"""Pillow's own font at any size."""


def found(folders: Iterable[str | Path] | None = None) -> list[Path]:
    """Return the font files below folders that have letters of SCRIPTS, sorted by name.

    Without folders, the system's.
    """
    if folders is None:
        folders = [Path(folder).expanduser() for folder in USUAL]
    files = {
        path
        for folder in folders
        for path in Path(folder).rglob("*")
        if path.name.lower().endswith(ENDINGS) and (face := face_of(path, 16)) and alphabets(face)
    }
    return sorted(files, key=lambda path: (path.name, path))


def latin(files: Iterable[Path]) -> list[Path]:
    """Return the font files whose first alphabet is the Latin one."""
    return [
        path
        for path in files
        if (face := face_of(path, 16)) and alphabets(face)[:1] == (SCRIPTS[0],)
    ]


def for_training(files: Sequence[Path]) -> Fonts:
    return Fonts(tuple(path for path in files if not is_held_out(path)), odd=True)


def for_evaluation(files: Sequence[Path]) -> Fonts:
    return Fonts(tuple(path for path in files if is_held_out(path)), odd=False)


def is_held_out(path: Path) -> bool:
    """Tell whether a font is for evaluation; all of a family are, or none."""
    return zlib.crc32(family(path).encode()) % 2 == 1


def family(path: Path) -> str:
    """Return the letters that a file's name begins with; all of it if it begins with a digit."""
    first = re.match("[A-Za-z]+", path.name)
    return (first[0] if first else path.name.split(".")[0]).lower()


@lru_cache(64)
def pillows(size: int) -> Face:
    font = PIL.ImageFont.load_default(size)
    assert isinstance(font, Face)
    return font


@lru_cache(512)
def face_of(path: Path, size: int) -> Face | None:
    """Load a font at a size, a bitmap at the nearest that it has; None if that fails."""
    sizes = [size, *sorted(range(4, LARGEST + 1), key=lambda other: abs(other - size))]
    for each in sizes:
        try:
            return PIL.ImageFont.truetype(path, each)
        except OSError:
            continue
    return None


@lru_cache(512)
def alphabets(font: Face) -> tuple[str, ...]:
    """Return those of SCRIPTS whose first letters a font has."""
    missing = bytes(font.getmask("\U0010fffd"))
    return tuple(
        letters for letters in SCRIPTS
        if all(bytes(font.getmask(letter)) not in {missing, b""} for letter in letters[:3])
    )  # fmt: skip


def word(font: Face, generator: Generator) -> str:
    """Draw a word of 1 to 15 letters, mostly of the font's first script.

    Of Latin ones, a tenth are numbers and a twentieth are signs.
    """
    length = 1 + min(int(generator.poisson(4.2)), 14)
    first, *others = alphabets(font) or SCRIPTS
    kind = generator.random()
    if kind < 0.1 and first is SCRIPTS[0]:
        return str(generator.integers(10 ** min(length, 9)))
    if kind < 0.15 and first is SCRIPTS[0]:
        return "".join(map(chr, generator.integers(33, 127, length)))
    script = others[int(generator.integers(0, len(others)))] if others and kind < 0.25 else first
    letters = [script[int(i)] for i in len(script) * generator.random(length) ** 1.6]
    text = "".join(letters)
    text = text.upper() if kind > 0.95 else text.capitalize() if kind > 0.85 else text
    return text if kind < 0.8 else text + ",.;:!?"[int(generator.integers(0, 6))]
