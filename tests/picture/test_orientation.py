import numpy as np
import pytest

from imgae import Image
from imgae.picture.orientation import turn

PIXELS = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)


@pytest.mark.parametrize("orientation", range(9))
def test_the_two_resolutions_turn_with_the_picture(orientation):
    turned = turn(Image(PIXELS, dpi=(300.0, 150.0)), orientation)
    assert turned.dpi == ((150.0, 300.0) if orientation in (5, 6, 7, 8) else (300.0, 150.0))
    assert (turned.height > turned.width) == (orientation in (5, 6, 7, 8))
    assert turn(Image(PIXELS), orientation).dpi is None


def test_alpha_turns_as_pixels_do():
    turned = turn(Image(PIXELS, PIXELS[:, :, 0]), 6)
    assert turned.alpha.tolist() == turned.pixels[:, :, 0].tolist() == [[3, 0], [4, 1], [5, 2]]
