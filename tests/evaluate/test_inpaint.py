import json

import cv2
import numpy as np
import PIL.Image
import pytest
import tiny_models
from scenes import HOLE, grainy

from imgae import Image, write_image
from imgae.cli import main
from imgae.evaluate import inpaint
from imgae.evaluate.protocol import Method, Result, Sample
from imgae.picture.metrics import detail_ratio, patch_distance, seam_ratio
from imgae.picture.pixels import from_float, to_float
from imgae.restore.synthesis.fill import fill_hole

pytest.importorskip("skimage", reason="scikit-image is not installed")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    models = tmp_path / "models"
    models.mkdir()
    tiny_models.fill(models / "white.onnx")
    monkeypatch.setenv("IMGAE_MODELS", str(models))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(2):
        rng = np.random.default_rng(number)
        smooth = cv2.resize(rng.integers(0, 256, (3, 3, 3)).astype(np.uint8), (150, 140))
        write_image(Image(smooth), pictures / f"{number}.png")
    return pictures


def test_fills_are_measured_beside_each_other(folder, tmp_path, capsys):
    stored, sheet = tmp_path / "fills.json", tmp_path / "sheet.png"
    words = ["--models", "white", "--against", "telea,harmonic", "--kinds", "boxes32,box96"]
    words += ["--json", str(stored), "--sheet", str(sheet)]
    assert main(["evaluate", "inpaint", str(folder), *words]) == 0
    table = capsys.readouterr().out
    rows = {(r["method"], r["kind"]): r for r in json.loads(stored.read_text())["results"]}
    assert len(rows) == 6 + 3  # the model without its texture stage, twice, and the truth
    assert rows["white, smooth", "boxes32"]["gain"] < rows["white", "boxes32"]["gain"]
    assert rows["white, smooth", "box96"]["patch_distance"] > 0
    assert rows["truth", "box96"]["hole_psnr"] is None
    assert rows["truth", "box96"]["seam_ratio"] < rows["white, smooth", "box96"]["seam_ratio"]
    for kind in ("boxes32", "box96"):
        white = rows["white" if kind == "boxes32" else "white, smooth", kind]
        harmonic = rows["harmonic", kind]
        assert harmonic["hole_psnr"] > white["hole_psnr"] + 2
        assert white["gain"] < -2
        assert f"{harmonic['hole_psnr']:.2f}" in table
        # The holes are a part of the picture, and all of the error.
        assert harmonic["psnr"] > harmonic["hole_psnr"]
        assert (harmonic["patch_distance"] is None) == (kind == "boxes32")
    with PIL.Image.open(sheet) as picture:
        assert picture.size[0] > 5 * 128
        assert picture.size[1] > 2 * 128


def test_a_gain_is_over_the_best_baseline_of_each_picture():
    names = ("telea", "ns", "fsr")  # gains are over the first two
    methods = [Method("model", None, tiny_models.card()), *(Method(name, None) for name in names)]
    results = [
        Result("model", "text", {}, {"x": 30.0, "y": 20.0}),
        Result("telea", "text", {}, {"x": 29.0, "y": 10.0}),
        Result("ns", "text", {}, {"x": 22.0, "y": 21.0}),
        Result("fsr", "text", {}, {"x": 31.0, "y": 31.0}),
    ]
    gains = [found.figures["gain"] for found in inpaint.with_gains(results, methods)]
    assert gains == [0.0, -5.5, -3.5, 6.0]
    alone = inpaint.with_gains(results[:1], methods[:1])
    assert alone[0].figures["gain"] is None


def test_scores_of_a_card_are_gains_and_for_large_holes_the_psnr():
    results = [
        Result("m", "text", {"gain": 1.139, "hole_psnr": 23.0}),
        Result("m", "box96", {"gain": -0.5, "hole_psnr": 18.091}),
    ]
    scores = inpaint.card_scores(results, "CBSD68", "a command")
    assert [(score.what, score.value) for score in scores] == [
        ("CBSD68, text, in the holes, over the best classical fill", 1.14),
        ("CBSD68, box96, in the holes", 18.09),
    ]


def test_the_psnr_in_holes_is_of_their_pixels_alone():
    reference = np.full((20, 20, 3), 100, np.uint8)
    mask = np.zeros((20, 20), bool)
    mask[5:9, 5:9] = True
    filled = reference.copy()
    filled[mask] += 10
    figures = inpaint.score(Sample("a", reference, reference, mask=mask), filled)
    assert figures["hole_psnr"] == pytest.approx(20 * np.log10(25.5))
    assert figures["psnr"] == pytest.approx(20 * np.log10(25.5) + 10 * np.log10(400 / 16))


def test_the_measures_of_large_holes_rank_truth_above_texture_above_blur():
    truth = np.random.default_rng(1).normal(128, 25, (190, 180, 3)).clip(0, 255)
    truth = np.rint(cv2.GaussianBlur(truth, (0, 0), 0.7)).astype(np.uint8)
    _, hole = grainy()
    blurred, shifted = truth.copy(), truth.copy()
    blurred[HOLE] = 128
    shifted[HOLE] = np.clip(truth[HOLE].astype(int) + 60, 0, 255)
    filled = fill_hole(to_float(blurred), hole, ~hole)
    assert filled is not None
    textured = from_float(filled.clip(0, 1), np.uint8)
    for measure, best in ((patch_distance, 0), (detail_ratio, 1)):
        off = [abs(measure(pixels, hole) - best) for pixels in (truth, textured, blurred)]
        assert off[0] < off[1] < off[2], measure.__name__
    assert seam_ratio(truth, hole) < 1.1 < seam_ratio(shifted, hole)


def test_scores_of_a_card_are_numbers():
    results = [
        Result("m", "text", {"gain": -np.inf, "hole_psnr": 23.0}),
        Result("m", "random50", {"gain": np.nan, "hole_psnr": np.inf}),
        Result("m", "box96", {"gain": 1.0, "hole_psnr": np.inf}),
        Result("m", "scratches", {"gain": 0.5, "hole_psnr": 20.0}),
    ]
    assert [score.value for score in inpaint.card_scores(results, "FLAT", "a command")] == [0.5]
