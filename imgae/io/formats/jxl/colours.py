"""What the colours of a JPEG XL header mean, in the words of other formats."""

from dataclasses import replace
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from imgae.io.colour.cms import STEPS, dated, srgb_light
from imgae.io.formats.jxl.header import (
    CUSTOM,
    D65,
    DCI,
    EQUAL_ENERGY,
    GRAY,
    RGB,
    SRGB_TRANSFER,
    XYB,
    Colour,
)

SRGB, BT2020, P3 = 1, 9, 11
"""Primaries."""
LINEAR, PQ, HLG = 8, 16, 18
WHITES: Final = {D65: (0.3127, 0.329), EQUAL_ENERGY: (1 / 3, 1 / 3), DCI: (0.314, 0.351)}
PRIMARIES: Final = {
    SRGB: (0.639998686, 0.330010138, 0.300003784, 0.600003357, 0.150002046, 0.059997204),
    BT2020: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    P3: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
CODES: Final = {(D65, SRGB): 1, (D65, BT2020): 9, (DCI, P3): 11, (D65, P3): 12}
"""Of ITU-T H.273, by white point and primaries."""
TRANSFERS: Final = (1, LINEAR, SRGB_TRANSFER, PQ, 17, HLG)
"""What H.273 and JPEG XL call by the same number."""
SHARED_TRANSFERS: Final = {6: 1, 14: 1, 15: 1}
"""Further code points of the curve of BT.709."""
GAMMA_SCALE: Final = 10_000_000


def is_srgb(colour: Colour) -> bool:
    """Return whether pixels are as those of a file that says nothing."""
    return replace(colour, intent=1, space=RGB) == Colour() and colour.space in (RGB, GRAY)


def cicp_of(colour: Colour) -> tuple[int, int, int, int] | None:
    """Return the code points of colours; None if they are sRGB or have none."""
    primaries = SRGB if colour.space == GRAY else colour.primaries
    code = CODES.get((colour.white, primaries))
    if colour.icc or colour.gamma or code is None or colour.transfer not in TRANSFERS:
        return None
    return None if is_srgb(colour) else (code, colour.transfer, 0, 1)


def of_cicp(cicp: tuple[int, int, int, int], space: int) -> Colour | None:
    """Return the colours that code points mean, or None if a header cannot say them."""
    known = {code: pair for pair, code in CODES.items()}
    transfer = SHARED_TRANSFERS.get(cicp[1], cicp[1])
    if cicp[0] not in known or transfer not in TRANSFERS:
        return None
    white, primaries = known[cicp[0]]
    return Colour(space, white, SRGB if space == GRAY else primaries, transfer)


def profile_of(colour: Colour) -> bytes | None:
    """Return a colour profile (ICC) of colours; None if they are sRGB, or no profile can say them.

    High dynamic range (PQ and HLG) is left to the code points.
    """
    if is_srgb(colour) or colour.icc or colour.space == XYB or colour.transfer in (PQ, HLG):
        return None
    curve = curve_of(colour)
    xy = tuple((-(value + 1 >> 1) if value & 1 else value >> 1) / 1e6 for value in colour.xy)
    white = xy[:2] if colour.white == CUSTOM else WHITES.get(colour.white)
    primaries = xy[2:] if colour.primaries == CUSTOM else PRIMARIES.get(colour.primaries)
    if curve is None or white is None or primaries is None:
        return None
    kind = "gray" if colour.space == GRAY else "rgb"
    options: dict[str, Any] = {"whitepoint": list(white), "transferfunction": curve}
    if colour.transfer == LINEAR and not colour.gamma:  # without a table, which ends at white
        options = {"whitepoint": list(white), "gamma": 1.0}
    if kind == "rgb":
        options["primaries"] = list(primaries)
    return dated(imagecodecs.cms_profile(kind, **options))


def curve_of(colour: Colour) -> NDArray[np.uint16] | None:
    """Return light for equal steps of a sample's value, from black to white; None if unknown."""
    steps = np.linspace(0, 1, STEPS)
    if colour.gamma:
        light = steps ** (GAMMA_SCALE / colour.gamma)
    elif colour.transfer == LINEAR:
        light = steps
    elif colour.transfer == SRGB_TRANSFER:
        light = srgb_light(steps)
    elif colour.transfer == 1:
        light = np.where(steps < 0.081, steps / 4.5, ((steps + 0.099) / 1.099) ** (1 / 0.45))
    elif colour.transfer == 17:
        light = steps**2.6
    else:
        return None
    return np.rint(light * 65535).astype(np.uint16)
