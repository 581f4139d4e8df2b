"""Pictures that no camera took, for evaluations: by seeds and fonts that training does not draw."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imgae.evaluate.folders import Pictures
from imgae.picture.pixels import to_uint8_rgb
from imgae.synthetic import drawings, fonts
from imgae.synthetic.drawings import FIRST_HELD_OUT, LEAST_SIDE
from imgae.synthetic.fonts import ANY, Fonts


def fonts_of(folders: Sequence[str | Path]) -> Fonts:
    """Return the fonts below folders that are not for training, and Pillow's own."""
    return fonts.for_evaluation(fonts.found(folders))


def latin_fonts_of(folders: Sequence[str | Path]) -> Fonts:
    """Return those of `fonts_of` that have Latin letters first."""
    return fonts.for_evaluation(fonts.latin(fonts.found(folders)))


def of_kind(
    kind: str,
    count: int,
    side: int,
    fonts: Fonts = ANY,
    photographs: Sequence[NDArray[np.uint8]] = (),
) -> Pictures:
    """Draw pictures of a kind of `drawings.KINDS`, (side, side, 3), side at least 64.

    photographs: (H, W, C), of which some kinds show parts.
    """
    side, shown = max(side, LEAST_SIDE), [to_uint8_rgb(picture) for picture in photographs]
    seeds = range(FIRST_HELD_OUT, FIRST_HELD_OUT + count)
    return [
        (
            f"{kind} {number}",
            drawings.draw(kind, side, np.random.default_rng(seed), fonts, shown),
        )
        for number, seed in enumerate(seeds)
    ]
