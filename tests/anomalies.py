"""Drawn pictures of one texture, flaws in them, and anomalies computed by hand."""

from dataclasses import replace

import numpy as np
import onnx
import tiny_models

from imgae import Image, write_image
from imgae.model import onnxfile, session
from imgae.model.card import METADATA_KEY
from imgae.restore.anomaly import graph
from imgae.restore.anomaly.normal import LOST, NEAR, Error, Gaussian, blur_kernel, features_of
from imgae.restore.anomaly.sources import sources_of


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
    known = {name: each for name, each in sources_of(backbone).items() if name != "image"}
    found = session.values_of(backbone, [each.name for each in known.values()], {"image": framed})
    sources = {name: found[each.name][0].astype(np.float64) for name, each in known.items()}
    sources["image"] = framed[0].astype(np.float64)
    if "restored" in sources:
        square = (sources["restored"] - sources["image"]) ** 2
        sources["lost"] = square.mean(0, keepdims=True)
    cell, side = normal.cell, graph.MIRRORED // normal.cell
    rows, columns = (-(-length // cell) for length in (height, width))
    inner = (slice(side, side + rows), slice(side, side + columns))
    u = outside(rows, columns, NEAR // cell)
    total = []
    for expert, weight in zip(normal.experts, normal.weights, strict=True):
        channels = channels_of(sources, features_of(expert), cell)
        y = mixed(channels, features_of(expert))
        value = value_of(expert, y, sources, cell)[inner]
        mean, deviation = (
            polynomial(numbers, u) for numbers in (expert.usual.mean, expert.usual.deviation)
        )
        deviation = np.maximum(deviation, expert.usual.deviation[0])
        total.append((value - mean) / deviation * weight)
    result = np.max(total, 0) if normal.by == "max" else np.sum(total, 0)
    if normal.blur:
        result = filtered(result, blur_kernel(normal.blur))
    return enlarged(result, cell)[:height, :width].clip(0)


def frame(picture):
    """The picture with mirrored pixels around it, or repeated ones where it is too small."""
    for axis in (2, 3):
        length = picture.shape[axis]
        pads = [(0, 0)] * 4
        pads[axis] = (graph.MIRRORED, graph.MIRRORED + -length % 8)
        picture = np.pad(picture, pads, mode="edge" if length < graph.LEAST_SIDE else "reflect")
    return picture


def channels_of(sources, features, cell):
    parts = []
    for level in features.levels:
        values = pooled(sources[level.source], level.pool)
        scale = len(sources["image"][0]) // len(sources[level.source][0])
        parts.append(
            means(values, cell // scale) if scale < cell else stretched(values, scale // cell)
        )
    return pooled(np.concatenate(parts), features.pool)


def mixed(channels, features):
    return np.tensordot(features.matrix, channels, 1) + features.offset[:, None, None]


def value_of(expert, y, sources, cell):
    if isinstance(expert, Gaussian):
        return np.sqrt((y**2).sum(0))
    if isinstance(expert, Error):
        lost = channels_of(sources, Lost, cell)[0]
        return np.log(lost + expert.floor) - y[0]
    away = np.sqrt(((y[None] - expert.vectors[:, :, None, None]) ** 2).sum(1))
    return np.sort(away, 0)[: expert.nearest].mean(0)


class Lost:
    levels, pool = (LOST,), 1


def outside(rows, columns, reach):
    ones = np.pad(np.ones((rows, columns)), reach)
    windows = np.lib.stride_tricks.sliding_window_view(ones, (2 * reach + 1, 2 * reach + 1))
    return 1 - windows.mean((2, 3))


def polynomial(numbers, u):
    a, b, c = numbers
    return a + b * u + c * u**2


def pooled(values, side):
    padded = np.pad(values, [(0, 0), *[(side // 2, side // 2)] * 2], mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, (side, side), (1, 2)).mean((3, 4))


def filtered(values, kernel):
    reach = len(kernel) // 2
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(values, reach, mode="edge"), kernel.shape
    )
    return (windows * kernel).sum((2, 3))


def means(values, side):
    channels, rows, columns = values.shape
    blocks = values.reshape(channels, rows // side, side, columns // side, side)
    return blocks.mean((2, 4))


def stretched(values, factor):
    return np.stack([enlarged(plane, factor) for plane in values])


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

    return onnxfile.read_safely(registry.find("code"))


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
