"""Pictures of an evaluation: quality against time, and a sheet of crops with the worst cases."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import PIL.Image
import PIL.ImageDraw
from numpy.typing import NDArray

from imgae.evaluate.camera import Method as Restorer
from imgae.evaluate.camera import Sample
from imgae.evaluate.denoise import Method, Result, Trial, run_on
from imgae.evaluate.inpaint import Fill, FillResult, with_holes
from imgae.picture.pixels import to_uint8, to_uint8_rgb

CROP: Final = 128
LABEL: Final = 14
GAP: Final = 4
LABEL_OFFSETS: Final = (8, -8, 38, -38)  # points; so that neighbours leave each other room


def plot_quality_against_time(results: Sequence[Result], path: Path, title: str) -> None:
    """Draw PSNR against seconds per megapixel, on a logarithmic axis; results of one level."""
    from matplotlib.figure import Figure  # no pyplot: it would look for a display

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    by_time = sorted(results, key=lambda result: result.seconds_per_megapixel)
    for number, result in enumerate(by_time):
        ours = result.kmac_per_pixel is not None
        offset = LABEL_OFFSETS[number % len(LABEL_OFFSETS)]
        axes.scatter(
            result.seconds_per_megapixel, result.psnr, s=60, marker="o" if ours else "s",
            color="#0b5fa5" if ours else "#888888",
        )  # fmt: skip
        axes.annotate(
            f"{result.method}\n{result.psnr:.2f}",
            (result.seconds_per_megapixel, result.psnr),
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
    figure.savefig(path, dpi=120)


def contact_sheet(
    trial: Trial, methods: Sequence[Method], results: Sequence[Result], path: Path, rows: int = 3
) -> None:
    """Show where the first method did worst: noisy, each method, clean, crops of 128x128.

    The pictures are those of its lowest PSNR; the crop in each is where its error is largest.
    results: of the methods, on this trial.
    """
    worst = sorted(trial.cases, key=lambda case: results[0].pictures[case.name])[:rows]
    sheet = []
    for case in worst:
        outputs = [run_on(method, case, trial.level) for method in methods]
        where = largest_error(outputs[0], case.clean)
        pictures = [to_uint8(case.noisy), *outputs, case.clean]
        sheet.append([pixels[where] for pixels in pictures])
    heads = [[f"noisy {case.name}", *(method.name for method in methods), "clean"]
             for case in worst]  # fmt: skip
    draw_sheet(heads, sheet, path)


def fill_sheet(
    methods: dict[str, Fill],
    pictures: Sequence[tuple[str, NDArray[np.uint8]]],
    results: Sequence[FillResult],
    path: Path,
) -> None:
    """Show where the first method did worst in holes of each kind: holes, each method, whole."""
    first = next(iter(methods))
    heads, sheet = [], []
    for result in results:
        if result.method != first:
            continue
        name = min(result.pictures, key=lambda name: result.pictures[name])
        number, clean = next((i, clean) for i, (own, clean) in enumerate(pictures) if own == name)
        holed, mask = with_holes(clean, result.kind, number)
        outputs = [fill(holed, mask) for fill in methods.values()]
        where = largest_error(outputs[0], clean)
        heads.append([f"{result.kind} {name}", *methods, "whole"])
        sheet.append([pixels[where] for pixels in (holed, *outputs, clean)])
    draw_sheet(heads, sheet, path)


def harm_sheet(method: Restorer, worst: Sequence[tuple[float, Sample]], path: Path) -> None:
    """Show where one method did most harm: as given, restored, and the reference."""
    heads, sheet = [], []
    for change, sample in worst:
        restored = to_uint8_rgb(method(sample.given))
        clean = to_uint8_rgb(sample.clean)
        where = largest_error(restored, clean)
        heads.append([sample.name, f"{change:+.2f} dB", "reference"])
        given = to_uint8_rgb(sample.given.pixels)
        sheet.append([pixels[where] for pixels in (given, restored, clean)])
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
            picture.paste(as_picture(crop), (left, top + LABEL))
    picture.save(path)


def largest_error(pixels: NDArray[np.uint8], clean: NDArray[np.uint8]) -> tuple[slice, slice]:
    """Return the window of CROP pixels a side in which the squared error adds up to most."""
    error = np.square(pixels.astype(np.float64) - clean).mean(2)
    sums = np.pad(error.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    height, width = (min(CROP, size) for size in error.shape)
    window = (
        sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width]
        + sums[:-height, :-width]
    )  # fmt: skip
    top, left = np.unravel_index(window.argmax(), window.shape)
    return slice(int(top), int(top) + height), slice(int(left), int(left) + width)


def as_picture(pixels: NDArray[Any]) -> PIL.Image.Image:
    return PIL.Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
