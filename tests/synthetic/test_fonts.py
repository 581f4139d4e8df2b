from pathlib import Path

import numpy as np
import PIL.features
import PIL.ImageFont
import pytest

from imgae.synthetic import fonts

NAMES = [f"{family}-{style}.ttf" for family in "ABCDEFGHIJKLMNOP" for style in ("Regular", "Bold")]


@pytest.fixture
def folder(tmp_path):
    """A folder with Pillow's own font as a file below it, and files that are none."""
    below = tmp_path / "truetype"
    below.mkdir()
    inner = PIL.ImageFont.load_default(16)
    (below / "Own-Regular.ttf").write_bytes(inner.font_bytes)
    (below / "Broken-Regular.ttf").write_bytes(b"no font")
    (tmp_path / "readme.txt").write_text("no font")
    return tmp_path


def test_fonts_are_found_below_folders_and_broken_ones_left_out(folder):
    assert [path.name for path in fonts.found([folder])] == ["Own-Regular.ttf"]
    assert fonts.found([folder / "nowhere"]) == []


def test_a_family_is_for_training_or_for_evaluation():
    files = [Path(name) for name in NAMES]
    training, evaluation = fonts.for_training(files), fonts.for_evaluation(files)
    assert sorted(training.files + evaluation.files) == sorted(files)
    families = [{path.name[0] for path in part.files} for part in (training, evaluation)]
    assert not families[0] & families[1]
    assert all(len(family) > 3 for family in families)


def test_pillows_own_font_has_odd_sizes_for_training_and_even_ones_for_evaluation():
    random = np.random.default_rng(0)
    for size in (9, 10, 23):
        assert fonts.for_training([]).face(size, random).size % 2 == 1
        assert fonts.for_evaluation([]).face(size, random).size % 2 == 0
        assert fonts.ANY.face(size, random).size == size


def test_files_and_pillows_own_are_all_drawn(folder):
    some = fonts.Fonts(tuple(fonts.found([folder])))
    random = np.random.default_rng(0)
    paths = {isinstance(some.face(12, random).path, Path | str) for _ in range(20)}
    assert paths == {True, False}


def test_a_font_that_cannot_be_read_is_replaced_by_pillows_own(folder):
    broken = fonts.Fonts((folder / "truetype" / "Broken-Regular.ttf",))
    random = np.random.default_rng(0)
    assert all(broken.face(12, random).size == 12 for _ in range(6))


def test_words_have_letters_that_the_font_has():
    face = fonts.pillows(12)
    known = set("".join(fonts.alphabets(face)))
    random = np.random.default_rng(0)
    text = "".join(fonts.word(face, random) for _ in range(200))
    assert fonts.SCRIPTS[0] in fonts.alphabets(face)
    assert all(ord(letter) < 128 or letter.lower() in known for letter in text)
