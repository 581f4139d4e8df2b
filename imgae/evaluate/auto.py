"""`imgae denoise` without options, beside the same denoiser told what there is.

Drawn pictures, clean and with white noise; gray pictures with noise; impulses; means; strengths. A
change is the PSNR of what comes out less that of what went in, each counted up to VISIBLE dB.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import cv2
import numpy as np

from imgae.evaluate import auto_tables, camera, denoise, drawn
from imgae.evaluate.auto_tables import AUTO, GONE, TOLD, VISIBLE
from imgae.evaluate.folders import Pictures
from imgae.evaluate.protocol import Figures, Method, Result, Sample, measure
from imgae.picture.arrays import from_picture
from imgae.picture.metrics import psnr
from imgae.picture.pixels import from_float, to_float, to_uint8
from imgae.restore.controls import Controls
from imgae.restore.denoise import Denoised, Denoiser
from imgae.synthetic import drawings, sky
from imgae.synthetic.damage import heat, salt
from imgae.synthetic.drawings import FIRST_HELD_OUT
from imgae.synthetic.fonts import Fonts

DRAWN_NOISE: Final = (10.0, 25.0)
GRAY_NOISE: Final = (5.0, 10.0, 15.0, 20.0, 25.0, 30.0)
SALT: Final = 0.02
HOT: Final = 0.002
"""Shares of the pixels that are black or white, or bright in one channel."""
FLAT_NOISE: Final = 25.0
GRAIN: Final = 14.0
SKY_NOISE: Final = 3.0
STARS: Final = "stars"
STRENGTHS: Final = tuple(step / 5 for step in range(11))
WHITE: Final = "estimated"
"""Where the level comes from if a picture was taken for one with white noise."""


@dataclass(frozen=True, eq=False)
class Condition:
    """What is measured together.

    group: conditions that are counted together. score, shown: as `protocol.measure` takes them.
    """

    group: str
    name: str
    methods: Sequence[Method]
    samples: Sequence[Sample]
    score: Callable[[Sample, Any], Figures]
    shown: str

    @property
    def words(self) -> str:
        return f"{self.group}: {self.name}"

    def measure(self) -> list[Result]:
        return [
            measure(method, self.samples, self.words, self.score, self.shown, timed=False)
            for method in self.methods
        ]


@dataclass(frozen=True, eq=False)
class Subject:
    """What parts are made of: a denoiser without a model, pictures (H, W, C), real noisy ones.

    count, side, fonts: of drawn pictures; there are at least so many, as many of each kind.
    """

    denoiser: Denoiser
    clean: Pictures
    real: Sequence[Sample]
    count: int
    side: int
    fonts: Fonts

    @property
    def auto(self) -> Method:
        return Method(AUTO, lambda sample: self.denoiser.run(from_picture(sample.given)))

    @property
    def told(self) -> Method:
        return Method(
            TOLD, lambda sample: self.denoiser.run(from_picture(sample.given), sample.level)
        )

    def with_strength(self, strength: float) -> Method:
        controls = Controls(strength=strength)
        return Method(
            f"{strength:g}",
            lambda sample: self.denoiser.run(from_picture(sample.given), controls=controls),
        )


def score(sample: Sample, done: Denoised) -> Figures:
    before = psnr(to_uint8(sample.pixels), sample.reference, 255)
    after = psnr(to_uint8(done.image.pixels), sample.reference, 255)
    change = min(after, VISIBLE) - min(before, VISIBLE)
    white = float(done.sigma_source == WHITE)
    return {"before": min(before, VISIBLE), "psnr": after, "change": change, "white": white}


def score_means(sample: Sample, done: Denoised) -> Figures:
    """Return by how many 8-bit levels a channel's mean differs from the reference, at most."""
    means = to_float(done.image.pixels).mean((0, 1), dtype=np.float64) * 255
    return {"shift": float(np.abs(means - sample.reference.mean((0, 1))).max())}


def score_strength(sample: Sample, done: Denoised) -> Figures:
    """Return what was removed, in 8-bit levels (root mean square), beside the change."""
    change = to_float(done.image.pixels) - to_float(sample.pixels)
    removed = 255 * math.sqrt(float(np.square(change).mean()))
    return {"removed": removed, "change": score(sample, done)["change"]}


def score_impulses(sample: Sample, done: Denoised) -> Figures:
    """Return the share of impulses that are gone; the mask says where they are."""
    off = np.abs(to_uint8(done.image.pixels).astype(int) - sample.reference).max(2)
    return score(sample, done) | {"gone": float((off[sample.mask] <= GONE).mean())}


def score_stars(sample: Sample, done: Denoised) -> Figures:
    """Return the share of a star's light that is left, too: its mean over the stars."""
    left = sky.light_of(to_uint8(done.image.pixels)) / sky.light_of(sample.reference)
    return score_impulses(sample, done) | {"light": float(left.mean())}


def drawn_conditions(subject: Subject) -> Iterator[Condition]:
    """Return drawn pictures, clean and with white noise."""
    each = -(-subject.count // len(drawings.KINDS))
    shown = [picture for _, picture in subject.clean]
    for sigma in (None, *DRAWN_NOISE):
        for kind in drawings.KINDS:
            pictures = drawn.of_kind(kind, each, subject.side, subject.fonts, shown)
            if sigma is None:
                samples = denoise.untouched_samples(pictures)
                yield Condition(camera.CLEAN, kind, [subject.auto], samples, score, "change")
            else:
                samples = denoise.noisy_samples(pictures, sigma, "8bit", estimated=False)
                methods = [subject.auto, subject.told]
                yield Condition(f"noise {sigma:g}", kind, methods, samples, score, "change")


def gray_conditions(subject: Subject) -> Iterator[Condition]:
    """Return gray pictures with white noise: in 8 and 16 bits, and as RGB; and with grain."""
    gray = [
        (name, picture.mean(2, keepdims=True).round().astype(np.uint8))
        for name, picture in subject.clean
    ]
    kinds = (
        ("gray, 8 bits", np.uint8, 1),
        ("gray, 16 bits", np.uint16, 1),
        ("gray as RGB", np.uint8, 3),
    )
    for group, dtype, channels in kinds:
        for sigma in GRAY_NOISE:
            samples = [
                Sample(
                    each.name,
                    from_float(each.pixels, dtype).repeat(channels, 2),
                    each.reference.repeat(channels, 2),
                    each.level,
                )
                for each in denoise.noisy_samples(gray, sigma, "float", estimated=False)
            ]
            methods = [subject.auto, subject.told]
            yield Condition(group, f"noise {sigma:g}", methods, samples, score, "change")
    yield from grain_conditions(gray, subject)


def grain_conditions(gray: Pictures, subject: Subject) -> Iterator[Condition]:
    """Return gray pictures with grain: noise blurred by a pixel, and then as strong as before."""
    for name, gain in ((f"noise {GRAIN:g} blurred", 1.0), (f"blurred noise of {GRAIN:g}", None)):
        samples = []
        for i, (title, picture) in enumerate(gray):
            noise = np.random.default_rng(i).normal(0, GRAIN, picture.shape[:2])
            grain = cv2.GaussianBlur(noise, (0, 0), 1.0)
            grain = grain * (gain or GRAIN / grain.std())
            samples.append(Sample(title, to_uint8((picture + grain[:, :, None]) / 255), picture))
        yield Condition("gray, grain", name, [subject.auto], samples, score, "change")


def impulse_conditions(subject: Subject) -> Iterator[Condition]:
    """Return pictures with salt and pepper, alone and on white noise 10, and with hot pixels."""
    clean = denoise.untouched_samples(subject.clean)
    noisy = denoise.noisy_samples(subject.clean, 10.0, "8bit", estimated=True)
    for name, damage, share, given in (
        (f"salt and pepper {SALT:.0%}", salt, SALT, clean),
        (f"salt and pepper {SALT:.0%} on noise 10", salt, SALT, noisy),
        (f"hot pixels {HOT:.1%}", heat, HOT, clean),
        (f"hot pixels {HOT:.1%} on stars", heat, HOT, starry()),
    ):
        samples = []
        for i, sample in enumerate(given):
            pixels, mask = damage(sample.pixels, share, np.random.default_rng(i))
            samples.append(replace(sample, given=pixels, mask=mask))
        count = score_stars if given[0].name == STARS else score_impulses
        yield Condition("impulses", name, [subject.auto], samples, count, "change")


def starry() -> list[Sample]:
    """Draw a sky with noise."""
    clean = sky.stars(16, SKY_NOISE, np.random.default_rng(FIRST_HELD_OUT))
    return denoise.noisy_samples([(STARS, clean)], SKY_NOISE, "8bit", estimated=True)


def mean_conditions(subject: Subject) -> Iterator[Condition]:
    """Return flat fields, told that there is noise of FLAT_NOISE, and clean pictures."""
    flat = [
        Sample(each.name, to_float(each.pixels), each.reference, FLAT_NOISE / 255)
        for each in camera.flat(camera.FLAT)
    ]
    told = [subject.told]
    yield Condition("means", f"flat, told {FLAT_NOISE:g}", told, flat, score_means, "shift")
    clean = denoise.untouched_samples(subject.clean)
    yield Condition("means", "clean, no options", [subject.auto], clean, score_means, "shift")


def strength_conditions(subject: Subject) -> Iterator[Condition]:
    """Return the real pictures at each strength."""
    methods = [subject.with_strength(strength) for strength in STRENGTHS]
    if subject.real:
        yield Condition("strength", "real", methods, subject.real, score_strength, "removed")


@dataclass(frozen=True)
class Part:
    """A part of the evaluation: its conditions, and how their results are laid out."""

    conditions: Callable[[Subject], Iterator[Condition]]
    table: Callable[[Sequence[Result]], str]


PARTS: Final = {
    "drawn": Part(drawn_conditions, auto_tables.drawn_pictures),
    "gray": Part(gray_conditions, auto_tables.changes),
    "impulses": Part(impulse_conditions, auto_tables.impulses),
    "means": Part(mean_conditions, auto_tables.means),
    "strength": Part(strength_conditions, auto_tables.strengths),
}
