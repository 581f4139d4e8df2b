"""What is drawn by hand, pixel by pixel, and how wrong strokes are told."""

import itertools
import json

import numpy as np
import pytest

from imgae import Image
from imgae.cli.server import strokes
from imgae.cli.server.spans import fill_line, fill_polygon
from imgae.cli.server.strokes import MOST_STROKES, Strokes, strokes_of
from imgae.errors import OptionError

RNG = np.random.default_rng(0)
SHAPE = (37, 53)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5


def near(points, radius):
    """What is within a radius of a line, by the distance of each pixel's centre."""
    nearest = np.full(SHAPE, np.inf)
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        length = (x1 - x0) ** 2 + (y1 - y0) ** 2
        along = ((X - x0) * (x1 - x0) + (Y - y0) * (y1 - y0)) / length if length else 0 * X
        share = along.clip(0, 1)
        away = np.hypot(X - x0 - share * (x1 - x0), Y - y0 - share * (y1 - y0))
        nearest = np.minimum(nearest, away)
    return nearest <= radius


def inside(points):
    """What an odd number of sides are right of."""
    odd = np.zeros(SHAPE, bool)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, 0), strict=True):
        if y0 != y1:
            odd ^= ((y0 > Y) != (y1 > Y)) & (x0 + (Y - y0) / (y1 - y0) * (x1 - x0) > X)
    return odd


@pytest.mark.parametrize("seed", range(12))
def test_a_line_marks_the_pixels_whose_centres_are_near(seed):
    rng = np.random.default_rng(seed)
    for radius in (0.3, 1, 4.7, 30):
        points = rng.uniform(-15, 65, (rng.integers(2, 7), 2))
        points = np.round(points) if seed % 3 == 0 else points
        if seed % 4 == 1:
            points[1:, seed % 2] = points[0, seed % 2]  # upright or level
        marked = np.zeros(SHAPE, bool)
        fill_line(marked, points, radius, True)
        assert np.array_equal(marked, near(points, radius))


@pytest.mark.parametrize("seed", range(12))
def test_a_polygon_marks_the_pixels_whose_centres_are_inside(seed):
    points = np.random.default_rng(seed).uniform(-15, 65, (3 + seed, 2))
    marked = np.zeros(SHAPE, bool)
    fill_polygon(marked, points, True)
    assert np.array_equal(marked, inside(points))


def drawn(*given, before=None, pixels=None):
    image = Image(np.zeros((*SHAPE, 3), np.uint8) if pixels is None else pixels)
    marked = np.zeros(SHAPE, bool) if before is None else before.copy()
    Strokes(strokes_of(json.dumps(given)), lambda: pytest.fail("no detector"))(image, marked)
    return marked


def area(top, bottom, left, right):
    marked = np.zeros(SHAPE, bool)
    marked[top:bottom, left:right] = True
    return marked


def test_a_dot_is_a_disc():
    marked = drawn({"tool": "brush", "size": 8, "points": [[20, 10]]})
    assert np.array_equal(marked, np.hypot(X - 20, Y - 10) <= 4)


def test_a_box_marks_the_pixels_whose_centres_are_in_it():
    assert np.array_equal(drawn({"tool": "box", "box": [2, 3, 4, 5]}), area(3, 8, 2, 6))
    assert np.array_equal(drawn({"tool": "box", "box": [2.4, 3.6, 4, 5]}), area(4, 9, 2, 6))
    assert np.array_equal(drawn({"tool": "box", "box": [-9, -9, 12, 11]}), area(0, 2, 0, 3))
    assert not drawn({"tool": "box", "box": [90, 90, 5, 5]}).any()


def test_strokes_are_drawn_in_order_on_what_is_marked_already():
    box = {"tool": "box", "box": [0, 0, 10, 10]}
    before = area(5, 20, 5, 20)
    erased = drawn(box, {"tool": "box", "box": [0, 0, 8, 8], "erase": True}, before=before)
    assert np.array_equal(erased, (area(0, 10, 0, 10) | before) & ~area(0, 8, 0, 8))
    wiped = drawn({"tool": "eraser", "size": 200, "points": [[9, 9]]}, box, before=before)
    assert np.array_equal(wiped, area(0, 10, 0, 10))
    assert np.array_equal(drawn({"tool": "invert"}, before=before), ~before)
    assert np.array_equal(drawn(box, {"tool": "clear"}, box, before=before), area(0, 10, 0, 10))
    corners = [[0, 0], [10, 0], [10, 10], [0, 10]]
    assert np.array_equal(drawn({"tool": "polygon", "points": corners}), area(0, 10, 0, 10))


def test_a_colour_is_marked_where_it_is_and_only_within():
    pixels = np.zeros((*SHAPE, 3), np.uint8)
    pixels[4:9, 4:9] = (250, 128, 5)
    stroke = {"tool": "color", "color": "ff8000", "tolerance": 5}
    assert np.array_equal(drawn(stroke, pixels=pixels), area(4, 9, 4, 9))
    assert not drawn({**stroke, "tolerance": 4}, pixels=pixels).any()
    within = {**stroke, "within": [0, 0, 6, 90]}
    assert np.array_equal(drawn(within, pixels=pixels), area(4, 9, 4, 6))
    assert not drawn({**stroke, "within": [200, 0, 6, 90]}, pixels=pixels).any()


def test_defects_are_marked_with_the_margins_of_inpaint():
    class Found:
        def find_each(self, image, defects, *, sensitivity):
            assert (defects, sensitivity) == (("dust", "stamp"), 0.7)
            return {"dust": area(9, 10, 9, 10), "stamp": np.zeros(SHAPE, bool)}

    text = '[{"tool": "detect", "defects": ["dust", "stamp"], "sensitivity": 0.7}]'
    marked = np.zeros(SHAPE, bool)
    Strokes(strokes_of(text), Found)(Image(np.zeros((*SHAPE, 3), np.uint8)), marked)
    assert np.array_equal(marked, np.hypot(X - 9.5, Y - 9.5) <= 1)


BRUSH = {"tool": "brush", "size": 3, "points": [[1, 2]]}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("[", "strokes: is no JSON"),
        ("[" * 100_000, "strokes: is no JSON"),
        ("{}", "strokes: is no list"),
        ("[1]", "stroke 1: is no object"),
        ([BRUSH, {"tool": "pen"}], "stroke 2: tool is 'pen'; there are: brush"),
        ([{**BRUSH, "sise": 3}], "stroke 1: a brush has no 'sise'; it takes size, points"),
        ([{**BRUSH, "points": []}], "points has to be 1 or more pairs of numbers"),
        ([{**BRUSH, "points": [[1]]}], "points has to be 1 or more pairs"),
        ([{**BRUSH, "points": [[1, 2], [3]]}], "points has to be 1 or more pairs"),
        ([{**BRUSH, "points": [[1, "2"]]}], "points has to be 1 or more pairs"),
        ([{**BRUSH, "points": [[1, 10**400]]}], "points has to be 1 or more pairs"),
        ([{**BRUSH, "points": [[1, 1e7]]}], "points has a number that is not within 1000000 of 0"),
        ('[{"tool": "brush", "size": 3, "points": [[1, NaN]]}]', "not within 1000000"),
        ([{**BRUSH, "size": -1}], "size is -1; it is a number from 0 to 1000000"),
        ([{**BRUSH, "size": True}], "size is True; it is a number"),
        ([{"tool": "box", "box": [1, 2, 3]}], "box has to be 4 numbers"),
        ([{"tool": "box", "box": [1, 2, -3, 4]}], "box has a width or height below 0"),
        ([{"tool": "box", "box": [1, 2, 3, 4], "erase": 1}], "erase is 1; it is true or false"),
        ([{"tool": "polygon", "points": [[1, 2], [3, 4]]}], "points has to be 3 or more pairs"),
        ([{"tool": "color", "color": "red"}], "color is 'red'; it is one such as ff8000"),
        ([{"tool": "detect", "defects": ["spots"]}], "defects has to be a list of some of scratch"),
        ([{"tool": "clear"}] * (MOST_STROKES + 1), "strokes: are 20001; they may be 20000"),
    ],
)
def test_wrong_strokes_are_told(given, told):
    with pytest.raises(OptionError) as error:
        strokes_of(given if isinstance(given, str) else json.dumps(given))
    assert told in str(error.value)
    assert str(error.value).startswith("strokes: ")


@pytest.mark.parametrize(
    ("stroke", "most"),
    [({"tool": "color", "color": "ff8000"}, 50), ({"tool": "detect", "defects": ["dust"]}, 20)],
)
def test_only_so_many_strokes_go_through_the_whole_picture(stroke, most):
    assert len(strokes_of(json.dumps([stroke] * most + [BRUSH]))) == most + 1
    with pytest.raises(OptionError, match=f"have more than {most} of the tool {stroke['tool']}"):
        strokes_of(json.dumps([stroke] * (most + 1)))


def test_too_many_points_are_refused(monkeypatch):
    monkeypatch.setattr(strokes, "MOST_POINTS", 100)
    half = {**BRUSH, "points": [[1, 2]] * 50}
    assert len(strokes_of(json.dumps([half, half]))) == 2
    with pytest.raises(OptionError, match="more than 100 points"):
        strokes_of(json.dumps([half, half, BRUSH]))
