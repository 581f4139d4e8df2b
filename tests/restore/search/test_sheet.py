"""Contact sheets."""

import numpy as np
import PIL.ImageFont

import imgae
from imgae.restore.search.sheet import CELL, COLUMNS, GAP, MARK, Entry, drawn, fitted, font_for


def entry(name, **more):
    return Entry(str(name), "0.9000", str(name), **more)


def test_a_sheet_has_its_pictures_on_white_in_lines(tmp_path):
    red = np.zeros((100, 300, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
    imgae.write_image(imgae.Image(red), tmp_path / "red.png")
    sheet = drawn([[entry(tmp_path / "red.png", marked=True), *[entry("none.png")] * COLUMNS]])
    assert sheet.width == COLUMNS * (CELL + GAP) + GAP
    pixels = sheet.pixels
    assert (pixels[0] == 255).all()
    assert (pixels[:, -1] == 255).all()
    count = (pixels == [255, 0, 0]).all(2).sum()
    assert 0.9 * CELL * CELL / 3 < count <= CELL * (CELL // 3 + 1)
    assert (pixels == MARK).all(2).any()
    assert 300 < sheet.height < 700


def test_one_picture_makes_a_sheet_of_one_column(tmp_path):
    imgae.write_image(imgae.Image(np.zeros((1, 1, 1), np.uint8)), tmp_path / "one.png")
    assert drawn([[entry(tmp_path / "one.png")]]).width == CELL + 2 * GAP


def test_what_is_missing_or_damaged_has_an_empty_frame(tmp_path):
    (tmp_path / "bad.png").write_text("no picture")
    sheet = drawn([[entry(tmp_path / "bad.png"), entry(tmp_path / "none.png")], [entry("x.png")]])
    ink = (sheet.pixels < 200).all(2).mean()
    assert 0.002 < ink < 0.05


def test_long_names_are_shortened_in_the_middle():
    name = "a" * 60 + "-middle-" + "z" * 60 + ".png"
    short = fitted(name)
    assert short.startswith("aaa")
    assert short.endswith("zz.png")
    assert "\u2026" in short
    assert font_for(short).getlength(short) <= CELL
    assert fitted("short.png") == "short.png"
    assert fitted("a\tb\n.png") == "a?b?.png"


def test_letters_that_pillows_own_font_lacks_are_no_error():
    for name in ("\u041b\u0435\u0441.png", "\u6797.png", "\U0001f600.png", "\udcff.png"):
        assert isinstance(font_for(name), PIL.ImageFont.FreeTypeFont)
        drawn([[entry(name)]])
