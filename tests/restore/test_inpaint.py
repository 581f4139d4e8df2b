"""Filling holes, with a stand-in model that fills with one value."""

from unittest.mock import Mock

import numpy as np
import PIL.Image
import pytest
import tiny_models
from scenes import photo

import imgae
from imgae import MaskError
from imgae.io.metadata.upright import upright
from imgae.picture import masks
from imgae.picture.pixels import from_float, to_float
from imgae.restore.inpaint import (
    DEEPEST,
    as_hole,
    boxes_of,
    cheapest_tiles,
    deep_parts,
    depth_of,
    double,
    halo_for,
    halve,
)
from imgae.synthetic.masks import BENCHMARK, benchmark_mask


@pytest.fixture
def inpainter(tmp_path):
    return imgae.Inpainter(tiny_models.fill(tmp_path / "fill.onnx"), threads=1)


def picture(dtype, channels, alpha=False, height=90, width=70):
    rng = np.random.default_rng(0)
    shape = (height, width, channels + alpha)
    if np.dtype(dtype).kind == "f":
        return rng.random(shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, shape, endpoint=True).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize(("channels", "alpha"), [(1, False), (3, False), (3, True)])
@pytest.mark.parametrize("feather", [0, 3])
def test_nothing_changes_outside_the_mask(inpainter, dtype, channels, alpha, feather):
    pixels = picture(dtype, channels, alpha)
    mask = np.zeros((90, 70), bool)
    mask[20:40, 30:60] = mask[80, 5] = True
    out = inpainter(pixels, mask, feather)
    assert (out.dtype, out.shape) == (pixels.dtype, pixels.shape)
    assert np.array_equal(out[~mask], pixels[~mask])
    assert not np.array_equal(out[mask], pixels[mask])
    if alpha:
        assert np.array_equal(out[:, :, 3], pixels[:, :, 3])


def test_a_mask_that_marks_nothing_gives_the_input_back(inpainter):
    pixels = picture(np.uint8, 3)
    out = inpainter(pixels, np.zeros((90, 70), bool))
    assert np.array_equal(out, pixels)
    assert out is not pixels


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.ones((90, 70), bool), "marks the whole picture"),
        (np.zeros((70, 90), bool), "the mask is 90x70, the picture 70x90"),
        (np.zeros((90, 70), np.float32), "expected bool or uint8"),
        (np.zeros((90, 70, 1), bool), "expected bool or uint8"),
        (PIL.Image.new("F", (70, 90)), "mode F; expected 1, L"),
        (np.zeros((90, 70), bool).tolist(), "not list"),
    ],
)
def test_masks_that_do_not_fit_are_refused(inpainter, mask, words):
    with pytest.raises(MaskError, match=words):
        inpainter(picture(np.uint8, 3), mask)


def test_uint8_masks_fill_from_one_half_up(inpainter):
    image = imgae.Image(picture(np.uint8, 3))
    mask = np.zeros((90, 70), np.uint8)
    mask[0, :3] = 127, 128, 255
    assert as_hole(mask, image)[0, :4].tolist() == [False, True, True, False]
    drawn = imgae.Image(np.asarray(as_hole(mask, image))[:, :, None].astype(np.uint8) * 255)
    assert np.array_equal(as_hole(drawn, image), as_hole(mask, image))


def test_masks_of_0_and_1_and_pil_masks_fill_what_bool_masks_fill(inpainter):
    pixels = picture(np.uint8, 3)
    hole = np.zeros((90, 70), bool)
    hole[20:40, 30:60] = True
    expected = inpainter(pixels, hole)
    for mask in (
        hole.astype(np.uint8),
        np.where(hole, 255, 0).astype(np.uint8),
        PIL.Image.fromarray(hole),
        PIL.Image.fromarray(hole).convert("L"),
    ):
        assert np.array_equal(inpainter(pixels, mask), expected)


def test_feathering_keeps_most_of_the_old_at_the_rim(inpainter):
    pixels = np.full((90, 70, 3), 0.2, np.float32)
    mask = np.zeros((90, 70), bool)
    mask[20:61, 20:61] = True
    hard, soft = inpainter(pixels, mask), inpainter(pixels, mask, 9)
    assert np.array_equal(hard[40, 40], soft[40, 40])
    rim = (soft[40, 20:32, 0] - 0.2) / (hard[40, 20:32, 0] - 0.2)
    assert np.allclose(rim, np.minimum(np.arange(1, 13) / 10, 1), atol=0.01)


def test_deep_holes_start_from_half_the_size(inpainter, monkeypatch):
    seen = []
    fill = type(inpainter).fill

    def watched(self, values, hole, *others, **named):
        seen.append(hole.shape)
        return fill(self, values, hole, *others, **named)

    monkeypatch.setattr(type(inpainter), "fill", watched)
    mask = np.zeros((300, 300), bool)
    mask[100 : 100 + 2 * DEEPEST - 4, 100:200] = True
    inpainter(picture(np.uint8, 3, height=300, width=300), mask)
    assert len(seen) == 1
    mask[100:230, 100:230] = True
    inpainter(picture(np.uint8, 3, height=300, width=300), mask)
    assert len(seen) == 1 + 1 + 2


def test_integers_are_filled_as_floats_are_and_rounded_once():
    """Of the shipped model, in a hole that is guessed, textured and feathered."""
    values = np.rint(photo(150, 140) * 255)
    hole = np.zeros((150, 140), bool)
    hole[40:110, 30:104] = True
    inpainter = imgae.Inpainter(threads=1)
    for dtype, white in ((np.uint8, 255), (np.uint16, 65535)):
        stored = np.rint(values * (white / 255)).astype(dtype)
        out, floats = (inpainter(p, hole, feather=3) for p in (stored, to_float(stored)))
        assert np.array_equal(out, from_float(floats, dtype))


def test_halving_and_doubling():
    rng = np.random.default_rng(0)
    pixels, hole = rng.random((31, 43, 3), np.float32), rng.random((31, 43)) < 0.6
    mean, unknown = halve(pixels, hole)
    assert (mean.shape, unknown.shape) == ((16, 22, 3), (16, 22))
    block, known = pixels[4:6, 8:10], ~hole[4:6, 8:10]
    assert known.any()
    assert np.allclose(mean[2, 4], block[known].mean(0), atol=1e-6)
    assert unknown[2, 4] == (not known.any())
    flat = np.full((16, 22, 3), 0.3, np.float32)
    assert np.allclose(double(flat, 31, 43), 0.3)
    assert double(flat, 31, 43).shape == (31, 43, 3)


def test_few_holes_cost_few_pixels(inpainter):
    hole = np.zeros((4000, 6000), bool)
    hole[2000:2010, 3000:3100] = True
    tiles = cheapest_tiles(hole, 8, inpainter.model.card, "auto")
    assert sum(tile.read.area for tile in tiles) < 0.02 * hole.size
    kept = np.zeros_like(hole)
    for tile in tiles:
        kept[tile.keep.slices] = True
    assert kept[hole].all()


def test_thin_holes_need_less_around_them():
    card = tiny_models.card(stride=8, halo=240, thin_halo=136)
    hole = np.zeros((100, 205), bool)
    hole[16:23] = hole[:, 41:48] = True
    assert halo_for(hole, card) == 136
    hole[95:, 202:] = True  # what the model adds at the border is as unknown as this
    assert halo_for(hole, card) == 136
    hole[97:, 200:] = True
    assert halo_for(hole, card) == 136
    hole[96:, 200:] = True
    assert halo_for(hole, card) == 240
    assert halo_for(np.zeros_like(hole), tiny_models.card(stride=8, halo=240)) == 240


def test_benchmark_masks_are_the_same_every_time():
    for kind in BENCHMARK:
        mask = benchmark_mask(kind, 3, 200, 300)
        assert np.array_equal(mask, benchmark_mask(kind, 3, 200, 300))
        assert not np.array_equal(mask, benchmark_mask(kind, 4, 200, 300))
        assert 0.005 < mask.mean() < 0.9


def test_where_masks_come_from():
    image = imgae.Image(picture(np.uint8, 3))
    box = masks.box(image, 10, 20, 30, 5)
    assert box.sum() == 150
    assert box[20:25, 10:40].all()
    assert masks.box(image, -5, -5, 10, 10).sum() == 25
    with pytest.raises(MaskError, match="outside the picture of 70x90"):
        masks.box(image, 70, 0, 5, 5)
    assert masks.polygon(image, [(0, 0), (9, 0), (9, 9), (0, 9)]).sum() == 100
    with pytest.raises(MaskError, match="three corners"):
        masks.polygon(image, [(0, 0), (9, 0)])
    red, green, blue = (int(value) for value in image.pixels[4, 5])
    assert masks.color(image, (red, green, blue), 0)[4, 5]
    assert masks.color(image, (red, green, blue), 0).mean() < 0.1
    assert masks.color(image, (128, 128, 128), 127).sum() > masks.color(image, (128,) * 3, 60).sum()
    dot = masks.box(image, 40, 40, 1, 1)
    assert masks.dilate(dot, 2).sum() == 13  # a disk
    assert masks.dilate(dot, 10_000).all()
    assert not masks.dilate(dot & False, 3).any()
    alpha = np.full((90, 70), 255, np.uint8)
    alpha[3, 4] = 200
    assert np.argwhere(masks.from_alpha(imgae.Image(image.pixels, alpha))).tolist() == [[3, 4]]
    with pytest.raises(MaskError, match="no transparency"):
        masks.from_alpha(image)


@pytest.mark.parametrize("orientation", [6, 8])
def test_a_mask_that_only_fits_the_stored_pixels_is_turned_with_them(orientation):
    stored = np.zeros((40, 30, 1), np.uint8)
    stored[3, 4] = 255
    picture_stored = np.where(stored > 0, 200, 10).astype(np.uint8)
    image = upright(imgae.Image(picture_stored), orientation)
    marked = masks.from_picture(imgae.Image(stored), image)
    assert np.array_equal(marked, image.pixels[:, :, 0] == 200)


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("height", [30, 40])
def test_a_mask_with_its_own_orientation_is_turned_by_that(orientation, height):
    stored = np.zeros((height, 30, 1), np.uint8)
    stored[3, 4] = 255
    image = upright(imgae.Image(np.zeros((height, 30, 3), np.uint8)), orientation)
    drawn = upright(imgae.Image(stored), orientation)
    assert np.array_equal(masks.from_picture(drawn, image), drawn.pixels[:, :, 0] > 0)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_mask_that_fits_both_ways_lies_on_the_upright_picture_and_that_is_told(orientation):
    image = upright(imgae.Image(np.zeros((30, 30, 3), np.uint8)), orientation)
    drawn = np.zeros((30, 30, 1), np.uint8)
    drawn[3:9, 4:20] = 255
    told = f"m.png: taken as drawn on the upright picture.*orientation, {orientation}"
    with pytest.warns(imgae.ImgaeWarning, match=told):
        marked = masks.from_picture(imgae.Image(drawn), image, "m.png")
    assert np.array_equal(marked, drawn[:, :, 0] > 0)
    even = np.full((30, 30, 1), 255, np.uint8)
    even[1:-1, 1:-1] = 0  # the same whichever way it is turned
    assert masks.from_picture(imgae.Image(even), image).sum() == 4 * 29


def test_a_mask_drawn_on_the_upright_picture_fits_too():
    image = upright(imgae.Image(np.zeros((40, 30, 1), np.uint8)), 6)
    drawn = np.zeros((30, 40, 1), np.uint8)
    drawn[2, 3] = 255
    assert masks.from_picture(imgae.Image(drawn), image)[2, 3]
    with pytest.raises(MaskError, match="the mask is 9x8, the picture 40x30"):
        masks.from_picture(imgae.Image(np.zeros((8, 9, 1), np.uint8)), image)


def test_settings_and_values_that_make_no_sense_are_refused(inpainter):
    path = inpainter.model.path
    for wrong in ({"tile": -8}, {"threads": 0}):
        with pytest.raises(imgae.OptionError, match="expected"):
            imgae.Inpainter(path, **wrong)
    pixels, hole = np.full((9, 9, 3), np.nan, np.float32), np.eye(9, dtype=bool)
    with pytest.raises(imgae.ImageError, match="NaN"):
        inpainter(pixels, hole)
    pixels[~hole] = 0.5  # what is missing may be marked so
    assert np.isfinite(inpainter(pixels, hole)).all()
    for feather in (-1, 1.5):
        with pytest.raises(imgae.OptionError, match="feather"):
            inpainter(pixels, hole, feather)


def test_thin_holes_that_touch_a_deep_one_are_not_guessed():
    hole = np.zeros((300, 300), bool)
    hole[100:200, 100:200] = True
    box = hole.copy()
    hole[148:152] = True
    deep = deep_parts(depth_of(hole), hole, DEEPEST)
    assert deep[box].all()
    assert not deep[:, :80].any()
    assert not deep[:, 220:].any()


def test_deep_holes_far_apart_are_looked_at_one_by_one():
    hole = np.zeros((2000, 3000), bool)
    hole[100:160, 100:160] = hole[1800:1870, 2800:2870] = True
    depth = depth_of(hole)
    boxes = boxes_of(deep_parts(depth, hole, DEEPEST), depth, 64)
    assert len(boxes) == 2
    assert sum(box.area for box in boxes) < 0.05 * hole.size
    assert all(box.top % 2 == box.left % 2 == 0 for box in boxes)
    near = np.zeros((2000, 3000), bool)
    near[100:160, 100:160] = near[100:160, 200:260] = True
    depth = depth_of(near)
    assert len(boxes_of(deep_parts(depth, near, DEEPEST), depth, 64)) == 1


def test_a_model_that_gives_no_numbers_is_told(tmp_path):
    path = tiny_models.fill(tmp_path / "fill.onnx")
    inpainter = imgae.Inpainter(path, threads=1)
    inpainter.model = Mock(wraps=inpainter.model, card=inpainter.model.card)
    inpainter.model.side_effect = lambda **planes: np.full_like(planes["image"], np.nan)
    with pytest.raises(imgae.ModelError, match="NaN or infinity"):
        inpainter(picture(np.uint8, 3), np.eye(90, 70, dtype=bool))
