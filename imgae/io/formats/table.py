"""The file formats, one row each. Nothing heavy is imported here: `--help` lists them too."""

import importlib
import os
import re
from collections.abc import Callable
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from imgae.errors import OptionError, needs_extra
from imgae.io.formats.raw import camera

if TYPE_CHECKING:
    from imgae.io.format import Format

HEAD: Final = 1 << 10
"""Bytes by which a format is known."""


class Row(NamedTuple):
    """What is known of a format before its module is loaded.

    name: as people write it. extensions: in lower case, with the dot, the usual one first.
    beginning: a regular expression that every such file's first bytes match. Rows are tried in
    their order, and the first that matches is taken.
    module: within imgae.io.formats, as "gif" or, of a package, "jpeg.format"; its FORMAT reads and
    writes the files.
    written: whether imgae writes the format; what it only reads is written as TIFF by default.
    extra: of pyproject.toml, which has what the module needs; "" if the base has it.
    recognise: whether a whole file that begins so is one, where the beginning does not say it.
    variant: whether its files are so near to those of the row before that lists leave it out.
    """

    name: str
    extensions: tuple[str, ...]
    beginning: bytes
    module: str
    written: bool = True
    extra: str = ""
    recognise: Callable[[bytes], bool] | None = None
    variant: bool = False

    def matches(self, data: bytes) -> bool:
        """Return whether a file's bytes are of this format."""
        if not re.match(self.beginning, data[:HEAD]):
            return False
        return self.recognise is None or self.recognise(data)

    def load(self) -> "Format":
        """Return what reads and writes the files, imported when it is first needed.

        Raises MissingExtraError if a library is missing.
        """
        article = "an" if self.name[0] in "AEIO" else "a"
        with needs_extra(self.extra, f"{article} {self.name} file"):
            module = importlib.import_module(f"imgae.io.formats.{self.module}")
        found: Format = module.FORMAT
        return found


FORMATS: Final = (
    Row("PNG", (".png", ".apng"), rb"(?:\x89PNG|\x8aMNG|\x8bJNG)\r\n\x1a\n", "png.format"),
    Row("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), rb"\xff\xd8\xff", "jpeg.format"),
    Row(
        "camera raw",
        camera.EXTENSIONS,
        camera.BEGINNING,
        "raw.format",
        written=False,
        extra="formats",
        recognise=camera.is_raw,
    ),  # before TIFF, as which most begin
    Row("TIFF", (".tif", ".tiff"), rb"(?:II|MM)(?:[*+]\0|\0[*+])", "tiff.format"),
    Row("WebP", (".webp",), rb"(?s:RIFF.{4}WEBP)", "webp"),
    # The brand of the file, or one of those that it is compatible with.
    Row(
        "AVIF",
        (".avif", ".avifs"),
        rb"(?s:\0\0\0.ftyp(?:.{8}(?:.{4}){0,24}?)?avi[fs])",
        "avif.format",
    ),
    Row(
        "HTJ2K",
        (".jph",),
        rb"(?s:\0\0\0\x0cjP  \r\n\x87\n.{4}ftypjph )",
        "jpeg2000.htj2k",
        written=False,
        variant=True,
    ),
    Row("JPEG 2000", (".jp2", ".jpx", ".jpf"), rb"\0\0\0\x0cjP  \r\n\x87\n", "jpeg2000.format"),
    Row(
        "JPEG 2000 codestream",
        (".j2k", ".j2c", ".jpc"),
        rb"\xff\x4f\xff\x51",
        "jpeg2000.codestream",
        variant=True,
    ),
    Row("JPEG XL", (".jxl",), rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", "jxl.format"),
    Row(  # of its family of brands; AVIF has them too, and names itself beside them
        "HEIC",
        (".heic", ".heif", ".hif"),
        rb"(?s).{4}ftyp(?!(?:.{4}){0,12}?avi[fs])(?:hei[cxms]|hev[cxms]|mi[af][12f]|msf1)",
        "heif",
        extra="formats",
    ),
    Row("GIF", (".gif",), rb"GIF8[79]a", "gif"),
    Row("BMP", (".bmp", ".dib"), rb"(?s:BM.{12}[\x0c\x10-\x40\x6c\x7c]\0\0\0|BA.{12}BM)", "bmp"),
    Row("PNM", (".ppm", ".pgm", ".pbm", ".pnm"), rb"P[1-6][\s#]", "pnm"),
    Row("PAM", (".pam",), rb"P7\s", "pam", variant=True),
    Row("PFM", (".pfm",), rb"P[Ff]\s", "pfm", variant=True),
    Row("EXR", (".exr",), rb"v/1\x01", "exr.format", extra="formats"),
    Row("PSD", (".psd", ".psb"), rb"8BPS\0[\x01\x02]", "psd", written=False),
)


def of_name(path: PurePath) -> Row | None:
    """Return the format that a file's name ends in, or None."""
    return next((row for row in FORMATS if path.suffix.lower() in row.extensions), None)


def of_content(data: bytes) -> Row | None:
    """Return the format that a file's bytes begin like, or None."""
    return next((row for row in FORMATS if row.matches(data)), None)


def listed(last: Literal["and", "or"] = "and") -> str:
    """Return the names of all formats as a sentence lists them, as in "PNG, JPEG and TIFF"."""
    names = [
        row.name for row in sorted(FORMATS, key=lambda row: row.extra != "") if not row.variant
    ]
    *names, final = names
    return f"{', '.join(names)} {last} {final}"


def extensions(*, written: bool = False) -> tuple[str, ...]:
    """Return what the names of picture files may end in, in the order of the table.

    written: only of formats that imgae writes.
    """
    return tuple(
        extension for row in FORMATS if row.written or not written for extension in row.extensions
    )


def written_ending(name: str) -> str:
    """Return the ending of a format's files, as ".png", of its name with or without the dot.

    Raises OptionError if no such format is written.
    """
    ending = f".{name.lower().removeprefix('.')}"
    if ending not in extensions(written=True):
        raise OptionError(f"{name!r} is no format that is written; name {usual().replace('.', '')}")
    return ending


def usual() -> str:
    """Return the usual ending of each format that imgae writes, as a sentence lists them."""
    *first, last = (row.extensions[0] for row in FORMATS if row.written and not row.variant)
    return f"{', '.join(first)} or {last}"


ENDINGS: Final = frozenset(extensions())


def looks_like_picture(name: str) -> bool:
    """Return whether a file's name ends as those of pictures do."""
    return os.path.splitext(name)[1].lower() in ENDINGS  # noqa: PTH122 - faster for many
