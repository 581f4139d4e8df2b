import numpy as np
import pytest

from imgae import Frames, Image, ImageError
from imgae.io.samples.frames import (
    Canvas,
    bounds,
    check_one_size,
    warn_of_different,
    whole_counts,
    with_alpha,
)


def test_bounds_hold_all_that_is_true_and_are_never_empty():
    mask = np.zeros((5, 7), bool)
    assert bounds(mask) == (slice(0, 1), slice(0, 1))
    mask[1, 4] = mask[3, 2] = True
    assert bounds(mask) == (slice(1, 4), slice(2, 5))


def test_times_that_are_rounded_add_up():
    counts = whole_counts([1.4] * 10)
    assert sum(counts) == 14
    assert set(counts) == {1, 2}


@pytest.mark.parametrize(
    ("how", "first", "second"), [("leave", 7, 9), ("clear", 0, 0), ("back", 0, 7)]
)
def test_a_frame_leaves_its_place_as_it_says(how, first, second):
    """Of the first frame, "back" means to clear: nothing was there before."""
    canvas = Canvas(2, 2, 1, np.uint8)
    place = slice(0, 1), slice(0, 2)
    before = canvas.under(place)
    pixels, alpha = canvas.show(place, np.uint8(7), np.uint8(255))
    assert (pixels[:, :, 0].tolist(), alpha.tolist()) == ([[7, 7], [0, 0]], [[255] * 2, [0] * 2])
    canvas.dispose(place, how, before)
    assert (canvas.pixels[place] == first).all()
    canvas.dispose(place, "leave", before)
    canvas.show(place, np.uint8(7), np.uint8(255))
    before = canvas.under(place)
    canvas.show(place, np.uint8(9), np.uint8(255))
    canvas.dispose(place, how, before)
    assert (canvas.pixels[place] == second).all()


def test_alpha_that_is_added_is_opaque_in_the_pictures_own_type():
    image = Image(np.zeros((2, 3, 1), np.uint16))
    assert (with_alpha(image).alpha == np.full((2, 3), 65535, np.uint16)).all()
    assert with_alpha(with_alpha(image)).alpha is not None


def test_frames_of_different_kinds_are_told():
    image = Image(np.zeros((2, 3, 1), np.uint8))
    with pytest.raises(ImageError, match="the frames are of different sizes, which GIF"):
        check_one_size(
            Frames((image, Image(np.zeros((3, 3, 1), np.uint8))), "animation"), "GIF", "a.gif"
        )
    frames = Frames((image, Image(image.pixels, xmp=b"<x/>")), "animation")
    with pytest.warns(match="one profile and metadata for all frames"):
        warn_of_different(frames, ("icc", "xmp"), "WebP", "a.webp")
    warn_of_different(frames, ("icc",), "WebP", "a.webp")
