"""The evaluation of search: copies, baselines, and the command's table."""

import json

import numpy as np
import pytest
import tiny_code
from scenes import photo

from imgae import Image, write_image
from imgae.cli import main
from imgae.evaluate import search
from imgae.evaluate.protocol import Result
from imgae.model import session


def photos(first, count, side=64):
    return [
        (str(n), (photo(side, side + 16, n) * 255).round().astype(np.uint8))
        for n in range(first, first + count)
    ]


def test_copies_are_damaged_as_their_conditions_say():
    ((_, pixels),) = photos(0, 1)
    found = dict(search.copies(pixels, 3))
    assert tuple(found) == search.CONDITIONS
    height, width = pixels.shape[:2]
    assert found["noise"].shape == found["jpeg"].shape == pixels.shape
    assert 15 < (found["noise"].astype(float) - pixels).std() < 26
    assert found["crop"].shape == (round(0.7 * height), round(0.7 * width), 3)
    assert found["half"].shape == (height // 2, width // 2, 3)
    assert (found["mirror"] == pixels[:, ::-1]).all()
    assert found["all four"].shape == (*(side // 2 for side in found["crop"].shape[:2]), 3)
    again = dict(search.copies(pixels, 3))
    assert all((found[name] == again[name]).all() for name in found)
    assert (dict(search.copies(pixels, 4))["noise"] != found["noise"]).any()


def test_a_part_is_somewhere_in_the_picture():
    places = np.arange(100 * 90).reshape(100, 90)
    corners = {int(search.part(places, np.random.default_rng(seed))[0, 0]) for seed in range(40)}
    assert len(corners) > 20
    assert search.part(places[:1, :1], np.random.default_rng(0)).shape == (1, 1)


def test_equal_bits_of_hashes_are_what_cosines_count():
    (_, a), (_, b) = photos(0, 2)
    one, two = search.perceptual_hash(a), search.perceptual_hash(b)
    assert one.shape == (64,)
    assert set(one) == {-1.0, 1.0}
    assert one @ two == 2 * (one == two).sum() - 64
    assert (search.perceptual_hash(dict(search.copies(a, 0))["half"]) == one).mean() > 0.85


def test_pictures_of_one_colour_have_descriptions_too():
    flat = np.full((40, 40, 3), 90, np.uint8)
    for way in search.baselines(None):
        assert np.linalg.norm(way.describe(flat)) > 0


def test_the_share_is_of_copies_whose_picture_is_the_nearest():
    pictures, others = photos(0, 3), photos(5, 3)
    means = search.Way("mean", lambda pixels: pixels.mean((0, 1)).astype(float))
    results = {result.condition: result for result in search.run_method(means, pictures, others)}
    assert results["mirror"].figures == {"found": 1.0}
    assert results["mirror"].pictures == {"0": 1.0, "1": 1.0, "2": 1.0}
    shares = [results[condition].figures["found"] for condition in search.CONDITIONS]
    assert results["mean"].figures["found"] == pytest.approx(np.mean(shares))
    blind = search.Way("blind", lambda pixels: np.ones(3))
    none = {result.condition: result for result in search.run_method(blind, pictures, others)}
    assert none["half"].figures["found"] == pytest.approx(1 / 3)  # the first of all alike


def test_scores_of_a_card_say_among_how_many():
    results = [Result("m", "crop", {"found": 0.95122}), Result("m", "mean", {"found": None})]
    (score,) = search.card_scores(results, "cid22-val", ["imagenet1k"], 1041, "a command")
    assert (score.what, score.value, score.unit) == (
        "cid22-val, imagenet1k: crop, found first of 1041", 0.951, "share"
    )  # fmt: skip


@pytest.fixture
def folders(tmp_path):
    for folder, first in (("pictures", 0), ("others", 9), ("more", 20)):
        (tmp_path / folder).mkdir()
        for name, pixels in photos(first, 2):
            write_image(Image(pixels), tmp_path / folder / f"{name}.png")
    return tmp_path


def test_the_command_prints_a_table_and_writes_json(folders, monkeypatch, capfd):
    monkeypatch.setenv("IMGAE_MODELS", str(folders))
    tiny_code.signs(folders / "signs.onnx")
    where = folders / "a.json"
    others = [str(folders / name) for name in ("others", "more")]
    assert main(["evaluate", "search", str(folders / "pictures"), "--others", *others,
                 "--models", "signs", "--json", str(where)]) == 0  # fmt: skip
    lines = capfd.readouterr().out.splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        "| signs", "| thumbnail 16x16", "| colour histogram", "| perceptual hash",
        "| code: means, deviations",
    ]  # fmt: skip
    assert all(line.count("|") == lines[0].count("|") for line in lines)
    stored = json.loads(where.read_text())
    assert (stored["others"], stored["pictures"], stored["searched"]) == (["others", "more"], 2, 6)
    rows = {(row["method"], row["condition"]): row for row in stored["results"]}
    assert f"| {rows['signs', 'noise']['found']:.3f} |" in lines[2]


def test_the_command_writes_scores_into_a_card(folders, capfd):
    path = tiny_code.signs(folders / "signs.onnx")
    assert main(["evaluate", "search", str(folders / "pictures"), "--others",
                 str(folders / "others"), "--models", str(path), "--write-card"]) == 0  # fmt: skip
    scores = session.load(path).card.scores
    assert len(scores) == len(search.CONDITIONS) + 1
    assert scores[0].what == "pictures, others: noise, found first of 4"
    assert "7 scores written" in capfd.readouterr().out


def test_a_result_is_not_written_over_a_picture_that_is_read(folders, capfd):
    others = folders / "others"
    picture = next(others.iterdir())
    assert main(["evaluate", "search", str(folders / "pictures"), "--others", str(others),
                 "--json", str(picture)]) == 1  # fmt: skip
    assert "would be written over" in capfd.readouterr().err
