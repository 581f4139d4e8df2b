"""Cells of pictures described, for the members of the family that judge them.

A description is an array (C, h, w): C numbers for each cell of CELL x CELL pixels. Needs onnx.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray

from imgae.errors import ModelError
from imgae.evaluate.anomaly_kinds import Eight, Kind
from imgae.model import onnxfile, registry, session
from imgae.picture.pixels import to_nchw
from imgae.restore.anomaly.normal import CELL

Cells = NDArray[np.float32]
"""(C, h, w)."""
Pictures = Mapping[str, Sequence[Cells]]
"""Of each description, one array for each picture."""
SIDE: Final = 64
"""Of a picture by which the levels of an encoder are told apart."""
LEVELS: Final = (("1/8", 8), ("1/4", 4), ("1/2", 2))
DENOISER: Final = "denoise-fast"
TOLD: Final = 15 / 255
"""The noise level that the denoiser is told."""
BLOCKS, RESIDUAL, FEATURES = "blocks", "residual", "features"
Describe = Callable[[Eight], Mapping[str, Cells]]


@dataclass(frozen=True, eq=False)
class Described:
    """The descriptions of a kind's pictures: of those learnt from, and of those tested."""

    learnt: Pictures
    tested: Pictures


def described(kind: Kind, ways: Sequence[Describe]) -> Described:
    """Describe a kind's pictures in all ways."""

    def of(pictures: Sequence[Eight]) -> Pictures:
        rows = [merged(way(pixels) for way in ways) for pixels in pictures]
        return {name: [row[name] for row in rows] for name in rows[0]}

    return Described(of(kind.learnt), of(kind.tested))


def merged(parts: Any) -> dict[str, Cells]:
    return {name: cells for part in parts for name, cells in part.items()}


def pixels_as_blocks() -> Describe:
    """Return what describes a cell by its pixels, on [0, 1]."""

    def describe(pixels: Eight) -> Mapping[str, Cells]:
        return {BLOCKS: blocks(to_nchw(pixels)[0])}

    return describe


def blocks(planes: Cells) -> Cells:
    """Return the values of each cell of planes (C, H, W), (C * CELL^2, h, w)."""
    channels, height, width = planes.shape
    parts = planes.reshape(channels, height // CELL, CELL, width // CELL, CELL)
    return parts.transpose(0, 2, 4, 1, 3).reshape(-1, height // CELL, width // CELL)


def mean_square(planes: Cells) -> Cells:
    """Return the mean square of each cell's values, (1, h, w)."""
    return np.asarray(np.square(blocks(planes)).mean(0, keepdims=True), np.float32)


def pooled(level: Cells, side: int) -> Cells:
    """Return mean and deviation of the values of each cell.

    level: (C, H, W). side: the values on a side of a cell.
    """
    if side == 1:
        return level
    channels, height, width = level.shape
    parts = level.reshape(channels, height // side, side, width // side, side)
    return np.concatenate([parts.mean((2, 4)), parts.std((2, 4))])


@dataclass(frozen=True)
class Where:
    """Where models run."""

    device: str = "auto"
    threads: int | None = None

    def load(self, path: Path, task: str) -> session.OnnxModel:
        return session.load(path, task=task, device=self.device, threads=self.threads)


def by_denoiser(where: Where) -> Describe:
    """Return what describes a cell by the size of what a denoiser takes from it."""
    model = where.load(registry.find(DENOISER), "denoise")
    level = np.full((1, 1, 1, 1), TOLD, np.float32)

    def describe(pixels: Eight) -> Mapping[str, Cells]:
        planes = to_nchw(pixels)
        return {RESIDUAL: mean_square((model(image=planes, sigma=level) - planes)[0])}

    return describe


def by_features(where: Where, name: str | None) -> Describe:
    """Return what describes a cell by learnt features. name: of their model, or its path."""
    model = where.load(registry.find(name or registry.DEFAULT_FEATURES), "features")

    def describe(pixels: Eight) -> Mapping[str, Cells]:
        found = model(image=to_nchw(pixels))[0]
        return {FEATURES: pooled(found, CELL * found.shape[1] // pixels.shape[0])}

    return describe


def by_code(where: Where, given: str, name: str) -> Describe:
    """Return what describes a cell by a code, and by the error of what it keeps.

    given: the model, by name or path. name: what the descriptions' names begin with.
    Raises ModelError for a model whose code is not at 1/8.
    """
    return coded(where.load(registry.find(given), "code"), name, ())


def by_levels(where: Where, folder: Path) -> Describe:
    """Return the same for the model `code`, and also the levels of its encoder.

    folder: where a model with these outputs is written.
    """
    proto = onnxfile.read_safely(registry.find(registry.DEFAULT_ENCODER))
    levels = levels_of(proto)
    for tensor in levels.values():
        proto.graph.output.append(onnx.ValueInfoProto(name=tensor))
    path = folder / "levels.onnx"
    onnxfile.write_model(proto, path)
    return coded(where.load(path, "code"), registry.DEFAULT_ENCODER, tuple(levels))


def coded(model: session.OnnxModel, name: str, levels: Sequence[str]) -> Describe:
    """Return what describes a cell by a code, by the error, and by what else a model gives."""
    if model.card.stride != CELL:
        raise ModelError(
            f"{model.path}: its codes stand for {model.card.stride} pixels a side; here they have "
            f"to stand for {CELL}"
        )

    def describe(pixels: Eight) -> Mapping[str, Cells]:
        planes = to_nchw(pixels)
        restored, code, *others = model.outputs(image=planes)
        found = {f"{name}.code": code[0], f"{name}.error": mean_square((restored - planes)[0])}
        for level, values in zip(levels, others, strict=True):
            found[level] = pooled(values[0], CELL * values.shape[2] // pixels.shape[0])
        return found

    return describe


def levels_of(model: onnx.ModelProto) -> dict[str, str]:
    """Return the last and widest tensor at each resolution on the way to a model's last output.

    They are found by their shapes, since names inside a model file may be any. What the encoder
    has not is missing.
    """
    sizes = onnxfile.sizes_in(onnxfile.inferred(model, SIDE, SIDE).graph)
    outputs = [value.name for value in model.graph.output]
    found: dict[str, str] = {}
    last = outputs[-1]
    for name, scale in LEVELS:
        at_scale = [
            tensor
            for tensor in before(model.graph, last)
            if tensor not in outputs and sizes.get(tensor, [])[2:] == [SIDE // scale] * 2
        ]
        most = max((sizes[tensor][1] for tensor in at_scale), default=0)
        if widest := [tensor for tensor in at_scale if sizes[tensor][1] == most]:
            found[name] = last = widest[-1]
    return found


def before(graph: onnx.GraphProto, last: str) -> list[str]:
    """Return the tensors that a tensor depends on, in the order in which they are made."""
    needed, found = {last}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            found += node.output
    return found[::-1]
