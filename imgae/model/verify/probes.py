"""The model under test, the inputs that it is probed with, and running it on them."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray

from imgae.errors import ModelError
from imgae.model import session
from imgae.model.card import ModelCard, OwnNoise
from imgae.model.contract import CELL, FINE_CELL, INTERFACES, TENSORS
from imgae.model.stitch import plan_for
from imgae.picture.tiling import Box

Floats = NDArray[np.float32]
Inputs = dict[str, Floats]
LEVEL: Final = 25 / 255
WIDTHS: Final = frozenset(TENSORS[name].channels for name in ("restored", "defects", "anomaly"))
"""Channels that an output of the picture's size may have."""
WITHIN: Final = 2.5
"""Levels of noise between a colour and black or white, so that files hardly clip it."""
COLOURS: Final = (
    *((gray, gray, gray) for gray in (0.1, 0.25, 0.5, 0.75, 0.9)),
    (0.6, 0.45, 0.35),
    (0.35, 0.5, 0.4),
    (0.4, 0.45, 0.6),
)


@dataclass
class Subject:
    """A file under test, and what is known of it so far."""

    path: Path
    proto: onnx.ModelProto
    card: ModelCard
    model: session.OnnxModel

    @property
    def scale(self) -> int:
        """How many pixels on a side one value of the output is about."""
        return scale_of(self.card)

    def run(self, inputs: Inputs) -> Floats:
        """Run the model as run_model does."""
        return run_model(self.model, inputs, self.scale)

    def difference(self, a: Floats, b: Floats) -> float:
        """Return the largest difference of two outputs, of anomalies relative to the largest."""
        return difference(a, b, relative=self.card.task == "anomaly")


def told_of(name: str, count: int) -> Floats:
    """Return an optional input for so many pictures, different for each."""
    values = np.linspace(0.1, 0.4, count * (TENSORS[name].channels or 1), dtype=np.float32)
    return values.reshape(count, -1, 1, 1) * (3200 if name == "iso" else 1)


def make_inputs(
    card: ModelCard,
    height: int,
    width: int,
    *,
    count: int = 1,
    maps: bool = False,
    thin: bool = False,
) -> Inputs:
    """Return random inputs. maps: a level for every pixel. thin: each block has a known pixel."""
    random = np.random.default_rng(0)
    image = random.random((count, 3, height, width), np.float32)
    sigma = random.random((count, 1, *((height, width) if maps else (1, 1))), np.float32) * 0.2
    if not maps:
        sigma[:] = LEVEL
    mask = (random.random((count, 1, height, width)) < 0.7).astype(np.float32)
    if thin:
        mask[:, :, :: card.stride, :: card.stride] = 0
        mask[:, :, card.stride - 1 :: card.stride, card.stride - 1 :: card.stride] = 0
    else:
        mask[:, :, height // 2 - 60 : height // 2 + 60, width // 2 - 60 : width // 2 + 60] = 1
        mask[:, :, :1, :1] = 0
    inputs = {"image": image, "sigma": sigma, "mask": mask}
    return {name: inputs[name] for name in card.inputs if name in inputs}


def strip(axis: int, length: int) -> tuple[int, int]:
    return (length, 16) if axis == 2 else (16, length)


def cut(x: Floats, axis: int, start: int, end: int) -> Floats:
    return x[:, :, start:end] if axis == 2 else x[:, :, :, start:end]


def flats() -> Floats:
    """Return flat pictures, one a colour."""
    return np.array(COLOURS, np.float32)[:, :, None, None] * np.ones((56, 56), np.float32)


def noisy(flat: Floats, level: float) -> Floats:
    return flat + np.random.default_rng(0).normal(0, level, flat.shape).astype(np.float32)


def with_own(flat: Floats, noise: OwnNoise) -> Floats:
    """Return flat pictures with the noise that a model says it was trained for.

    Those are left out that come so near to black or white that files clip their noise:
    what mean is right there is not known.
    """
    side = math.isqrt(len(noise.kernels[0]))
    edge = side // 2
    count, _, height, width = flat.shape
    size = (count, 3, height + 2 * edge, width + 2 * edge)
    powers, vectors = np.linalg.eigh(np.array(noise.mix))
    root = (vectors * np.sqrt(powers.clip(0))) @ vectors.T
    white = np.einsum("ij,njhw->nihw", root, np.random.default_rng(0).normal(0, 1, size))
    unit = np.zeros(flat.shape)
    for place, weights in enumerate(zip(*noise.kernels, strict=True)):
        top, left = divmod(place, side)
        part = white[:, :, top : top + height, left : left + width]
        unit += np.array(weights)[:, None, None] * part
    variance = [
        np.interp(flat[:, channel], noise.knots, row) for channel, row in enumerate(noise.variance)
    ]
    sigma = np.sqrt(np.stack(variance, 1).clip(0))
    room = np.minimum(flat, 1 - flat).min((1, 2, 3)) / sigma.max((1, 2, 3)).clip(1e-9)
    whole = room >= min(WITHIN, float(room.max()))
    image: Floats = (flat + sigma * unit).astype(np.float32)[whole]
    return image


def scale_of(card: ModelCard) -> int:
    """Return how many pixels on a side one value of a model's first output is about."""
    first = INTERFACES[card.task].outputs[0]
    if first == "descriptor":
        return card.stride
    if first == "features":
        return FINE_CELL
    return 1 if TENSORS[first].sides == ("H", "W") else CELL


def run_model(model: session.OnnxModel, inputs: Inputs, scale: int = 1) -> Floats:
    """Run a model, for its first output. Raises ModelError if it fails or gives another shape.

    scale: how many pixels on a side one value of the output is about.
    """
    out = model(**inputs)
    shape = inputs["image"].shape
    expected = (shape[0], *(-(-side // scale) for side in shape[2:]))
    if out.ndim != 4 or (out.shape[0], *out.shape[2:]) != expected:
        raise ModelError(f"the model gave {out.shape} for {shape}")
    if scale == 1 and out.shape[1] not in WIDTHS:
        raise ModelError(f"the model gave {out.shape} for {shape}")
    return out


def tiled(model: session.OnnxModel, card: ModelCard, inputs: Inputs, tile: int) -> Floats:
    """Run a model tile by tile, as pictures are restored, for the whole output."""
    image, scale = inputs["image"], scale_of(card)
    height, width = image.shape[2:]
    whole = Box(0, 0, height, width).in_cells(scale)
    channels = TENSORS[INTERFACES[card.task].outputs[0]].channels
    channels = channels or card.code_channels
    out = np.empty((1, channels, whole.bottom, whole.right), np.float32)
    for piece in plan_for(card, height, width, tile):
        rows, columns = piece.read.slices
        part = {
            name: x[:, :, rows, columns] if x.shape[2:] == image.shape[2:] else x
            for name, x in inputs.items()
        }
        values = run_model(model, part, scale)
        read, keep = (box.in_cells(scale) for box in piece)
        out[:, :, *keep.slices] = values[:, :, *keep.within(read).slices]
    return out


def difference(a: Floats, b: Floats, *, relative: bool = False) -> float:
    """Return the largest difference; infinity where either is NaN or infinite.

    relative: where values are beyond 1, as a share of the largest, with which rounding grows.
    """
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return math.inf
    largest = max(1, np.abs(a).max(), np.abs(b).max()) if relative else 1
    return float(np.abs(a - b).max() / largest)


def in_levels(worst: float) -> str:
    return f"{worst:.2g} ({worst * 255:.2g} 8-bit levels)"
