import json
import math

import numpy as np
import pytest
import tiny_code
from scenes import photo

from imgae import Image, ImageError, write_image
from imgae.cli import main
from imgae.evaluate import code
from imgae.evaluate.protocol import Method, Result
from imgae.picture.metrics import psnr


def photos(first, count, side=64):
    return [
        (str(n), (photo(side, side, n) * 255).round().astype(np.uint8))
        for n in range(first, first + count)
    ]


@pytest.fixture
def method(tmp_path):
    tiny_code.blocks(tmp_path / "blocks.onnx")
    (found,) = code.codes([str(tmp_path / "blocks.onnx")], threads=1)
    return found


def means_of(pixels):
    """What tiny_code.blocks encodes, computed without it."""
    blocks = code.blocks_of(pixels).reshape(-1, 64, 3)
    return blocks.mean(1)


def by_condition(results):
    return {result.condition: result for result in results}


def test_psnr_and_activation_are_those_of_the_code(method):
    pictures = photos(0, 2)
    pictures[0][1][..., 2] = pictures[1][1][..., 2] = 51  # a dead channel
    results = by_condition(code.run_method(method, pictures, photos(5, 2)))
    expected = {}
    for name, pixels in pictures:
        back = np.repeat(np.repeat(means_of(pixels).reshape(8, 8, 3), 8, 0), 8, 1)
        expected[name] = psnr(np.rint(back * 255), pixels, 255)
    assert results["reconstructed"].pictures == pytest.approx(expected, abs=0.02)
    assert results["reconstructed"].figures["psnr"] == pytest.approx(
        np.mean(list(expected.values())), abs=0.02
    )
    channels = np.concatenate([means_of(pixels) for _, pixels in pictures]).mean(0)
    figures = results["activation"].figures
    assert figures["mean"] == pytest.approx(channels.mean(), abs=1e-5)
    assert figures["lowest"] == pytest.approx(0.2, abs=1e-5)
    assert figures["highest"] == pytest.approx(channels.max(), abs=1e-5)
    assert figures["dead"] == pytest.approx(1 / 3)


def test_copies_of_pictures_of_one_colour_each_are_found():
    """By their colours all but the darker copies are nearest to their originals."""
    colours = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40)]
    pictures = [(str(i), np.full((40, 40, 3), c, np.uint8)) for i, c in enumerate(colours)]
    base = np.array(colours, float)
    found = code.share_found(lambda pixels: pixels.mean((0, 1)), base, pictures, scaled=False)
    assert found == 1
    blind = code.share_found(lambda _: np.ones(3), base, pictures, scaled=False)
    assert blind == 1 / 4  # one of the four is always named


def test_scaled_vectors_have_a_mean_of_0_and_a_spread_of_1():
    pictures = photos(0, 4)

    def describe(pixels):
        return code.pooled(means_of(pixels).T) * np.array([1, 1, 1, 1e3, 1, 1]) + 5

    base = np.stack([describe(pixels) for _, pixels in pictures])
    mean, spread = base.mean(0), base.std(0)
    by_hand = code.share_found(
        lambda pixels: (describe(pixels) - mean) / spread, (base - mean) / spread, pictures,
        scaled=False,
    )  # fmt: skip
    assert code.share_found(describe, base, pictures) == by_hand
    assert code.share_found(describe, base, pictures, scaled=False) != by_hand


def test_there_are_five_copies_and_each_is_another():
    ((_, pixels),) = photos(3, 1)
    noisy, saved, cropped, darker, turned = code.copies(pixels, 0)
    assert np.std(noisy.astype(float) - pixels) == pytest.approx(25, rel=0.1)
    assert 20 < psnr(saved, pixels, 255) < 40
    assert cropped.shape == (44, 44, 3)
    light = [(picture / 255.0) ** 2.2 for picture in (darker, pixels)]
    assert light[0].mean() == pytest.approx(light[1].mean() / 2, rel=0.02)
    assert np.array_equal(turned[:, ::-1], pixels)


def test_the_area_is_the_chance_that_a_true_one_scores_higher():
    draw = np.random.default_rng(0)
    scores, truth = draw.integers(0, 6, 60).astype(float), draw.random(60) < 0.3
    pairs = [(a > b) + (a == b) / 2 for a in scores[truth] for b in scores[~truth]]
    assert code.area(scores, truth) == pytest.approx(np.mean(pairs))
    assert code.area(truth.astype(float), truth) == 1
    assert code.area(-truth.astype(float), truth) == 0
    assert code.area(np.zeros(60), truth) == 0.5


def test_damaged_cells_are_those_with_a_quarter_damaged():
    ((_, given, truth),) = code.damaged(photos(0, 1))
    ((_, clean),) = photos(0, 1)
    for number, changed in enumerate(truth):
        rows, columns = (slice(8 * v, 8 * v + 8) for v in divmod(number, 8))
        share = (given[rows, columns] != clean[rows, columns]).any(2).mean()
        assert changed == (share > 0.25)


def test_pictures_too_small_to_hold_both_kinds_of_cells_have_no_curve():
    assert list(code.damaged([("tiny", np.zeros((8, 8, 3), np.uint8))])) == []


def test_damaged_cells_are_found_by_code_and_by_error():
    """On flat pictures the code and the error of one that knows only flat ones tell exactly."""
    flat = [(str(i), np.full((80, 80, 3), 100 + i, np.uint8)) for i in range(3)]

    def run(sample):
        cells = means_of(sample.pixels).reshape(10, 10, 3).transpose(2, 0, 1)
        return code.Coded(np.full((80, 80, 3), 101, np.uint8), cells)

    by_code, by_error = code.anomalies(Method("m", run), flat, [run_flat(p) for _, p in flat])
    for _, given, truth in code.damaged(flat[:1]):
        touched = (code.blocks_of(given) != code.blocks_of(flat[0][1])).any(1)
        assert touched[truth].all()
    assert set(by_code) == {"0", "1", "2"}
    assert min(by_error.values()) > 0.95
    assert min(by_code.values()) > 0.95


def run_flat(pixels):
    return means_of(pixels).reshape(10, 10, 3).transpose(2, 0, 1)


def test_the_baselines_are_measured_beside():
    pictures, others = photos(0, 2), photos(7, 2)
    search, anomaly = code.run_baselines(pictures, others)
    vectors = np.stack([code.histogram(pixels) for _, pixels in (*pictures, *others)])
    assert (vectors**2).sum(1) == pytest.approx(1)
    assert search.figures["found"] == code.share_found(
        code.histogram, vectors, pictures, scaled=False
    )
    mean = np.concatenate([code.blocks_of(pixels) for _, pixels in others]).mean(0)
    (_, given, truth), _ = code.damaged(pictures)
    distance = ((code.blocks_of(given) - mean) ** 2).mean(1)
    assert anomaly.pictures["0"] == pytest.approx(code.area(distance, truth))


def test_principal_components_keep_what_the_pictures_vary_in(tmp_path):
    """Blocks of one colour each have three components; photographs need more."""
    (tmp_path / "below").mkdir()
    draw = np.random.default_rng(0)
    coarse = draw.integers(0, 256, (8, 8, 3)).astype(np.uint8)
    flat = np.repeat(np.repeat(coarse, 8, 0), 8, 1)
    write_image(Image(flat), tmp_path / "below" / "a.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (name, photo_pixels), = photos(0, 1)  # fmt: skip
    psnrs = [
        code.run_components([tmp_path], [("flat", flat), (name, photo_pixels)], count).pictures
        for count in (1, 3)
    ]
    assert psnrs[1]["flat"] > 50 > psnrs[0]["flat"]
    assert psnrs[1][name] < 40
    (tmp_path / "below" / "a.png").unlink()
    with pytest.raises(ImageError, match="can be read"):
        code.run_components([tmp_path], [(name, photo_pixels)], 3)


def test_the_command_prints_a_table_and_writes_json(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("IMGAE_MODELS", str(tmp_path))
    tiny_code.blocks(tmp_path / "blocks.onnx")
    for folder, first in (("pictures", 0), ("others", 9)):
        (tmp_path / folder).mkdir()
        for name, pixels in photos(first, 2):
            write_image(Image(pixels), tmp_path / folder / f"{name}.png")
    where = tmp_path / "a.json"
    others = str(tmp_path / "others")
    assert main(["evaluate", "code", str(tmp_path / "pictures"), "--others", others, "--train",
                 others, "--models", "blocks", "--json", str(where)]) == 0  # fmt: skip
    lines = capfd.readouterr().out.splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        "| blocks", "| colour histogram", "| pixels", "| 3 principal components"
    ]  # fmt: skip
    assert all(line.count("|") == lines[0].count("|") for line in lines)
    stored = json.loads(where.read_text())
    assert (stored["folder"], stored["others"], stored["pictures"]) == ("pictures", "others", 2)
    rows = {(row["method"], row["condition"]): row for row in stored["results"]}
    assert f"| {rows['blocks', 'reconstructed']['psnr']:.2f} |" in lines[2]
    assert f"| {rows['blocks', 'anomaly']['by_code']:.3f} |" in lines[2]


def test_scores_of_a_card_have_three_digits():
    results = [
        code.Result("m", "reconstructed", {"psnr": 35.84321}),
        code.Result("m", "activation", {"mean": 0.1}),
        code.Result("m", "search", {"found": 0.82926}),
        code.Result("m", "anomaly", {"by_code": 0.81987, "by_error": 0.89812}),
    ]
    scores = code.card_scores(results, "cid22-val", "cbsd68", "a command")
    assert [(score.what, score.value, score.unit) for score in scores] == [
        ("cid22-val, reconstructed", 35.843, "dB PSNR"),
        ("cid22-val, cbsd68: damaged copies found first", 0.829, "share"),
        ("cid22-val, cbsd68: damaged cells, by code", 0.82, "AUROC"),
        ("cid22-val, cbsd68: damaged cells, by error", 0.898, "AUROC"),
    ]


def test_scores_of_a_card_are_numbers():
    results = [
        Result("m", "reconstructed", {"psnr": math.inf}),
        Result("m", "search", {"found": 0.5}),
        Result("m", "anomaly", {"by_code": math.nan, "by_error": None}),
    ]
    assert [s.value for s in code.card_scores(results, "A", "B", "a command")] == [0.5]
