"""What noise pictures have: variance against signal, and what pixels have in common.

A `NoiseModel` is measured from noisy pictures by `measure`; it draws such noise
and tells its level anywhere. Signals are on the scale that models see, black at 0, white at 1.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Generator, Tensor

from imgae.errors import TrainingError

Array = NDArray[np.float64]
Rows = tuple[tuple[float, ...], ...]

KINDS: Final = ("gaussian", "poisson-gaussian", "curve")
STEPS: Final = 16
KNOTS: Final = tuple(i / STEPS for i in range(21))
"""Signals at which a curve is held: some are brighter than white."""
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
            tuple(slope * knot + least for knot in KNOTS) for slope, least in zip(a, b, strict=True)
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
        """Draw noise of variance 1 with the correlation, (B, 3, H, W), on the generator's device."""
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
            found = cls(
                str(fields["kind"]),
                *(_rows(fields[name]) for name in ("variances", "kernels", "mix")),
                *(_rows([fields[name]])[0] if name in fields else None for name in ("a", "b")),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise TrainingError(f"this is no model of noise: {error!r}") from None
        sizes = (found.kind in KINDS, [len(row) for row in found.variances] == [len(KNOTS)] * 3,
                 [len(row) for row in found.kernels] == [found.side**2] * 3 and found.side % 2,
                 [len(row) for row in found.mix] == [3] * 3)  # fmt: skip
        if not all(sizes):
            raise TrainingError("this is no model of noise: its parts do not fit together")
        return found

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
