#!/usr/bin/env python3
"""Time a denoiser beside a network of FFDNet's shape, on one picture, in turn, on the same threads.

FFDNet's shape (Zhang et al. 2018, colour): 2x2 space-to-depth, 12 convolutions of 3x3 at half
resolution, 96 channels, 15 in and 12 out. Its weights here are random: time does not depend on
them. The denoiser is timed as a Python call, uint8 in and out; the level is given.
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
from imgae.session import usable_cpus


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path, help="cropped to 1000x1000, or repeated up to it")
    parser.add_argument("--model", help="a shipped name, or an .onnx file")
    parser.add_argument("--threads", type=int, default=usable_cpus())
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    pixels = imgae.read_image(options.picture).pixels
    repeats = [-(-1000 // size) for size in pixels.shape[:2]]
    pixels = np.ascontiguousarray(np.tile(pixels, (*repeats, 1))[:1000, :1000])

    denoiser = imgae.Denoiser(options.model, threads=options.threads)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ffdnet.onnx")
        ffdnet_shape(path)
        session_options = onnxruntime.SessionOptions()
        session_options.intra_op_num_threads = options.threads
        session = onnxruntime.InferenceSession(str(path), session_options)
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None] / np.float32(255))
    level = np.full((1, 3, 500, 500), 25 / 255, np.float32)

    ours, theirs = [], []
    for _ in range(options.rounds + 1):  # the first does not count
        started = time.perf_counter()
        denoiser(pixels, sigma=25 / 255)
        between = time.perf_counter()
        session.run(None, {"image": planes, "level": level})
        theirs.append(time.perf_counter() - between)
        ours.append(between - started)
    ours, theirs = ours[1:], theirs[1:]
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    name = denoiser.model.card.name
    print(f"1 MP, {options.threads} threads, median of {options.rounds} rounds in turn")
    print(f"{name:16} {statistics.median(ours):.3f} s")
    print(f"{'FFDNet shape':16} {statistics.median(theirs):.3f} s")
    print(f"ratio {statistics.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
