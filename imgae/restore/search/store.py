"""The file of an index: a zip of numpy arrays, which numpy.load opens too, without pickle.

It holds about.json: the schema, the model, and how many pictures there are; and paths, descriptors,
stamps, digests and pixels as .npy. Paths are bytes between null characters, those below the
file's folder relative to it, so that a collection can be moved with its index.
"""

import io
import json
import math
import os
import zipfile
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgae.errors import SearchError, reason
from imgae.io.atomic import whole_file
from imgae.io.remote import SCHEME
from imgae.restore.search.describe import unit
from imgae.restore.search.rows import DIGEST, Rows

SCHEMA: Final = 1
KIND: Final = "imgae index"
ABOUT: Final = "about.json"
MOST_ABOUT: Final = 1 << 16
"""Bytes."""
MOST_DIMENSION: Final = 1 << 16


class Made(NamedTuple):
    """By what model vectors were made."""

    model: str
    sha256: str
    dimension: int


def write(path: Path, rows: Rows, made: Made) -> None:
    """Write an index whole or not at all. Raises SearchError; what was there is then unharmed."""
    about = {"kind": KIND, "schema": SCHEMA, "count": len(rows), **made._asdict()}
    folder = folder_of(path)
    paths = b"\0".join(os.fsencode(stored(each, folder)) for each in rows.paths)
    arrays = {
        "paths": np.frombuffer(paths, np.uint8),
        "descriptors": rows.vectors.astype("<f2"),
        "stamps": rows.stamps.astype("<i8", copy=False),
        "digests": rows.digests,
        "pixels": rows.pixels.astype("<i8", copy=False),
    }
    try:
        with whole_file(path, sync=True) as file, zipfile.ZipFile(file, "w") as archive:
            archive.writestr(zipfile.ZipInfo(ABOUT), json.dumps(about))
            for name, array in arrays.items():
                entry = zipfile.ZipInfo(f"{name}.npy")
                with archive.open(entry, "w", force_zip64=True) as target:
                    np.lib.format.write_array(target, array, allow_pickle=False)
    except OSError as error:
        raise SearchError(f"{path}: the index cannot be written: {reason(error)}") from error


def read(path: Path) -> tuple[Rows, Made]:
    """Return what the file of an index holds. Raises SearchError if it is none, or damaged."""
    try:
        with path.open("rb") as file:
            return read_open(file, path)
    except FileNotFoundError:
        raise SearchError(
            f"{path}: there is no such index; make one with: imgae index build FOLDER -o {path}"
        ) from None
    except IsADirectoryError:
        raise SearchError(f"{path}: a folder, not an index") from None
    except zipfile.BadZipFile:
        raise SearchError(
            f"{path}: no index of imgae, or one that was cut short; build it again under a new name"
        ) from None
    except OSError as error:
        raise SearchError(f"{path}: the index cannot be read: {reason(error)}") from error
    except (
        ValueError,
        LookupError,
        TypeError,
        EOFError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise SearchError(
            f"{path}: the index is damaged ({reason(error)}); build it again under a new name"
        ) from error


def read_open(file: Any, path: Path) -> tuple[Rows, Made]:
    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(file) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        if ABOUT not in entries:
            raise SearchError(f"{path}: a zip file, but no index of imgae")
        for entry in entries.values():  # so that reading takes no more memory than the file has
            if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > size:
                raise ValueError(f"{entry.filename} is not stored as it is")
        if entries[ABOUT].file_size > MOST_ABOUT:
            raise ValueError(f"{ABOUT} is too long")
        count, made = checked(json.loads(archive.read(ABOUT)), path)
        shapes = {
            "descriptors": ("<f2", (count, made.dimension)),
            "stamps": ("<i8", (count, 2)),
            "digests": ("|u1", (count, DIGEST)),
            "pixels": ("<i8", (count,)),
        }
        found = {
            name: array_of(archive.read(f"{name}.npy"), name, np.dtype(dtype), shape)
            for name, (dtype, shape) in shapes.items()
        }
        text = array_of(archive.read("paths.npy"), "paths", np.dtype("|u1"), None).tobytes()
    folder = folder_of(path)
    paths = tuple(given(os.fsdecode(part), folder) for part in text.split(b"\0")) if text else ()
    vectors = found["descriptors"].astype(np.float32)
    if len(paths) != count:
        raise ValueError(f"{len(paths)} paths for {count} pictures")
    if not np.isfinite(vectors).all():
        raise ValueError("it holds NaN or infinity")
    rows = Rows(paths, unit(vectors), found["stamps"], found["digests"], found["pixels"])
    return rows, made


def checked(about: Any, path: Path) -> tuple[int, Made]:
    """Return how many rows there are, and by what model. Raises ValueError; SearchError."""
    if not isinstance(about, dict) or about.get("kind") != KIND:
        raise SearchError(f"{path}: a zip file, but no index of imgae")
    schema = about.get("schema")
    if schema != SCHEMA:
        raise SearchError(
            f"{path}: an index of schema {schema!r:.20}, and this imgae reads {SCHEMA}; update "
            "imgae, or build the index again under a new name"
        )
    model, sha256 = about["model"], about["sha256"]
    count, dimension = about["count"], about["dimension"]
    texts = isinstance(model, str) and isinstance(sha256, str)
    if not texts or type(count) is not int or type(dimension) is not int or count < 0:
        raise ValueError("what it says of itself is of the wrong kind")
    if not 0 < dimension <= MOST_DIMENSION:
        raise ValueError(f"vectors of length {dimension}")
    return count, Made(model, sha256, dimension)


def array_of(
    data: bytes, name: str, dtype: np.dtype[Any], shape: tuple[int, ...] | None
) -> NDArray[Any]:
    """Return the array of a .npy file. shape: None for any of one axis. Raises ValueError."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ValueError(f"{name} is of numpy's version {version}")
    found, by_columns, kind = np.lib.format.read_array_header_1_0(stream)
    if kind != dtype or (by_columns and len(found) > 1):
        raise ValueError(f"{name} holds {kind}")
    if found != shape if shape is not None else len(found) != 1:
        raise ValueError(f"{name} has shape {found}")
    if math.prod(found) * dtype.itemsize != len(data) - stream.tell():
        raise ValueError(f"{name} is cut short")
    return np.frombuffer(data, dtype, offset=stream.tell()).reshape(found)


def stored(path: str, folder: str) -> str:
    """Return a path as a file in a folder holds it. folder: absolute, with a separator at its end.

    Texts alone, since there may be a million.
    """
    if SCHEME in path or not path.startswith(folder):
        return path
    return path.removeprefix(folder).replace(os.sep, "/")


def given(text: str, folder: str) -> str:
    """Return the absolute path that a file in a folder holds."""
    return text if SCHEME in text else os.path.join(folder, text)  # noqa: PTH118


def folder_of(path: Path) -> str:
    """Return the absolute path of a file's folder, with a separator at its end."""
    return os.path.join(os.path.dirname(os.path.abspath(path)), "")  # noqa: PTH100, PTH118, PTH120
