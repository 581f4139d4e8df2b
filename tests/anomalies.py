"""Drawn pictures of one texture, flaws in them, and anomalies computed by hand."""

from dataclasses import replace

import numpy as np
import onnx
import tiny_models

from imgae import Image, write_image
from imgae.model import onnxfile, session
from imgae.model.card import METADATA_KEY
from imgae.restore.anomaly import graph
from imgae.restore.anomaly.normal import CELL, FINE, LEAST_SPREAD, LEAST_SQUARE, NEAR


def texture(seed, height=96, width=96):
    """A weave of threads, uint8 (H, W, 3), different for each seed."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    first, second = random.uniform(0, 6, 2)
    gray = 0.5 + 0.2 * np.sin(columns / 3 + first) * np.sin(rows / 3 + second)
    picture = gray[:, :, None] * [0.9, 0.8, 0.6] + random.normal(0, 0.02, (height, width, 3))
    return (picture.clip(0, 1) * 255).astype(np.uint8)


def scratched(picture, row=40, column=30, length=30):
    """The same with a light line from a place on, two pixels high."""
    spoilt = picture.copy()
    spoilt[row : row + 2, column : column + length] = 250
    return spoilt


def folder_of(path, count, **size):
    """A folder of so many good pictures."""
    path.mkdir()
    for number in range(count):
        write_image(Image(texture(number, **size)), path / f"{number:02}.png")
    return path


def by_hand(backbone, normal, picture):
    """The map of anomalies of a picture (1, 3, H, W), float32, by numpy after the backbone."""
    height, width = picture.shape[2:]
    framed = frame(picture)
    (features,) = session.values_of(backbone, ["features"], {"image": framed}).values()
    image = framed[0].astype(np.float64)
    sources = {"image": image, "detail": image - blurred(image), "features": features[0]}
    side = graph.MIRRORED // CELL
    rows, columns = (-(-length // CELL) for length in (height, width))
    inner = (slice(side, side + rows), slice(side, side + columns))
    u = outside(rows, columns, NEAR // CELL)
    total = []
    for expert in normal.experts:
        value = value_of(expert, sources)[inner]
        near = u.clip(*expert.usual.known)
        mean, deviation = (
            polynomial(numbers, near) for numbers in (expert.usual.mean, expert.usual.deviation)
        )
        total.append((value - mean) / np.maximum(deviation, expert.usual.deviation[0]))
    result = np.log(1 + np.mean(np.exp(total), 0))
    return enlarged(result, CELL)[:height, :width]


def frame(picture):
    """The picture with mirrored pixels around it, or repeated ones where it is too small."""
    for axis in (2, 3):
        length = picture.shape[axis]
        pads = [(0, 0)] * 4
        pads[axis] = (graph.MIRRORED, graph.MIRRORED + -length % 8)
        picture = np.pad(picture, pads, mode="edge" if length < graph.LEAST_SIDE else "reflect")
    return picture


def value_of(expert, sources):
    """What an expert gives for each cell: of its parts, the farthest from the mean."""
    parts = expert.look.parts
    side = CELL // parts
    channels = channels_of(expert.look, sources, side)
    y = np.tensordot(expert.matrix.astype(np.float64), channels, 1) + expert.offset[:, None, None]
    square = (y**2).mean(0)
    blocks = square.reshape(len(square) // parts, parts, -1, parts)
    return np.log(blocks.max((1, 3)) + LEAST_SQUARE)


def channels_of(look, sources, side):
    return np.concatenate([level_of(level, sources, side, look.around) for level in look.levels])


def level_of(level, sources, side, around):
    x = sources[level.source].astype(np.float64)
    length = side * x.shape[1] // sources["image"].shape[1]
    mean = means(x, length)
    if not level.spread:
        return with_neighbours(mean) if around else mean
    variance = (means(x**2, length) - mean**2).clip(0)
    return np.log(with_neighbours(variance) + LEAST_SPREAD) if around else np.sqrt(variance)


def with_neighbours(values):
    """Means over nine places, of those that there are."""
    total, count = (
        np.lib.stride_tricks.sliding_window_view(
            np.pad(x, [(0, 0), (1, 1), (1, 1)]), (3, 3), (1, 2)
        ).sum((3, 4))
        for x in (values, np.ones_like(values))
    )
    return total / count


def outside(rows, columns, reach):
    ones = np.pad(np.ones((rows, columns)), reach)
    windows = np.lib.stride_tricks.sliding_window_view(ones, (2 * reach + 1, 2 * reach + 1))
    return 1 - windows.mean((2, 3))


def polynomial(numbers, u):
    a, b, c = numbers
    return a + b * u + c * u**2


def blurred(image):
    """By a Gaussian of FINE pixels, up to three deviations; edges are repeated."""
    at = np.arange(-round(3 * FINE), round(3 * FINE) + 1)
    line = np.exp(-0.5 * (at / FINE) ** 2)
    kernel = np.outer(line, line) / line.sum() ** 2
    reach = len(kernel) // 2
    padded = np.pad(image, [(0, 0), (reach, reach), (reach, reach)], mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape, (1, 2))
    return (windows * kernel).sum((3, 4))


def means(values, side):
    channels, rows, columns = values.shape
    blocks = values.reshape(channels, rows // side, side, columns // side, side)
    return blocks.mean((2, 4))


def enlarged(plane, factor):
    """Bilinearly, with half-pixel centres and the edges repeated."""
    for axis in (0, 1):
        length = plane.shape[axis]
        at = ((np.arange(length * factor) + 0.5) / factor - 0.5).clip(0, length - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, length - 1)
        part = (at - low).reshape([-1, 1] if axis == 0 else [1, -1])
        plane = np.take(plane, low, axis) * (1 - part) + np.take(plane, high, axis) * part
    return plane


def shipped():
    """The shipped backbone."""
    from imgae.model import registry

    return onnxfile.read_safely(registry.find("features"))


def with_features():
    """A backbone that shifts the picture before it pads it, and gives features at 1/4, cut."""
    make = onnx.helper.make_node
    nodes = [
        make("Sub", ["image", "half"], ["shifted"]),
        make("Shape", ["image"], ["sides"], start=2),
        make("Neg", ["sides"], ["minus"]),
        make("Mod", ["minus", "eight"], ["lacking"]),
        make("Concat", ["zeros", "lacking"], ["pads"], axis=0),
        make("Pad", ["shifted", "pads"], ["padded"], mode="edge"),
        make("Conv", ["padded", "first"], ["one"], strides=[4, 4], kernel_shape=[4, 4]),
        make("Tanh", ["one"], ["two"]),
        make("Conv", ["two", "second"], ["whole"], pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
        make("Add", ["sides", "three"], ["more"]),
        make("Div", ["more", "four"], ["cells"]),
        make("Slice", ["whole", "none", "cells", "axes"], ["features"]),
    ]
    random = np.random.default_rng(0)
    numbers = {"eight": [8, 8], "zeros": [0] * 6, "three": [3, 3], "four": [4, 4]}
    numbers |= {"none": [0, 0], "axes": [2, 3]}
    stored = {name: np.array(values) for name, values in numbers.items()} | {
        "half": np.float32([0.5]),
        "first": random.normal(0, 0.3, (6, 3, 4, 4)).astype(np.float32),
        "second": random.normal(0, 0.3, (5, 6, 3, 3)).astype(np.float32),
    }
    graph = onnx.helper.make_graph(
        nodes,
        "features",
        [onnx.helper.make_tensor_value_info("image", 1, ["N", 3, "H", "W"])],
        [onnx.helper.make_tensor_value_info("features", 1, ["N", 5, "h", "w"])],
        [onnx.numpy_helper.from_array(values, name) for name, values in stored.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])
    model.ir_version = 9
    card = tiny_models.card(name="five", task="features", inputs=("image",), stride=8, halo=8)
    card = replace(card, sigma_range=(0.0, 0.0), training_data=("none",))
    onnxfile.set_metadata(model, METADATA_KEY, card.to_json())
    return model
