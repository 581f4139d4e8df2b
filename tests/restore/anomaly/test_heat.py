"""Heat maps keep the picture, and show where the threshold is passed."""

import numpy as np
import pytest

from imgae import Image
from imgae.restore.anomaly.boxes import boxes_of
from imgae.restore.anomaly.heat import heat_map, ramp
from imgae.restore.anomaly.scorer import Anomaly


def anomaly(height, width, threshold=2.0, level=0.0, spot=0.0):
    found = np.full((height, width), level, np.float32)
    found[height // 3 : height // 2, width // 3 : width // 2] = spot
    score = float(found.max())
    return Anomaly(score, threshold, score > threshold, found, boxes_of(found, threshold))


def test_a_normal_picture_stays_as_it_is():
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    shown = heat_map(Image(pixels), anomaly(60, 80, level=0.9))
    assert np.array_equal(shown.pixels, pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (9, 200), (300, 260)])
def test_every_picture_keeps_its_size_and_becomes_rgb_of_8_bits(dtype, channels, height, width):
    white = 1 if dtype == np.float32 else np.iinfo(dtype).max
    image = Image(np.full((height, width, channels), white // 2 or 0.5, dtype), icc=b"profile")
    shown = heat_map(image, anomaly(height, width, level=1.0, spot=30))
    assert shown.pixels.shape == (height, width, 3)
    assert shown.pixels.dtype == np.uint8
    assert shown.icc == (b"profile" if channels == 3 else None)


def test_the_threshold_is_clearly_seen():
    """Just above it, the picture changes by far more than just below, and a line lies between."""
    pixels = np.full((200, 200, 3), 128, np.uint8)
    below, above = (
        heat_map(Image(pixels), anomaly(200, 200, spot=spot)).pixels.astype(int)
        for spot in (1.99, 2.01)
    )
    inner = (slice(75, 92), slice(75, 92))
    before, after = (np.abs(shown[inner] - 128).max(2).mean() for shown in (below, above))
    assert 0 < before < 0.7 * after
    assert (above == 255).all(2).any()
    assert not (below == 255).all(2).any()


GROUNDS = {"white": (255, 255, 255), "black": (0, 0, 0), "red": (200, 20, 20), "gray": (128,) * 3}


@pytest.mark.parametrize("ground", GROUNDS)
def test_what_is_below_the_threshold_is_tinted_ever_more_on_any_ground(ground):
    pixels = np.full((60, 60, 3), GROUNDS[ground], np.uint8)
    changes = [
        np.abs(heat_map(Image(pixels), anomaly(60, 60, level=level)).pixels - pixels.astype(int))
        .max(2)
        .mean()
        for level in (0.98, 1.02, 1.3, 1.6, 1.99)
    ]
    assert changes[0] == 0 < changes[1]
    assert all(np.diff(changes) > 0)
    assert changes[3] > 12
    assert changes[-1] > 20


@pytest.mark.parametrize("ground", GROUNDS)
def test_the_line_has_a_dark_and_a_light_part_on_any_ground(ground):
    pixels = np.full((120, 120, 3), GROUNDS[ground], np.uint8)
    found = anomaly(120, 120, spot=2.2)
    shown = heat_map(Image(pixels), Anomaly(2.2, 2.0, True, found.map, ())).pixels
    line = shown[50, 38:43].astype(int).max(1)  # across the left side of the spot
    assert line.min() == 0
    assert line.max() == 255


def test_colours_are_ever_lighter():
    """So that they are told apart in gray and by the colour-blind."""
    luma = ramp() @ [0.299, 0.587, 0.114]
    assert (np.diff(luma) > 0).all()
    assert luma[-1] - luma[0] > 200


def test_more_unusual_parts_are_lighter_than_less_unusual_ones():
    pixels = np.full((200, 200, 3), 100, np.uint8)
    shown = [heat_map(Image(pixels), anomaly(200, 200, spot=spot)).pixels for spot in (3, 8, 30)]
    assert np.all(np.diff([picture[80:90, 80:90].mean() for picture in shown]) > 5)


def test_no_score_covers_another_or_the_box_of_a_larger_one():
    found = np.zeros((400, 400), np.float32)
    for row in range(40, 400, 36):
        for column in range(40, 400, 36):
            found[row, column] = 3 + row / 400 + column / 4000
    boxes = boxes_of(found, 2)
    assert len(boxes) == 100
    image = Image(np.full((400, 400, 3), 128, np.uint8))
    crowded, alone = (
        heat_map(image, Anomaly(4.0, 2.0, True, found, some)).pixels for some in (boxes, boxes[:1])
    )
    x, y, width, height, _ = boxes[0]
    with_score = (slice(y - 13, y + height), slice(x, x + width))
    assert np.array_equal(crowded[with_score], alone[with_score])
    assert not np.array_equal(crowded, alone)


def test_lines_and_scores_grow_with_the_picture():
    drawn = []
    for side in (200, 2000):
        pixels = np.full((side, side, 3), 128, np.uint8)
        shown = heat_map(Image(pixels), anomaly(side, side, spot=2.01)).pixels
        lines = (shown == 0).all(2) | (shown == 255).all(2)
        drawn.append(lines.sum() / side)
    assert drawn[1] > 1.5 * drawn[0]
