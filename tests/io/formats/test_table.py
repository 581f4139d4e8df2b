import subprocess
import sys
import types

import numpy as np
import pytest

from imgae import Frames, Image, ImageError, ImgaeWarning, read_image, write_image
from imgae.io.format import Format, Limits
from imgae.io.formats import table
from imgae.io.formats.table import FORMATS, Row
from imgae.io.metadata.upright import upright

BEGINNINGS = {
    "PNG": [b"\x89PNG\r\n\x1a\n"],
    "JPEG": [b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xdb"],
    "TIFF": [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"MM*\0", b"II\0*"],
    "AVIF": [
        b"\0\0\0\x1cftypavif\0\0\0\0mif1miafMA1B",
        b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf",
        b"\0\0\0\x1cftypavis\0\0\0\0msf1",
    ],
    "JPEG 2000": [b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 "],
    "HTJ2K": [b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjph "],
    "JPEG 2000 codestream": [b"\xff\x4f\xff\x51\0\x2f"],
    "WebP": [b"RIFF\x0a\0\0\0WEBPVP8 ", b"RIFF\xff\xff\xff\xffWEBPVP8L"],
    "GIF": [b"GIF87a", b"GIF89a"],
    "BMP": [b"BM" + bytes(12) + bytes([size, 0, 0, 0]) for size in (12, 16, 40, 64, 108, 124)],
    "PNM": [b"P1 ", b"P2\n", b"P3\t", b"P4#", b"P5\r\n", b"P6\n"],
    "PAM": [b"P7\n"],
    "PFM": [b"PF\n", b"Pf\n"],
}


def test_names_extensions_and_modules_are_each_of_one_format():
    for values in (
        [row.name for row in FORMATS],
        [row.module for row in FORMATS],
        [extension for row in FORMATS for extension in row.extensions],
    ):
        assert len(set(values)) == len(values)
    assert all(e == e.lower() and e.startswith(".") for e in table.extensions())


def test_every_row_leads_to_a_format():
    for row in FORMATS:
        assert isinstance(row.load(), Format)


@pytest.mark.parametrize("name", BEGINNINGS)
def test_files_are_recognised_by_how_they_begin_and_not_by_where_it_stands(name):
    for beginning in BEGINNINGS[name]:
        assert table.of_content(beginning + bytes(20)).name == name
        assert table.of_content(b"x" + beginning + bytes(20)) is None
        assert table.of_content(beginning[:2]) is None


def test_what_a_file_holds_counts_and_not_its_name(tmp_path):
    path = tmp_path / "a.png"
    write_image(Image(np.zeros((4, 5, 3), np.uint8)), path)
    path.rename(tmp_path / "a.jpg")
    assert read_image(tmp_path / "a.jpg").width == 5


def test_formats_are_listed_as_a_sentence_lists_them(monkeypatch):
    three = tuple(row for row in FORMATS if row.name in ("PNG", "JPEG", "TIFF"))
    monkeypatch.setattr(table, "FORMATS", three)
    assert table.listed() == "PNG, JPEG and TIFF"
    assert table.listed("or") == "PNG, JPEG or TIFF"
    assert table.extensions() == (
        ".png",
        ".apng",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".tif",
        ".tiff",
    )


def test_help_of_the_public_functions_lists_the_formats():
    assert table.listed() in read_image.__doc__
    assert all(extension in write_image.__doc__ for extension in table.extensions(written=True))


def loaded(program):
    heavy = "print(sorted({'cv2', 'tifffile', 'PIL', 'numpy'} & set(__import__('sys').modules)))"
    run = [sys.executable, "-c", f"{program}\n{heavy}"]
    return subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("extension", [".png", ".jpg", ".webp"])
def test_eight_bits_need_neither_opencv_nor_tifffile(tmp_path, extension):
    program = f"""
import imgae, numpy
image = imgae.Image(numpy.zeros((9, 9, 3), numpy.uint8))
imgae.write_image(image, {str(tmp_path / "a")!r} + {extension!r})
imgae.read_image({str(tmp_path / "a")!r} + {extension!r})"""
    assert loaded(program) == "['PIL', 'numpy']"
    deep = program.replace("uint8", "uint16").replace("'.png'", "'.tif'")
    assert extension != ".png" or loaded(deep) == "['PIL', 'numpy']"


def test_the_list_of_formats_costs_no_library():
    assert loaded("from imgae.io.formats import table; table.listed()") == "[]"


HEADER = b"raw8"


def read_raw(file):
    data, name = file.data, file.name
    if len(data) < 6:
        raise ValueError("no size")
    if data[4] == 99:
        raise ImageError(f"{name}: 99 rows are too many")
    shape = (data[4], data[5], 1)
    return Frames((upright(Image(np.frombuffer(data[6:], np.uint8).reshape(shape)), 6),))


def encode_raw(frames, name, encoding):
    image = frames[0]
    if image.width > 200:
        raise ValueError(f"{name} is too wide")
    return HEADER + bytes(image.pixels.shape[:2]) + image.pixels.tobytes()


@pytest.fixture
def raw(monkeypatch):
    """Add a format of gray pixels, stored sideways, as one module and one row."""
    module = types.ModuleType("imgae.io.formats.raw8")
    module.FORMAT = Format(read_raw, encode_raw, Limits(bits=8, alpha=False, side=250))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(table, "FORMATS", (*FORMATS, Row("RAW8", (".raw8",), HEADER, "raw8")))
    return module


def test_one_module_and_one_row_are_a_format(raw, tmp_path):
    path = tmp_path / "a.RAW8"
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    write_image(Image(pixels), path)
    back = read_image(path)
    assert np.array_equal(back.pixels, pixels.swapaxes(0, 1)[:, ::-1])  # turned upright
    assert read_image(path.read_bytes()).turned == 6
    assert ", RAW8, " in table.listed()


def test_a_format_is_written_within_its_limits(raw, tmp_path):
    path = tmp_path / "a.raw8"
    with pytest.warns(ImgaeWarning) as notes:
        write_image(Image(np.full((2, 3, 1), 65535, np.uint16), np.zeros((2, 3), np.uint16)), path)
    assert [str(note.message).split(": ")[1] for note in notes] == [
        "RAW8 holds 8 bits; reduced from 16",
        "RAW8 holds no transparency; the picture is laid on white",
    ]
    assert path.read_bytes() == HEADER + b"\x02\x03" + b"\xff" * 6
    with pytest.raises(ImageError, match="251x1 is too large for RAW8, which ends at 250"):
        write_image(Image(np.zeros((1, 251, 1), np.uint8)), tmp_path / "b.raw8")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (HEADER, r"damaged or cut short \(no size\)"),
        (HEADER + b"\x09\x09", "damaged or cut short"),
        (HEADER + b"\x63\x01", "^the given bytes: 99 rows are too many$"),
    ],
)
def test_whatever_a_format_raises_is_an_image_error(raw, data, sentence):
    with pytest.raises(ImageError, match=sentence):
        read_image(data)


def test_a_format_that_fails_to_encode_is_an_image_error(raw, tmp_path):
    with pytest.raises(ImageError, match=r"cannot be written as RAW8 .*too wide"):
        write_image(Image(np.zeros((1, 201, 1), np.uint8)), tmp_path / "a.raw8")
    assert not list(tmp_path.iterdir())


def test_a_format_that_is_only_read_is_refused_before_work(raw, tmp_path):
    raw.FORMAT = Format(read_raw, None)
    with pytest.raises(ImageError, match="imgae reads RAW8 but does not write it"):
        write_image(Image(np.zeros((1, 1, 1), np.uint8)), tmp_path / "a.raw8")
