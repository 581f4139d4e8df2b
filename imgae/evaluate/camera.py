"""Denoisers without options on what people have: camera noise, JPEGs, and clean pictures.

Every sample is a file's picture, with what the file tells of itself, and its reference. A change is
the PSNR of what comes out less that of what went in, each counted up to VISIBLE dB: beyond that
nobody sees a difference, and clean pictures would have no figure at all.
"""

import io
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgae.evaluate import drawn, folders
from imgae.evaluate.folders import Pictures
from imgae.evaluate.protocol import Figures, Method, Result, Sample, finite, measure
from imgae.evaluate.report import markdown
from imgae.io import files
from imgae.model.card import Score
from imgae.picture.image import Image
from imgae.picture.metrics import psnr
from imgae.picture.pixels import to_uint8
from imgae.synthetic import drawings
from imgae.synthetic.camera import ISO, expose, photograph
from imgae.synthetic.drawings import FIRST_HELD_OUT
from imgae.synthetic.fonts import ANY, Fonts

VISIBLE: Final = 42.0
"""dB: an error of two 8-bit levels."""
HARM: Final = 0.1  # dB
JPEG_QUALITIES: Final = (10, 20, 40, 75, 90)
HARM_QUALITIES: Final = (50, 60, 70, 80, 90, 95, 98)
SIMPLE: Final = (12, 512)
"""Pictures of each kind of `drawings.SIMPLE`, and their sides. Their fonts are Pillow's own."""
OTHERS: Final = (16, 384)
"""The same for other kinds."""
FLAT: Final = 12
REAL: Final = "real"
CLEAN: Final = "clean"

Condition = tuple[str, Callable[[], list[Sample]]]
"""A name, and what makes the samples: a condition's pictures are held only while it is measured."""


def run_condition(
    methods: Sequence[Method], condition: str, samples: Sequence[Sample]
) -> list[Result]:
    """Measure methods on the samples of one condition.

    Figures: before, the PSNR of what went in, up to VISIBLE; psnr, of what came out, without limit,
    infinity where a picture came back as its reference is; change, in dB, which `pictures` holds.
    """
    return [measure(method, samples, condition, score, "change", timed=False) for method in methods]


def score(sample: Sample, restored: NDArray[np.uint8]) -> Figures:
    before = visible(to_uint8(sample.pixels), sample.reference)
    after = psnr(restored, sample.reference, 255)
    return {"before": before, "psnr": after, "change": min(after, VISIBLE) - before}


def visible(pixels: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
    return min(psnr(pixels, reference, 255), VISIBLE)


def harmed(result: Result) -> int:
    """Return how many pictures were made worse by more than HARM."""
    return sum(change < -HARM for change in result.pictures.values())


def camera_conditions(
    clean: Pictures, real: list[Sample], _: int | None = None
) -> Iterator[Condition]:
    """Return real pairs, a camera's picture at each sensitivity, JPEGs, and clean pictures."""
    if real:
        yield REAL, lambda: real
    for speed in ISO:
        yield f"ISO {speed}", partial(photographed, clean, speed)
    for quality in JPEG_QUALITIES:
        yield f"JPEG {quality}", partial(saved, clean, quality)
    yield CLEAN, partial(untouched, clean)


def harm_conditions(
    clean: Pictures, real: list[Sample], count: int | None = None, fonts: Fonts = ANY
) -> Iterator[Condition]:
    """Return what a denoiser should leave alone, or make better.

    count: at most so many drawn pictures of a kind. fonts: of drawn pages.
    """
    yield CLEAN, partial(untouched, clean)
    for quality in HARM_QUALITIES:
        yield f"JPEG {quality}", partial(saved, clean, quality)
    yield "dark", partial(exposed, clean, 0.12)
    yield "bright", partial(exposed, clean, 3.0)
    photographs = [picture for _, picture in clean]
    for kind in drawings.KINDS:
        simple = kind in drawings.SIMPLE
        most, side = SIMPLE if simple else OTHERS
        with_fonts = ANY if simple else fonts
        draw = partial(drawn.of_kind, kind, min(count or most, most), side, with_fonts, photographs)
        yield kind, partial(made, draw, untouched)
        yield f"{kind}, JPEG 90", partial(made, draw, partial(saved, quality=90))
    yield "flat", partial(flat, min(count or FLAT, FLAT))
    if real:
        yield REAL, lambda: real


def real_samples(folder: Path, limit: int | None = None) -> list[Sample]:
    """Match pairs of one folder: NAME_real or NAME_noisy with NAME_mean or NAME_clean."""
    return [
        Sample(name, image, reference)
        for name, image, reference in folders.pairs(folder, folder, limit)
    ]


def untouched(clean: Pictures) -> list[Sample]:
    return [Sample(name, Image(picture), picture) for name, picture in clean]


def saved(clean: Pictures, quality: int) -> list[Sample]:
    """Save pictures as JPEG, by Pillow's defaults (4:2:0), and read them as files are read."""
    return [Sample(name, as_jpeg(picture, quality), picture) for name, picture in clean]


def as_jpeg(picture: NDArray[np.uint8], quality: int, iso: int | None = None) -> Image:
    buffer, exif = io.BytesIO(), PIL.Image.Exif()
    if iso:
        exif.get_ifd(0x8769)[34855] = iso
    flat = picture[:, :, 0] if picture.shape[2] == 1 else picture
    PIL.Image.fromarray(flat).save(buffer, "JPEG", quality=quality, exif=exif)
    return files.read_image(buffer.getvalue())


def made(
    draw: Callable[[], Pictures], samples_of: Callable[[Pictures], list[Sample]]
) -> list[Sample]:
    return samples_of(draw())


def exposed(clean: Pictures, factor: float) -> list[Sample]:
    return untouched([(name, expose(picture, factor)) for name, picture in clean])


def photographed(clean: Pictures, iso: int) -> list[Sample]:
    """Photograph pictures with the synthetic camera, by seed, and save them as its JPEGs."""
    samples = []
    for number, (name, picture) in enumerate(clean):
        seen = photograph(picture, iso, np.random.default_rng((iso, number)))
        samples.append(Sample(name, as_jpeg(seen.noisy, seen.quality, iso), seen.clean))
    return samples


def flat(count: int) -> list[Sample]:
    colours = np.random.default_rng(FIRST_HELD_OUT).integers(0, 256, (FLAT, 3))
    return untouched(
        [
            (str(colour), np.broadcast_to(colour, (256, 256, 3)).astype(np.uint8))
            for colour in colours[:count]
        ]
    )


def table(results: Sequence[Result]) -> str:
    """Lay changes out as a Markdown table: a row a condition, mean and worst change a method.

    Below it stands the PSNR of clean pictures, without limit.
    """
    names = list(dict.fromkeys(result.method for result in results))
    heads, rows = ["pictures", "n", "in"], []
    for name in names:
        heads += [f"{name}: mean", "worst"]
    for condition in dict.fromkeys(result.condition for result in results):
        own = [result for result in results if result.condition == condition]
        row = [str(condition), str(len(own[0].pictures)), f"{own[0].value('before'):.2f}"]
        for result in own:
            row += [f"{result.mean:+.2f}", f"{result.worst:+.2f}"]
        rows.append(row)
    clean = [
        f"{result.method} {unlimited(result)}" for result in results
        if result.condition == CLEAN
    ]  # fmt: skip
    below = f"\n\nPSNR of clean pictures, without limit: {', '.join(clean)}" if clean else ""
    return markdown(heads, rows) + below


def unlimited(result: Result) -> str:
    """Return the mean PSNR without a limit, or "same" where a picture came back as it was."""
    psnr = result.value("psnr")
    return f"{psnr:.2f}" if math.isfinite(psnr) else "same"


def harm_table(results: Sequence[Result]) -> str:
    """Lay one method's changes out: a row a kind of picture, and how many were made worse."""
    rows = [
        [
            str(result.condition),
            str(len(result.pictures)),
            f"{result.value('before'):.2f}",
            unlimited(result),
            f"{result.mean:+.2f}",
            f"{result.worst:+.2f}",
            str(harmed(result)),
        ]
        for result in results
    ]
    heads = ["pictures", "n", "in", "out, no limit", "mean", "worst", "made worse"]
    worse, total = sum(map(harmed, results)), sum(len(result.pictures) for result in results)
    return (
        f"{markdown(heads, rows)}\n\n{worse} of {total} pictures ({worse / total:.1%}) are made "
        f"worse by more than {HARM:g} dB of PSNR; PSNR counts up to {VISIBLE:g} dB, except in the "
        "column out, no limit"
    )


def card_scores(results: Sequence[Result], name: str, pairs_name: str, command: str) -> list[Score]:
    """Return one model's results as scores for its card: mean changes; for clean pictures, PSNR.

    name, pairs_name: of the folders. A PSNR that is infinite is left out.
    """
    scores = []
    for result in results:
        if result.condition == CLEAN:
            what, figure = f"{name}, {CLEAN}", result.value("psnr")
        elif result.condition == REAL:
            what, figure = f"{pairs_name}, change", result.mean
        else:
            what, figure = f"{name}, {result.condition}, change", result.mean
        value = finite(figure)
        if value is not None:
            scores.append(Score(what, round(value, 2), "dB PSNR", command))
    return scores
