import io
import warnings
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from pictures import picture, same

from imgae import Frames, Image, ImageError, ImgaeWarning, read_frames, read_image
from imgae.io.files import encode

RNG = np.random.default_rng(6)


def written(image, name):
    return encode(image if isinstance(image, Frames) else Frames((image,)), Path(name))


FILES = {
    "a.pbm": b"P1\n# by hand\n3 2\n0 1 1\n100\n",
    "b.pbm": b"P4 11 2\n" + bytes([0b10110010, 0b01000000, 0b01111111, 0b11100000]),
    "a.pgm": b"P2 3 2 15\n# by hand\n0 1 2\n3 4 15\n",
    "b.pgm": b"P5\n3 2\n255\n" + bytes(range(6)),
    "c.pgm": b"P5\n3 1\n4095\n" + bytes([0, 0, 0x0F, 0xFF, 0x01, 0x23]),
    "d.pgm": b"P5\n3 1\n65535\n" + bytes([0, 0, 0x0F, 0xFF, 0x01, 0x23]),
    "a.ppm": b"P3 1 2 255 1 2 3 # last\n 4 5 6",
    "b.ppm": b"P6 1 2 100\n" + bytes([0, 50, 100, 1, 2, 3]),
}
VALUES = {
    "a.pbm": [255, 0, 0, 0, 255, 255],
    "b.pbm": [0, 255, 0, 0, 255, 255, 0, 255, 255, 0, 255] + [255] + [0] * 10,
    "a.pgm": [0, 17, 34, 51, 68, 255],
    "b.pgm": [0, 1, 2, 3, 4, 5],
    "c.pgm": [0, 65535, round(0x123 * 65535 / 4095)],
    "d.pgm": [0, 0xFFF, 0x123],
    "a.ppm": [1, 2, 3, 4, 5, 6],
    "b.ppm": [0, 128, 255, 3, 5, 8],
}


@pytest.mark.parametrize("name", FILES)
def test_every_kind_is_read_and_goes_back_the_same(name):
    image = read_image(FILES[name])
    assert image.pixels.ravel().tolist() == VALUES[name]
    out = written(image, name)
    same(read_image(out), image)
    assert out[:2] == FILES[name][:2]
    if name not in ("a.ppm", "a.pgm", "b.pgm", "d.pgm"):
        with PIL.Image.open(io.BytesIO(out)) as one, PIL.Image.open(io.BytesIO(FILES[name])) as two:
            assert np.array_equal(np.asarray(one), np.asarray(two))
    if b"by hand" in FILES[name]:
        assert image.text == (("Comment", "by hand"),)
        assert read_image(out).text == image.text


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_from_elsewhere_are_exact(dtype, channels):
    image = picture(dtype, channels, alpha=False, text=(("Title", "a\nb"),))
    out = written(image, "a.pnm")
    same(read_image(out), image)
    assert read_image(out).text == (("Comment", "Title: a"), ("Comment", "b"))
    shown = picture(dtype, channels, alpha=True)
    same(read_image(written(shown, "a.pam")), shown)


@pytest.mark.parametrize("bits", [9, 10, 12, 14])
def test_fewer_than_16_bits_go_back_as_they_came(bits):
    largest = (1 << bits) - 1
    samples = RNG.integers(0, largest + 1, (5, 7), np.uint16)
    data = f"P5\n7 5\n{largest}\n".encode() + samples.astype(">u2").tobytes()
    image = read_image(data)
    assert image.stored.bits == bits
    assert np.array_equal(image.pixels[:, :, 0], np.rint(samples * (65535 / largest)))
    assert written(image, "a.pgm") == data


def test_a_small_range_that_no_longer_fits_is_written_as_255_with_a_warning():
    image = read_image(FILES["a.pgm"])
    with pytest.warns(ImgaeWarning, match="no longer fit into 0 to 15"):
        out = written(image.with_pixels(image.pixels + np.uint8(1) * (image.pixels < 9)), "a.pgm")
    assert b"255" in out


def test_a_kind_that_cannot_hold_the_picture_is_told():
    gray, colour = picture(np.uint8, 1, alpha=False), picture(np.uint8, 3, alpha=False)
    with pytest.warns(ImgaeWarning, match="black and white"):
        assert written(gray, "a.pbm")[:2] == b"P5"
    with pytest.warns(ImgaeWarning, match="PGM holds no colours"):
        assert written(colour, "a.pgm")[:2] == b"P6"
    assert np.array_equal(read_image(written(gray, "a.ppm")).pixels, gray.pixels.repeat(3, 2))
    with pytest.warns(ImgaeWarning, match="PNM holds no transparency"):
        written(picture(np.uint8, 3, alpha=True), "a.ppm")


def test_several_pictures_in_one_file_are_pages():
    data = FILES["b.pgm"] + FILES["b.ppm"] + FILES["b.pbm"]
    frames = read_frames(data)
    assert (frames.kind, len(frames)) == ("pages", 3)
    back = read_frames(written(frames, "a.pnm"))
    for one, other in zip(back, frames, strict=True):
        same(one, other)


PAM = b"P7\n# by hand\nWIDTH 2\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"


def test_pam_holds_transparency():
    image = read_image(PAM + bytes(range(8)))
    assert image.pixels.tolist() == [[[0, 1, 2], [4, 5, 6]]]
    assert image.alpha.tolist() == [[3, 7]]
    assert image.text == (("Comment", "by hand"),)
    same(read_image(written(image, "a.pam")), image)
    bits = PAM.replace(b"RGB_ALPHA", b"BLACKANDWHITE").replace(b"H 4", b"H 1").replace(b"255", b"1")
    assert read_image(bits + b"\0\1").pixels.ravel().tolist() == [0, 255]
    assert b"BLACKANDWHITE\n" in written(read_image(bits + b"\0\1"), "a.pam")
    with pytest.raises(ImageError, match="4 channels called CMYK"):
        read_image(PAM.replace(b"RGB_ALPHA", b"CMYK") + bytes(8))


@pytest.mark.parametrize("scale", [b"-1.0", b"1.0", b"-2.5"])
@pytest.mark.parametrize("channels", [1, 3])
def test_pfm_holds_floats_as_they_are(scale, channels):
    values = RNG.normal(0, 1000, (4, 3, channels)).astype(np.float32)
    order = "<f4" if scale.startswith(b"-") else ">f4"
    data = (b"Pf" if channels == 1 else b"PF") + b"\n3 4\n" + scale + b"\n"
    data += values[::-1].astype(order).tobytes()
    image = read_image(data)
    assert np.array_equal(image.pixels, values)
    assert written(image, "a.pfm") == data


def test_what_viewers_pass_over_is_read_with_a_warning():
    with pytest.warns(ImgaeWarning, match="above the largest"):
        assert read_image(b"P2 2 1 15 3 99").pixels.ravel().tolist() == [51, 255]
    with pytest.warns(ImgaeWarning, match="4 bytes after"):
        read_image(FILES["b.pgm"] + b"more")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (FILES["b.pgm"][:-1], "not whole"),
        (FILES["a.ppm"][:-1], "not whole"),
        (FILES["a.pbm"].replace(b"100", b"120"), "neither 0 nor 1"),
        (FILES["a.pgm"].replace(b"4", b"x"), "no numbers"),
        (b"P5 2 x 255\n", "no number"),
        (b"P5 2 2 70000\n", "largest value is 70000"),
        (b"P5 0 2 255\n", "0x2"),
        (b"P6 30000 30000 255\n", "not whole"),
        (b"P1 30000 30000\n 1", "not whole"),
        (PAM, "not whole"),
        (PAM.replace(b"ENDHDR", b""), "no end"),
        (PAM.replace(b"WIDTH 2\n", b""), "lacks WIDTH"),
        (b"PF 2 2 0\n" + bytes(48), "its scale is 0"),
        (b"PF 2 2 -1\n", "not whole"),
        (b"PF 2 -2 -1\n", "head is not"),
    ],
)
def test_damage_is_refused(data, sentence):
    with pytest.raises(ImageError, match=sentence):
        read_image(data)


def test_mutated_files_are_read_or_refused():
    random = np.random.default_rng(0)
    pfm = written(Image(RNG.random((3, 4, 3), np.float32)), "a.pfm")
    for name, data in {**FILES, "a.pam": PAM + bytes(8), "a.pfm": pfm}.items():
        for _ in range(40):
            changed = bytearray(data)
            for at in random.integers(2, len(changed), random.integers(1, 4)):
                changed[at] = random.integers(256)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ImgaeWarning)
                try:
                    frames = read_frames(bytes(changed), max_pixels=10**6)
                    written(frames, name)
                except ImageError:
                    continue
