import io
import random
import struct

import imagecodecs
import numpy as np
import PIL.Image
import PIL.WebPImagePlugin
import pytest
from pictures import read_or_refused

from imgae import Frames, Image, ImageError, ImgaeWarning, read_frames, read_image, write_image
from imgae.io.files import encode
from imgae.io.format import Encoding
from imgae.io.formats.webp import FURTHER, chunks_of, riff


def noise(height, width, channels, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def written(frames, tmp_path, **options):
    if isinstance(frames, Image):
        frames = Frames((frames,))
    return encode(frames, tmp_path / "a.webp", Encoding(**options))


def chunks_by_kind(data):
    return {one.kind: one.data for one in chunks_of(data, 12, len(data))}


def by_pillow(picture, **options):
    out = io.BytesIO()
    picture.save(out, "WEBP", **options)
    return out.getvalue()


def animation_by_pillow(arrays, **options):
    first, *others = (PIL.Image.fromarray(array) for array in arrays)
    return by_pillow(first, save_all=True, append_images=others, **options)


def as_pillow_reads(data):
    """Return each frame (H, W, 3 or 4), its milliseconds, and how often it is shown."""
    found, times = [], []
    with PIL.Image.open(io.BytesIO(data)) as picture:
        for at in range(picture.n_frames):
            picture.seek(at)
            found.append(np.asarray(picture).copy())
            times.append(picture.info["duration"])
        return found, times, picture.info["loop"]


def exif_of(**tags):
    exif = PIL.Image.Exif()
    exif.update({int(key[1:]): value for key, value in tags.items()})
    return exif.tobytes().removeprefix(b"Exif\0\0")


def test_too_wide_for_webp_is_one_sentence(tmp_path):
    with pytest.raises(ImageError, match="too large for WebP"):
        write_image(Image(np.zeros((1, 16384, 3), np.uint8)), tmp_path / "a.webp")


@pytest.mark.parametrize("channels", [3, 4])
def test_every_pixel_comes_back_with_what_travels(tmp_path, channels):
    array = noise(21, 34, channels)
    array[:9, :, 3:] = 0  # colours under full transparency stay
    exif, icc = exif_of(t271="Maker", t282=300.0, t283=150.0, t296=2), bytes(range(256)) * 3
    image = Image(
        array[:, :, :3],
        array[:, :, 3] if channels == 4 else None,
        icc=icc,
        exif=exif,
        xmp=b"<x:xmpmeta/>",
        dpi=(300, 150),
        private={FURTHER: ((b"odd ", b"abc"),)},
    )
    data = written(image, tmp_path)
    back = read_image(data)
    assert np.array_equal(back.pixels, image.pixels)
    assert (back.alpha is None) == (channels == 3)
    assert channels == 3 or np.array_equal(back.alpha, image.alpha)
    for field in ("icc", "exif", "xmp", "dpi", "private"):
        assert getattr(back, field) == getattr(image, field), field
    with PIL.Image.open(io.BytesIO(data)) as picture:
        assert np.array_equal(np.asarray(picture), array)
        assert picture.info["icc_profile"] == icc
        assert picture.info["exif"] == exif
        assert picture.info["xmp"] == image.xmp
    assert written(back, tmp_path) == data


def test_a_picture_without_anything_else_has_no_extended_header(tmp_path):
    assert written(Image(noise(3, 4, 3)), tmp_path)[12:16] == b"VP8L"


def test_opaque_alpha_stays(tmp_path):
    opaque = np.full((5, 6), 255, np.uint8)
    back = read_image(written(Image(noise(5, 6, 3), opaque), tmp_path))
    assert np.array_equal(back.alpha, opaque)


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 60}, {"quality": 1}])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_files_of_others_are_read_as_pillow_reads_them(options, mode):
    array = noise(21, 34, len(mode))
    array[:9, :, 3:] = 0
    data = by_pillow(PIL.Image.fromarray(array), exact=True, **options)
    image = read_image(data)
    with PIL.Image.open(io.BytesIO(data)) as picture:
        expected = np.asarray(picture)
    assert np.array_equal(image.pixels, expected[:, :, :3])
    assert (image.alpha is None) == (mode == "RGB")
    assert mode == "RGB" or np.array_equal(image.alpha, expected[:, :, 3])
    assert image.stored.details["lossless"] == ("lossless" in options)


def test_gray_is_written_as_rgb_with_a_warning_and_without_a_gray_profile(tmp_path):
    gray = noise(4, 4, 1)
    with pytest.warns(ImgaeWarning) as notes:
        data = written(Image(gray, icc=bytes(16) + b"GRAY" + bytes(108)), tmp_path)
    assert ["gray" in str(note.message) for note in notes] == [True, True]
    image = read_image(data)
    assert np.array_equal(image.pixels, gray.repeat(3, 2))
    assert image.icc is None


def test_a_quality_makes_it_lossy(tmp_path):
    image = Image(noise(40, 40, 3), noise(40, 40, 1)[:, :, 0])
    data = written(image, tmp_path, quality=50)
    assert b"VP8 " in chunks_by_kind(data)
    assert len(data) < len(written(image, tmp_path)) / 2
    assert np.array_equal(read_image(data).alpha, image.alpha)


@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_orientation_and_resolution_are_those_of_exif(prefix):
    array = noise(6, 9, 3)
    plain = by_pillow(PIL.Image.fromarray(array), lossless=True)
    pixels = chunks_by_kind(plain)[b"VP8L"]
    exif = exif_of(t274=6, t282=300.0, t283=150.0, t296=2)
    extent = struct.pack("<I", 8) + (8).to_bytes(3, "little") + (5).to_bytes(3, "little")
    data = riff([(b"VP8X", extent), (b"VP8L", pixels), (b"EXIF", prefix + exif)])
    image = read_image(data)
    assert np.array_equal(image.pixels, array.swapaxes(0, 1)[:, ::-1])
    assert (image.turned, image.dpi) == (6, (150, 300))
    kept = PIL.Image.Exif()
    kept.load(image.exif)
    assert (kept[274], kept[282], kept[283]) == (1, 150, 300)


def test_a_resolution_goes_into_exif(tmp_path):
    back = read_image(written(Image(noise(3, 3, 3), dpi=(300, 300)), tmp_path))
    assert back.dpi == (300, 300)


def scene(seed, channels, height=24, width=31):
    """Return frames in which little moves, some of them partly transparent."""
    canvas = noise(height, width, channels, seed)
    frames = [canvas]
    for at in range(4):
        canvas = canvas.copy()
        canvas[3 + at : 9 + at, 5 : 12 + at] = noise(6, 7 + at, channels, seed + at + 1)
        frames.append(canvas)
    return [*frames, frames[-1], noise(height, width, channels, seed + 9)]


TIMES = [10, 25, 33, 40, 0, 70, 1000]


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("options", [{}, {"minimize_size": True}, {"kmin": 1, "kmax": 2}])
def test_animations_are_composited_as_libwebp_does(channels, lossless, options):
    arrays = scene(3, channels)
    arrays = [*arrays[:4], *arrays[6:]]
    times = [10, 20, 33, 40, 50]
    options = {"quality": 70, **options}
    data = animation_by_pillow(arrays, duration=times, loop=3, lossless=lossless, **options)
    frames = read_frames(data)
    expected, milliseconds, loop = as_pillow_reads(data)
    assert (frames.kind, frames.loop, loop) == ("animation", 3, 3)
    assert [round(image.duration * 1000) for image in frames] == milliseconds == times
    for image, array in zip(frames, expected, strict=True):
        assert np.array_equal(image.pixels, array[:, :, :3])
        assert channels == 3 or np.array_equal(image.alpha, array[:, :, 3])


def frame_chunk(array, x, y, milliseconds, flags):
    pixels = chunks_by_kind(imagecodecs.webp_encode(array, lossless=True))[b"VP8L"]
    head = (x // 2, y // 2, array.shape[1] - 1, array.shape[0] - 1, milliseconds)
    head = b"".join(one.to_bytes(3, "little") for one in head) + bytes([flags])
    return b"ANMF", head + riff([(b"VP8L", pixels)])[12:]


def animated(parts, size, alpha=True):
    extent = bytes([2 | 16 * alpha, 0, 0, 0])
    extent += (size[0] - 1).to_bytes(3, "little") + (size[1] - 1).to_bytes(3, "little")
    return riff([(b"VP8X", extent), (b"ANIM", b"\1\2\3\4\0\0"), *parts])


@pytest.mark.parametrize("seed", range(12))
def test_any_placing_blending_and_disposing_is_as_libwebp_does_it(seed):
    chance = random.Random(seed)
    size = 20, 16
    parts = []
    for at in range(8):
        x, y = 2 * chance.randrange(8), 2 * chance.randrange(6)
        width, height = size[0] - x, size[1] - y
        if chance.random() < 0.5:
            x, y, (width, height) = 0, 0, size
        array = noise(height, width, 4, 10 * seed + at)
        array[:, :, 3] = np.where(array[:, :, 3] < 90, 0, array[:, :, 3])
        array[:, :, 3] = np.where(array[:, :, 3] > 180, 255, array[:, :, 3])
        if chance.random() < 0.3:
            array = array[:, :, :3]
        parts.append(frame_chunk(np.ascontiguousarray(array), x, y, 10, chance.randrange(4)))
    data = animated(parts, size)
    expected, _, _ = as_pillow_reads(data)
    for image, array in zip(read_frames(data), expected, strict=True):
        assert np.array_equal(image.alpha, array[:, :, 3])
        shown = image.alpha > 0
        assert np.array_equal(image.pixels[shown], array[shown, :3])


@pytest.mark.parametrize("channels", [3, 4])
def test_animations_come_back_with_every_frame_and_time(tmp_path, channels):
    arrays = scene(5, channels)
    if channels == 4:
        arrays[0][:, :10, 3] = 0
    images = [
        Image(one[:, :, :3], one[:, :, 3] if channels == 4 else None, duration=time / 1000)
        for one, time in zip(arrays, TIMES, strict=True)
    ]
    images[0] = Image(images[0].pixels, images[0].alpha, duration=0.01, icc=b"profile", xmp=b"<x/>")
    images = [Image(one.pixels, one.alpha, duration=one.duration, icc=b"profile", xmp=b"<x/>")
              for one in images]  # fmt: skip
    data = written(Frames(tuple(images), "animation", 7), tmp_path)
    back = read_frames(data)
    assert (len(back), back.kind, back.loop) == (7, "animation", 7)
    assert [round(image.duration * 1000) for image in back] == TIMES
    expected, milliseconds, loop = as_pillow_reads(data)
    assert (milliseconds, loop) == (TIMES, 7)
    for image, array, seen in zip(back, arrays, expected, strict=True):
        assert np.array_equal(image.pixels, array[:, :, :3])
        assert channels == 3 or np.array_equal(image.alpha, array[:, :, 3])
        assert (image.icc, image.xmp) == (b"profile", b"<x/>")
        shown = array[:, :, 3] > 0 if channels == 4 else np.ones(array.shape[:2], bool)
        assert np.array_equal(seen[shown], array[shown])
    assert written(back, tmp_path) == data


def test_a_frame_holds_only_what_changes(tmp_path):
    still = noise(100, 100, 3)
    moved = still.copy()
    moved[50, 50] ^= 255
    frames = Frames((Image(still, duration=0.1), Image(moved, duration=0.1)), "animation")
    one = len(written(Image(still), tmp_path))
    assert len(written(frames, tmp_path)) < one + 300
    far = moved.copy()
    far[0, 0] ^= 255  # the rectangle is half the picture, and unchanged in all but two places
    frames = Frames((Image(still, duration=0.1), Image(far, duration=0.1)), "animation")
    data = written(frames, tmp_path)
    assert len(data) < one + 3000
    assert np.array_equal(read_frames(data)[1].pixels, far)


def test_times_between_milliseconds_are_rounded_without_adding_up(tmp_path):
    frames = Frames(
        tuple(Image(noise(2, 2, 3, n), duration=1 / 30) for n in range(30)), "animation"
    )
    with pytest.warns(ImgaeWarning, match="counts in milliseconds"):
        data = written(frames, tmp_path)
    assert sum(round(image.duration * 1000) for image in read_frames(data)) == 1000


def test_an_animation_of_one_frame_stays_one(tmp_path):
    frames = Frames((Image(noise(4, 4, 3), duration=0.25),), "animation")
    back = read_frames(written(frames, tmp_path))
    assert (back.kind, back[0].duration) == ("animation", 0.25)


def test_frames_of_different_sizes_are_refused(tmp_path):
    frames = Frames((Image(noise(4, 4, 3)), Image(noise(4, 5, 3))), "animation")
    with pytest.raises(ImageError, match="different sizes"):
        written(frames, tmp_path)


def test_what_is_wrong_with_the_length_is_told():
    whole = by_pillow(PIL.Image.fromarray(noise(6, 9, 3)), lossless=True, xmp=b"<x/>")
    pixels = read_image(whole).pixels
    for data, note in (
        (whole + b"trailing", "8 bytes after its end"),
        (whole[:4] + struct.pack("<I", len(whole) + 100) + whole[8:], "cut short: it says"),
        (whole[:4] + struct.pack("<I", 30) + whole[8:], "it says that it is 38 bytes long"),
        (whole[:4] + bytes(4) + whole[8:], "it says that it is 8 bytes long"),
        (whole[:-3], "cut short: it says"),
    ):
        with pytest.warns(ImgaeWarning, match=note):
            assert np.array_equal(read_image(data).pixels, pixels)


def test_an_animation_that_is_cut_short_keeps_its_whole_frames():
    arrays = scene(1, 3)[:4]
    data = animation_by_pillow(arrays, duration=10, lossless=True)
    with pytest.warns(ImgaeWarning) as notes:
        frames = read_frames(data[:-20])
    assert len(frames) == 3
    assert ["cut short" in str(note.message) for note in notes] == [True, True]


def test_pixels_that_are_cut_short_are_refused():
    data = by_pillow(PIL.Image.fromarray(noise(60, 90, 3)), lossless=True)
    with pytest.warns(ImgaeWarning), pytest.raises(ImageError, match="damaged or cut short"):
        read_image(data[: len(data) // 2])


def test_a_size_that_contradicts_the_pixels_is_refused():
    data = by_pillow(PIL.Image.fromarray(noise(6, 9, 4)), lossless=True, xmp=b"<x/>")
    assert data[12:16] == b"VP8X"
    wrong = data[:24] + (10).to_bytes(3, "little") + data[27:]
    with pytest.raises(ImageError, match="it says 11x6 pixels, but holds 9x6"):
        read_image(wrong)
    with pytest.raises(ImageError, match="allow more with --max-pixels"):
        read_image(data, max_pixels=53)
    parts = [frame_chunk(noise(8, 8, 3), 4, 0, 10, 0)]
    with pytest.raises(ImageError, match="reaches beyond the picture"):
        read_frames(animated(parts, (10, 8)))
    with pytest.raises(ImageError, match="and its frames cover 8x8"):
        read_frames(animated(parts, (8192, 8192)))
    with pytest.raises(ImageError, match="megapixels"):
        read_frames(animated(parts * 9, (16384, 16384)))


def test_mutated_files_are_pictures_or_errors():
    originals = [
        by_pillow(
            PIL.Image.fromarray(noise(20, 30, 4)), lossless=True, xmp=b"<x/>", exif=exif_of()
        ),
        by_pillow(PIL.Image.fromarray(noise(20, 30, 4)), quality=50),
        animation_by_pillow(scene(1, 4, 12, 15), duration=10, lossless=True),
    ]
    read_or_refused(originals, 60)
