"""JPEG XL. OpenImageIO, with a libjxl of its own, is the other reader and writer."""

import itertools
from dataclasses import replace

import imagecodecs
import numpy as np
import OpenImageIO
import PIL.Image
import pytest

from imgae import Frames, Image, ImageError, ImgaeWarning, read_frames, read_image, write_frames
from imgae.io.bmff import boxes
from imgae.io.formats.jxl import bits as jxl_bits
from imgae.io.formats.jxl import format as jxl
from imgae.io.formats.jxl.colours import LINEAR, profile_of
from imgae.io.formats.jxl.header import Animation, Colour, Extra, read_header, with_header
from imgae.io.formats.jxl.profile import read_profile, write_profile
from imgae.picture.image import Stored
from imgae.picture.orientation import turn

WHITE, WIDE = [0.3127, 0.329], [0.68, 0.32, 0.265, 0.69, 0.15, 0.06]
PROFILE = imagecodecs.cms_profile("rgb", whitepoint=WHITE, primaries=WIDE, gamma=2.2)
CURVE = np.rint(65535 * (np.linspace(0, 1, 512) ** 3 + np.linspace(0, 1, 512)) / 2)
CURVED = imagecodecs.cms_profile(
    "rgb", whitepoint=WHITE, primaries=WIDE, transferfunction=CURVE.astype(np.uint16)
)
GRAY_PROFILE = imagecodecs.cms_profile("gray", whitepoint=WHITE, gamma=1.8)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF/></x:xmpmeta>'
SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n" + boxes.box(b"ftyp", b"jxl \0\0\0\0jxl ")
HDR, DISPLAY_P3, LINEAR_SRGB = (9, 16, 0, 1), (12, 13, 0, 1), (1, 8, 0, 1)


def exif(**tags):
    made = PIL.Image.Exif()
    made[271] = "Maker"
    made.update({int(tag[1:]): value for tag, value in tags.items()})
    return made.tobytes().removeprefix(b"Exif\0\0")


def samples(kind, *shape):
    """Return samples of a kind in an Image's type, and how a file stores them."""
    values = np.random.default_rng(len(kind)).random(shape)
    if kind in ("float", "half"):
        values = (values * 5 - 1.3).astype(np.float16 if kind == "half" else np.float32)
        return values.astype(np.float32), Stored("JPEG XL", "", 16 if kind == "half" else 32)
    bits = int(kind)
    most, white = (1 << bits) - 1, 255 if bits <= 8 else 65535
    raw = np.rint(values * most).astype(np.int64)
    dtype = np.uint8 if bits <= 8 else np.uint16
    return ((raw * white + most // 2) // most).astype(dtype), Stored("TIFF", "", bits)


def written(tmp_path, image, quality=None):
    frames = image if isinstance(image, Frames) else Frames((image,))
    write_frames(frames, tmp_path / "a.jxl", overwrite=True, quality=quality)
    return (tmp_path / "a.jxl").read_bytes()


def by_another(path):
    """Return what OpenImageIO reads: pixels and specification."""
    file = OpenImageIO.ImageInput.open(str(path))
    try:
        return np.asarray(file.read_image()), file.spec()
    finally:
        file.close()


def by_another_written(path, array, profile, quality):
    height, width, channels = array.shape
    spec = OpenImageIO.ImageSpec(width, height, channels, OpenImageIO.UINT8)
    kind = OpenImageIO.TypeDesc(f"uint8[{len(profile)}]")
    spec.attribute("ICCProfile", kind, np.frombuffer(profile, np.uint8))
    spec.attribute("compression", f"jpegxl:{quality}")
    file = OpenImageIO.ImageOutput.create(str(path))
    assert file.open(str(path), spec)
    assert file.write_image(array)
    file.close()
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["4", "8", "10", "12", "16", "half", "float"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_every_sample_comes_back_and_another_reader_sees_the_same(tmp_path, kind, channels):
    array, stored = samples(kind, 19, 13, channels)
    has_alpha = channels in (2, 4)
    pixels = np.ascontiguousarray(array[:, :, : channels - has_alpha])
    alpha = np.ascontiguousarray(array[:, :, -1]) if has_alpha else None
    found = read_image(written(tmp_path, Image(pixels, alpha, stored=stored)))
    assert found.stored.bits == stored.bits
    assert np.array_equal(found.pixels, pixels)
    assert alpha is None or np.array_equal(found.alpha, alpha)
    assert found.icc is None
    other, spec = by_another(tmp_path / "a.jxl")
    if not has_alpha:  # with alpha, it multiplies
        scale = {np.uint8: 255, np.uint16: 65535}.get(pixels.dtype.type, 1)
        assert np.abs(other.reshape(pixels.shape) - pixels / np.float32(scale)).max() < 3e-3
    assert (spec.width, spec.height, spec.nchannels) == (13, 19, channels)


@pytest.mark.parametrize("colour", ["profile", "curved", HDR, DISPLAY_P3, LINEAR_SRGB])
@pytest.mark.parametrize("kind", ["8", "10", "float"])
def test_colours_come_back_and_another_reader_sees_them(tmp_path, colour, kind):
    pixels, stored = samples(kind, 9, 12, 3)
    profile = {"profile": PROFILE, "curved": CURVED}.get(colour)
    cicp = None if profile else colour
    image = Image(pixels, icc=profile, cicp=cicp, stored=stored)
    data = written(tmp_path, image)
    found = read_image(data)
    assert found.cicp == cicp
    assert np.array_equal(found.pixels, pixels)
    _, spec = by_another(tmp_path / "a.jxl")
    if profile:
        assert found.icc == profile
        assert bytes(bytearray(spec.getattribute("ICCProfile"))) == profile
    else:
        assert tuple(spec.getattribute("CICP")) == cicp
        assert (found.icc is None) == (cicp == HDR)  # a profile says it to other formats
    assert written(tmp_path, found) == data


def test_gray_keeps_its_profile_and_becomes_rgb_for_a_profile_of_rgb(tmp_path):
    pixels, _ = samples("8", 9, 12, 1)
    assert read_image(written(tmp_path, Image(pixels, icc=GRAY_PROFILE))).icc == GRAY_PROFILE
    found = read_image(written(tmp_path, Image(pixels, icc=PROFILE)))
    assert found.icc == PROFILE
    assert np.array_equal(found.pixels, pixels.repeat(3, 2))
    with pytest.warns(ImgaeWarning, match="colour profile is not for such pixels"):
        written(tmp_path, Image(pixels.repeat(3, 2), icc=GRAY_PROFILE))


@pytest.mark.parametrize("profile", [PROFILE, CURVED])
def test_profiles_that_libjxl_packed_are_read(tmp_path, profile):
    pixels, _ = samples("8", 20, 20, 3)
    data = by_another_written(tmp_path / "b.jxl", pixels, profile, 100)
    found = read_image(data)
    assert found.icc == profile
    assert np.array_equal(found.pixels, pixels)


@pytest.mark.parametrize("size", [0, 5, 127, 128, 129, 3000])
def test_any_bytes_are_packed_as_a_profile_and_unpacked(size):
    profile = np.random.default_rng(size).integers(0, 256, size).astype(np.uint8).tobytes()
    writer = write_profile(profile)
    assert read_profile(writer.content(), 0) == (profile, writer.at)


@pytest.mark.parametrize("channels", [3, 4])
def test_a_lossy_picture_with_a_profile_keeps_its_colours(tmp_path, channels):
    pixels = np.zeros((64, 64, channels), np.uint8)
    pixels[:32, :, :3], pixels[32:, :, :3] = (200, 60, 90), (30, 220, 120)
    pixels[:, :, 3:] = 255
    data = by_another_written(tmp_path / "b.jxl", pixels, CURVED, 90)
    header = read_header(jxl.opened(jxl.File(data, "")).codestream)
    assert header.xyb
    assert header.colour.icc
    found = read_image(data)
    assert found.icc == CURVED
    assert np.abs(found.pixels.astype(int) - pixels[:, :, :3])[[10, 50], 20].max() <= 2
    assert channels == 3 or (found.alpha == 255).all()


def test_exif_xmp_and_resolution_come_back(tmp_path):
    pixels, _ = samples("8", 9, 12, 3)
    found = read_image(written(tmp_path, Image(pixels, exif=exif(), xmp=XMP)))
    assert (found.exif, found.xmp) == (exif(), XMP)
    found = read_image(written(tmp_path, Image(pixels, exif=exif(), dpi=(300, 200))))
    assert found.dpi == (300, 200)


def test_compressed_boxes_are_read():
    packed = imagecodecs.brotli_encode
    stream = imagecodecs.jpegxl_encode(samples("8", 9, 12, 3)[0], usecontainer=False)
    data = SIGNATURE + boxes.box(b"brob", b"Exif", packed(bytes(4) + exif()))
    data += boxes.box(b"brob", b"xml ", packed(XMP))
    data += boxes.box(b"jxlp", bytes(4), stream[:30]) + boxes.box(b"jxlp", bytes(4), stream[30:])
    found = read_image(data)
    assert (found.exif, found.xmp) == (exif(), XMP)
    bomb = SIGNATURE + boxes.box(b"brob", b"xml ", packed(bytes(200_000_000)))
    with pytest.warns(ImgaeWarning, match="compressed XMP is damaged or too large"):
        assert read_image(bomb + boxes.box(b"jxlc", stream)).xmp is None


def test_a_recompressed_jpeg_is_read_and_its_reconstruction_is_dropped(tmp_path):
    pixels = np.repeat(np.arange(48, dtype=np.uint8)[:, None, None], 40, 1).repeat(3, 2) * 4
    jpeg = PIL.Image.fromarray(pixels)
    options = {"exif": b"Exif\0\0" + exif(), "icc_profile": PROFILE, "quality": 95}
    jpeg.save(tmp_path / "a.jpg", **options)
    data = imagecodecs.jpegxl_encode_jpeg((tmp_path / "a.jpg").read_bytes(), usecontainer=True)
    assert b"jbrd" in [box.kind for box in boxes.boxes(data)]
    found = read_image(data)
    assert (found.icc, found.exif) == (PROFILE, exif())
    with PIL.Image.open(tmp_path / "a.jpg") as expected:
        assert np.abs(np.asarray(expected).astype(int) - found.pixels).max() <= 2
    again = written(tmp_path, found)
    assert b"jbrd" not in [box.kind for box in boxes.boxes(again)]
    assert read_image(again).icc == PROFILE


def test_what_is_not_carried_is_named():
    stream = imagecodecs.jpegxl_encode(samples("8", 9, 12, 3)[0], usecontainer=False)
    kinds = {b"jumb": "JUMBF", b"jhgm": "gain map", b"abcd": "'abcd'", b"\0\1\2\3": "appended data"}
    for kind, name in kinds.items():
        data = SIGNATURE + boxes.box(kind, bytes(9)) + boxes.box(b"jxlc", stream)
        with pytest.warns(ImgaeWarning, match=name):
            read_image(data)


def test_what_is_appended_is_passed_over():
    pixels, _ = samples("8", 9, 12, 3)
    stream = imagecodecs.jpegxl_encode(pixels, usecontainer=False)
    for appended in (b"\0\0", b"\0\0\0\4abcd"):
        data = SIGNATURE + boxes.box(b"jxlc", stream) + appended
        assert np.array_equal(read_image(data).pixels, pixels)


def test_orientation_is_applied_once():
    pixels, _ = samples("8", 4, 6, 3)
    stream = imagecodecs.jpegxl_encode(pixels, usecontainer=False)
    header = read_header(stream)
    box = boxes.box(b"Exif", bytes(4), exif(_274=6))
    for orientation in range(1, 9):
        turned = with_header(stream, header, replace(header, orientation=orientation))
        found = read_image(SIGNATURE + box + boxes.box(b"jxlc", turned))
        assert np.array_equal(found.pixels, turn(Image(pixels), orientation).pixels)
        values = PIL.Image.Exif()
        values.load(found.exif)
        assert values[274] == 1


@pytest.mark.parametrize("kind", ["8", "16", "half"])
def test_associated_alpha_is_undone_and_goes_back(tmp_path, kind):
    array, stored = samples(kind, 9, 12, 4)
    array = np.abs(array)
    alpha = np.ascontiguousarray(array[:, :, 3])
    below = np.minimum(array[:, :, :3], alpha[:, :, None])
    stored = replace(stored, format="JPEG XL", details={"associated": True})
    scale = {np.uint8: 255, np.uint16: 65535}.get(alpha.dtype.type, 1)
    straight = below / (alpha[:, :, None] / scale)
    image = Image(np.rint(straight).astype(array.dtype) if scale > 1 else straight, alpha)
    data = written(tmp_path, replace(image, stored=stored))
    header = read_header(jxl.opened(jxl.File(data, "")).codestream)
    assert header.alpha.associated
    found = read_image(data)
    assert np.allclose(found.pixels, image.pixels, rtol=1e-2, atol=1)
    assert written(tmp_path, found) == data


def test_colours_under_transparent_pixels_are_kept(tmp_path):
    pixels, _ = samples("8", 40, 50, 3)
    alpha = np.zeros((40, 50), np.uint8)
    assert np.array_equal(read_image(written(tmp_path, Image(pixels, alpha))).pixels, pixels)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_animations_keep_frames_timing_and_loops(tmp_path, channels):
    seconds = (0.04, 1.5, 70.0)
    array, _ = samples("8", 3, 40, 300, channels)
    images = tuple(
        Image(
            np.ascontiguousarray(one[:, :, :3]),
            np.ascontiguousarray(one[:, :, 3]) if channels == 4 else None,
            duration=duration,
            exif=exif(),
        )
        for one, duration in zip(array, seconds, strict=True)
    )
    found = read_frames(written(tmp_path, Frames(images, "animation", 5)))
    assert (found.kind, found.loop) == ("animation", 5)
    assert tuple(one.duration for one in found) == seconds
    for before, after in zip(images, found, strict=True):
        assert np.array_equal(before.pixels, after.pixels)
        assert before.alpha is None or np.array_equal(before.alpha, after.alpha)
        assert after.exif == exif()


def test_animations_keep_the_ticks_of_their_file(tmp_path):
    array, _ = samples("8", 4, 9, 12, 3)
    stream = imagecodecs.jpegxl_encode(array)  # a tenth of a second each
    header = read_header(stream)
    header_ntsc = replace(header, animation=Animation((30000, 1001), 0))
    data = with_header(stream, header, header_ntsc)
    found = read_frames(data)
    assert [one.duration for one in found] == [1001 / 30000] * 4
    again = jxl.opened(jxl.File(written(tmp_path, found), "")).codestream
    assert read_header(again).animation == header_ntsc.animation


def test_quality_makes_files_smaller_where_the_encoder_takes_the_colours(tmp_path):
    y, x = np.mgrid[:64, :64]
    pixels = np.stack([y * 3, x * 3, 128 + 60 * np.sin(x / 9)], 2).astype(np.uint8)
    exact, lossy = (written(tmp_path, Image(pixels), quality) for quality in (100, 80))
    assert len(lossy) < len(exact)
    assert np.abs(read_image(lossy).pixels.astype(int) - pixels).mean() < 3
    linear = Image((pixels / 255).astype(np.float32), cicp=LINEAR_SRGB)
    found = read_image(written(tmp_path, linear, 90))
    assert found.cicp == LINEAR_SRGB
    assert np.abs(found.pixels - linear.pixels).mean() < 0.02
    with pytest.warns(ImgaeWarning, match="written without loss"):
        data = written(tmp_path, Image(pixels, icc=PROFILE), 80)
    assert np.array_equal(read_image(data).pixels, pixels)


def test_headers_are_written_as_they_are_read():
    stream = imagecodecs.jpegxl_encode(samples("8", 9, 12, 4)[0], usecontainer=False)
    header = read_header(stream)
    colours = [
        Colour(),
        Colour(white=10, primaries=9, transfer=18, intent=0),
        Colour(white=2, primaries=2, gamma=4545455, xy=(625400, 658000, 1, 2, 3, 524288, 7, 8)),
    ]
    for colour, tone, animation in itertools.product(
        colours, (None, (0x5C00, 1, 1, 5)), (None, Animation((24, 1), 2, False))
    ):
        wanted = replace(
            header,
            orientation=7,
            bits=7,
            colour=colour,
            tone=tone,
            animation=animation,
            extra=(Extra(0, 13, 0, True),),
        )
        found = read_header(with_header(stream, header, wanted))
        assert replace(found, end=0) == replace(wanted, end=0)


def test_numbers_are_read_as_they_are_written():
    for value in (0, 1, 16, 17, 272, 273, 4095, 4096, 1 << 20, (1 << 40) + 5):
        writer = jxl_bits.Writer()
        writer.bits(1, 3)
        writer.long(value)
        reader = jxl_bits.Reader(writer.content(), 3)
        assert (reader.long(), reader.at) == (value, writer.at)


def test_profiles_of_described_colours_are_the_same_each_time():
    assert profile_of(Colour()) is None
    first = profile_of(Colour(primaries=11))
    assert first == profile_of(Colour(primaries=11))
    assert first != profile_of(Colour(transfer=LINEAR))


@pytest.mark.parametrize("extra", [4, 1])
def test_kinds_that_are_not_read_are_named(extra):
    stream = imagecodecs.jpegxl_encode(samples("8", 9, 12, 4)[0], usecontainer=False)
    header = read_header(stream)
    changed = with_header(stream, header, replace(header, extra=(Extra(extra),)))
    if extra == 4:
        with pytest.raises(ImageError, match="its colours are CMYK"):
            read_image(changed)
    else:
        with pytest.warns(ImgaeWarning, match="its depth channel is not carried over"):
            assert read_image(changed).alpha is None


def test_more_pixels_than_allowed_are_not_decoded(tmp_path):
    data = written(tmp_path, Image(samples("8", 20, 30, 3)[0]))
    with pytest.raises(ImageError, match="more than the"):
        read_image(data, max_pixels=500)
    many = tuple(Image(samples("8", 20, 30, 3)[0], duration=1.0) for _ in range(3))
    data = written(tmp_path, Frames(many, "animation"))
    with pytest.raises(ImageError, match="3 times"):
        read_frames(data, max_pixels=700)


def test_damage_is_one_sentence(tmp_path):
    data = written(tmp_path, Image(samples("8", 40, 30, 3)[0], icc=CURVED))
    for cut in (3, 30, len(data) // 2, len(data) - 5):
        with pytest.raises(ImageError, match="damaged"):
            read_image(data[:cut])


def test_both_kinds_of_files_are_recognised():
    stream = imagecodecs.jpegxl_encode(samples("8", 9, 12, 3)[0], usecontainer=False)
    assert stream[:2] == b"\xff\x0a"
    assert read_image(stream).width == read_image(SIGNATURE + boxes.box(b"jxlc", stream)).width
