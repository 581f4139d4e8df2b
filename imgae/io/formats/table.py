"""The file formats, one row each. Nothing heavy is imported here: `--help` lists them too."""

import importlib
import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from imgae.errors import needs_extra

if TYPE_CHECKING:
    from imgae.io.format import Format


class Row(NamedTuple):
    """What is known of a format before its module is loaded.

    name: as people write it. extensions: in lower case, with the dot, the usual one first.
    beginning: a regular expression that every such file's first bytes match. Rows are tried in
    their order, and the first that matches is taken.
    module: of imgae.io.formats; its FORMAT reads and writes the files.
    written: whether imgae writes the format; what it only reads is written as TIFF by default.
    extra: of pyproject.toml, which has what the module needs; "" if the base has it.
    """

    name: str
    extensions: tuple[str, ...]
    beginning: bytes
    module: str
    written: bool = True
    extra: str = ""

    def load(self) -> "Format":
        """Return what reads and writes the files, imported when it is first needed.

        Raises MissingExtraError if a library is missing.
        """
        with needs_extra(self.extra, f"a {self.name} file"):
            module = importlib.import_module(f"imgae.io.formats.{self.module}")
        found: Format = module.FORMAT
        return found


FORMATS: Final = (
    Row("PNG", (".png",), rb"\x89PNG\r\n\x1a\n", "png"),
    Row("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), rb"\xff\xd8\xff", "jpeg"),
    Row("TIFF", (".tif", ".tiff"), rb"(?:II|MM)(?:[*+]\0|\0[*+])", "tiff"),
    Row("WebP", (".webp",), rb"(?s:RIFF.{4}WEBP)", "webp"),
    Row("JPEG XL", (".jxl",), rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
    Row(  # of its family of brands; AVIF has them too, and names itself beside them
        "HEIC",
        (".heic", ".heif", ".hif"),
        rb"(?s).{4}ftyp(?!(?:.{4}){0,12}?avi[fs])(?:hei[cxms]|hev[cxms]|mi[af][12f]|msf1)",
        "heif",
        extra="formats",
    ),
)


def of_name(path: PurePath) -> Row | None:
    """Return the format that a file's name ends in, or None."""
    return next((row for row in FORMATS if path.suffix.lower() in row.extensions), None)


def of_content(data: bytes) -> Row | None:
    """Return the format that a file's bytes begin like, or None."""
    return next((row for row in FORMATS if re.match(row.beginning, data)), None)


def listed(last: Literal["and", "or"] = "and") -> str:
    """Return the names of all formats as a sentence lists them, as in "PNG, JPEG and TIFF"."""
    *names, final = (row.name for row in FORMATS)
    return f"{', '.join(names)} {last} {final}"


def extensions(*, written: bool = False) -> tuple[str, ...]:
    """Return what the names of picture files may end in, in the order of the table.

    written: only of formats that imgae writes.
    """
    return tuple(
        extension for row in FORMATS if row.written or not written for extension in row.extensions
    )
