"""Pictures of one hue, which stay so when they are filled."""

import io

import numpy as np
import PIL.Image
import pytest
import tiny_models
from scenes import photo

import imgae
from imgae.restore.toned import other_colours, tint_of

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
    tint = tint_of(pixels, HOLE)
    assert tint is not None
    away = np.abs(tint.coloured(pixels[HOLE].mean(1)) - pixels[HOLE])
    assert away.max() < 4 / 255


def test_what_is_in_the_hole_does_not_count():
    pixels = toned("sepia")
    pixels[HOLE] = (1, 0.5, 0)
    assert tint_of(pixels, HOLE) is not None


def test_pictures_in_colour_have_no_tint():
    assert tint_of(photo(120, 140).astype(np.float32), HOLE) is None


def coloured_parts(pixels, hole=HOLE):
    tint = tint_of(pixels, hole)
    assert tint is not None
    return other_colours(pixels, hole, hole, tint)


@pytest.mark.parametrize("kind", ["gray", "sepia", "blue"])
def test_nothing_has_a_colour_of_its_own_in_a_picture_of_one_hue(kind):
    assert not coloured_parts(toned(kind)).any()


def test_a_hole_is_filled_in_colour_near_a_spot_of_colour_only():
    pixels = toned("gray")
    pixels[63:67, 40:48] = (0.8, 0.1, 0.1)
    parts = coloured_parts(pixels)
    assert parts[57:60, 41:47].all()
    assert not parts[:, :24].any()
    assert not parts[:, 64:].any()
    assert not parts[~HOLE].any()


def test_single_pixels_are_noise():
    pixels = toned("gray")
    pixels[64, 40:100:20] = (0.6, 0.4, 0.5)
    assert not coloured_parts(pixels).any()


def test_remains_of_a_white_defect_on_sepia_are_no_thing_of_a_colour():
    pixels = toned("sepia")
    pixels[47:50, 40:44] = 0.97
    pixels[60:63, 70:74] = 0.97
    assert not coloured_parts(pixels).any()


def test_what_defects_change_around_them_does_not_count_in_the_tint():
    plain, pixels = toned("sepia"), toned("sepia")
    rim = np.zeros_like(HOLE)
    rim[45:65, 15:115] = True
    pixels[rim] = pixels[rim].mean(1, keepdims=True)
    tint = tint_of(pixels, HOLE)
    assert tint is not None
    assert np.abs(tint.coloured(plain[rim].mean(1)) - plain[rim]).max() < 4 / 255


def test_a_thing_is_found_however_many_holes_are_far_from_it():
    pixels = np.full((900, 300, 3), 0.5, np.float32)
    pixels[600:614, 100:114] = (0.86, 0.08, 0.1)
    hole = np.zeros((900, 300), bool)
    hole[::40, ::40] = hole[1::40, ::40] = True
    hole[606:608, 90:130] = True
    parts = coloured_parts(pixels, hole)
    assert parts[606:608, 100:114].all()
    assert not parts[:585].any()
    assert not parts[630:].any()


def as_jpeg(pixels, quality):
    """Return uint8 pixels as a JPEG would show them, its colours at half the size."""
    stream = io.BytesIO()
    PIL.Image.fromarray(pixels).save(stream, "JPEG", quality=quality, subsampling="4:2:0")
    return np.asarray(PIL.Image.open(stream))


@pytest.mark.parametrize("quality", [90, 75])
def test_a_jpeg_of_a_busy_sepia_print_has_a_tint(quality):
    """Its colours do not follow the brightness of every pixel."""
    stones = np.random.default_rng(0).random((60, 70))
    plain = (0.25 + 0.5 * np.kron(stones, np.ones((4, 4))))[:, :, None]
    sepia = plain * (0.92, 0.78, 0.6) + (0.08, 0.06, 0.04)
    shown = as_jpeg(np.rint(255 * sepia).astype(np.uint8), quality).astype(np.float32) / 255
    assert tint_of(shown, np.zeros(shown.shape[:2], bool)) is not None


def test_a_white_scratch_in_a_sepia_jpeg_is_filled_with_sepia():
    """The file spreads the white of the scratch into the colours around it."""
    truth = np.rint(toned("sepia") * 255)
    damaged = truth.astype(np.uint8)
    hole = np.zeros_like(HOLE)
    hole[56:60, 20:110] = True
    damaged[hole] = 247
    out = imgae.Inpainter(threads=1)(as_jpeg(damaged, 85), hole).astype(float)
    wanted = (truth[hole][:, 0] - truth[hole][:, 2]).mean()
    assert abs((out[hole][:, 0] - out[hole][:, 2]).mean() / wanted - 1) < 0.1


@pytest.mark.parametrize("shape", [(1, 30), (5, 40), (9, 9)])
def test_small_pictures_may_have_a_tint_too(shape):
    gray_one = np.full((*shape, 3), 0.4, np.float32)
    unknown = np.zeros(shape, bool)
    unknown[0, :3] = True
    assert tint_of(gray_one, unknown) is not None
    colours = np.random.default_rng(0).random((*shape, 3), np.float32)
    assert tint_of(colours, unknown) is None


def test_noise_in_colour_is_kept_as_such():
    noise = np.random.default_rng(0).normal(0, 6 / 255, (120, 140, 3)).astype(np.float32)
    assert tint_of(toned("gray") + noise, HOLE) is None


def test_squares_make_no_difference(monkeypatch):
    pixels = toned("gray")
    pixels[63:67, 40:48] = pixels[45:49, 94:99] = (0.8, 0.1, 0.1)
    whole = coloured_parts(pixels)
    monkeypatch.setattr("imgae.restore.toned.SQUARE", 16)
    assert whole.any()
    assert np.array_equal(coloured_parts(pixels), whole)


def test_a_scratch_through_a_red_square_is_red_there():
    pixels = np.full((120, 140, 3), 110, np.uint8)
    pixels[50:64, 60:74] = (220, 20, 25)
    hole = np.zeros((120, 140), bool)
    hole[56:58, 20:120] = True
    hole[::20, ::9] = hole[:, 10:12] = True
    damaged = pixels.copy()
    damaged[hole] = 255
    out = imgae.Inpainter(threads=1)(damaged, hole)
    red = out[56:58, 64:70].astype(int)
    assert (red[..., 0] - red[..., 1]).min() > 150
    away = out[:, :40].astype(int)
    assert np.ptp(away, axis=2).max() <= 2


def test_where_all_is_unknown_there_is_no_tint():
    assert tint_of(toned("gray"), np.ones_like(HOLE)) is None


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
