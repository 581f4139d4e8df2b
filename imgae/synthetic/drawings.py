"""Pictures that no camera took, drawn at random: pages of type, faxes, maps, screens and others.

A denoiser that has seen photographs alone mistakes fine type, dots and sharp edges for noise.
Training draws by seeds below FIRST_HELD_OUT, `imgae evaluate` from it on, and with other fonts.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.random import Generator

from imgae.synthetic import lines, pages, screens, tones
from imgae.synthetic.fonts import ANY, Fonts
from imgae.synthetic.kit import Kit, Pixels

FIRST_HELD_OUT: Final = 1_000_000
LEAST_SIDE: Final = 64


def draw(
    kind: str,
    side: int,
    random: Generator,
    fonts: Fonts = ANY,
    photographs: Sequence[Pixels] = (),
) -> Pixels:
    """Draw a picture of a kind of KINDS, (side, side, 3). side: from LEAST_SIDE.

    photographs: (H, W, 3), of which some kinds show parts; without any, they draw scenes. The
    picture follows from the generator, the fonts and the photographs.
    """
    return np.ascontiguousarray(KINDS[kind](Kit(random, fonts, photographs), side))


KINDS: Final[dict[str, Callable[[Kit, int], Pixels]]] = {
    "screen": screens.screen,
    "drawing": lines.drawing,
    "chart": screens.chart,
    "gradient": tones.gradient,
    "page": pages.page,
    "scan": pages.scan,
    "fax": pages.fax,
    "map": lines.line_map,
    "line art": lines.line_art,
    "screentone": tones.screentone,
    "halftone": tones.halftone,
    "dithered": tones.dithered,
    "pixel art": tones.pixel_art,
    "pattern": tones.pattern,
    "desktop": screens.desktop,
}
SIMPLE: Final = ("screen", "drawing", "chart", "gradient")
"""Kinds without type of many sizes, dots and patterns."""
SHARES: Final = {
    "page": 0.24, "scan": 0.06, "fax": 0.07, "map": 0.07, "line art": 0.07, "screentone": 0.07,
    "halftone": 0.03, "dithered": 0.05, "pixel art": 0.09, "pattern": 0.04, "desktop": 0.08,
    "screen": 0.04, "drawing": 0.03, "chart": 0.03, "gradient": 0.03,
}  # fmt: skip
"""Of the pictures of a training set; they add up to 1."""
