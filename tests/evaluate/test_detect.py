import itertools
import json
import math

import numpy as np
import pytest
import tiny_models
from scenes import photo

from imgae import Image, ImageError, ImgaeWarning, write_image
from imgae.cli import main
from imgae.evaluate import detect
from imgae.evaluate.protocol import Method, Result
from imgae.model.contract import DEFECTS
from imgae.synthetic import damage


@pytest.fixture
def pictures():
    return [(str(n), (photo(96, 96, n) * 255).round().astype(np.uint8)) for n in range(3)]


def by_condition(results):
    return {result.condition: result for result in results}


def test_f1_is_of_the_pixels_of_all_pictures_together():
    truth, found = np.zeros((2, 10, 10, 3), bool)
    truth[:2], found[1:4] = True, True  # 20 true, 30 found, 10 of them true
    figures = detect.rates(detect.counts(truth, found)[:, 0])
    assert figures["precision"] == pytest.approx(1 / 3)
    assert figures["recall"] == pytest.approx(1 / 2)
    assert figures["f1"] == pytest.approx(2 / (3 + 2))
    assert figures["pixels"] == 20


def test_a_perfect_detector_has_f1_of_1_and_marks_nothing_else(pictures):
    method = Method(
        "perfect",
        lambda sample: (
            sample.reference if sample.reference.dtype == bool else np.zeros((96, 96, 5), bool)
        ),
    )
    results = by_condition(detect.run_method(method, pictures))
    conditions = {
        detect.condition_of(*of) for of in itertools.product(damage.DAMAGES, damage.TONES, DEFECTS)
    }
    assert set(results) == {*conditions, detect.UNDAMAGED}
    for condition in conditions:
        assert results[condition].figures["f1"] == 1
        assert results[condition].figures["pixels"] > 0
        assert set(results[condition].pictures) <= {"0", "1", "2"}
    assert results[detect.UNDAMAGED].figures == {"marked": 0, "worst": 0}


def test_a_detector_that_marks_all_has_the_share_of_defects_as_its_precision(pictures):
    results = by_condition(
        detect.run_method(Method("all", lambda _: np.ones((96, 96, 5), bool)), pictures)
    )
    masks = [sample.reference for sample in detect.damaged_samples(pictures)]
    for kind, defect in enumerate(DEFECTS):
        share = np.mean([mask[:, :, kind].mean() for mask in masks])
        figures = results[detect.condition_of("film", "colour", defect)].figures
        assert figures["precision"] == pytest.approx(share)
        assert figures["recall"] == 1
        assert figures["f1"] == pytest.approx(2 * share / (1 + share))
    assert results[detect.UNDAMAGED].figures == {"marked": 1, "worst": 1}


def test_a_detector_that_marks_nothing_has_no_precision(pictures):
    results = by_condition(
        detect.run_method(Method("none", lambda _: np.zeros((96, 96, 5), bool)), pictures)
    )
    dust = results[detect.condition_of("plain", "sepia", "dust")].figures
    assert dust["f1"] == 0
    assert dust["precision"] is None
    assert "| none | plain | dust | 0.000 | 0.000 | 0.000 | 0.000 |  | 0.000 |" in detect.table(
        list(results.values())
    )


def test_the_worst_undamaged_picture_is_told():
    pictures = [(str(n), np.zeros((10, 70, 3), np.uint8)) for n in range(2)]

    def run(sample):
        found = np.zeros((10, 70, 5), bool)
        if sample.reference.dtype != bool:
            found[: 1 + int(sample.name), :, 1] = True
        return found

    undamaged = detect.run_method(Method("m", run), pictures)[-1]
    assert undamaged.figures == {"marked": pytest.approx(0.15), "worst": pytest.approx(0.2)}
    results = detect.run_method(Method("m", run), pictures, pictures)
    assert "m: 15.0000% of the pixels of undamaged pictures" in detect.table(results)
    assert "m: 15.0000% of the pixels of architecture" in detect.table(results)
    assert results[-1].condition == detect.BUILDINGS


def test_pictures_too_small_for_the_damage_are_left_out(pictures):
    small = ("small", np.zeros((60, 60, 3), np.uint8))
    method = Method("m", lambda sample: np.zeros((*sample.pixels.shape[:2], 5), bool))
    with pytest.warns(ImgaeWarning, match="small: 60x60 is too small"):
        results = detect.run_method(method, [*pictures, small])
    assert set(results[-1].pictures) == {"0", "1", "2"}
    with pytest.warns(ImgaeWarning), pytest.raises(ImageError, match="no picture has a side"):
        detect.run_method(method, [small])


def test_the_damage_of_a_picture_follows_from_its_number(pictures):
    first, second = (detect.damaged_samples(pictures) for _ in range(2))
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0].reference, first[1].reference)


def test_the_command_prints_a_table_and_writes_json(pictures, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("IMGAE_MODELS", str(tmp_path))
    tiny_models.bright(tmp_path / "bright.onnx")
    for name, pixels in pictures:
        write_image(Image(pixels), tmp_path / f"{name}.png")
    where = tmp_path / "a.json"
    assert main(["evaluate", "detect", str(tmp_path), "--models", "bright", "--limit", "2",
                 "--json", str(where)]) == 0  # fmt: skip
    out = capfd.readouterr().out
    stored = json.loads(where.read_text())
    assert stored["pictures"] == 2
    rows = {row["condition"]: row for row in stored["results"]}
    scratches = rows[detect.condition_of("film", "colour", "scratches")]
    assert f"| bright | film | scratches | {scratches['f1']:.3f} |" in out
    assert f"{rows['undamaged']['marked']:.4%} of the pixels" in out
    assert 0 < rows["undamaged"]["marked"] <= rows["undamaged"]["worst"] <= 1


def test_scores_of_a_card_are_numbers():
    results = [
        Result("m", "film, colour, dust", {"f1": math.nan}),
        Result("m", "film, sepia, scratches", {"f1": 0.5}),
        Result("m", "plain, colour, scratches", {"f1": 0.7}),
    ]
    (score,) = detect.card_scores(results, "FLAT", 2, "a command")
    assert score.value == 0.5
    assert score.what == "FLAT, 2 pictures, film, sepia, scratches"


def test_buildings_are_known_by_their_names(tmp_path):
    for name in ("119082", "other"):
        write_image(Image(np.zeros((4, 4, 3), np.uint8)), tmp_path / f"{name}.png")
    assert [path.stem for path in detect.architecture_in([tmp_path])] == ["119082"]
    assert len(set(detect.ARCHITECTURE)) == 20
