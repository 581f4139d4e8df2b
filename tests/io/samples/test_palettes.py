import numpy as np
import pytest

from imgae.io.samples.palettes import filled, numbers_in


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("count", [5, 300])
def test_colours_are_found_in_palettes_of_any_depth(dtype, channels, count):
    generator = np.random.default_rng(3)
    palette = generator.integers(0, np.iinfo(dtype).max, (count, channels), dtype, endpoint=True)
    wanted = generator.integers(0, count, (6, 7))
    found = numbers_in(palette[wanted], palette)
    assert (palette[found] == palette[wanted]).all()
    lacking = np.setdiff1d(np.arange(256), palette)[:1].astype(dtype)
    if lacking.size:
        assert numbers_in(np.full((2, 2, channels), lacking[0]), palette) is None


def test_numbers_that_a_palette_lacks_are_black_and_told():
    palette = np.array([[9, 9, 9, 0], [8, 8, 8, 7]], np.uint8)
    assert filled(palette, np.array([[1]]), "a.png")[:3].tolist() == [
        [9, 9, 9, 0],
        [8, 8, 8, 7],
        [0, 0, 0, 255],
    ]
    with pytest.warns(match="a.png: some pixels have colours that its palette lacks"):
        filled(palette, np.array([[2]]), "a.png")
