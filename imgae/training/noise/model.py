"""What noise pictures have: variance against signal, and what pixels have in common.

A `NoiseModel` is measured from noisy pictures by `measure`; it draws such noise
and tells its level anywhere. Signals are on the scale that models see, black at 0, white at 1.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Generator, Tensor

from imgae.errors import TrainingError
from imgae.picture.pixels import to_float
from imgae.training.noise.blocks import NONE, Blocks, Found, blocks_of, look
from imgae.training.noise.fit import Line, curve_of, line_of, misfit, uncut
from imgae.training.noise.spectrum import kernel_of

Array = NDArray[np.float64]
Rows = tuple[tuple[float, ...], ...]
T = TypeVar("T")

KINDS: Final = ("gaussian", "poisson-gaussian", "curve")
STEPS: Final = 16
KNOTS: Final = tuple(i / STEPS for i in range(21))
"""Signals at which a curve is held: some are brighter than white."""
SMALLEST: Final = 16
"""The side below which pictures are not looked at."""
FEWEST_BLOCKS: Final = 100
"""A picture of 48x48 pixels has as many."""
LEAST: Final = 0.1 / 255
"""The level below which there is no noise to speak of."""
LEAST_OF_8_BITS: Final = 0.4 / 255
"""The same for pictures in 8 bits, whose rounding alone is noise of 0.29 levels."""
TOGETHER: Final = 0.99
"""The correlation from which channels have one noise."""
SURE: Final = 3.5
"""How many times as large as chance a correlation has to be; there are 45 of them."""
CORRELATED: Final = 0.05
"""The correlation of neighbours below which people are told that noise is pixel by pixel."""


@dataclass(frozen=True)
class NoiseModel:
    """Noise whose variance depends on the signal, and that neighbours may have in common.

    kind: of `KINDS`; the first two are lines, and so is what `variances` holds.
    variances: three rows, a channel each, at each of `KNOTS`; straight between them, constant
    beyond. kernels: three square kernels of an odd side, rows one after the other, with squares
    that add up to 1, through which white noise gets its correlation. mix: 3x3 correlations of the
    channels' white noise, ones where all channels have the same. a, b: variance is a x
    signal + b, a number a channel; None for a curve.
    """

    kind: str
    variances: Rows
    kernels: Rows
    mix: Rows
    a: tuple[float, ...] | None = None
    b: tuple[float, ...] | None = None

    @classmethod
    def gaussian(cls, sigma: float) -> "NoiseModel":
        """Return white Gaussian noise of one level on [0, 1]."""
        return cls.line("gaussian", (0.0,) * 3, (sigma**2,) * 3)

    @classmethod
    def line(
        cls,
        kind: str,
        a: Sequence[float],
        b: Sequence[float],
        kernels: Rows = ((1.0,),) * 3,
        mix: Rows = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    ) -> "NoiseModel":
        """Return noise with variance a x signal + b; a, b: a number a channel."""
        rows = tuple(
            tuple(Line(slope, least).at(np.array(KNOTS)).tolist())
            for slope, least in zip(a, b, strict=True)
        )
        return cls(kind, rows, kernels, mix, tuple(a), tuple(b))

    @property
    def side(self) -> int:
        """Of the kernels, in pixels; 1 for white noise."""
        return math.isqrt(len(self.kernels[0]))

    @property
    def gray(self) -> bool:
        """Whether the three channels have the same noise."""
        return min(min(row) for row in self.mix) > 0.999

    def sigma(self, signal: Tensor) -> Tensor:
        """Return the standard deviation of the noise at each value of (B, 3, H, W)."""
        table = torch.tensor(self.variances, device=signal.device, dtype=torch.float32)
        place = (signal.float() * STEPS).clamp(0, len(KNOTS) - 1)
        left = place.floor().clamp(max=len(KNOTS) - 2)
        index = left.long().transpose(0, 1).reshape(3, -1)
        low, high = table.gather(1, index), table.gather(1, index + 1)
        share = (place - left).transpose(0, 1).reshape(3, -1)
        variance = torch.lerp(low, high, share)
        batch, _, height, width = signal.shape
        return variance.clamp(min=0).sqrt().view(3, batch, height, width).transpose(0, 1)

    def unit(self, shape: Sequence[int], generator: Generator) -> Tensor:
        """Draw noise (B, 3, H, W) of variance 1 with the correlation, on the generator's device."""
        batch, _, height, width = shape
        edge, device = self.side // 2, generator.device
        white = torch.randn(
            batch, 3, height + 2 * edge, width + 2 * edge, generator=generator, device=device
        )
        root = torch.from_numpy(_root(np.array(self.mix))).float().to(device)
        if not torch.equal(root, torch.eye(3, device=device)):
            white = torch.einsum("ij,bjhw->bihw", root, white)
        if not edge:
            return white
        kernels = torch.tensor(self.kernels, device=device).view(3, 1, self.side, self.side)
        return F.conv2d(white, kernels, groups=3)

    def draw(self, signal: Tensor, generator: Generator) -> Tensor:
        """Draw noise for a signal (B, 3, H, W); the generator lives on the signal's device."""
        return self.sigma(signal) * self.unit(signal.shape, generator)

    def correlation(self) -> float:
        """Return the largest correlation of a pixel with the next, in rows or columns."""
        found = [0.0]
        for row in self.kernels:
            kernel = np.array(row).reshape(self.side, self.side)
            found.append(float((kernel[:, 1:] * kernel[:, :-1]).sum()))
            found.append(float((kernel[1:] * kernel[:-1]).sum()))
        return max(found, key=abs)

    def level(self, signal: float = 0.5) -> float:
        """Return the standard deviation at a signal, the mean of the channels' variances."""
        rows = [np.interp(signal, KNOTS, row) for row in self.variances]
        return math.sqrt(float(np.mean(rows)))

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold, with six digits."""
        fields: dict[str, Any] = {
            "kind": self.kind,
            "variances": _short(self.variances),
            "kernels": _short(self.kernels),
            "mix": _short(self.mix),
        }
        if self.a is not None and self.b is not None:
            fields |= {"a": _short([self.a])[0], "b": _short([self.b])[0]}
        return fields

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "NoiseModel":
        """Return the model that `to_dict` wrote. Raises TrainingError for anything else."""
        try:
            three = [_rows(fields[name]) for name in ("variances", "kernels", "mix")]
            a, b = (_rows([fields[name]])[0] if name in fields else None for name in ("a", "b"))
            found = cls(str(fields["kind"]), three[0], three[1], three[2], a, b)
            fits = found.fits
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise TrainingError(f"this is no model of noise: {error!r}") from None
        if not fits:
            raise TrainingError("this is no model of noise: its parts do not fit together")
        return found

    @property
    def fits(self) -> bool:
        """Whether the parts are of the kinds and sizes that they are to be."""
        lines = {len(line) for line in (self.a, self.b) if line is not None}
        return (
            self.kind in KINDS
            and [len(row) for row in self.variances] == [len(KNOTS)] * 3
            and min(map(min, self.variances)) >= 0
            and [len(row) for row in self.kernels] == [self.side**2] * 3
            and self.side % 2 == 1
            and [len(row) for row in self.mix] == [3] * 3
            and lines <= {3}
        )

    def sentence(self) -> str:
        """Say for people what the noise is, on the scale of 8 bits."""
        names = {"gaussian": "Gaussian", "poisson-gaussian": "Poisson-Gaussian"}
        if self.kind == "gaussian" or self.a is None or self.b is None:
            what = f"level {255 * self.level():.3g} of 255"
        else:
            a, b = np.mean(self.a), np.mean(self.b)
            what = f"variance {b:.3g} + {a:.3g} x signal"
        if self.kind == "curve":
            levels = ", ".join(f"{255 * self.level(x):.3g}" for x in (0.05, 0.25, 0.5, 0.75, 0.95))
            what = f"level {levels} of 255 from dark to bright (a curve of its own)"
        else:
            what += f" ({names[self.kind]})"
        near = self.correlation()
        apart = "so smooth over pixels" if near > 0 else "so sharper than white noise"
        if abs(near) < CORRELATED:
            apart = "so pixel by pixel"
        return f"{what}; neighbours correlate by {near:.2f}, {apart}"


def measure(pictures: Sequence[NDArray[Any]], kind: str = "auto") -> NoiseModel:
    """Measure the noise of pictures (H, W, C), C 1 or 3, of any type, from these alone.

    kind: gaussian, poisson-gaussian, or auto: the simplest law that holds, or a curve. Takes
    blocks in which pictures are flat (`noise.blocks`), so the noise has to be alike in all.
    Raises TrainingError if the pictures are too small, or hold no noise.
    """
    large = [picture for picture in pictures if min(picture.shape[:2]) >= SMALLEST]
    return _model(blocks_of(large), large, kind) if large else _refused()


def measure_pairs(
    noisy: Sequence[NDArray[Any]], clean: Sequence[NDArray[Any]], kind: str = "auto"
) -> NoiseModel:
    """Measure noise as `measure` does, from pairs of equal shapes, aligned to the pixel."""
    large = [pair for pair in zip(noisy, clean, strict=True) if min(pair[0].shape[:2]) >= SMALLEST]
    if not large:
        return _refused()
    pictures = [pair[0] for pair in large]
    blocks = blocks_of(pictures, [pair[1] for pair in large])
    if len(blocks) < FEWEST_BLOCKS:
        raise TrainingError(
            "there is no noise to be measured: the noisy pictures are too small, or are equal to "
            "their clean pictures"
        )
    return _model(blocks, pictures, kind)


def _refused() -> NoReturn:
    raise TrainingError(
        "there is no noise to be measured: the pictures are too small, or each value fills areas "
        "of them"
    )


def _model(blocks: Blocks, pictures: Sequence[NDArray[Any]], kind: str) -> NoiseModel:
    if len(blocks) < FEWEST_BLOCKS:
        _refused()
    try:
        return _fitted(look(blocks), pictures, kind)
    except np.linalg.LinAlgError:
        raise TrainingError(NONE) from None


def _fitted(found: Found, pictures: Sequence[NDArray[Any]], kind: str) -> NoiseModel:
    if not all(np.median([b.variance for b in channel]) > 0 for channel in found.bins):
        raise TrainingError(NONE)
    bins = [uncut(channel) for channel in found.bins]
    kernels, mix = _correlation(found)
    tried = {}
    for name in KINDS[:2] if kind == "auto" else (kind,):
        lines = [line_of(channel, name == "gaussian") for channel in bins]
        tried[name] = max(misfit(*pair) for pair in zip(bins, lines, strict=True))
        if kind != "auto" or (tried[name] <= 1 and min(line.a for line in lines) >= 0):
            three = _three(lines)
            a, b = [line.a for line in three], [line.b for line in three]
            return _checked(NoiseModel.line(name, a, b, kernels, mix), pictures)
    curves = _three([curve_of(channel, KNOTS) for channel in found.bins])
    rows = tuple(tuple(map(float, curve)) for curve in curves)
    return _checked(NoiseModel("curve", rows, kernels, mix), pictures)


def _correlation(found: Found) -> tuple[Rows, Rows]:
    """Return the kernels and the correlations of channels; what is next to none is none."""
    kernels: Rows = ((1.0,),) * 3
    apart = np.abs(found.lags.reshape(len(found.lags), -1)[:, 1:])
    if apart.max() >= max(CORRELATED, SURE * found.doubt):
        rows = [kernel_of(lags).reshape(-1) for lags in found.lags]
        kernels = tuple(tuple(map(float, row)) for row in _three(rows))
    mix = np.where(np.abs(found.mix) < CORRELATED, 0.0, found.mix)
    if len(mix) == 1 or mix.min() > TOGETHER:
        mix = np.ones((3, 3))
    return kernels, tuple(tuple(map(float, row)) for row in mix)


def _three(of_channels: list[T]) -> list[T]:
    """Repeat what is known of a gray picture for three channels."""
    return of_channels * 3 if len(of_channels) == 1 else of_channels


def _checked(model: NoiseModel, pictures: Sequence[NDArray[Any]]) -> NoiseModel:
    """Return the model. Raises TrainingError if it is of no noise."""
    level = math.sqrt(float(np.mean(model.variances)))
    some = to_float(pictures[0][:256, :256])
    eight = bool(np.all(np.abs(some * 255 - np.rint(some * 255)) < 1e-3))
    if not level >= (LEAST_OF_8_BITS if eight else LEAST):
        raise TrainingError(
            f"the pictures hold hardly any noise: {255 * level:.2g} of 255; nothing to learn"
        )
    return model


def _root(mix: Array) -> Array:
    """Return the symmetric root of correlations (3, 3)."""
    values, vectors = np.linalg.eigh(mix)
    root: Array = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    return root


def _short(rows: Sequence[Sequence[float]]) -> list[list[float]]:
    return [[float(f"{value:.6g}") for value in row] for row in rows]


def _rows(values: Any) -> Rows:
    rows = tuple(tuple(float(value) for value in row) for row in values)
    if not all(math.isfinite(value) for row in rows for value in row):
        raise ValueError("a value is not finite")
    return rows
