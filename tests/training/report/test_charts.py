"""Curves as SVG."""

import xml.etree.ElementTree as ET

import pytest

from imgae.training.report.charts import (
    Axis,
    Series,
    chart,
    decades,
    round_numbers,
    short,
    smoothed,
    thinned,
)

SVG = "{http://www.w3.org/1999/xhtml}"


def drawn(*series, **more):
    return ET.fromstring(chart("Loss & more", list(series), **more))  # noqa: S314 - our own


def ends_of(figure):
    """The first and the last place of the curve in the drawing."""
    (path,) = [one for one in figure.iter("path") if "line" in one.get("class").split()]
    places = path.get("d")[1:].split("L")
    return [tuple(map(float, places[at].split())) for at in (0, -1)]


def test_a_curve_goes_from_one_end_of_its_axes_to_the_other():
    figure = drawn(Series("a", [(0, 1.0), (100, 3.0)]))
    (x0, y0), (x1, y1) = ends_of(figure)
    assert (x0, x1) == (52, 406)
    assert 200 < y0 < 216
    assert 12 < y1 < 25
    label = figure.find("svg").get("aria-label")
    assert label == "Loss & more: a from 1 at step 0 to 3 at 100"


@pytest.mark.parametrize(
    "points",
    [
        [(5, 2.0)],
        [(0, 0.0), (1, 0.0)],
        [(0, -1.0), (9, 1e6)],
        [(1, 1e-300), (2, 1e300)],
        [(0, 5e-324)],
    ],
)
def test_any_points_can_be_drawn(points):
    figure = drawn(Series("<a>", points, dots=True), Series("b", points, 1, level=2.0))
    assert len(list(figure.iter("circle"))) == len(points)
    assert "nan" not in ET.tostring(figure, "unicode")


def test_nothing_is_drawn_of_nothing():
    assert chart("Loss", [Series("a", []), Series("b", [], level=3.0)]) == ""


def test_a_curve_that_falls_far_has_a_logarithmic_axis():
    axis = Axis(0.01, 100, 0, 100, logarithmic=True)
    assert [axis(value) for value in (0.01, 1, 100)] == pytest.approx([0, 50, 100])
    assert axis.ticks == pytest.approx([0.01, 0.1, 1, 10, 100])
    assert decades(1, 30) == pytest.approx([1, 2, 5, 10, 20])
    assert round_numbers(0, 10) == [0, 2, 4, 6, 8, 10]
    assert round_numbers(28.13, 28.47) == pytest.approx([28.2, 28.3, 28.4])


def test_many_points_become_few_and_smooth_without_moving():
    line = [(float(at), 2.0 * at) for at in range(5000)]
    few = thinned(line)
    assert len(few) <= 400
    assert few[-1] == line[-1]
    assert all(value == pytest.approx(2 * across) for across, value in few)
    noisy = [(float(at), float(at % 2)) for at in range(300)]
    assert all(abs(value - 0.5) < 0.1 for _, value in smoothed(noisy))


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (5000, "5000"), (20000, "20k"), (1.5e6, "1.5M"), (0.002, "0.002")]
)
def test_numbers_on_an_axis_are_short(value, text):
    assert short(value) == text
