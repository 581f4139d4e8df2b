"""Pictures of an evaluation: quality against time, and a sheet of crops with the worst cases."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import PIL.Image
import PIL.ImageDraw
from numpy.typing import NDArray

from imgae.evaluate.protocol import Method, Result, Sample
from imgae.io.atomic import write_whole
from imgae.io.files import write_image
from imgae.picture.image import Image
from imgae.picture.pixels import to_uint8, to_uint8_rgb

CROP: Final = 128
LABEL: Final = 14
GAP: Final = 4
LABEL_OFFSETS: Final = (8, -8, 38, -38)  # points; so that neighbours leave each other room
PLOTS: Final = (".png", ".pdf", ".svg")


def plot_quality_against_time(results: Sequence[Result], path: Path, title: str) -> None:
    """Draw PSNR against seconds per megapixel, on a logarithmic axis; results of one level."""
    from matplotlib.figure import Figure  # no pyplot: it would look for a display

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    by_time = sorted(results, key=lambda result: result.value("seconds_per_megapixel"))
    for number, result in enumerate(by_time):
        x, y = result.value("seconds_per_megapixel"), result.value("psnr")
        ours = result.figures["kmac_per_pixel"] is not None
        offset = LABEL_OFFSETS[number % len(LABEL_OFFSETS)]
        axes.scatter(
            x, y, s=60, marker="o" if ours else "s", color="#0b5fa5" if ours else "#888888"
        )
        axes.annotate(
            f"{result.method}\n{y:.2f}",
            (x, y),
            xytext=(0, offset),
            textcoords="offset points",
            ha="center",
            va="bottom" if offset > 0 else "top",
        )
    axes.set_xscale("log")
    for set_formatter in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        set_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "125" else "")
    axes.margins(x=0.25, y=0.5)
    axes.set_xlabel("seconds per megapixel (left is faster)")
    axes.set_ylabel("PSNR, dB")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=120, format=path.suffix[1:].lower())
    write_whole(path, buffer.getvalue())


def worst_of(result: Result, samples: Sequence[Sample], count: int = 1) -> list[Sample]:
    """Return the samples with the lowest figures of a result, worst first."""
    return sorted(samples, key=lambda sample: result.pictures[sample.name])[:count]


def contact_sheet(
    rows: Sequence[tuple[str, Sample]], methods: Sequence[Method], path: Path
) -> None:
    """Draw a row for each sample, under its label: as given, by each method, the reference.

    Each is cropped to 128x128 pixels where the first method's error is largest.
    """
    heads, sheet = [], []
    for label, sample in rows:
        outputs = [to_uint8_rgb(method.run(sample)) for method in methods]
        given, reference = to_uint8_rgb(to_uint8(sample.pixels)), to_uint8_rgb(sample.reference)
        where = largest_error(outputs[0], reference)
        heads.append([label, *(method.name for method in methods), "reference"])
        sheet.append([pixels[where] for pixels in (given, *outputs, reference)])
    draw_sheet(heads, sheet, path)


def draw_sheet(heads: list[list[str]], sheet: list[list[NDArray[np.uint8]]], path: Path) -> None:
    """Write rows of crops, each under its head."""
    cell = CROP + GAP
    picture = PIL.Image.new("RGB", (cell * len(sheet[0]), (cell + LABEL) * len(sheet)), "white")
    draw = PIL.ImageDraw.Draw(picture)
    for row, (names, crops) in enumerate(zip(heads, sheet, strict=True)):
        for column, (name, crop) in enumerate(zip(names, crops, strict=True)):
            left, top = column * cell, row * (cell + LABEL)
            draw.text((left + 2, top + 1), name, "black")
            picture.paste(PIL.Image.fromarray(crop), (left, top + LABEL))
    write_image(Image(np.asarray(picture)), path, overwrite=True)


def largest_error(pixels: NDArray[Any], reference: NDArray[Any]) -> tuple[slice, slice]:
    """Return the window of CROP pixels a side in which the squared error adds up to most."""
    error = np.square(pixels.astype(np.float64) - reference).mean(2)
    sums = np.pad(error.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    height, width = (min(CROP, size) for size in error.shape)
    window = (
        sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width]
        + sums[:-height, :-width]
    )  # fmt: skip
    top, left = np.unravel_index(window.argmax(), window.shape)
    return slice(int(top), int(top) + height), slice(int(left), int(left) + width)
