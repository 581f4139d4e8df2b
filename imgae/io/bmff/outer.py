"""The outermost boxes of a file, read as leniently as viewers read them."""

from typing import Final

from imgae.errors import warn
from imgae.io.bmff import boxes
from imgae.io.bmff.boxes import Box
from imgae.io.format import File

EMPTY: Final = (b"free", b"skip", b"wide")


def outermost(file: File, known: frozenset[bytes]) -> list[Box]:
    """Return the boxes that a file consists of, with a note of what is wrong with its end.

    known: their kinds. Others are named in a note: they are left out.
    """
    found: list[Box] = []
    end = 0
    try:
        for one in boxes.boxes(file.data):
            if not (one.kind.isascii() and one.kind.decode("ascii").isprintable()):
                break
            found.append(one)
            end = one.end
    except ValueError:
        if not found:
            raise
    if found and not found[-1].whole:
        warn(f"{file.name}: cut short")
    elif end < len(file.data):
        warn(f"{file.name}: {len(file.data) - end} bytes after its end; left out")
    others = {one.kind.decode("latin-1") for one in found if one.kind not in (*known, *EMPTY)}
    if others:
        named = ", ".join(repr(kind) for kind in sorted(others))
        warn(f"{file.name}: its boxes {named} are not known, and left out")
    return found
