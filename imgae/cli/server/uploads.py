"""What a multipart request brings: fields, and files in the private folder."""

import asyncio
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from imgae.cli.output import one_line
from imgae.cli.server.problems import ProblemError
from imgae.cli.server.quoting import quoted

MOST_FIELDS: Final = 1000
MOST_FILES: Final = 4
MOST_FIELD: Final = 4 << 20
"""Bytes of one field; strokes are the largest."""
LONGEST_NAME: Final = 180
"""Bytes of a file's name, so that NAME.denoised.png is still one."""
NO_NAME: Final = re.compile(r"[\0-\x1f\x7f/\\]")


@dataclass
class Sent:
    """What a request brings. files: by the field, where they lie and what they are called."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)


class WholeParser(MultiPartParser):
    """Knows whether the body came to its end."""

    is_whole = False

    def on_end(self) -> None:
        self.is_whole = True


async def received(request: Request, folder: Path) -> Sent:
    """Read a request's body, and put its files into a folder, each in one of its field's name.

    Raises ProblemError for a body that is no multipart/form-data, or is cut off.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise ProblemError(415, "the body has to be multipart/form-data")
    parser = WholeParser(
        request.headers,
        request.stream(),
        max_files=MOST_FILES,
        max_fields=MOST_FIELDS,
        max_part_size=MOST_FIELD,
    )
    try:
        form = await parser.parse()
    except (MultiPartException, FormParserError) as error:  # the second passes older Starlettes
        why = one_line(getattr(error, "message", error))
        raise ProblemError(400, f"the body is no right multipart/form-data: {why}") from error
    try:
        if not parser.is_whole:
            raise ProblemError(400, "the body ends before its last boundary")
        sent = Sent()
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                if name in sent.files:
                    raise ProblemError(422, f"{quoted(name)}: only one file is taken")
                sent.files[name] = await kept(name, value, folder)
            else:
                sent.fields.setdefault(name, []).append(value)
        return sent
    finally:
        await form.close()


async def kept(name: str, upload: UploadFile, folder: Path) -> Path:
    """Put an uploaded file into a folder of its own, and return where it lies."""
    if not re.fullmatch(r"[a-z]{1,20}", name):
        raise ProblemError(422, f"no file is called {quoted(name)}")
    place = folder / name
    place.mkdir(mode=0o700)
    path = place / file_name(name, upload.filename or "")
    await asyncio.to_thread(copied, upload.file, path)
    return path


def copied(file: BinaryIO, path: Path) -> None:
    with path.open("xb") as out:
        shutil.copyfileobj(file, out, 1 << 20)


def file_name(field_name: str, given: str) -> str:
    """Return the name that an upload says its file has. Raises ProblemError if it is none."""
    if not given:
        return "picture"
    if NO_NAME.search(given) or given in (".", ".."):
        raise ProblemError(
            422, f"{field_name}: {quoted(given)} is no file name; give it without folders"
        )
    if len(given.encode("utf-8", "surrogatepass")) > LONGEST_NAME:
        raise ProblemError(422, f"{field_name}: the file name is longer than {LONGEST_NAME} bytes")
    return given
