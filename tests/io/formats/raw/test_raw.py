"""Camera raw files are developed, and never their previews."""

import contextlib
import re
import struct
import sys
import warnings

import dngs
import numpy as np
import PIL.Image
import pytest
import tifffile

from imgae.errors import ImageError, MissingExtraError
from imgae.io.colour.cms import srgb_profile
from imgae.io.files import read_image, write_image
from imgae.picture.orientation import TURNS

pytest.importorskip("rawpy", reason="rawpy is not installed")
LIGHT = dngs.light()
LOOK = dngs.srgb(LIGHT)


def close_to(image, look, *, atol=0.02, mean=0.002):
    assert image.pixels.dtype == np.uint16
    apart = np.abs(image.pixels / 65535 - look)
    assert apart.max() < atol
    assert apart.mean() < mean


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize("pattern", [dngs.BAYER, (1, 2, 0, 1), (2, 1, 1, 0)])
def test_a_mosaic_becomes_the_scene(tmp_path, preview, pattern):
    image = read_image(dngs.write(tmp_path / "a.dng", LIGHT, pattern=pattern, preview=preview))
    close_to(image, LOOK)
    assert image.icc == srgb_profile()
    assert image.stored.format == "camera raw"


@pytest.mark.parametrize(
    "how",
    [
        {"levels": (0, 65535)},
        {"byteorder": ">"},
        {"tile": (32, 32)},
        {"linear": True},
        {"linear": True, "levels": (0, 15000)},
        {"linear": True, "levels": (4000, 15000)},
        {"stops": -1.0},
    ],
    ids=str,
)
def test_the_same_scene_stored_otherwise_is_the_same(tmp_path, how):
    close_to(read_image(dngs.write(tmp_path / "a.dng", LIGHT, **how)), LOOK)


def test_white_is_what_the_camera_saw_as_white(tmp_path):
    seen = np.array([0.5, 1, 0.7])
    close_to(read_image(dngs.write(tmp_path / "a.dng", LIGHT * seen, neutral=seen)), LOOK)


def test_it_is_as_bright_as_the_file_says_and_not_brighter(tmp_path):
    dark = read_image(dngs.write(tmp_path / "a.dng", LIGHT / 8))
    close_to(dark, dngs.srgb(LIGHT / 8))
    bright = read_image(dngs.write(tmp_path / "b.dng", LIGHT / 8, stops=2.0))
    close_to(bright, dngs.srgb(LIGHT / 2))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_upright_once(tmp_path, orientation):
    image = read_image(dngs.write(tmp_path / "a.dng", LIGHT, orientation=orientation))
    close_to(image, TURNS.get(orientation, np.asarray)(LOOK))
    assert image.turned == orientation
    exif = PIL.Image.Exif()
    exif.load(image.exif)
    assert exif.get(274, 1) == 1


def test_a_sensor_without_colours_gives_gray(tmp_path):
    path = dngs.write(tmp_path / "a.dng", LIGHT[:, :, :1].repeat(3, 2))
    data = path.read_bytes()
    cfa, linear = ((262).to_bytes(2, "little") + b"\3\0\1\0\0\0" + value.to_bytes(4, "little")
                   for value in (dngs.CFA, dngs.LINEAR))  # fmt: skip
    image = read_image(data.replace(cfa, linear))
    close_to(image, LOOK[:, :, :1])
    assert image.icc == srgb_profile(gray=True)


def test_what_is_said_of_the_photo_travels(tmp_path):
    xmp, iptc = b"<x:xmpmeta/>", b"\x1c\x02\x78\0\x02ab"
    tags = [
        (306, 2, 0, "2026:11:26 12:00:00", True),
        (700, 1, len(xmp), xmp, True),
        (33723, 7, len(iptc), iptc, True),
        (50740, 7, 9, b"the notes", True),
    ]
    with pytest.warns(match="the maker's own notes in its camera data are left out"):
        image = read_image(dngs.write(tmp_path / "a.dng", LIGHT, tags=tags))
    exif = PIL.Image.Exif()
    exif.load(image.exif)
    assert (exif[271], exif[272], exif[306]) == ("Imgae", "Test", "2026:11:26 12:00:00")
    assert image.xmp == xmp
    assert image.iptc == iptc


def test_the_name_does_not_matter_and_raw_is_not_written(tmp_path):
    image = read_image(dngs.write(tmp_path / "a.tif", LIGHT))
    assert image.bits == 16
    with pytest.raises(ImageError, match="reads camera raw but does not write it"):
        write_image(image, tmp_path / "b.dng")


def test_what_is_guessed_or_left_out_is_said(tmp_path):
    with pytest.warns(match="does not say what was white; developed as in daylight"):
        read_image(dngs.write(tmp_path / "a.dng", LIGHT, neutral=None))
    opcodes = [(51009, 7, 20, bytes(20), True)]
    with pytest.warns(match="corrections .* lens are not applied"):
        read_image(dngs.write(tmp_path / "b.dng", LIGHT, sensor_tags=opcodes))


@pytest.mark.parametrize("make", ["NIKON CORPORATION", "Nobody"])
def test_a_makers_own_raw_file_is_developed(tmp_path, make):
    """Its directories are those of a DNG; what a colour is comes from LibRaw's table."""
    tags = [(271, 2, 0, make, True), (272, 2, 0, "NIKON D850", True)]
    sensor = np.rint(dngs.mosaic(LIGHT) * 65535).astype(np.uint16)
    pattern = [(33421, 3, 2, (2, 2), True), (33422, 1, 4, bytes(dngs.BAYER), True)]
    with tifffile.TiffWriter(tmp_path / "a.nef") as file:
        small = np.zeros((12, 16, 3), np.uint8)
        file.write(small, photometric="rgb", subfiletype=1, subifds=1, extratags=tags)
        file.write(sensor, photometric=dngs.CFA, extratags=pattern)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        image = read_image(tmp_path / "a.nef")
    said = " ".join(str(one.message) for one in caught)
    assert ("does not know its camera" in said) == (make == "Nobody")
    assert image.pixels.shape == (48, 64, 3)
    closeness = np.corrcoef(image.pixels[:, :, 1].ravel(), LOOK[:, :, 1].ravel())[0, 1]
    assert closeness > 0.9


def refused(data):
    with pytest.raises(ImageError) as caught:
        read_image(data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_cannot_be_developed_is_refused_and_nothing_is_printed(tmp_path, capfd):
    path = dngs.write(tmp_path / "a.dng", LIGHT, pattern=None)
    assert "camera raw file (DNG) that does not say which colours its sensor has" in refused(path)
    path = dngs.write(tmp_path / "b.dng", LIGHT, compression="zlib")
    assert "compressed in a way that LibRaw does not develop" in refused(path)
    whole = dngs.write(tmp_path / "c.dng", LIGHT).read_bytes()
    assert "camera raw file that is damaged or cut short" in refused(whole[: len(whole) * 2 // 3])
    head = struct.pack("<HHI", 330, 13, 1)  # and then where the sensor's directory is
    at = whole.index(head) + len(head)
    only_preview = whole[:at] + struct.pack("<I", 1 << 30) + whole[at + 4 :]
    assert "holds only previews, or is damaged" in refused(only_preview)
    assert re.search(r"camera raw file that LibRaw [\d.]+ does not know",
                     refused(b"FUJIFILMCCD-RAW 0201" + bytes(500)))  # fmt: skip
    assert capfd.readouterr() == ("", "")


def test_its_size_is_checked_before(tmp_path):
    path = dngs.write(tmp_path / "a.dng", LIGHT)
    with pytest.raises(ImageError, match="--max-pixels"):
        read_image(path, max_pixels=64 * 48 - 1)


def test_without_rawpy_a_sentence_names_the_file_and_the_extra(tmp_path, monkeypatch):
    path = dngs.write(tmp_path / "a.dng", LIGHT)
    monkeypatch.setitem(sys.modules, "rawpy", None)
    monkeypatch.delitem(sys.modules, "imgae.io.formats.raw.format", raising=False)
    sentence = (
        r"a\.dng: a camera raw file needs rawpy; install it with: pip install 'imgae\[formats\]'"
    )
    with pytest.raises(MissingExtraError, match=sentence):
        read_image(path)


def test_damage_of_any_kind_is_an_error_or_a_picture(tmp_path, capfd):
    whole = dngs.write(tmp_path / "a.dng", LIGHT).read_bytes()
    random = np.random.default_rng(5)
    for _ in range(30):
        data = bytearray(whole)
        for at in random.integers(0, 1200, 4):
            data[at] = random.integers(256)
        with warnings.catch_warnings(), contextlib.suppress(ImageError):
            warnings.simplefilter("ignore")
            read_image(bytes(data))
    assert "unknown file" not in capfd.readouterr().err
