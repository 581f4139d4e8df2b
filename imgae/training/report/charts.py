"""Curves as SVG, drawn with text alone; colours and fonts come from the page's style."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 420
HEIGHT: Final = 250
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 12, 34
"""Room around the curves, in the units of the drawing."""
MOST_POINTS: Final = 400
"""Points of a curve that are drawn; of more, the means of neighbours are."""
COLOURS: Final = 8
"""How many colours the style has; with others come other dashes."""
LOG_FROM: Final = 8.0
"""Highest value over the lowest from which a curve that falls is drawn on a logarithmic axis."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Series:
    """A curve.

    number: which colour and dashes. dots: mark each point, which says its value to the pointer.
    noisy: draw a running mean, and the values behind it. level: draw a line across, as of a
    baseline.
    """

    name: str
    points: Points
    number: int = 0
    dots: bool = False
    noisy: bool = False
    level: float | None = None


@dataclass(frozen=True)
class Axis:
    """A range of values on a range of the drawing, which may be logarithmic."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = (self.scaled(one) for one in (self.low, self.high, value))
        return self.start + (at - low) / (high - low) * (self.end - self.start)

    def scaled(self, value: float) -> float:
        return math.log10(value) if self.logarithmic else value

    @property
    def ticks(self) -> list[float]:
        if self.logarithmic:
            found = decades(self.low, self.high)
            if len(found) > 1:
                return found
        return round_numbers(self.low, self.high)


def chart(title: str, series: Sequence[Series], across: str = "step", form: str = "{:.4g}") -> str:
    """Return a figure with curves over steps or minutes; "" where there is nothing to draw.

    form: how a value is shown to the pointer and to those who listen.
    """
    drawn = [one for one in series if one.points]
    values = [y for one in drawn for _, y in one.points]
    values += [one.level for one in drawn if one.level is not None]
    if not values:
        return ""
    logarithmic = min(values) > 0 and max(values) / min(values) > LOG_FROM
    x = Axis(*widened(*ends(x for one in drawn for x, _ in one.points)), LEFT, WIDTH - RIGHT)
    low, high = ends(values)
    if not logarithmic:
        low, high = widened(low, high, 0.05)
    y = Axis(low, high, HEIGHT - BOTTOM, TOP, logarithmic)
    inside = [*grid(x, y, across), *(part for one in drawn for part in parts_of(one, x, y, form))]
    said = "; ".join(said_of(one, across, form) for one in drawn)
    return (
        f'<figure class="chart"><figcaption>{escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}: '
        f'{escape(said)}">{"".join(inside)}</svg></figure>'
    )


def parts_of(one: Series, x: Axis, y: Axis, form: str) -> Iterable[str]:
    """Yield a curve's elements: what is behind first."""
    colour = f"c{one.number % COLOURS} d{one.number // COLOURS % 3}"
    if one.level is not None:
        at = y(one.level)
        yield (
            f'<path class="level {colour}" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}">'
            f"<title>{escape(one.name)}: {escape(form.format(one.level))}</title></path>"
        )
        return
    points = thinned(one.points)
    if one.noisy and len(points) > 60:
        yield f'<path class="raw {colour}" d="{path_of(points, x, y)}"/>'
        points = smoothed(points)
    yield f'<path class="line {colour}" d="{path_of(points, x, y)}"/>'
    if not one.dots and len(points) > 1:
        return
    for across, value in thinned(one.points, 100):
        yield (
            f'<circle class="{colour}" cx="{x(across):.1f}" cy="{y(value):.1f}" r="2.6">'
            f"<title>{escape(one.name)}, {across:,.6g}: {escape(form.format(value))}</title>"
            "</circle>"
        )


def path_of(points: Points, x: Axis, y: Axis) -> str:
    return "M" + "L".join(f"{x(across):.1f} {y(value):.1f}" for across, value in points)


def grid(x: Axis, y: Axis, across: str) -> Iterable[str]:
    """Yield lines and numbers along both axes."""
    for value in y.ticks:
        at = y(value)
        yield f'<path class="grid" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>'
        yield f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{short(value)}</text>'
    for value in x.ticks:
        at = x(value)
        yield f'<path class="grid" d="M{at:.1f} {HEIGHT - BOTTOM}v4"/>'
        yield (
            f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">'
            f"{short(value)}</text>"
        )
    yield (
        f'<text class="axis" x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">'
        f"{escape(across)}</text>"
    )


def said_of(one: Series, across: str, form: str) -> str:
    """Say a curve in a few words, for those who do not see it."""
    if one.level is not None:
        return f"{one.name} {form.format(one.level)}"
    (first, start), (last, end) = one.points[0], one.points[-1]
    return (
        f"{one.name} from {form.format(start)} at {across} {first:,.6g} to {form.format(end)} at "
        f"{last:,.6g}"
    )


def ends(values: Iterable[float]) -> tuple[float, float]:
    listed = list(values)
    return min(listed), max(listed)


def widened(low: float, high: float, share: float = 0.0) -> tuple[float, float]:
    """Return a range with a margin, and never an empty one."""
    if low == high:
        margin = abs(low) * 0.05 or 1.0
        return low - margin, high + margin
    margin = (high - low) * share
    return low - margin, high + margin


def thinned(points: Points, most: int = MOST_POINTS) -> Points:
    """Return the means of neighbouring points, so that there are not too many; the last stays."""
    if len(points) <= most:
        return points
    size = math.ceil(len(points) / (most - 1))
    means = [
        tuple(sum(column) / len(column) for column in zip(*points[at : at + size], strict=True))
        for at in range(0, len(points), size)
    ]
    return [*((across, value) for across, value in means), points[-1]]


def smoothed(points: Points) -> Points:
    """Return running means over a fifteenth of the points; at both ends, over what there is."""
    reach = max(1, len(points) // 30)
    found = []
    for at, (across, _) in enumerate(points):
        window = points[max(0, at - reach) : at + reach + 1]
        found.append((across, sum(value for _, value in window) / len(window)))
    return found


def round_numbers(low: float, high: float, most: int = 6) -> list[float]:
    """Return multiples of 1, 2 or 5 times a power of ten between low and high."""
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * unit for unit in (1, 2, 5, 10) if size * unit >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def decades(low: float, high: float) -> list[float]:
    """Return powers of ten between low and high, with 2 and 5 times them if they are few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    units = (1, 2, 5) if len(powers) < 5 else (1,)
    found = [unit * 10.0**power for power in powers for unit in units]
    return [value for value in found if low * 0.999 <= value <= high * 1.001]


def short(value: float) -> str:
    """Return a number as an axis has it: 20k, 1.5M, 0.001."""
    if value == 0:
        return "0"
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size * (10 if letter == "k" else 1):
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"
