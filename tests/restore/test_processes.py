"""Restorers that were used go to other processes."""

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import tiny_models

import imgae
from imgae import Denoiser, Detector, Encoder, Image, Inpainter

PICTURE = np.random.default_rng(0).integers(60, 200, (20, 24, 3)).astype(np.uint8)
HOLE = np.zeros((20, 24), bool)
HOLE[3:6, 4:9] = True


@pytest.fixture
def used(tiny_code, tmp_path):
    """Each with what it is called with, after a first call."""
    restorers = [
        (Denoiser(tiny_models.darken(tmp_path / "darken.onnx"), threads=1), (PICTURE, 0.1)),
        (Inpainter(tiny_models.fill(tmp_path / "fill.onnx"), threads=1), (PICTURE, HOLE)),
        (Detector(tiny_models.bright(tmp_path / "bright.onnx"), threads=1), (PICTURE,)),
        (Encoder(tiny_code(tmp_path / "code.onnx"), threads=1, tile=8), (PICTURE,)),
    ]
    return [(restorer, inputs, restorer(*inputs)) for restorer, inputs in restorers]


def test_a_used_restorer_pickles_and_does_the_same(used):
    for restorer, inputs, expected in used:
        again = pickle.loads(pickle.dumps(restorer))  # noqa: S301 - our own
        assert np.array_equal(again(*inputs), expected)
        assert vars(again).keys() == vars(restorer).keys()


def test_pictures_results_and_errors_pickle():
    alpha = np.zeros((4, 5), np.uint8)
    image = Image(
        np.ones((4, 5, 3), np.uint8), alpha, b"icc", b"exif", b"xmp", (1.0, 2.0), 6, (2, 3)
    )
    again = pickle.loads(pickle.dumps(image))  # noqa: S301 - our own
    assert np.array_equal(again.pixels, image.pixels)
    assert np.array_equal(again.alpha, alpha)
    for field in ("icc", "exif", "xmp", "dpi", "turned", "quantisation"):
        assert getattr(again, field) == getattr(image, field)
    done = Denoiser(threads=1).run(image, 0.1)
    assert pickle.loads(pickle.dumps(done)).sigma == 0.1  # noqa: S301 - our own
    for error in (imgae.ImageNotFoundError("a.png: no such file"), imgae.OptionError("wrong")):
        back = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
        assert (type(back), str(back)) == (type(error), str(error))


def test_a_denoiser_that_has_not_loaded_its_models_pickles():
    again = pickle.loads(pickle.dumps(Denoiser(threads=1)))  # noqa: S301 - our own
    assert vars(again).keys() == {"device", "threads", "tile", "named", "path"}


def test_a_pool_of_fresh_processes_may_use_them(used):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        futures = [pool.submit(restorer, *inputs) for restorer, inputs, _ in used]
        for future, (_, _, expected) in zip(futures, used, strict=True):
            assert np.array_equal(future.result(timeout=120), expected)
