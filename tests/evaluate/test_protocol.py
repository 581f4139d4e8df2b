import numpy as np
import pytest
import tiny_models

from imgae import ImgaeWarning, OptionError
from imgae.evaluate import protocol
from imgae.evaluate.protocol import Method, Sample, measure, names_of
from imgae.picture.metrics import psnr, ssim

pytest.importorskip("skimage", reason="scikit-image is not installed")


def samples(values):
    return [
        Sample(str(i), np.zeros((10, 20, 3), np.uint8), np.full((10, 20, 3), value, np.uint8))
        for i, value in enumerate(values)
    ]


def test_figures_are_means_over_the_samples_that_have_them():
    def score(sample, found):
        value = float(sample.reference[0, 0, 0])
        return {"value": value, "odd": value if value % 2 else None, "none": None}

    method = Method("m", lambda sample: sample.pixels)
    result = measure(method, samples([3, 4, 5]), 25.0, score, "value")
    assert result.figures.pop("seconds_per_megapixel") > 0
    assert result.figures == {"value": 4.0, "odd": 4.0, "none": None}
    assert result.pictures == {"0": 3.0, "1": 4.0, "2": 5.0}
    assert (result.mean, result.worst, result.condition) == (4.0, 3.0, 25.0)
    assert np.isnan(result.value("none"))


def test_only_a_timed_measurement_runs_the_first_sample_twice():
    for timed, expected in ((True, ["0", "0", "1"]), (False, ["0", "1"])):
        seen = []
        method = Method("m", lambda sample, seen=seen: seen.append(sample.name))
        result = measure(method, samples([1, 2]), None, lambda *_: {"x": 1.0}, "x", timed=timed)
        assert seen == expected
        assert ("seconds_per_megapixel" in result.figures) == timed


def test_a_baseline_has_no_card_and_no_work():
    assert Method("nlm", None).kmac_per_pixel is None
    assert Method("m", None, tiny_models.card(macs_per_pixel=49952)).kmac_per_pixel == 49.952


@pytest.mark.parametrize(
    ("models", "baselines", "expected"),
    [
        (["denoise-fast", "x/y.onnx"], ["nlm"], ["denoise-fast", "y", "nlm"]),
        (["a/m.onnx", "b/m.onnx"], [], ["a/m.onnx", "b/m.onnx"]),
        (["m", "b/m.onnx", "n"], [], ["m", "b/m.onnx", "n"]),
        (["x/nlm.onnx"], ["nlm"], ["x/nlm.onnx", "nlm"]),
    ],
)
def test_no_two_methods_have_one_name(models, baselines, expected):
    assert names_of(models, baselines) == expected


def test_what_is_named_twice_is_an_error():
    for models, baselines in ((["m", "m"], []), ([], ["nlm", "nlm"]), (["nlm"], ["nlm"])):
        with pytest.raises(OptionError, match="named 2 times"):
            names_of(models, baselines)


def test_likeness_leaves_ssim_out_where_a_picture_is_too_small():
    rng = np.random.default_rng(0)
    for side in (10, 11):
        a, b = rng.integers(0, 256, (2, side, 40, 3)).astype(np.uint8)
        figures = protocol.likeness(a, b)
        assert figures["psnr"] == psnr(a, b, 255)
        assert figures["ssim"] == (None if side == 10 else ssim(a, b))


def test_small_pictures_are_noted_by_name():
    with pytest.warns(ImgaeWarning, match="b: 40x10 is too small for SSIM") as noted:
        protocol.note_small([("a", np.zeros((11, 40, 3))), ("b", np.zeros((10, 40, 3)))])
    assert len(noted) == 1
