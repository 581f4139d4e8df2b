"""Numbers as they lie in a file."""

import struct
from typing import Any


def numbers_at(letters: str, data: bytes, at: int) -> tuple[Any, ...]:
    """Return numbers from a place on, as struct names them. Raises struct.error beyond the end.

    data: bytes, or a Content, which reads no more than these.
    """
    return struct.unpack(letters, data[at : at + struct.calcsize(letters)])
