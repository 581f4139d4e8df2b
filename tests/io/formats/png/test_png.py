import io
import re
import struct
import warnings
import zlib
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import png_files
import pytest
from pictures import ICC, XMP, exif, picture, same
from png_files import chunk, chunks, control, png, random_samples

from imgae import (
    Frames,
    Image,
    ImageError,
    ImgaeWarning,
    read_frames,
    read_image,
    write_frames,
    write_image,
)
from imgae.io.files import encode

TURNED_XMP = XMP.replace(b"note", b'tiff:Orientation="6" note')
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
KINDS = [
    *((0, depth) for depth in (1, 2, 4, 8, 16)),
    *((3, depth) for depth in (1, 2, 4, 8)),
    *((colour, depth) for colour in (2, 4, 6) for depth in (8, 16)),
]
SMALL = random_samples(3, 4, 3, 8)


def written(image, name="a.png"):
    return encode(image if isinstance(image, Frames) else Frames((image,)), Path(name))


def again(data):
    """What a file becomes that is read and written: it must be read the same."""
    frames = read_frames(data)
    out = written(frames)
    for one, other in zip(read_frames(out), frames, strict=True):
        same(one, other)
    return out


def kept(data, kind):
    return [content for name, content in chunks(data) if name == kind]


def test_the_orientation_inside_xmp_is_reset_too(tmp_path):
    path = tmp_path / "a.png"
    write_image(picture(np.uint8, 3, alpha=False, exif=exif(6), xmp=TURNED_XMP), path)
    assert b'tiff:Orientation="1"' in read_image(path).xmp


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("colour", "depth"), KINDS)
def test_every_kind_is_read_and_written_back_in_its_kind(colour, depth, interlaced):
    samples = random_samples(11, 13, CHANNELS[colour], depth)
    palette = random_samples(1 << depth, 3, 1, 8)[:, :, 0]
    before = chunk(b"PLTE", palette.astype("u1").tobytes()) if colour == 3 else b""
    data = png(samples, depth, colour, before, interlaced=interlaced)
    image = read_image(data)
    full = 65535 if depth == 16 else 255
    if colour == 3:
        assert np.array_equal(image.pixels, palette[samples[:, :, 0]])
        assert image.alpha is None
    else:
        spread = samples * full // ((1 << depth) - 1)
        values = spread[:, :, :-1] if colour in (4, 6) else spread
        assert np.array_equal(image.pixels, values)
        assert (image.alpha is None) == (colour not in (4, 6))
        assert image.alpha is None or np.array_equal(image.alpha, spread[:, :, -1])
    out = again(data)
    assert (out[24], out[25]) == (depth, colour)
    if depth < 16 or colour == 0:
        with PIL.Image.open(io.BytesIO(out)) as file, PIL.Image.open(io.BytesIO(data)) as first:
            assert file.mode == first.mode
            assert np.array_equal(np.asarray(file.convert("RGBA")), first.convert("RGBA"))


def test_16_bit_gray_png_and_its_alpha_stay_16_bit(tmp_path):
    path = tmp_path / "a.png"
    original = picture(np.uint16, 1, alpha=True)
    write_image(original, path)
    assert path.read_bytes()[24] == 16
    same(read_image(path), original)
    with PIL.Image.open(path) as file:
        file.load()  # its checksums are right


def test_a_palette_that_no_longer_fits_is_written_as_rgb_with_a_warning():
    colour = PIL.Image.fromarray(picture(np.uint8, 3, alpha=False).pixels)
    out = io.BytesIO()
    colour.quantize(16).save(out, "PNG", transparency=3)
    image = read_image(out.getvalue())
    assert image.mode == "RGB+alpha"
    changed = image.pixels.copy()
    changed[0, 0] ^= 1
    with pytest.warns(ImgaeWarning, match="16 of the palette .* written as RGB"):
        same(read_image(written(image.with_pixels(changed))), image.with_pixels(changed))


def test_what_belongs_to_a_palette_goes_with_it():
    palette = random_samples(4, 3, 1, 8)[:, :, 0].astype("u1")
    before = chunk(b"sBIT", b"\5\6\5") + chunk(b"PLTE", palette.tobytes())
    before += chunk(b"tRNS", b"\0\x80") + chunk(b"hIST", bytes(range(8))) + chunk(b"bKGD", b"\2")
    data = png(random_samples(4, 5, 1, 2), 2, 3, before)
    image = read_image(data)
    assert image.private["background colour"] == tuple(palette[2].tolist())
    assert [pair for pair in chunks(again(data)) if pair[0] != "IDAT"] == [
        pair for pair in chunks(data) if pair[0] != "IDAT"
    ]
    with pytest.warns(ImgaeWarning) as caught:
        out = written(image.with_pixels(image.pixels ^ 1))
    told = [str(w.message) for w in caught]
    assert all(word in line for line, word in zip(told, ("colours", "sBIT", "hIST"), strict=True))
    assert kept(out, "bKGD") == [struct.pack(">3H", *palette[2])]


def test_a_palette_that_is_only_suggested_is_kept():
    palette = chunk(b"PLTE", bytes(range(12))) + chunk(b"hIST", bytes(range(8)))
    out = again(png(SMALL, 8, 2, palette))
    assert kept(out, "PLTE") == [bytes(range(12))]
    assert kept(out, "hIST") == [bytes(range(8))]


def test_the_code_points_of_a_film_become_those_of_rgb():
    image = Image(SMALL.astype("u1"), cicp=(9, 16, 9, 0))
    assert kept(written(image), "cICP") == [bytes([9, 16, 0, 1])]


def test_a_profile_for_inks_is_left_out():
    profile = ICC[:16] + b"CMYK" + ICC[20:]
    data = png(SMALL, 8, 2, chunk(b"iCCP", b"a\0\0" + zlib.compress(profile)))
    with pytest.warns(ImgaeWarning, match="colours that PNG has not"):
        assert read_image(data).icc is None


def test_fewer_bits_that_no_longer_fit_are_written_as_8_with_a_warning():
    image = read_image(png(random_samples(5, 7, 1, 1), 1, 0))
    assert image.stored.mode == "1 bit"
    with pytest.warns(ImgaeWarning, match="no longer fit into 1 bit"):
        assert written(image.with_pixels(image.pixels ^ 1))[24] == 8


@pytest.mark.parametrize(("colour", "depth"), [(0, 4), (0, 8), (0, 16), (2, 8), (2, 16)])
def test_a_transparent_colour_becomes_alpha_and_goes_back(colour, depth):
    samples = random_samples(4, 5, CHANNELS[colour], depth)
    samples[1, 2] = samples[3, 3]
    key = struct.pack(f">{CHANNELS[colour]}H", *samples[3, 3])
    data = png(samples, depth, colour, chunk(b"tRNS", key))
    image = read_image(data)
    expected = ~(samples == samples[3, 3]).all(2)
    assert np.array_equal(image.alpha > 0, expected)
    assert kept(again(data), "tRNS") == [key]
    shown = image.alpha.copy()
    shown[0, 0] //= 2
    assert written(Image(image.pixels, shown, stored=image.stored))[25] == colour + 4


def test_what_a_file_holds_besides_pixels_is_kept():
    before = b"".join(
        [
            chunk(b"cICP", bytes([9, 16, 0, 1])),
            chunk(b"mDCV", bytes(range(24))),
            chunk(b"cLLI", bytes(range(8))),
            chunk(b"iCCP", b"My profile\0\0" + zlib.compress(ICC)),
            chunk(b"gAMA", struct.pack(">I", 45455)),
            chunk(b"bKGD", struct.pack(">3H", 1, 2, 3)),
            chunk(b"pHYs", struct.pack(">IIB", 11811, 5906, 1)),
            chunk(b"sPLT", b"six\0\x08" + bytes(6)),
            chunk(b"tIME", struct.pack(">H5B", 2024, 2, 29, 23, 59, 60)),
            chunk(b"tEXt", b"Title\0caf\xe9\nau lait"),
            chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"long " * 9)),
            chunk(b"iTXt", "Title\0\1\0fr\0Titre é\0".encode() + zlib.compress("日本".encode())),
            chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP)),
            chunk(b"vpAg", bytes(9)),
            chunk(b"eXIf", exif()),
        ]
    )
    data = png(SMALL, 8, 2, before, chunk(b"prVt", b"after"))
    image = read_image(data)
    assert image.icc == ICC
    assert image.xmp == XMP
    assert image.exif == exif()
    assert image.cicp == (9, 16, 0, 1)
    assert image.dpi == pytest.approx((300, 150), abs=0.02)
    assert image.text == (("Title", "café\nau lait"), ("Comment", "long " * 9), ("Title", "日本"))
    assert image.private["background colour"] == (1, 2, 3)
    assert image.private["time of change"] == (2024, 2, 29, 23, 59, 60)
    out = again(data)
    unpacked = {name: content for name, content in chunks(data) if name not in ("IDAT", "iTXt")}
    for name, content in unpacked.items():
        assert [content] == kept(out, name) or name in ("tEXt", "zTXt", "iCCP"), name
    assert read_image(out).text == image.text
    assert read_image(out).private == image.private
    assert kept(out, "iCCP")[0].startswith(b"My profile\0\0")
    assert [name for name, _ in chunks(out)].index("prVt") == len(chunks(out)) - 2
    assert b"fr\0Titre" in kept(out, "iTXt")[1]


def test_gamma_and_primaries_mean_something_only_without_a_better_word():
    gamma = chunk(b"gAMA", struct.pack(">I", 100000))
    primaries = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
    both = gamma + chunk(b"cHRM", struct.pack(">8I", *primaries))
    image = read_image(png(SMALL, 8, 2, both))
    assert image.private == {"gamma": 1.0, "primaries": tuple(v / 100000 for v in primaries)}
    out = written(image)
    assert kept(out, "gAMA") + kept(out, "cHRM") == [
        struct.pack(">I", 100000), struct.pack(">8I", *primaries)
    ]  # fmt: skip
    with pytest.warns(ImgaeWarning) as caught:
        written(image, "a.jpg")
    assert sorted(str(w.message)[-25:] for w in caught) == [
        "PEG holds no gamma; left out"[-25:], "JPEG holds no primaries; left out"[-25:]
    ]  # fmt: skip
    marked = png(SMALL, 8, 2, chunk(b"sRGB", b"\1") + both)
    assert read_image(marked).private == {}
    assert {"sRGB", "gAMA", "cHRM"} <= {name for name, _ in chunks(again(marked))}
    usual = read_image(png(SMALL, 8, 2, chunk(b"gAMA", struct.pack(">I", 45455))))
    assert usual.private == {}


def test_a_profile_of_any_size_is_kept():
    profile = bytearray(ICC) + bytes(9_000_000)
    profile[:4] = struct.pack(">I", len(profile))
    data = png(SMALL, 8, 2, chunk(b"iCCP", b"lut\0\0" + zlib.compress(profile)))
    assert read_image(data).icc == profile
    assert read_image(written(read_image(data))).icc == profile


def test_a_text_of_2_megabytes_is_kept_and_one_that_explodes_is_not():
    long = "x" * 2_000_000
    plain = chunk(b"tEXt", b"Comment\0" + long.encode())
    packed = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(long.encode()))
    assert read_image(png(SMALL, 8, 2, plain + packed)).text == (("Comment", long),) * 2
    bomb = chunk(b"zTXt", b"Bomb\0\0" + zlib.compress(bytes((1 << 26) + 1), 1))
    with pytest.warns(ImgaeWarning, match=r"zTXt \(Bomb\) is damaged \(longer than allowed\)"):
        assert read_image(png(SMALL, 8, 2, bomb)).text == ()


def raw_profile(kind, data):
    text = f"\n{kind}\n{len(data):8}\n{data.hex()}\n"
    return chunk(b"zTXt", f"Raw profile type {kind}\0\0".encode() + zlib.compress(text.encode()))


def test_captions_are_taken_from_a_text_as_exiftool_writes_it():
    captions = b"\x1c\x02\x78\0\3cap"
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(captions)) + captions
    text = f"\nIPTC profile\n{len(resource):8}\n{resource.hex()}\n"
    found = chunk(b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(text.encode()))
    assert read_image(png(SMALL, 8, 2, found)).iptc == captions


def test_profiles_in_texts_are_taken_for_what_they_are():
    iptc = b"\x1c\x02\x78\x00\x05hello"
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc
    before = raw_profile("exif", b"Exif\0\0" + exif(6)) + raw_profile("xmp", XMP)
    image = read_image(png(SMALL, 8, 2, before + raw_profile("iptc", resource)))
    assert (image.turned, image.height, image.width) == (6, 4, 3)
    assert image.exif is not None
    assert image.xmp == XMP
    assert image.iptc == iptc
    assert image.text == ()
    assert read_image(written(image)).iptc == iptc


def test_an_orientation_turns_the_picture_and_its_pixel_aspect():
    before = chunk(b"eXIf", exif(8)) + chunk(b"pHYs", struct.pack(">IIB", 2, 1, 0))
    image = read_image(png(SMALL, 8, 2, before))
    assert np.array_equal(image.pixels, np.rot90(SMALL))
    assert image.private == {"pixel aspect": (1, 2)}
    assert kept(written(image), "pHYs") == [struct.pack(">IIB", 1, 2, 0)]


@pytest.mark.parametrize("spread", [lambda v: v << 4, lambda v: v << 4 | v >> 8])
def test_the_mark_of_12_bits_in_16_is_kept_while_it_is_true(spread):
    data = png(spread(random_samples(5, 6, 1, 12)), 16, 0, chunk(b"sBIT", b"\x0c"))
    assert kept(again(data), "sBIT") == [b"\x0c"]
    image = read_image(data)
    with pytest.warns(ImgaeWarning, match="sBIT"):
        assert not kept(written(image.with_pixels(image.pixels ^ 5)), "sBIT")


def test_what_depends_on_the_pixels_or_may_show_them_is_left_out_with_a_warning():
    before = chunk(b"caBX", b"signed") + chunk(b"abCD", b"x") + chunk(b"iDOT", bytes(28))
    hidden = chunk(b"skRf", b"\x89PNG\r\n\x1a\n as it was")
    with pytest.warns(ImgaeWarning) as caught:
        image = read_image(png(SMALL, 8, 2, before, hidden))
    assert [
        word in str(w.message) for w, word in zip(caught, ("C2PA", "abCD", "skRf"), strict=True)
    ]
    assert image.private == {}


def flawed(data):
    """A chunk with a wrong checksum."""
    return data[:-1] + bytes([data[-1] ^ 255])


LENIENT = {
    "no end": (png(SMALL, 8, 2, end=b""), "without its end"),
    "half an end": (png(SMALL, 8, 2, end=chunk(b"IEND")[:6]), "without its end"),
    "cut in the last checksum": (png(SMALL, 8, 2, end=b"")[:-3], "without its end"),
    "more after the end": (png(SMALL, 8, 2) + b"more", "4 bytes after the end"),
    "text": (png(SMALL, 8, 2, flawed(chunk(b"tEXt", b"Title\0x"))), r"tEXt \(Title\) is wrong"),
    "after the pixels": (png(SMALL, 8, 2, b"", flawed(chunk(b"tIME", bytes(7)))), "tIME is wrong"),
    "profile": (
        png(SMALL, 8, 2, flawed(chunk(b"iCCP", b"a\0\0" + zlib.compress(ICC)))),
        "iCCP is wrong; what it holds is whole",
    ),
    "no profile": (png(SMALL, 8, 2, chunk(b"iCCP", b"a\0\0junk")), "iCCP is damaged"),
    "background": (png(SMALL, 8, 2, chunk(b"bKGD", b"1")), "bKGD is damaged"),
    "camera data": (png(SMALL, 8, 2, chunk(b"eXIf", b"junk")), "EXIF.* is damaged"),
    "cut in a text": (png(SMALL, 8, 2, end=chunk(b"tEXt", b"a\0" + bytes(99))[:50]), "side chunk"),
    "more rows": (
        png(SMALL, 8, 2).replace(
            chunk(b"IDAT", zlib.compress(png_files.rows(SMALL, 8))),
            chunk(b"IDAT", zlib.compress(png_files.rows(SMALL, 8) + bytes(13))),
        ),
        "more rows",
    ),
}


@pytest.mark.parametrize("case", LENIENT)
def test_what_viewers_pass_over_is_read_with_a_warning(case):
    data, sentence = LENIENT[case]
    with pytest.warns(ImgaeWarning) as caught:
        image = read_image(data)
    assert re.search(sentence, str(caught[0].message))
    assert np.array_equal(image.pixels, SMALL)
    assert (image.icc == ICC) == (case == "profile")


GOOD = png(SMALL, 8, 2)
SHORT = zlib.compress(png_files.rows(SMALL[:2], 8))
HUGE = struct.pack(">IIBBBBB", 30000, 30000, 16, 6, 0, 0, 0)
REFUSED = {
    "size": (flawed(GOOD[:33]) + GOOD[33:], "IHDR: its checksum is wrong"),
    "pixels": (GOOD[:-16] + b"\0" * 4 + GOOD[-12:], "IDAT: its checksum is wrong"),
    "fewer rows": (GOOD[:33] + chunk(b"IDAT", SHORT) + chunk(b"IEND"), "not whole"),
    "no pixels": (GOOD[:33] + chunk(b"IEND"), "not whole"),
    "iPhone": (GOOD[:8] + chunk(b"CgBI", bytes(4)) + GOOD[8:], "iPhone's own kind"),
    "JNG": (b"\x8bJNG" + GOOD[4:], "JPEG in PNG"),
    "MNG": (b"\x8aMNG" + GOOD[4:], "animations of an older kind"),
    "unknown": (png(SMALL, 8, 2, chunk(b"ABCD")), "needs the chunk ABCD"),
    "kind": (png(SMALL, 8, 5), "none of PNG's"),
    "no palette": (png(SMALL[:, :, :1], 8, 3), "palette that has none"),
    "huge": (
        GOOD[:8] + png_files.chunk(b"IHDR", HUGE) + GOOD[33:],
        "not whole",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_damage_in_what_pixels_need_is_refused(case):
    data, sentence = REFUSED[case]
    with pytest.raises(ImageError, match=sentence):
        read_image(data)


def animation(samples, loop=3):
    """Four frames that need every way of disposing and blending, made by hand."""
    frame = samples[:3, :4]

    def data(number):
        return chunk(b"fdAT", struct.pack(">I", number) + zlib.compress(png_files.rows(frame, 8)))

    height, width = samples.shape[:2]
    return png(
        samples,
        8,
        6,
        chunk(b"acTL", struct.pack(">II", 4, loop)) + control(0, width, height, delay=(1, 30)),
        b"".join(
            [
                control(1, 4, 3, 2, 1, delay=(0, 7), dispose=2, blend=1), data(2),
                control(3, 4, 3, 5, 4, delay=(3, 0), dispose=1), data(4),
                control(5, 4, 3, 3, 2, delay=(65535, 65535), blend=1), data(6),
            ]
        ),
    )  # fmt: skip


def test_an_animation_is_drawn_as_another_program_draws_it(tmp_path):
    samples = random_samples(9, 11, 4, 8)
    samples[:, :, 3] = np.where(samples[:, :, 3] > 99, 255, 0)
    data = animation(samples)
    frames = read_frames(data)
    assert (frames.kind, frames.loop, len(frames)) == ("animation", 3, 4)
    assert [image.duration for image in frames] == [1 / 30, 0.0, 0.03, 1.0]
    _, drawn = cv2.imdecodemulti(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    for image, expected in zip(frames, drawn, strict=True):
        seen = expected[:, :, 3] > 0
        assert np.array_equal(image.alpha, expected[:, :, 3])
        assert np.array_equal(image.pixels[seen], expected[:, :, 2::-1][seen])
    write_frames(frames, tmp_path / "b.png")
    out = (tmp_path / "b.png").read_bytes()
    delays = [struct.unpack_from(">HH", content, 20) for content in kept(out, "fcTL")]
    assert delays == [(1, 30), (0, 7), (3, 0), (65535, 65535)]
    back = read_frames(out)
    assert (back.kind, back.loop) == ("animation", 3)
    for one, other in zip(back, frames, strict=True):
        same(one, other)


def test_half_transparent_frames_are_mixed_as_the_standard_says():
    first = np.array([[[200, 100], [200, 100], [200, 255], [200, 0]]])
    second = np.array([[[50, 128], [50, 0], [50, 128], [50, 128]]])
    part = zlib.compress(png_files.rows(second, 8))
    data = png(
        first, 8, 4, chunk(b"acTL", struct.pack(">II", 2, 0)) + control(0, 4, 1),
        control(1, 4, 1, blend=1) + chunk(b"fdAT", struct.pack(">I", 2) + part),
    )  # fmt: skip
    image = read_frames(data)[1]
    above, below = 128 / 255, 100 / 255 * (1 - 128 / 255)
    mixed = [(50 * above + 200 * below) / (above + below), 200, 50 * above + 200 * (1 - above), 50]
    assert image.pixels[0, :, 0].tolist() == np.rint(mixed).tolist()
    assert image.alpha[0].tolist() == [round(255 * (above + below)), 100, 255, 128]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_animations_of_every_kind_are_written_and_read(dtype, channels):
    images = tuple(picture(dtype, channels, alpha=False, duration=k / 24) for k in range(3))
    frames = Frames((*images, images[-1]), "animation", 0)
    back = read_frames(written(frames))
    assert [image.duration for image in back] == [0, 1 / 24, 2 / 24, 2 / 24]
    for one, other in zip(back, frames, strict=True):
        same(one, other)


def test_an_animation_of_a_palette_keeps_it():
    palette = random_samples(16, 3, 1, 8)[:, :, 0].astype("u1").tobytes()
    numbers = random_samples(6, 7, 1, 4)
    part = zlib.compress(png_files.rows(numbers[:2, :3], 4))
    data = png(
        numbers, 4, 3,
        chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(b"PLTE", palette) + control(0, 7, 6),
        control(1, 3, 2, 1, 1) + chunk(b"fdAT", struct.pack(">I", 2) + part),
    )  # fmt: skip
    out = again(data)
    assert (out[24], out[25]) == (4, 3)
    assert kept(out, "PLTE") == [palette]


def test_a_still_picture_outside_the_animation_is_left_out_with_a_warning():
    samples = random_samples(3, 4, 3, 8)
    part = zlib.compress(png_files.rows(samples, 8))
    data = png(
        SMALL, 8, 2, chunk(b"acTL", struct.pack(">II", 1, 0)),
        control(0, 4, 3) + chunk(b"fdAT", struct.pack(">I", 1) + part),
    )  # fmt: skip
    with pytest.warns(ImgaeWarning, match="still picture"):
        frames = read_frames(data)
    assert np.array_equal(frames[0].pixels, samples)
    assert len(frames) == 1


@pytest.mark.parametrize(
    ("shape", "colour", "depth"),
    [((1, 1_000_001), 0, 1), ((1, 1_000_001), 2, 8), ((1_000_001, 1), 4, 16)],
)
def test_sides_over_a_million(shape, colour, depth):
    rows = np.zeros((shape[0], 1 + (shape[1] * CHANNELS[colour] * depth + 7) // 8), np.uint8)
    rows[:, 1:] = np.random.default_rng(0).integers(0, 256, rows[:, 1:].shape)
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", shape[1], shape[0], depth, colour, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows.tobytes(), 1))
        + chunk(b"IEND")
    )
    image = read_image(data)
    if depth == 1:
        bits = np.unpackbits(rows[:, 1:], axis=1, count=shape[1])
        assert np.array_equal(image.pixels[:, :, 0], bits * 255)
    elif depth == 8:
        assert np.array_equal(image.pixels, rows[:, 1:].reshape(*shape, 3))
    else:
        samples = np.ascontiguousarray(rows[:, 1:]).view(">u2").reshape(*shape, 2)
        assert np.array_equal(image.pixels[:, :, 0], samples[:, :, 0])
        assert np.array_equal(image.alpha, samples[:, :, 1])
    same(read_image(written(image)), image)


def test_mutated_files_are_read_or_refused():
    random = np.random.default_rng(0)
    files = [animation(random_samples(9, 11, 4, 8)), png(SMALL, 8, 2, LENIENT["profile"][0][33:60])]
    for data in files:
        for _ in range(100):
            changed = bytearray(data)
            for at in random.integers(8, len(changed), random.integers(1, 4)):
                changed[at] = random.integers(256)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ImgaeWarning)
                try:
                    frames = read_frames(bytes(mended(changed)), max_pixels=10**6)
                except ImageError:
                    continue
                written(frames)


def mended(data):
    """The file with right checksums, so that more than they is looked at."""
    found, at = bytes(data[:8]), 8
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        found += chunk(bytes(data[at + 4 : at + 8]), bytes(data[at + 8 : at + 8 + size]))
        at += 12 + size
    return found
