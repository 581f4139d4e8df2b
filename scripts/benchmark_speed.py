#!/usr/bin/env python3
"""Time denoisers beside a network of FFDNet's shape, in turn, on the same picture and threads.

FFDNet's shape (Zhang et al. 2018, colour): 2x2 space-to-depth, 12 convolutions of 3x3 at half
resolution, 96 channels, 15 in and 12 out. Its weights here are random: time does not depend on
them. Denoisers are timed as Python calls, uint8 in and out; the level is given.
"""

import argparse
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import imgae
from imgae.cli.evaluate.common import names
from imgae.evaluate.denoise import denoisers
from imgae.evaluate.protocol import Method, Sample
from imgae.model.machine import usable_cpus

FFDNET = "FFDNet shape"


def ffdnet_shape(path):
    rng = np.random.default_rng(0)
    channels = [15, *[96] * 11, 12]
    nodes = [
        helper.make_node("SpaceToDepth", ["image"], ["halved"], blocksize=2),
        helper.make_node("Concat", ["halved", "level"], ["x0"], axis=1),
    ]
    weights = []
    for i, (before, after) in enumerate(pairwise(channels)):
        scale = (2 / (9 * before)) ** 0.5
        kernel = rng.normal(0, scale, (after, before, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"w{i}"))
        name = f"c{i}" if i < 11 else "last"
        nodes.append(helper.make_node("Conv", [f"x{i}", f"w{i}"], [name], pads=[1, 1, 1, 1]))
        if i < 11:
            nodes.append(helper.make_node("Relu", [name], [f"x{i + 1}"]))
    nodes.append(helper.make_node("DepthToSpace", ["last"], ["out"], blocksize=2))
    floats = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "ffdnet_shape",
        [
            helper.make_tensor_value_info("image", floats, [1, 3, "H", "W"]),
            helper.make_tensor_value_info("level", floats, [1, 3, "h", "w"]),
        ],
        [helper.make_tensor_value_info("out", floats, [1, 3, "H", "W"])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    onnx.save(model, path)


def as_method(session):
    def run(sample):
        height, width = sample.pixels.shape[:2]
        planes = np.ascontiguousarray(sample.pixels.transpose(2, 0, 1)[None] / np.float32(255))
        level = np.full((1, 3, height // 2, width // 2), sample.level, np.float32)
        return session.run(None, {"image": planes, "level": level})

    return Method(FFDNET, run)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path, help="cropped to 1000x1000, or repeated up to it")
    parser.add_argument("--models", default="denoise-fast", help="names or files, with commas")
    parser.add_argument("--against", default="", help="as for imgae evaluate denoise")
    parser.add_argument("--threads", type=int, default=usable_cpus())
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    pixels = imgae.read_image(options.picture).pixels
    repeats = [-(-1000 // size) for size in pixels.shape[:2]]
    pixels = np.ascontiguousarray(np.tile(pixels, (*repeats, 1))[:1000, :1000])

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ffdnet.onnx")
        ffdnet_shape(path)
        session_options = onnxruntime.SessionOptions()
        session_options.intra_op_num_threads = options.threads
        reference = as_method(onnxruntime.InferenceSession(str(path), session_options))
    models, against = names(options.models), names(options.against)
    contenders = [*denoisers(models, against, options.threads), reference]
    sample = Sample("picture", pixels, pixels, 25 / 255)

    seconds = {method.name: [] for method in contenders}
    for _ in range(options.rounds + 1):  # the first does not count
        for method in contenders:
            started = time.perf_counter()
            method.run(sample)
            seconds[method.name].append(time.perf_counter() - started)
    print(f"1 MP, level 25, {options.threads} threads, medians of {options.rounds} rounds in turn")
    print(f"{'':16}      s/MP      MP/s   FFDNet shape's time over its own (least, most)")
    for name, own in seconds.items():
        ratios = [b / a for a, b in zip(own[1:], seconds[FFDNET][1:], strict=True)]
        middle = statistics.median(own[1:])
        print(
            f"{name:16} {middle:9.3f} {1 / middle:9.3f}   {statistics.median(ratios):.3g} "
            f"({min(ratios):.3g}, {max(ratios):.3g})"
        )


if __name__ == "__main__":
    main()
