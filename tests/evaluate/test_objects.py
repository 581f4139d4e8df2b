"""Fills of holes as large as objects: cases, measures, and the sheets for readers."""

import json

import numpy as np
import PIL.Image
import pytest
import tiny_models
from scenes import photo

from imgae import Image as Picture
from imgae import ImageError, ImgaeWarning, OptionError, write_image
from imgae.cli import main
from imgae.evaluate import baselines, blind, objects
from imgae.evaluate.objects import Case, Hole, Outcome
from imgae.evaluate.protocol import Method, Sample

LISTED = {
    "holes": [
        {"name": "thing", "picture": "a/one.png", "kind": "object",
         "polygon": [[30, 30], [70, 30], [60, 80], [30, 70]]},
        {"name": "spot", "picture": "a/one.png", "kind": "place", "ellipse": [60, 50, 25, 15, 30]},
        {"name": "lost", "picture": "a/none.png", "kind": "place", "ellipse": [9, 9, 4, 4, 0]},
    ],
    "small": [{"name": "spot", "picture": "a/one.png", "texture": "sand", "at": [60, 50]}],
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    models = tmp_path / "models"
    models.mkdir()
    tiny_models.fill(models / "white.onnx")
    monkeypatch.setenv("IMGAE_MODELS", str(models))
    (tmp_path / "eval/a").mkdir(parents=True)
    pixels = (photo(100, 120) * 255).round().astype(np.uint8)
    write_image(Picture(pixels), tmp_path / "eval/a/one.png")
    (tmp_path / "holes.json").write_text(json.dumps(LISTED))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "eval"


def words(*more):
    return ["evaluate", "objects", "eval", "--models", "white", "--holes", "holes.json", *more]


def case_of(name="a", kind="place", seed=0):
    rng = np.random.default_rng(seed)
    clean = rng.integers(90, 160, (90, 110, 3)).astype(np.uint8)
    hole = Hole(name, "a.png", kind, (55, 45, 20, 15, 0))
    mask = hole.mask(clean)
    return Case(hole, Sample(name, np.where(mask[:, :, None], 0, clean), clean, mask=mask))


def test_the_list_has_24_holes_of_100_to_250_pixels_and_small_ones_of_three_textures():
    holes = objects.holes_of()
    assert len(holes) == len({hole.name for hole in holes}) == 24
    assert 10 <= sum(hole.kind == objects.OBJECT for hole in holes) <= 14
    folders = [hole.picture.split("/")[0] for hole in holes]
    assert [folders.count(name) for name in ("cid22-val", "cbsd68", "polyu-dev")] == [10, 8, 6]
    for hole in holes:
        marked = hole.mask(np.zeros((512, 512, 3), np.uint8))
        rows, columns = np.flatnonzero(marked.any(1)), np.flatnonzero(marked.any(0))
        sides = [int(np.ptp(where)) + 1 for where in (rows, columns)]
        assert 90 <= np.sqrt(np.prod(sides)) <= 250, hole
    small = objects.small_holes_of()
    assert {hole.kind for hole in small} == {"grass", "water", "stone"}
    assert len(small) == 27


def test_small_holes_are_as_wide_as_they_say():
    for width, hole in zip(objects.SMALL, objects.small_holes_of(), strict=False):
        marked = hole.mask(np.zeros((512, 512, 3), np.uint8))
        assert abs(marked.any(0).sum() - width) <= 1
        assert marked.any(0).sum() == marked.any(1).sum()


def test_fills_of_objects_are_measured_beside_each_other(folder, tmp_path, capsys):
    more = ("--against", "telea,harmonic", "--json", "found.json", "--save", "saved")
    assert main(words(*more)) == 0
    printed = capsys.readouterr()
    assert "lost: left out" in printed.err
    assert "white is nearer than telea in patches: " in printed.out
    rows = json.loads((tmp_path / "found.json").read_text())["results"]
    by = {(row["hole"], row["method"]): row for row in rows}
    assert set(by) == {
        (hole, method)
        for hole in ("thing", "spot")
        for method in ("white", "white, smooth", "telea", "harmonic", "truth")
    }
    assert by["spot", "truth"]["seam_off"] == 0
    assert by["spot", "white"]["seam_off"] > by["spot", "telea"]["seam_off"]
    assert by["spot", "white"]["hole_psnr"] < by["spot", "telea"]["hole_psnr"]
    assert by["thing", "white"]["hole_psnr"] is None
    assert by["thing", "truth"]["patch_distance"] is None
    assert by["spot", "truth"]["patch_distance"] < by["spot", "telea"]["patch_distance"]
    assert f"{by['thing', 'telea']['seam_ratio']:.2f}" in printed.out
    with PIL.Image.open(tmp_path / "saved/white-smooth/thing.png") as saved:
        assert saved.size == (120, 100)


def test_stored_fills_are_measured_and_shown_without_their_names(folder, tmp_path, capsys):
    assert main(words("--against", "", "--save", "saved")) == 0
    more = ("--against", "", "--stored", "saved/truth", "--sheet", "sheet", "--seed", "3")
    assert main(words(*more)) == 1  # truth is what the pictures themselves are called
    (tmp_path / "saved/truth").rename(tmp_path / "saved/other")
    more = ("--against", "", "--stored", "saved/other", "--sheet", "sheet", "--seed", "3")
    assert main(words(*more)) == 0
    assert "| thing |" in capsys.readouterr().out
    with PIL.Image.open(tmp_path / "sheet/page-1.png") as page:
        assert page.size[0] > 3 * blind.CELL
    key = (tmp_path / "sheet/key.txt").read_text().splitlines()
    assert [line.split(":")[0] for line in key] == ["thing", "spot"]
    assert all("white" in line and "other" in line for line in key)


def test_small_holes_are_measured_by_their_detail(folder, capsys):
    assert main(words("--small", "--against", "telea")) == 0
    out = capsys.readouterr().out
    assert "| spot 24 |" in out
    assert "| mean of sand |" in out
    assert "truth |" not in out


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--models", "", "--against", ""), "nothing to measure"),
        (("--stored", "nowhere"), "nowhere: not a folder"),
        (("--holes", "nowhere.json"), "nowhere.json: cannot be read"),
        (("--holes", "eval/a/one.png"), "not a list of holes"),
        (("--against", "magic"), "no baseline is called"),
        (("--save", "holes.json"), "holes.json: cannot be made a folder"),
        (("--json", "holes.json"), "would be written over holes.json, which"),
        (("--json", "eval/a/one.png"), "would be written over eval/a/one.png, which"),
        (
            ("--stored", "eval/a", "--json", "eval/a/one.png"),
            "would be written over eval/a/one.png",
        ),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(folder, more, sentence, capfd):
    assert main(words(*more)) == 1
    err = capfd.readouterr().err
    assert sentence in err
    assert "unexpected" not in err


def test_a_folder_without_the_pictures_is_an_error(tmp_path):
    with pytest.warns(ImgaeWarning), pytest.raises(ImageError, match="none of the pictures"):
        objects.cases_of(objects.holes_of()[:1], tmp_path)


def test_a_stored_fill_of_another_size_is_an_error(tmp_path):
    write_image(Picture(np.zeros((5, 5, 3), np.uint8)), tmp_path / "a.png")
    method = objects.stored_fills(tmp_path)
    with pytest.raises(ImageError, match="not of its picture's size"):
        method.run(case_of().sample)
    with pytest.raises(OptionError, match="not a folder"):
        objects.stored_fills(tmp_path / "a.png")


def test_a_fill_is_nearer_by_patches_and_by_the_truths_seam():
    case = case_of()

    def outcome(method, patches, seam, off):
        figures = {"patch_distance": patches, "seam_ratio": seam, "seam_off": off}
        return Outcome(method, case, case.sample.reference, figures)

    found = [outcome("a", 1.0, 1.3, 0.1), outcome("b", 2.0, 1.0, 0.2)]
    assert objects.wins(found, "a", "b") == (
        "a is nearer than b in patches: 1 of 1, in seam: 1 of 1 (to 1 instead of to the truth's: 0)"
    )
    unmeasured = [outcome("a", None, None, None), outcome("b", 2.0, 1.0, 0.2)]
    assert "patches: 0 of 1" in objects.wins(unmeasured, "a", "b")


def test_detail_of_a_small_hole_is_the_energy_of_its_gradient_over_the_truths():
    case = case_of()
    assert objects.score_small(case, case.sample.reference) == {"detail_of_truth": 1.0}
    pale = case.sample.reference.copy()
    pale[case.sample.mask] = pale[case.sample.mask] // 2
    share = objects.score_small(case, pale)["detail_of_truth"]
    assert 0.2 < share < 0.3
    flat = np.full_like(pale, 7)
    assert objects.score_small(case, flat) == {"detail_of_truth": 0.0}


def test_the_columns_of_a_sheet_follow_from_the_seed(tmp_path):
    cases = [case_of(name) for name in "abcdefgh"]
    methods = [Method(name, lambda s, v=v: np.full_like(s.reference, v)) for name, v in
               (("dark", 10), ("light", 240))]  # fmt: skip
    outcomes = objects.run(methods, cases, objects.score_small)
    for folder, seed in (("one", 1), ("same", 1), ("other", 2)):
        pages = blind.write_sheets(cases, outcomes, ["dark", "light"], tmp_path / folder, seed)
        assert len(pages) == 2
    keys = {name: (tmp_path / name / "key.txt").read_text() for name in ("one", "same", "other")}
    assert keys["one"] == keys["same"] != keys["other"]
    firsts = {line.split(": ")[1] for line in keys["one"].splitlines()}
    assert firsts == {"A dark, B light", "A light, B dark"}
    with PIL.Image.open(tmp_path / "one/page-1.png") as page:
        shown = np.asarray(page)[blind.LABEL + 60, blind.CELL + blind.GAP + 60, 0]
    assert (shown == 10) == keys["one"].startswith("a: A dark")


def test_gmic_is_left_out_where_it_is_missing_unless_it_is_named(folder, monkeypatch, capfd):
    monkeypatch.setattr(baselines, "is_there", lambda _: False)
    assert main(words()) == 0
    out, err = capfd.readouterr()
    assert "gmic is left out: the baseline gmic needs the program gmic" in err
    assert "gmic" not in out
    assert main(words("--against", "gmic")) == 1
