"""A model that has not learnt its task fails, and is told what to do."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import tiny_models

from imgae.model.card import OwnNoise
from imgae.model.verify.checks import CHECKS
from imgae.model.verify.learnt import in_files, noise_is_removed
from imgae.model.verify.probes import Subject
from imgae.model.verify.report import Report


def test_a_denoiser_that_is_not_told_the_level_must_remove_noise_too():
    card = tiny_models.card(inputs=("image",))
    asleep = Subject(Path(), onnx.ModelProto(), card, lambda image: image)
    awake = replace(asleep, model=lambda image: image * 0 + image.mean((2, 3), keepdims=True))
    assert noise_is_removed(asleep).figure == 1
    assert noise_is_removed(awake).figure < 1e-4


def test_a_shift_is_told_in_the_values_of_the_files_that_a_model_is_for():
    own = OwnNoise("", "uint16", 0.0, 1 / 16, (0.0, 1.0), (), (), ())
    assert in_files(0.51, own) == ", in the files 8.19 of 65,535"
    assert in_files(0.51, replace(own, pixels="float32", span=2.0)) == (
        ", in the files 0.004 of white at 1"
    )
    assert in_files(0.51, replace(own, pixels="uint8")) == in_files(0.51, None) == ""


def copying(image, **_):
    return image


def tinted(image, **_):
    return image * np.float32(0.9)


def row_of(check, task, model):
    """The row of a check for a model of a task that is a function."""
    inputs = {"denoise": ("image", "sigma"), "inpaint": ("image", "mask")}.get(task, ("image",))
    card = tiny_models.card(task=task, inputs=inputs)
    subject = Subject(Path("a.onnx"), onnx.ModelProto(), card, model)
    report = Report(Path("a.onnx"), ["only"], lambda _: None)
    report.run(lambda: CHECKS[check][task](subject))
    (row,) = report.table()
    return row


@pytest.mark.parametrize(
    ("check", "task", "model", "means"),
    [
        ("levels", "denoise", tinted, "brightness or colour"),
        ("levels", "inpaint", copying, "other colours than those around"),
        ("levels", "detect", lambda image: image * 0 + 1, "marks defects where there are none"),
        ("levels", "code", tinted, "brightness or colour"),
        ("effect", "denoise", copying, "leaves most of the noise"),
        ("effect", "detect", lambda image: image * 0, "misses a clear scratch"),
    ],
)
def test_what_a_short_training_fails_says_what_it_means_and_what_to_do(check, task, model, means):
    row = row_of(check, task, model)
    assert row.passed is False
    assert means in row.finding
    assert "train longer" in row.finding


def test_what_passes_gives_no_advice():
    for task in ("denoise", "code"):
        row = row_of("levels", task, copying)
        assert row.passed
        assert "train" not in row.finding
