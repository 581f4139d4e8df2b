"""EXR: what OpenEXR writes is read, and written so that OpenEXR reads the same."""

import contextlib
import io
import struct
import sys
import warnings

import numpy as np
import pytest

from imgae import Image
from imgae.errors import ImageError, MissingExtraError
from imgae.io.colour.cms import REC_709, linear_profile, srgb_profile
from imgae.io.files import read_frames, read_image, write_frames, write_image
from imgae.io.formats.exr import openexr

exr = pytest.importorskip("OpenEXR", reason="OpenEXR is not installed")
HIGH, WIDE = 37, 21
RANDOM = np.random.default_rng(4)
LOSSLESS = ("NO", "RLE", "ZIPS", "ZIP", "PIZ", "PXR24")
LOSSY = ("B44", "B44A", "DWAA", "DWAB")


def plane(dtype="f2", low=-0.5, high=3.0):
    return (low + (high - low) * RANDOM.random((HIGH, WIDE))).astype(dtype)


def file(channels, compression="ZIP", kind=None, **header):
    out = io.BytesIO()
    head = {
        "compression": getattr(exr, f"{compression}_COMPRESSION"),
        "type": kind or exr.scanlineimage,
        **header,
    }
    with exr.File(head, dict(channels)) as made:
        made.write(out)
    return out.getvalue()


def colours(dtype="f2", names="RGB"):
    return {name: plane(dtype) for name in names}


def opened(data):
    """What OpenEXR reads: of each part its header and channels."""
    with exr.File(io.BytesIO(data), separate_channels=True) as found:
        return [
            (dict(part.header), {name: one.pixels for name, one in part.channels.items()})
            for part in found.parts
        ]


def again(data, tmp_path):
    path = tmp_path / "again.exr"
    write_frames(read_frames(data), path, overwrite=True)
    return path.read_bytes()


def check_same(data, tmp_path, without=()):
    """Check that a file that is read and written has the same samples and header."""
    before, after = opened(data), opened(again(data, tmp_path))
    assert len(before) == len(after)
    stored = {"channels", "compression", "tiles", "type", "chunkCount", "lineOrder", *without}
    for (header, channels), (other_header, others) in zip(before, after, strict=True):
        assert channels.keys() == others.keys()
        for name, samples in channels.items():
            assert others[name].dtype == samples.dtype
            np.testing.assert_array_equal(others[name], samples)
        assert {k: str(v) for k, v in header.items() if k not in stored} == {
            k: str(v) for k, v in other_header.items() if k not in stored
        }
    return read_frames(data)


@pytest.mark.parametrize("dtype", ["f2", "f4"])
@pytest.mark.parametrize("compression", LOSSLESS + LOSSY)
def test_every_compression_is_read_as_openexr_reads_it(compression, dtype, tmp_path):
    data = file(colours(dtype), compression)
    image = check_same(data, tmp_path)[0]
    wanted = np.stack([opened(data)[0][1][name] for name in "RGB"], 2)
    np.testing.assert_array_equal(image.pixels, wanted.astype(np.float32))
    assert image.pixels.min() < 0
    assert image.pixels.max() > 1


def test_gray_and_mixed_types(tmp_path):
    gray = check_same(file({"Y": plane()}), tmp_path)[0]
    assert gray.mode == "gray"
    assert gray.icc == linear_profile(True, REC_709)
    check_same(file({"R": plane(), "G": plane("f4"), "B": plane()}), tmp_path)


@pytest.mark.parametrize("dtype", ["f2", "f4"])
@pytest.mark.parametrize("names", ["RGB", "Y"])
def test_associated_alpha_is_undone_and_goes_back(dtype, names, tmp_path):
    alpha = plane(dtype, 0, 1)
    alpha[:3], alpha[3], alpha[4] = 0, 1e-4, 1  # a glow that covers nothing is kept
    data = file({**colours(dtype, names), "A": alpha})
    image = check_same(data, tmp_path)[0]
    np.testing.assert_array_equal(image.alpha, alpha.astype(np.float32))
    first = opened(data)[0][1][names[0]].astype(np.float32)
    seen = image.alpha >= 2**-10
    np.testing.assert_allclose(image.pixels[seen, 0], first[seen] / image.alpha[seen], rtol=1e-6)
    np.testing.assert_array_equal(image.pixels[~seen, 0], first[~seen])
    changed = image.with_pixels(image.pixels * np.float32(0.5))
    write_image(changed, tmp_path / "half.exr")
    after = opened((tmp_path / "half.exr").read_bytes())[0][1][names[0]]
    np.testing.assert_allclose(after, first / 2, rtol=2e-3, atol=1e-6)


def test_everything_else_in_the_file_is_kept(tmp_path):
    window = (np.array([-2, 3], "i4"), np.array([-2 + WIDE - 1, 3 + HIGH - 1], "i4"))
    data = file(
        {
            **colours(),
            "Z": np.where(plane() > 1, np.inf, plane("f4")).astype("f4"),
            "id": RANDOM.integers(0, 2**32, (HIGH, WIDE), np.uint32),
            "glow.R": plane(),
            "the name of this channel has more than 31 letters": plane(),
        },
        comments="a note",
        owner="Zoë",
        number=5,
        matrix=np.eye(3, dtype="f4"),
        pixelAspectRatio=1.5,
        xDensity=72.0,
        chromaticities=(0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767),
        dataWindow=window,
        displayWindow=(np.array([0, 0], "i4"), np.array([63, 63], "i4")),
    )
    image = check_same(data, tmp_path)[0]
    assert dict(image.text) == {"comments": "a note", "owner": "Zoë"}
    assert image.dpi == (72, 108)
    assert image.icc not in (None, linear_profile(False, REC_709))
    assert set(image.private) == {
        "further channels", "display window", "shape of pixels", "EXR attributes",
    }  # fmt: skip
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        write_image(image, tmp_path / "a.tif")
    said = " ".join(str(one.message) for one in caught)
    assert all(f"holds no {name}" in said for name in image.private)


def test_attributes_of_types_that_nobody_knows_are_kept(tmp_path):
    data = file(colours(), number=5)
    strange = data.replace(b"number\0int\0\4", b"number\0xyz\0\4")
    before, after = (openexr.parts_of(one)[0] for one in (strange, again(strange, tmp_path)))
    assert after.attributes["number"] == before.attributes["number"] == ("xyz", b"\5\0\0\0")


def test_words_in_latin_1_are_read(tmp_path):
    data = file(colours(), owner="Zoe").replace(b"Zoe", b"Zo\xeb")
    assert dict(read_image(data).text) == {"owner": "Zoë"}


def test_a_layer_is_the_picture_where_there_is_no_other(tmp_path):
    channels = {f"view.Combined.{name}": plane() for name in "RGBA"}
    channels |= {f"view.Ambient.{name}": plane() for name in "RGB"}
    image = check_same(file(channels), tmp_path)[0]
    assert image.mode == "RGB+alpha"
    assert len(image.private["further channels"]) == 3


def several():
    kinds = {"compression": exr.PIZ_COMPRESSION, "type": exr.scanlineimage}
    parts = [
        exr.Part({**kinds, "view": "left"}, colours(), "left"),
        exr.Part({**kinds, "count": 3}, {"Z": plane("f4")}, "depth"),
        exr.Part(dict(kinds), colours("f4", "RGBA"), "right"),
    ]
    out = io.BytesIO()
    with exr.File(parts) as made:
        made.write(out)
    return out.getvalue()


def test_parts_with_colours_are_pages_and_others_are_kept(tmp_path):
    frames = check_same(several(), tmp_path)
    assert (frames.kind, len(frames)) == ("pages", 2)
    assert [image.mode for image in frames] == ["RGB", "RGB+alpha"]
    assert set(frames.private) == {"further parts"}


def test_tiles_are_read():
    tiles = exr.TileDescription()
    tiles.xSize = tiles.ySize = 16
    data = file(colours(), kind=exr.tiledimage, tiles=tiles)
    image = read_image(data)
    for k, name in enumerate("RGB"):
        np.testing.assert_array_equal(image.pixels[:, :, k], opened(data)[0][1][name])


def test_pictures_of_other_formats_become_linear(tmp_path):
    ramp = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    value = ramp / 255
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    for image in (
        Image(ramp),
        Image(ramp, icc=srgb_profile()),
        Image(ramp.astype(np.uint16) * 257),
        Image(ramp[:, :, :1].copy()),
        Image(value.astype(np.float32), icc=srgb_profile()),
    ):
        with pytest.warns(match="its colours are made linear"):
            write_image(image, tmp_path / "a.exr", overwrite=True)
        back = read_image(tmp_path / "a.exr")
        np.testing.assert_allclose(back.pixels, light[:, :, : back.pixels.shape[2]], atol=3e-4)
        assert image.bits == 16 or back.pixels.shape[2] in (1, 3)
    floats = Image(value.astype(np.float32) * 9)
    write_image(floats, tmp_path / "b.exr")
    np.testing.assert_array_equal(read_image(tmp_path / "b.exr").pixels, floats.pixels)


def test_straight_alpha_of_other_formats_becomes_associated(tmp_path):
    pixels = plane("f4")[:, :, None].repeat(3, 2)
    alpha = np.clip(plane("f4"), 0, 1)
    with pytest.warns(match="no colours under what is transparent"):
        write_image(Image(pixels, alpha), tmp_path / "a.exr")
    found = opened((tmp_path / "a.exr").read_bytes())[0][1]
    np.testing.assert_array_equal(found["R"], pixels[:, :, 0] * alpha)
    np.testing.assert_array_equal(found["A"], alpha)


def test_halves_end_at_their_largest(tmp_path):
    image = read_image(file(colours()))
    write_image(image.with_pixels(image.pixels * np.float32(1e6)), tmp_path / "a.exr")
    found = read_image(tmp_path / "a.exr").pixels
    assert (found.min(), found.max()) == (-65504, 65504)


def test_nan_is_read_and_not_written(tmp_path):
    channels = colours("f4")
    channels["G"][3, 4] = np.nan
    image = read_image(file(channels))
    assert np.isnan(image.pixels[3, 4, 1])
    with pytest.raises(ImageError, match="NaN or infinity"):
        write_image(image, tmp_path / "a.exr")


def header(channels=b"", *, flags=2, window=(0, 0, 9, 9), more=()):
    parts = [
        ("channels", "chlist", channels + b"\0"),
        ("compression", "compression", b"\0"),
        ("dataWindow", "box2i", struct.pack("<4i", *window)),
        ("displayWindow", "box2i", struct.pack("<4i", *window)),
        ("lineOrder", "lineOrder", b"\0"),
        ("pixelAspectRatio", "float", struct.pack("<f", 1)),
        ("screenWindowCenter", "v2f", bytes(8)),
        ("screenWindowWidth", "float", struct.pack("<f", 1)),
        *more,
    ]
    out = b"v/1\x01" + struct.pack("<I", flags)
    for name, kind, value in parts:
        out += name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<I", len(value)) + value
    return out + b"\0"


def channel(name, kind=1, sampling=1):
    return name.encode() + b"\0" + struct.pack("<iB3xii", kind, 0, sampling, sampling)


def test_of_a_mipmap_the_largest_picture_is_read():
    tiles = ("tiles", "tiledesc", struct.pack("<IIB", 16, 16, 1))
    head = header(channel("Y"), flags=2 | 0x200, window=(0, 0, 15, 15), more=[tiles])
    levels = [RANDOM.random((16 >> k, 16 >> k)).astype("f2") for k in range(5)]
    body, places = b"", b""
    for k, level in enumerate(levels):
        places += struct.pack("<Q", len(head) + 8 * len(levels) + len(body))
        body += struct.pack("<5i", 0, 0, k, k, level.nbytes) + level.tobytes()
    with pytest.warns(match="the smaller copies of its picture .mipmap. are left out"):
        image = read_image(head + places + body)
    np.testing.assert_array_equal(image.pixels[:, :, 0], levels[0])


RGB = channel("B") + channel("G") + channel("R")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (file({"Z": plane("f4")}), "holds no colours .*only Z"),
        (file({n: plane("u4", 0, 9) for n in "RGB"}), "its channel R holds whole numbers"),
        (file({n: plane() for n in ("Y", "RY", "BY")}), "luminance and chroma"),
        (header(RGB, flags=2 | 0x800), "holds deep data"),
        (header(RGB, window=(0, 0, 20000, 20000)), "too short for the pixels"),
        (header(RGB, window=(0, 0, 200000, 200000)), "megapixels"),
        (header(RGB, window=(5, 5, 0, 0)), "it says that it is"),
        (header(RGB), "damaged or cut short"),
        (header(RGB)[:60], "damaged or cut short"),
        (file(colours())[:-40], "OpenEXR cannot decode all its pixels"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_in_a_sentence_and_nothing_printed(data, sentence, capfd):
    with pytest.raises(ImageError, match=sentence) as caught:
        read_image(data)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_damage_of_any_kind_is_an_error_or_a_picture(capfd):
    whole = file({**colours(), "A": plane()}, "PIZ", owner="me")
    for _ in range(60):
        data = bytearray(whole)
        for at in RANDOM.integers(0, len(data), 3):
            data[at] = RANDOM.integers(256)
        with warnings.catch_warnings(), contextlib.suppress(ImageError):
            warnings.simplefilter("ignore")
            read_image(bytes(data))
    assert capfd.readouterr() == ("", "")


def test_without_openexr_a_sentence_names_the_file_and_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    monkeypatch.delitem(sys.modules, "imgae.io.formats.exr.format", raising=False)
    sentence = r"an EXR file needs OpenEXR; install it with: pip install 'imgae\[formats\]'"
    with pytest.raises(MissingExtraError, match=sentence):
        read_image(header(RGB))
