"""Two pictures never have one result, and results are not taken for pictures."""

import random
from pathlib import Path

import pytest

from imgae.restore.batches.inputs import Found
from imgae.restore.batches.journal import Entry, Journal
from imgae.restore.batches.outputs import Names, plan, same


def beside(ending="", word=".denoised"):
    return lambda path: (path.stem, f"{word}{ending or path.suffix}")


def targets(names, folder=None, ending="", word=".denoised"):
    found = [Found(name) for name in names]
    planned = plan(found, folder, beside(ending, word))
    return {str(each.found.path): str(each.target) for each in planned}


def test_names_that_differ_in_case_alone_have_two_results():
    found = targets(["same.PNG", "same.png", "Same.png", "same.jpg"], Path("out"), ".png")
    assert len({same(Path(target)) for target in found.values()}) == 4
    assert found["same.PNG"] == "out/same.denoised.png"
    assert found["same.jpg"] == "out/same.jpg.denoised.png"


def test_the_same_picture_always_has_the_same_place():
    names = Names(Path("out"), beside(".png"))
    first, other = Found("a.tif"), Found("A.TIF")
    assert names.of(first) == names.of(first) == Path("out/a.denoised.png")
    assert names.of(other) == names.of(other) == Path("out/A.tif.denoised.png")
    assert names.of(first) == Path("out/a.denoised.png")


def test_without_a_suffix_no_picture_is_a_result_and_none_is_replaced_by_another():
    found = targets(["a.png", "a.tif", "b.PNG"], None, ".png", word="")
    assert found == {"a.png": "a.png", "a.tif": "a.tif.png", "b.PNG": "b.png.png"}


NAMES = [
    "same.PNG",
    "same.png",
    "Same.png",
    "same.jpg",
    "SAME.JPG",
    "same.tif",
    "-2.png",
    "a-2.png",
]


@pytest.mark.parametrize("ending", ["", ".png"])
def test_a_second_run_beside_the_pictures_finds_the_same_pictures(ending):
    first = targets(sorted(NAMES), None, ending)
    assert len(first) == len(NAMES)
    again = targets(sorted([*NAMES, *first.values()]), None, ending)
    assert set(again) == set(NAMES)
    assert set(again.values()) == set(first.values())


def test_a_picture_is_no_result_if_it_is_not_named_as_one():
    names = ["photo.png", "photo-2.png", "photo.png-2.png", "other.denoised.png"]
    assert set(targets(names)) == set(names)


def test_a_result_that_is_named_itself_stays():
    found = [Found("a.png"), Found("a.denoised.png", named=True)]
    assert len(plan(found, None, beside())) == 2


def test_no_two_results_are_one_whatever_the_names_are():
    rng = random.Random(0)
    for _ in range(200):
        parts = ["aAbä", ["", "-2", ".png"], [".png", ".PNG", ".jpg"]]
        names = {"".join(rng.choice(part) for part in parts) for _ in range(12)}
        found = targets(sorted(names), rng.choice([None, Path("out")]), rng.choice(["", ".png"]))
        assert len({same(Path(target)) for target in found.values()}) == len(found)
        assert not {same(Path(name)) for name in found} & {same(Path(t)) for t in found.values()}


def test_a_link_leads_no_result_over_another_picture(tmp_path):
    Path(tmp_path, "in").mkdir()
    for name in ("a.png", "b.png", "c.png"):
        Path(tmp_path, "in", name).touch()
    Path(tmp_path, "in/also.png").symlink_to("b.png")
    Path(tmp_path, "folder").symlink_to("in", target_is_directory=True)
    Path(tmp_path, "out").mkdir()
    Path(tmp_path, "out/a.denoised.png").symlink_to("../in/c.png")
    names = [str(tmp_path / "in" / name) for name in ("a.bmp", "a.png", "also.png", "b.png")]
    found = targets([*names, str(tmp_path / "in/c.png")], tmp_path / "folder", ".png", word="")
    assert [Path(target).name for target in found.values()] == [
        "a.bmp.png", "a.png", "also.png.png", "b.png.png", "c.png",
    ]  # fmt: skip
    found = targets([names[1], str(tmp_path / "in/c.png")], tmp_path / "out")
    assert Path(found[names[1]]).name == "a.png.denoised.png"


def variants(target):
    return [target.with_name(f"{target.stem}-{number}{target.suffix}") for number in (1, 2)]


def test_no_file_of_several_replaces_a_picture_or_is_taken_for_one():
    found = [Found("a.png"), Found("a-1.png")]
    planned = plan(found, None, beside(word=""), places=variants)
    assert [str(each.target) for each in planned] == ["a.png.png", "a-1.png"]
    found = [Found(name) for name in ("a.png", "a.denoised-1.png", "a.png.denoised-12.png")]
    assert [each.found for each in plan(found, None, beside(), places=variants)] == found[:1]


def test_a_result_that_is_no_picture_does_not_replace_its_picture():
    planned = plan([Found("a.png"), Found("b.png")], None, beside(word=""), replaces=False)
    assert [str(each.target) for each in planned] == ["a.png.png", "b.png.png"]
    planned = plan([Found("a.jpg")], None, beside(".png", ""), keeps=[Path("a.png")])
    assert str(planned[0].target) == "a.jpg.png"


def test_results_keep_their_places_when_pictures_are_added(tmp_path):
    journal = Journal(tmp_path)
    for name in ("a.denoised.png", "gone.denoised.png"):
        journal.done(tmp_path / name, Entry(f"in/{name[:-13]}.jpg", "made"))
    Path(tmp_path, "a.denoised.png").touch()
    found = [Found(name) for name in ("in/a.bmp", "in/a.jpg", "in/gone.bmp")]
    planned = plan(found, tmp_path, beside(".png"), journal=journal)
    assert [each.target.name for each in planned] == [
        "a.bmp.denoised.png", "a.denoised.png", "gone.denoised.png",
    ]  # fmt: skip
    named = plan([Found("in/a.bmp", named=True)], tmp_path, beside(".png"), journal=journal)
    assert named[0].target.name == "a.denoised.png"


def test_what_is_known_as_the_result_of_a_picture_there_is_no_picture(tmp_path):
    journal = Journal(tmp_path / "state")
    names = ("a.png", "a.mask.png", "b.mask.png", "c.png")
    for name, source in zip(names[1:], ("a.png", "b.png", "c.png"), strict=True):
        journal.done(tmp_path / name, Entry(f"in/{source}", "made"))
    found = [Found(str(tmp_path / name)) for name in names]
    planned = plan(found, None, beside(), journal=journal)
    assert [each.found.path.name for each in planned] == ["a.png", "b.mask.png", "c.png"]
    assert len(plan([each._replace(named=True) for each in found], None, beside())) == 4
