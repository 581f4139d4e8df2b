"""What formats without fields of their own keep in EXIF: the resolution.

Values are read and set in the bytes, so that all else stays where it is, maker notes included.
"""

import struct
from fractions import Fraction
from typing import Final

from imgae.io.metadata.exif import (
    X_RESOLUTION_TAG,
    Y_RESOLUTION_TAG,
    main_directory,
    order_of,
    whole_number,
)

UNIT_TAG: Final = 0x0128
INCH: Final = 2
PER_INCH: Final = {2: 1.0, 3: 2.54}
"""By the unit of resolution, inches or centimetres, what a value is multiplied by."""
METRE: Final = 0.0254
"""An inch in metres, by which pixels per metre become pixels per inch."""
SAME: Final = 0.005
"""Resolutions that differ by this share are one: formats round them in their own ways."""


def rational_place(exif: bytes, at: int | None) -> int | None:
    """Return where the two numbers of a fraction lie, or None if an entry is no such."""
    if at is None or at + 12 > len(exif):
        return None
    kind, count, place = struct.unpack_from(order_of(exif) + "HII", exif, at + 2)
    return place if (kind, count) == (5, 1) and place + 8 <= len(exif) else None


def resolution_of(exif: bytes | None) -> tuple[float, float] | None:
    """Return the pixels per inch, across and down, that EXIF gives, or None."""
    if exif is None:
        return None
    main = main_directory(exif)
    factor = PER_INCH.get(
        whole_number(exif, main.get(UNIT_TAG)) or (0 if UNIT_TAG in main else INCH)
    )
    values = []
    for tag in (X_RESOLUTION_TAG, Y_RESOLUTION_TAG):
        place = rational_place(exif, main.get(tag))
        if place is None or factor is None:
            return None
        above, below = struct.unpack_from(order_of(exif) + "II", exif, place)
        values.append(above / below * factor if below else 0.0)
    return (values[0], values[1]) if min(values) > 0 else None


def with_resolution(exif: bytes | None, dpi: tuple[float, float] | None) -> bytes | None:
    """Return EXIF that gives a resolution; as it is if it does, or there is none to give."""
    if dpi is None:
        return exif
    known = resolution_of(exif)
    if known and all(abs(a - b) <= SAME * b for a, b in zip(known, dpi, strict=True)):
        return exif
    exif = exif or b"II*\0\x08\0\0\0"
    order = order_of(exif)
    fractions = [struct.pack(order + "II", *fraction(value)) for value in dpi]
    main = main_directory(exif)
    if not main:
        return appended(exif, order, [], bytes(4), fractions)
    places = [rational_place(exif, main.get(tag)) for tag in (X_RESOLUTION_TAG, Y_RESOLUTION_TAG)]
    unit = main.get(UNIT_TAG)
    across, down = places
    if unit is not None and across is not None and down not in (None, across):
        changed = bytearray(exif)
        changed[across : across + 8] = fractions[0]
        changed[down : down + 8] = fractions[1]
        changed[unit + 2 : unit + 12] = struct.pack(order + "HIHH", 3, 1, INCH, 0)
        return bytes(changed)
    replaced = (X_RESOLUTION_TAG, Y_RESOLUTION_TAG, UNIT_TAG)
    entries = [exif[at : at + 12] for tag, at in main.items() if tag not in replaced]
    after = max(main.values()) + 12  # where the next directory begins
    return appended(exif, order, entries, exif[after : after + 4].ljust(4, b"\0"), fractions)


def fraction(value: float) -> tuple[int, int]:
    """Return a number as numerator and denominator of 32 bits."""
    value = min(max(value, 1e-6), float((1 << 32) - 1))
    found = Fraction(value).limit_denominator(min(100_000, int(((1 << 32) - 1) // value) or 1))
    return max(found.numerator, 1), found.denominator


def appended(
    exif: bytes, order: str, entries: list[bytes], following: bytes, fractions: list[bytes]
) -> bytes:
    """Return EXIF whose first directory is a new one at its end; what it pointed to stays."""
    start = 8 if len(exif) == 8 else len(exif) + len(exif) % 2
    count = len(entries) + 3
    values = start + 2 + 12 * count + 4
    entries = [
        *entries,
        struct.pack(order + "HHII", X_RESOLUTION_TAG, 5, 1, values),
        struct.pack(order + "HHII", Y_RESOLUTION_TAG, 5, 1, values + 8),
        struct.pack(order + "HHIHH", UNIT_TAG, 3, 1, INCH, 0),
    ]
    entries.sort(key=lambda entry: int(struct.unpack_from(order + "H", entry)[0]))
    head = exif[:4] + struct.pack(order + "I", start) + exif[8:]
    return b"".join(
        [
            head.ljust(start, b"\0"),
            struct.pack(order + "H", count),
            *entries,
            following,
            *fractions,
        ]
    )
