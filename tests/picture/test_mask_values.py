"""What the values of a mask's picture mean."""

import io

import cv2
import numpy as np
import PIL.Image
import pytest

from imgae import Image, MaskError
from imgae.picture.image import Stored
from imgae.picture.mask_values import (
    eight_bits,
    labels_of,
    looks_like_photograph,
    soft_pixels,
    white_of,
)

GRAY = np.zeros((8, 10, 1))
GRAY[2:5, 3:7] = 1
HERE = GRAY[:, :, 0] > 0
LARGE = GRAY.repeat(8, 0).repeat(8, 1)
WITH_RED = GRAY * (1, 0, 0)


def of(values, dtype=np.uint8, alpha=None):
    return Image(values.astype(dtype), None if alpha is None else alpha.astype(dtype))


@pytest.mark.parametrize(
    "mask",
    [
        of(GRAY * 255),
        of(GRAY),
        of(GRAY * 7),
        of(GRAY * 65535, np.uint16),
        of(GRAY, np.uint16),
        of(GRAY * 255, np.uint16),
        of(GRAY * 200 + 20, np.uint16),
        of(GRAY, np.float32),
        of(GRAY * 255, np.float32),
        of(GRAY * 0.2, np.float32),
        of(np.where(GRAY > 0, 1, np.nan), np.float32),
        of((GRAY * 255).repeat(3, 2)),
        of(WITH_RED * 255),
        of(WITH_RED * 128),
        of(GRAY * 0, alpha=HERE * 255),
        of(255 - GRAY * 255, alpha=HERE * 255),
        of(GRAY * 255, alpha=HERE * 255),
        of(GRAY * 0 + 255, alpha=HERE * 255),
        of(GRAY * 0 + 1, alpha=HERE * 255),
        of(np.where(GRAY > 0, 200, 60)),
    ],
    ids=[
        "8 bits", "0 and 1", "0 and 7", "16 bits", "0 and 1 in 16 bits", "0 and 255 in 16 bits",
        "20 and 220 in 16 bits", "floats", "floats to 255", "dark floats", "NaN", "RGB", "red",
        "a dark palette", "black on transparent", "black on hidden white",
        "white on transparent", "white all over", "1 on transparent", "grays",
    ],
)  # fmt: skip
def test_what_a_file_marks(mask):
    assert np.array_equal(white_of(mask).marked, HERE)


def test_a_black_file_marks_nothing():
    for mask in (of(GRAY * 0), of(GRAY * 0, alpha=HERE * 0 + 255), of(GRAY * 255, alpha=HERE * 0)):
        assert not white_of(mask).marked.any()


@pytest.mark.parametrize(
    "mask",
    [
        of(GRAY * 40 + 5 * (np.arange(10)[None, :, None] > 8)),
        of(GRAY * 0 + 7),
        of(GRAY * 3 * np.arange(10)[None, :, None]),
        of(GRAY * 20_000 * (np.arange(10)[None, :, None] > 4) + GRAY, np.uint16),
        of(WITH_RED * 250 + GRAY * (0, 0, 130) * (np.arange(10)[None, :, None] > 4)),
        of(LARGE * (100, 0, 0) + LARGE * (np.arange(80)[None, :, None] > 40) * (100, 0, 0)),
        of(WITH_RED * 128 + (1 - GRAY) * (0, 128, 0)),
        of(WITH_RED * 128 + np.roll(GRAY, 5, 1) * (0, 128, 0)),
        of(WITH_RED * 250 + np.roll(GRAY, 5, 1) * (0, 40, 0)),
    ],
    ids=[
        "two grays",
        "one gray",
        "labels",
        "16 bits",
        "red and violet",
        "two reds",
        "colours of one mean",
        "colours of one mean on black",
        "red and dark green",
    ],
)
def test_a_file_of_colours_without_white_is_an_error_that_says_what_to_do(mask):
    with pytest.raises(
        MaskError, match=r"nothing in the mask is white.* draw what to fill in white"
    ):
        white_of(mask)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("threshold", [0, 40, 200, 255])
def test_a_threshold_is_a_gray_of_8_bits_and_black_never_fills(dtype, threshold):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    scale = {np.uint8: 1, np.uint16: 257, np.float32: 1 / 255}[dtype]
    marked = white_of(of(ramp.astype(dtype) * scale, dtype), threshold).marked
    expected = (ramp >= threshold) & (ramp > 0)
    assert np.array_equal(marked, expected[:, :, 0])


def test_values_of_0_and_1_are_black_and_white_for_a_threshold_too():
    for dtype in (np.uint8, np.uint16):
        assert np.array_equal(white_of(of(GRAY, dtype), 200).marked, HERE)


@pytest.mark.parametrize(("dark", "bright"), [(1, 2), (200, 250), (0.1, 0.2)])
def test_the_brighter_of_two_grays_is_marked_with_a_remark(dark, bright):
    dtype = np.uint8 if bright >= 1 else np.float32
    marked, remark = white_of(of(np.where(GRAY > 0, bright, dark), dtype))
    assert np.array_equal(marked, HERE)
    assert "its two grays are" in remark


def test_the_brighter_of_two_colours_is_marked():
    marked, remark = white_of(of(np.where(GRAY > 0, (0, 90, 250), (90, 0, 40))))
    assert np.array_equal(marked, HERE)
    assert "its two grays are" in remark


def drawing(colour, large):
    """Something drawn in a colour on black with smooth edges, and where it covers half at least."""
    whole = np.zeros((4 * 96, 4 * 128), np.float32)
    cv2.circle(whole, (150, 150), 100, 1, -1)
    cv2.line(whole, (280, 360), (490, 20), 1, 32)
    if not large:
        whole[:] = 0
        cv2.line(whole, (20, 40), (480, 350), 1, 12)
    cover = cv2.resize(whole, (128, 96), interpolation=cv2.INTER_AREA)
    return (cover[:, :, None] * np.array(colour)).round().astype(np.uint8), cover >= 0.5


@pytest.mark.parametrize("large", [True, False])
@pytest.mark.parametrize(
    "colour", [(255, 0, 0), (0, 0, 255), (0, 255, 0), (255, 128, 0), (200, 0, 60)]
)
@pytest.mark.parametrize("quality", [None, 95, 75, 60])
def test_one_colour_on_black_fills_with_smooth_edges_and_as_a_jpeg(colour, quality, large):
    values, here = drawing(colour, large)
    mask = Image(values)
    if quality:
        stream = io.BytesIO()
        PIL.Image.fromarray(values).save(stream, "JPEG", quality=quality)
        mask = Image(np.asarray(PIL.Image.open(stream)), stored=Stored("JPEG"))
    marked, remark = white_of(mask)
    wrong = (marked != here).sum()
    assert wrong <= (0.15 * here.sum() if quality else 4)
    assert remark == ""


def test_a_colour_that_is_transparent_at_its_edges_fills():
    values, here = drawing((255, 0, 0), large=True)
    red = np.zeros_like(values) + np.array((255, 0, 0), np.uint8)
    assert (white_of(Image(red, values[:, :, 0])).marked != here).sum() <= 4


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((-9999, 1), (0, 255)),
        ((-1, 0.5), (0, 127.5)),
        ((-0.03, 1.03), (0, 255)),
        ((0, 1e9), (0, 255)),
        ((np.nan, np.inf), (0, 255)),
        ((-5, 260), (0, 255)),
        ((3, 200), (3, 200)),
    ],
)
def test_floats_beyond_black_and_white_are_clipped(values, expected):
    mask = of(np.resize(values, (4, 6, 1)), np.float32)
    assert np.array_equal(np.unique(eight_bits(mask)), expected)
    assert not looks_like_photograph(mask)


def test_a_plain_mask_has_no_remark():
    assert white_of(of(GRAY * 255)).remark == ""
    assert white_of(of(GRAY)).remark == ""


def test_what_is_nearly_black_in_a_jpeg_is_black():
    values = np.where(GRAY > 0, 90, np.arange(10)[None, :, None])
    assert eight_bits(of(values)).min() == 0
    with pytest.raises(MaskError):
        white_of(of(values))
    jpeg = Image(values.astype(np.uint8), stored=Stored("JPEG"))
    assert np.array_equal(white_of(jpeg).marked, HERE)


def test_labels_are_as_the_file_stores_them():
    labels = np.array([[0, 1], [2, 3]], np.uint8)
    spread = Image((labels * 85)[:, :, None], stored=Stored("PNG", "2 bits", 2))
    assert np.array_equal(labels_of(spread), labels)
    wide = labels.astype(np.uint16)[:, :, None]
    twelve = Image(np.rint(wide * (65535 / 4095)).astype(np.uint16), stored=Stored("TIFF", "", 12))
    assert np.array_equal(labels_of(twelve), labels)
    assert np.array_equal(labels_of(Image(wide)), labels)
    assert np.array_equal(labels_of(Image(labels[:, :, None].repeat(3, 2))), labels)
    with pytest.raises(MaskError, match="its pixels are colours"):
        labels_of(Image(labels[:, :, None] * np.array([1, 2, 3], np.uint8)))


def square(size=64):
    values = np.zeros((size, size), np.float32)
    values[size // 4 : size // 2, size // 4 : size // 2] = 255
    return values


@pytest.mark.parametrize(("sigma", "soft"), [(0.7, False), (6, True)])
def test_only_wide_edges_are_soft(sigma, soft):
    blurred = cv2.GaussianBlur(square(), (0, 0), sigma)
    assert (soft_pixels(of(blurred[:, :, None])) > 20) == soft


def test_a_gray_line_that_is_nowhere_white_is_soft():
    line = np.zeros((64, 64, 1))
    line[30] = 100
    assert soft_pixels(of(line)) == 64


def test_masks_and_labels_do_not_look_like_photographs():
    rng = np.random.default_rng(0)
    blurred = cv2.GaussianBlur(square(), (0, 0), 4)[:, :, None]
    colours = rng.integers(0, 256, (16, 3))
    labels = colours[np.arange(64)[:, None] // 16 + 4 * (np.arange(64)[None] // 16)]
    for mask in (square()[:, :, None], blurred, labels, rng.integers(0, 2, (64, 64, 1)) * 255):
        assert not looks_like_photograph(of(mask))


@pytest.mark.parametrize(("channels", "dark"), [(1, False), (3, False), (3, True)])
def test_pictures_full_of_grays_or_colours_do(channels, dark):
    coarse = np.random.default_rng(0).random((16, 16, channels)).astype(np.float32)
    values = cv2.resize(coarse, (256, 256), interpolation=cv2.INTER_CUBIC).reshape(256, 256, -1)
    values = values.clip(0, 1) * 255
    if dark:
        values[:210] = 0
    assert looks_like_photograph(of(values))
