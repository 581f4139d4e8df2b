"""Pictures of one hue, which stay so when they are filled."""

import numpy as np
import pytest
import tiny_models
from scenes import photo

import imgae
from imgae.restore.toned import tint_of

HOLE = np.zeros((120, 140), bool)
HOLE[50:60, 20:110] = True


def gray():
    return photo(120, 140).mean(2).astype(np.float32)


def toned(kind):
    plain = gray()
    channels = {
        "gray": (plain, plain, plain),
        "sepia": (0.92 * plain + 0.08, 0.78 * plain + 0.06, 0.6 * plain + 0.04),
        "blue": (plain**1.4, plain**1.2, plain),
    }[kind]
    return np.stack(channels, 2).astype(np.float32)


@pytest.mark.parametrize("kind", ["gray", "sepia", "blue"])
def test_colour_follows_from_brightness(kind):
    pixels = np.rint(toned(kind) * 255).astype(np.float32) / 255
    tint = tint_of(pixels, HOLE, HOLE)
    assert tint is not None
    away = np.abs(tint.coloured(pixels[HOLE].mean(1)) - pixels[HOLE])
    assert away.max() < 4 / 255


def test_what_is_in_the_hole_does_not_count():
    pixels = toned("sepia")
    pixels[HOLE] = (1, 0.5, 0)
    assert tint_of(pixels, HOLE, HOLE) is not None


def test_pictures_in_colour_have_no_tint():
    assert tint_of(photo(120, 140).astype(np.float32), HOLE, HOLE) is None


def test_a_spot_of_colour_beside_a_hole_counts():
    pixels = toned("gray")
    pixels[62:66, 30:40] = (0.8, 0.1, 0.1)
    assert tint_of(pixels, HOLE, HOLE) is None


def test_where_all_is_unknown_there_is_no_tint():
    assert tint_of(toned("gray"), HOLE, np.ones_like(HOLE)) is None


def test_gray_pictures_in_colour_files_are_filled_with_gray(tmp_path):
    inpainter = imgae.Inpainter(tiny_models.fill(tmp_path / "fill.onnx"), threads=1)
    pixels = np.rint(toned("gray") * 255).astype(np.uint8)
    out = inpainter(pixels, HOLE)
    assert np.array_equal(out[~HOLE], pixels[~HOLE])
    assert (out == out[:, :, :1]).all()


def test_the_shipped_model_leaves_no_colours_in_sepia():
    pixels = np.rint(toned("sepia") * 255).astype(np.uint8)
    damaged = pixels.copy()
    damaged[HOLE] = 255
    out = imgae.Inpainter(threads=1)(damaged, HOLE).astype(float) / 255
    brightness = (out[HOLE, 1] - 0.06) / 0.78
    assert np.abs(out[HOLE, 0] - (0.92 * brightness + 0.08)).max() < 3 / 255
    assert np.abs(out[HOLE, 2] - (0.6 * brightness + 0.04)).max() < 3 / 255
