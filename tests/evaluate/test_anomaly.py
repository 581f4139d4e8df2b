"""The evaluation of anomalies: kinds of pictures, members, figures, and the command."""

import json

import numpy as np
import pytest
import tiny_code
from scenes import photo

from imgae import Image, ImageError, ImgaeWarning, write_image
from imgae.cli import main
from imgae.evaluate import anomaly, anomaly_cells, anomaly_kinds, anomaly_members
from imgae.evaluate.anomaly_fitted import WHOLE, Judged
from imgae.evaluate.anomaly_kinds import FLAWS, Counts, Flawed, Kind
from imgae.evaluate.protocol import Result
from imgae.model import onnxfile, registry
from imgae.synthetic import textures

SMALL = Counts(5, 3, 5)


def folder_of(path, make, count):
    path.mkdir()
    for number in range(count):
        write_image(Image(make(number)), path / f"{number:02}.png")
    return path


def weave(number):
    return textures.draw("fabric", 70, np.random.default_rng(number))[:64]


def scene(number):
    return (photo(80, 64, number) * 255).round().astype(np.uint8)


@pytest.fixture
def folders(tmp_path):
    return [
        folder_of(tmp_path / "weaves", weave, 13),
        folder_of(tmp_path / "scenes", scene, 14),
    ]


def one_drawn(seed=0):
    (kind,) = anomaly_kinds.drawn(SMALL, 64, seed, ["fabric"])
    return kind


def test_drawn_kinds_follow_from_the_seed():
    one, again, other = one_drawn(), one_drawn(), one_drawn(1)
    assert (len(one.learnt), len(one.good), len(one.flawed)) == (5, 3, 5)
    assert [each.flaw for each in one.flawed] == list(FLAWS)
    assert all(each.mask.any() for each in one.flawed)
    pairs = zip((*one.learnt, *one.tested), (*again.learnt, *again.tested), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)
    assert not np.array_equal(one.learnt[0], other.learnt[0])
    assert len({pixels.tobytes() for pixels in (*one.learnt, *one.tested)}) == SMALL.total


def test_every_drawn_material_is_a_kind():
    names = [kind.name for kind in anomaly_kinds.drawn(Counts(1, 1, 1), 64, 0)]
    assert len(names) == len(set(names)) == 10


@pytest.mark.parametrize("count", [12, 13, 30, 74, 75, 500])
@pytest.mark.parametrize("asked", [Counts(), Counts(5, 1000, 1), Counts(500, 1, 1), SMALL])
def test_a_folder_is_parted_in_proportion(count, asked):
    found = asked.within(count)
    assert found.total <= min(count, asked.total)
    assert found.total >= min(count, asked.total) - 1
    assert found.learnt >= anomaly_kinds.LEAST_LEARNT
    assert min(found.good, found.flawed) >= 1
    if count >= asked.total:
        assert found == asked


def test_pictures_of_a_folder_are_taken_in_order_and_once(folders):
    weaves, scenes = anomaly_kinds.in_folders(folders, Counts(), 64, 0)
    assert (weaves.name, scenes.name) == ("weaves", "scenes")
    for kind, make in ((weaves, weave), (scenes, scene)):
        cut = [anomaly_kinds.square(make(number), 64) for number in range(14)]
        clean = [*kind.learnt, *kind.good]
        assert all(np.array_equal(a, b) for a, b in zip(clean, cut, strict=False))
        for each, whole in zip(kind.flawed, cut[len(clean) :], strict=False):
            far = ~around(each.mask)
            assert np.array_equal(each.pixels[far], whole[far])
            assert (each.pixels[each.mask] != whole[each.mask]).any()
    assert len(weaves.learnt) + len(weaves.tested) == 13


def around(mask):
    """All within four pixels of a mask, where a soft edge may reach."""
    padded = np.pad(mask, 4)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (9, 9))
    return windows.any((2, 3))


def test_a_square_is_cut_from_the_middle():
    places = np.arange(50 * 71).reshape(50, 71)
    found = anomaly_kinds.square(np.stack([places] * 3, 2), 256)
    assert found.shape == (48, 48, 3)
    assert found[0, 0, 0] == places[1, 11]
    assert anomaly_kinds.square(np.stack([places] * 3, 2), 30).shape == (24, 24, 3)


def test_one_folder_alone_has_drawn_materials_as_foreign(folders):
    (kind,) = anomaly_kinds.in_folders(folders[:1], Counts(), 64, 0)
    assert "foreign" in {each.flaw for each in kind.flawed}


def test_folders_of_one_name_are_told_apart(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        folder_of(tmp_path / name / "good", weave, 12)
    paths = [tmp_path / name / "good" for name in "ab"]
    names = [kind.name for kind in anomaly_kinds.in_folders(paths, Counts(), 64, 0)]
    assert names == [str(path) for path in paths]


def test_too_few_pictures_are_one_sentence(tmp_path):
    folder = folder_of(tmp_path / "few", weave, 11)
    write_image(Image(weave(30)[:20]), folder / "small.png")
    (folder / "broken.png").write_bytes(b"no picture")
    with (
        pytest.warns(ImgaeWarning, match="left out"),
        pytest.raises(ImageError, match="11 of its pictures can be used; 12 are needed"),
    ):
        list(anomaly_kinds.in_folders([folder], Counts(), 64, 0))


def described(*arrays):
    return {"x": [np.asarray(array, np.float32) for array in arrays]}


def test_far_is_the_distance_of_mahalanobis():
    random = np.random.default_rng(0)
    mixing = random.normal(0, 1, (3, 3))
    known = (mixing @ random.normal(0, 1, (3, 400))).reshape(3, 20, 20) + 5
    asked = random.normal(5, 2, (3, 4, 4))
    (found,) = anomaly_members.far("x", described(known), described(asked))
    rows = known.reshape(3, -1)
    off = asked.reshape(3, -1) - rows.mean(1)[:, None]
    expected = np.sqrt((off * (np.linalg.inv(np.cov(rows)) @ off)).sum(0) / 3)
    assert found.ravel() == pytest.approx(expected, rel=0.05)


def test_too_little_is_as_unusual_as_too_much():
    known = described(np.exp([[[0.0, 2.0]]]))
    (found,) = anomaly_members.off("x", known, described(np.exp([[[1.0, 4.0, -2.0]]])))
    assert found[0] == pytest.approx([0, 3, 3], abs=0.01)


def test_what_is_remembered_is_near():
    random = np.random.default_rng(0)
    known, asked = random.normal(0, 1, (2, 4, 9, 9))
    kept, other = anomaly_members.remembered(["x"], 1, described(known), described(known, asked))
    assert kept.max() < 1e-2
    rows, points = (x.reshape(4, -1).T / known.reshape(4, -1).std(1) for x in (known, asked))
    expected = np.linalg.norm(points[:, None] - rows[None], axis=2).min(1)
    assert other.ravel() == pytest.approx(expected, abs=0.01)


def test_a_memory_covers_what_it_is_chosen_of(monkeypatch):
    monkeypatch.setattr(anomaly_members, "REMEMBERED", 6)
    rows = np.repeat(np.eye(6, dtype=np.float32), 50, 0)
    assert np.array_equal(np.unique(anomaly_members.chosen(rows), axis=0), np.unique(rows, axis=0))


def test_a_memory_has_no_more_than_it_may(monkeypatch):
    monkeypatch.setattr(anomaly_members, "REMEMBERED", 10)
    monkeypatch.setattr(anomaly_members, "CANDIDATES", 50)
    rows = np.random.default_rng(0).normal(0, 1, (80, 70)).astype(np.float32)
    kept = anomaly_members.chosen(rows)
    assert kept.shape == (10, 70)
    assert len(np.unique(kept, axis=0)) == 10


def blocks(*pictures):
    planes = [np.moveaxis(pixels, 2, 0).astype(np.float32) / 255 for pixels in pictures]
    return {anomaly_cells.BLOCKS: [anomaly_cells.blocks(each) for each in planes]}


def test_blocks_hold_the_pixels_of_their_cell():
    pixels = scene(0)
    (cells,) = blocks(pixels)[anomaly_cells.BLOCKS]
    assert cells.shape == (192, 10, 8)
    part = pixels[16:24, 8:16].transpose(2, 0, 1) / 255
    assert cells[:, 2, 1] == pytest.approx(part.ravel(), abs=1e-6)
    square = anomaly_cells.mean_square(np.moveaxis(pixels, 2, 0) / np.float32(255))
    assert square[0, 2, 1] == pytest.approx((part**2).mean(), rel=1e-4)


def test_the_mean_picture_is_that_of_each_place_if_sizes_agree():
    first, second = weave(0)[:, :64], weave(1)[:, :64]
    same, _ = anomaly_members.from_mean(blocks(first, first), blocks(first, second))
    assert same.max() < 1e-6
    flat = np.full((64, 64, 3), (10, 200, 90), np.uint8)
    of_colour = anomaly_members.from_mean(blocks(flat, flat[:32, :32]), blocks(flat, first))
    assert of_colour[0].max() < 1e-6
    assert of_colour[1].min() > 0.1


def test_components_keep_what_is_usual_and_no_more():
    random = np.random.default_rng(0)
    waves = random.normal(0, 1, (10, 192))
    usual = np.tensordot(waves, random.normal(0, 1, (10, 12, 12)), ([0], [0])).astype(np.float32)
    odd = usual + random.normal(0, 1, usual.shape).astype(np.float32)
    known, asked = ({anomaly_cells.BLOCKS: [x]} for x in (usual, odd))
    assert anomaly_members.beyond_components(known, known)[0].max() < 1e-2
    assert anomaly_members.beyond_components(known, asked)[0].min() > 0.5


def test_rules_together_add_what_each_finds_unusual():
    known = {"a": [np.ones((1, 2, 2))], "b": [np.array([[[1.0, np.e], [1.0, np.e]]])]}
    asked = {"a": [np.ones((1, 1, 2))], "b": [np.array([[[1.0, np.e**2]]])]}
    rules = [lambda k, t, of=of: anomaly_members.itself(of, k, t) for of in "ab"]
    (found,) = anomaly_members.together(rules, known, asked)
    assert found[0] == pytest.approx([-1, 3], abs=0.01)


def test_levels_of_the_shipped_encoder_are_found_by_shape():
    proto = onnxfile.read_safely(registry.find("code"))
    sizes = onnxfile.sizes_in(onnxfile.inferred(proto, 64, 64).graph)
    found = {name: sizes[tensor][1:] for name, tensor in anomaly_cells.levels_of(proto).items()}
    assert found == {"1/8": [128, 8, 8], "1/4": [64, 16, 16], "1/2": [32, 32, 32]}


def kind_of(masks):
    pixels = np.zeros((16, 16, 3), np.uint8)
    flawed = tuple(Flawed(pixels, mask, FLAWS[n % 5]) for n, mask in enumerate(masks))
    return Kind("k", (pixels,), (pixels, pixels), flawed)


def test_maps_that_show_the_flaws_have_an_area_of_one():
    masks = [np.zeros((16, 16), bool) for _ in range(3)]
    for number, mask in enumerate(masks):
        mask[4 : 10 + number, 2:9] = True
    kind = kind_of(masks)
    none = np.zeros((16, 16), np.float32)
    maps = [none, none, *(mask.astype(np.float32) for mask in masks)]
    figures = anomaly.result_of("m", kind, Judged(maps, (0.5, 2.0)), (0.01, 0.05)).figures
    assert figures["by_picture"] == figures["by_pixel"] == figures["missing"] == 1
    assert figures["colour"] is None
    assert (figures["false_alarms_0.01"], figures["found_0.01"]) == (0, 1)
    assert (figures["false_alarms_0.05"], figures["found_0.05"]) == (0, 0)
    blind = anomaly.result_of("m", kind, Judged([none] * 5), ()).figures
    assert blind["by_picture"] == blind["by_pixel"] == 0.5


def test_the_worst_kind_is_the_least_found_and_the_most_alarmed():
    results = [
        Result("m", "a", {"by_picture": 0.9, "false_alarms_0.01": 0.0}),
        Result("m", "b", {"by_picture": 0.7, "false_alarms_0.01": 0.1}),
    ]
    mean, worst = anomaly.over_kinds(results)
    assert mean.figures == {"by_picture": pytest.approx(0.8), "false_alarms_0.01": 0.05}
    assert worst.figures == {"by_picture": 0.7, "false_alarms_0.01": 0.1}


FEW = ["--fitted", "5", "--good", "2", "--flawed", "5", "--side", "64", "--threads", "1"]


def test_the_command_measures_folders(folders, tmp_path, capfd):
    path, where = tiny_code.blocks(tmp_path / "blocks.onnx"), tmp_path / "all.json"
    assert main(["evaluate", "anomaly", *map(str, folders), *FEW, "--codes", str(path),
                 "--false-alarms", "0.01,0.1", "--json", str(where)]) == 0  # fmt: skip
    first, second = capfd.readouterr().out.rstrip().split("\n\n")
    lines = first.splitlines()
    names = [line.split(" | ")[0].removeprefix("| ") for line in lines[2:]]
    assert names[0] == WHOLE
    assert {"code: error", "blocks: Mahalanobis", "encoder 1/4: Mahalanobis"} < set(names)
    assert names[-3:] == ["difference to the mean", "patch PCA", "memory of encoder features"]
    assert all(line.count("|") == lines[0].count("|") for line in lines)
    assert [line.split(" | ")[0] for line in second.splitlines()[2:]] == ["| 0.01", "| 0.1"]
    stored = json.loads(where.read_text())
    assert (stored["folders"], stored["fitted"], stored["side"]) == (["weaves", "scenes"], 5, 64)
    rows = {(row["method"], row["kind"]): row for row in stored["results"]}
    assert {kind for _, kind in rows} == {"weaves", "scenes", "mean", "worst"}
    assert f"| {rows[WHOLE, 'mean']['by_pixel']:.3f} |" in lines[2]
    assert rows[WHOLE, "weaves"]["by_pixel"] > 0.8
    assert all(
        row["by_picture"] is not None and 0 <= row["by_picture"] <= 1 for row in rows.values()
    )


def test_the_fitted_model_alone_is_measured_without_folders(monkeypatch, capfd):
    two = {name: textures.KINDS[name] for name in ("fabric", "metal")}
    monkeypatch.setattr(textures, "KINDS", two)
    assert main(["evaluate", "anomaly", "--alone", *FEW]) == 0
    first, second = capfd.readouterr().out.rstrip().split("\n\n")
    assert len(first.splitlines()) == 3
    assert second.splitlines()[2].startswith("| 0.01 | ")


@pytest.mark.parametrize("text", ["", "0", "0.6", "0.01,x", "nan"])
def test_shares_are_numbers_up_to_a_half(text, capfd):
    assert main(["evaluate", "anomaly", "--false-alarms", text]) == 2
    assert "not a list of shares" in capfd.readouterr().err


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path, capfd):
    assert main(["evaluate", "anomaly", str(tmp_path / "none"), "--alone"]) == 1
    assert "not a folder" in capfd.readouterr().err


def test_a_result_is_not_written_over_a_picture_that_is_read(folders, capfd):
    picture = next(folders[0].iterdir())
    assert main(["evaluate", "anomaly", *map(str, folders), "--json", str(picture)]) == 1
    assert "would be written over" in capfd.readouterr().err
