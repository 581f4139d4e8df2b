"""Checks of what a network has to learn, on flat pictures; a network trained for too short fails.

Each gives flat pictures of grays and of muted colours to a model of one task.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from imgae.errors import ModelError
from imgae.model.card import OwnNoise
from imgae.model.contract import CELL, NOISE, SURE
from imgae.model.verify.probes import Floats, Subject, flats, noisy, run_model, with_own
from imgae.model.verify.report import Measured

MOST_SHIFT: Final = 0.5
"""8-bit levels that a denoiser may shift the mean of a flat picture by."""
MOST_TINT: Final = 3.0
"""8-bit levels that a code may shift it by, and that a filled hole may differ from its picture."""
MOST_NOISE_LEFT: Final = 0.5
"""Share of the noise in a flat picture that a denoiser may leave."""
LEAST_DESCRIPTION: Final = 1e-6
MOST_DESCRIPTION: Final = 1e4
"""Between these, the largest value of a description is of a usual size."""
MOST_MISSED: Final = 0.25
LEVELS: Final = (5 / 255, 15 / 255, 25 / 255)
LOUD: Final = 0.05
"""Denoisers that are not told the level need not remove noise below this one."""

SHIFTED: Final = "the model changes the brightness or colour of plain areas"
LONGER: Final = "train longer, or on more pictures"


def means_are_kept(subject: Subject) -> Measured:
    """A denoiser keeps the mean of each channel, of noisy pictures and of clean ones.

    One for the noise of one source has no clean ones to keep.
    """
    flat, worst = flats(), 0.0
    clean = [] if subject.card.noise else [(flat, LEVELS[0])]
    for image, level in noises(subject, flat) + clean:
        out = denoised(subject, image, level)
        worst = max(worst, float(np.abs((out - image).mean((2, 3))).max() * 255))
    finding = f"the means of flat pictures shift by {worst:.2f} levels of 255"
    finding += in_files(worst, subject.card.noise)
    return Measured(worst, MOST_SHIFT, finding, f"at most {MOST_SHIFT} pass; {SHIFTED}: {LONGER}")


def colours_are_kept(subject: Subject) -> Measured:
    """A code is decoded to about the same mean."""
    flat = flats()
    off = np.abs((run_model(subject.model, {"image": flat}) - flat).mean((2, 3)))
    worst = float(off.max() * 255)
    finding = f"the means of flat pictures shift by {worst:.2f} levels"
    return Measured(worst, MOST_TINT, finding, f"at most {MOST_TINT} pass; {SHIFTED}: {LONGER}")


def holes_get_the_colour_around(subject: Subject) -> Measured:
    """An inpainter fills holes 20 pixels wide with the colour around them."""
    flat = flats()
    mask = np.zeros((len(flat), 1, *flat.shape[2:]), np.float32)
    mask[:, :, 20:40, 24:44] = mask[:, :, 50] = 1
    filled = run_model(subject.model, {"image": np.where(mask > 0, 0, flat), "mask": mask})
    worst = float(np.abs(filled - flat).max() * 255)
    finding = f"holes in flat pictures are off by {worst:.2f} levels"
    advice = "the model fills holes with other colours than those around"
    return Measured(worst, MOST_TINT, finding, f"at most {MOST_TINT} pass; {advice}: {LONGER}")


def nothing_is_found(subject: Subject) -> Measured:
    """A detector finds no defects on flat pictures."""
    worst = float(run_model(subject.model, {"image": flats()}).max())
    finding = f"on flat pictures a defect has a probability of {worst:.2g}; {SURE} marks one"
    return Measured(worst, SURE, finding, f"the model marks defects where there are none: {LONGER}")


def estimates_are_in_range(subject: Subject) -> Measured:
    """An estimator gives shares and levels on [0, 1], and weights and levels above 0."""
    flat, worst = flats(), 0.0
    for image in (flat, *(noisy(flat, level) for level in LEVELS)):
        noise = run_model(subject.model, {"image": image}, CELL)
        if noise.shape[1] != len(NOISE) or not np.isfinite(noise).all():
            raise ModelError(f"it gives NaN, infinity, or other than {len(NOISE)} channels")
        maps = dict(zip(NOISE, np.moveaxis(noise, 1, 0), strict=True))
        for name in ("share", "rest", "level"):
            worst = max(worst, float(-maps[name].min()), float(maps[name].max() - 1))
        if not (maps["weight"].min() > 0 and maps["level"].min() > 0):
            raise ModelError("it gives weights or levels of white noise that are not above 0")
    finding = f"shares and levels go beyond [0, 1] by {worst:.2g}"
    return Measured(worst, 0, finding)


def anomalies_are_not_below_0(subject: Subject) -> Measured:
    """A map of anomalies is finite and not below 0, of flat pictures and of noisy ones."""
    flat, worst = flats(), 0.0
    for image in (flat, *(noisy(flat, level) for level in LEVELS)):
        found = run_model(subject.model, {"image": image})
        if not np.isfinite(found).all():
            raise ModelError("it gives NaN or infinity for flat pictures")
        worst = max(worst, float(-found.min()))
    if not subject.card.threshold > 0:
        raise ModelError(f"its card's threshold is {subject.card.threshold:g}, not above 0")
    if not 0 < subject.card.false_alarms < 1:
        raise ModelError(
            f"its card's false_alarms is {subject.card.false_alarms:g}, which is no share"
        )
    return Measured(worst, 0, f"anomalies of flat pictures go below 0 by {max(worst, 0):.2g}")


def descriptions_are_usable(subject: Subject) -> Measured:
    """A description is finite, of a usual size, and not zero, of flat pictures too."""
    flat, most = flats(), 0.0
    for image in (flat, *(noisy(flat, level) for level in LEVELS)):
        maps = run_model(subject.model, {"image": image}, subject.scale)
        if maps.shape[1] != subject.card.code_channels or not np.isfinite(maps).all():
            raise ModelError(
                f"it gives NaN, infinity, or other than {subject.card.code_channels} channels"
            )
        most = max(most, float(np.abs(maps).max()))
        if not (np.abs(maps.mean((2, 3))).max(1) > LEAST_DESCRIPTION).all():
            raise ModelError("it describes a flat picture by zeros, which has no direction")
    finding = f"flat pictures are described by values up to {most:.2g}"
    return Measured(most, MOST_DESCRIPTION, finding)


def copies_are_nearest(subject: Subject) -> Measured:
    """Of pictures of some colours, a noisy and mirrored copy is nearer than any other picture."""
    random = np.random.default_rng(0)
    coarse = random.random((12, 3, 2, 3), np.float32)
    pictures = coarse.repeat(48, 2).repeat(48, 3)
    copies = np.ascontiguousarray(noisy(pictures, LEVELS[1])[:, :, :, ::-1])
    first, second = (
        run_model(subject.model, {"image": image}, subject.scale).mean((2, 3))
        for image in (pictures, copies)
    )
    first, second = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (first, second))
    missed = float((np.argmax(second @ first.T, 1) != np.arange(len(first))).mean())
    finding = f"of mirrored copies with noise, {missed:.0%} are nearer to another picture"
    advice = f"the model does not tell pictures apart: {LONGER}"
    return Measured(missed, MOST_MISSED, finding, f"at most {MOST_MISSED:.0%} pass; {advice}")


def noise_is_removed(subject: Subject) -> Measured:
    """A denoiser removes noise from flat pictures."""
    flat, worst = flats(), 0.0
    for image, level in noises(subject, flat):
        if level > LOUD or subject.card.noise or "sigma" in subject.card.inputs:
            left = denoised(subject, image, level).std((2, 3)) / image.std((2, 3))
            worst = max(worst, float(left.max()))
    finding = f"{worst:.0%} of the noise in flat pictures is left"
    advice = f"at most {MOST_NOISE_LEFT:.0%} pass; the model leaves most of the noise: {LONGER}"
    return Measured(worst, MOST_NOISE_LEFT, finding, advice)


def scratches_are_found(subject: Subject) -> Measured:
    """A detector finds a line two pixels wide: white on dark and black on light pictures."""
    flat = flats()
    rows, columns = np.mgrid[: flat.shape[2], : flat.shape[3]]
    line = np.clip(1.5 - np.abs(columns - 20.3 - rows / 4), 0, 1)
    ink = flat.mean(1, keepdims=True) < 0.5
    maps = run_model(subject.model, {"image": (flat + (ink - flat) * line).astype(np.float32)})
    if not (maps.min() >= 0 and maps.max() <= 1):
        raise ModelError(f"probabilities from {maps.min():.2g} to {maps.max():.2g}")
    least = float(maps[:, 0, line > 0.9].max(1).min())
    finding = f"a scratch on flat pictures has a probability of {least:.2g}"
    return Measured(1 - least, 1 - SURE, finding, f"the model misses a clear scratch: {LONGER}")


def in_files(levels: float, own: OwnNoise | None) -> str:
    """Say what a number of 8-bit levels is in the files of the source that a model is for."""
    if own is None or own.pixels == "uint8":
        return ""
    white, values = (65535, "65,535") if own.pixels == "uint16" else (1, "white at 1")
    return f", in the files {levels / 255 * own.span * white:.3g} of {values}"


def noises(subject: Subject, flat: Floats) -> list[tuple[Floats, float]]:
    """Return flat pictures with noise, and its level: of some levels, or of the model's own."""
    own = subject.card.noise
    if own is None:
        return [(noisy(flat, level), level) for level in LEVELS]
    image = with_own(flat, own)
    return [(image, float(image.std((2, 3)).max()))]


def denoised(subject: Subject, image: Floats, level: float) -> Floats:
    """Run a denoiser, told the level if it takes one."""
    inputs = {"image": image, "sigma": np.full((1, 1, 1, 1), level, np.float32)}
    given = {name: x for name, x in inputs.items() if name in subject.card.inputs}
    return run_model(subject.model, given)


LEVELS_BY_TASK: Final[dict[str, Callable[[Subject], Measured]]] = {
    "denoise": means_are_kept,
    "inpaint": holes_get_the_colour_around,
    "detect": nothing_is_found,
    "code": colours_are_kept,
    "estimate": estimates_are_in_range,
    "anomaly": anomalies_are_not_below_0,
    "search": descriptions_are_usable,
    "features": descriptions_are_usable,
}
EFFECT_BY_TASK: Final[dict[str, Callable[[Subject], Measured]]] = {
    "denoise": noise_is_removed,
    "detect": scratches_are_found,
    "search": copies_are_nearest,
}
