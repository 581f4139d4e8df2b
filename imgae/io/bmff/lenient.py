"""Reading what viewers read: files with something appended that is no part of them."""

import contextlib

from imgae.io.bmff import boxes


def boxes_until_damage(data: bytes) -> list[boxes.Box]:
    """Return the boxes of a file, up to what is none: cameras append other things."""
    found: list[boxes.Box] = []
    with contextlib.suppress(ValueError):
        found.extend(boxes.boxes(data))
    return found
