"""Two pictures never have one result, and results are not taken for pictures."""

import random
from pathlib import Path

import pytest

from imgae.restore.batches.inputs import Found
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
