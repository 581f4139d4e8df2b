import io
import struct
import warnings

import imagecodecs
import numpy as np
import PIL.AvifImagePlugin
import PIL.Image
import pytest
from pictures import read_or_refused

from imgae import Frames, Image, ImageError, ImgaeWarning, read_frames, read_image
from imgae.io.bmff.boxes import box, full_box
from imgae.io.files import encode
from imgae.io.format import Encoding
from imgae.io.formats import table
from imgae.io.formats.avif.format import ASPECT, LIGHT, MASTERING, Part, encoded_part, still_file
from imgae.io.samples.depth import widened
from imgae.picture.image import Stored
from imgae.picture.orientation import TURNS


def noise(height, width, channels, bits=8, seed=0):
    dtype = np.uint8 if bits == 8 else np.uint16
    return np.random.default_rng(seed).integers(0, 1 << bits, (height, width, channels), dtype)


def picture(array, bits=8, **belongings):
    if bits > 8:
        array = widened(array, bits)
        belongings.setdefault("stored", Stored("AVIF", bits=bits))
    if array.shape[2] % 2:
        return Image(array, **belongings)
    return Image(array[:, :, :-1], array[:, :, -1], **belongings)


def written(frames, tmp_path, **options):
    if isinstance(frames, Image):
        frames = Frames((frames,))
    return encode(frames, tmp_path / "a.avif", Encoding(**options))


def by_pillow(array, **options):
    out = io.BytesIO()
    PIL.Image.fromarray(array).save(out, "AVIF", **options)
    return out.getvalue()


def exif_of(**tags):
    exif = PIL.Image.Exif()
    exif.update({int(key[1:]): value for key, value in tags.items()})
    exif.get_ifd(0x8769)[0x927C] = b"maker note"
    return exif.tobytes().removeprefix(b"Exif\0\0")


def belongings_of(image):
    return {
        key: getattr(image, key)
        for key in ("icc", "exif", "xmp", "dpi", "cicp", "private", "duration")
    }


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_every_sample_comes_back_with_what_travels(tmp_path, bits, channels):
    array = noise(21, 34, channels, bits)
    if channels in (2, 4):
        array[:9, :, -1] = 0  # colours under full transparency stay
    image = picture(
        array,
        bits,
        icc=bytes(range(256)) * 3,
        exif=exif_of(t271="Maker", t282=300.0, t283=150.0, t296=2),
        xmp=b"<x:xmpmeta/>",
        dpi=(300, 150),
        cicp=(9, 16, 0, 1),
        private={LIGHT: b"\1\2\3\4", MASTERING: bytes(24), ASPECT: (1, 2)},
    )
    data = written(image, tmp_path)
    back = read_image(data)
    assert np.array_equal(back.pixels, image.pixels)
    assert (back.alpha is None) == (image.alpha is None)
    assert image.alpha is None or np.array_equal(back.alpha, image.alpha)
    assert belongings_of(back) == belongings_of(image)
    assert back.stored.bits == bits
    seen = imagecodecs.avif_decode(data)
    assert np.array_equal(seen.reshape(array.shape), array)
    with PIL.Image.open(io.BytesIO(data)) as opened:
        assert opened.info["icc_profile"] == image.icc
        assert opened.info["exif"] == image.exif
        assert opened.info["xmp"] == image.xmp
    assert written(back, tmp_path) == data


def test_a_plain_picture_needs_no_word_about_colours(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = read_image(by_pillow(noise(9, 8, 3)))
        written(image, tmp_path)
    assert belongings_of(image) == dict.fromkeys(
        ("icc", "exif", "xmp", "dpi", "cicp", "duration")
    ) | {"private": {}}


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0", "4:0:0"])
@pytest.mark.parametrize("options", [{}, {"range": "limited"}, {"alpha_premultiplied": True}])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_files_of_others_are_read_as_pillow_reads_them(subsampling, options, channels):
    array = noise(20, 31, channels)
    array = array[:, :, 0] if channels == 1 else array
    data = by_pillow(array, subsampling=subsampling, quality=90, **options)
    image = read_image(data)
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[image.pixels.shape[2] + (channels == 4)]
    with PIL.Image.open(io.BytesIO(data)) as opened:
        expected = np.asarray(opened.convert(mode)).reshape(20, 31, -1).astype(int)
    assert (image.pixels.shape[2] == 1) == (subsampling == "4:0:0")
    assert (image.alpha is not None) == (channels == 4)
    assert image.alpha is None or np.array_equal(image.alpha, expected[:, :, -1])
    apart = np.abs(image.pixels - expected[:, :, : image.pixels.shape[2]])
    if "alpha_premultiplied" in options and channels == 4:  # divided exactly, and not by libyuv
        apart = apart[image.alpha > 0]
        assert apart.max() <= 2
    else:
        assert apart.max() <= (channels == 4 and subsampling == "4:0:0")


def test_deep_pictures_are_rounded_to_twelve_bits_with_a_warning(tmp_path):
    image = Image(noise(5, 6, 3, 16))
    with pytest.warns(ImgaeWarning, match="AVIF holds 12 bits; reduced from 16"):
        back = read_image(written(image, tmp_path))
    assert back.stored.bits == 12
    assert np.abs(back.pixels.astype(int) - image.pixels).max() <= 8


def test_associated_alpha_goes_back_bit_by_bit(tmp_path):
    array = noise(20, 31, 4)
    array[:, :, :3] = array[:, :, :3] * (array[:, :, 3:] / 255)
    straight = by_pillow(array, subsampling="4:0:0", quality=100)
    data = by_pillow(array, quality=100, alpha_premultiplied=True)
    assert b"prem" in data
    assert b"prem" not in straight
    image = read_image(data)
    assert image.stored.details["premultiplied"]
    again = written(image, tmp_path)
    assert b"prem" in again
    assert written(read_image(again), tmp_path) == again
    seen = imagecodecs.avif_decode(again)
    shown = image.alpha > 0
    assert np.array_equal(seen[:, :, 3], image.alpha)
    assert np.abs(seen[shown, :3].astype(int) - image.pixels[shown]).max() <= 1  # libyuv's division


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_once(tmp_path, orientation):
    array = noise(20, 31, 3)
    exif = PIL.Image.Exif()
    exif[274], exif[282], exif[283], exif[296], exif[256] = orientation, 300.0, 150.0, 2, 31
    data = by_pillow(array, exif=exif, quality=100, subsampling="4:4:4")
    plain = read_image(by_pillow(array, quality=100, subsampling="4:4:4")).pixels
    image = read_image(data)
    assert np.array_equal(image.pixels, TURNS.get(orientation, np.asarray)(plain))
    assert image.turned == orientation
    assert image.dpi == ((150, 300) if orientation > 4 else (300, 150))
    again = read_image(written(image, tmp_path))
    assert np.array_equal(again.pixels, image.pixels)
    assert again.turned == 1
    kept = PIL.Image.Exif()
    kept.load(image.exif)
    assert (kept.get(274, 1), kept[256]) == (1, 20 if orientation > 4 else 31)


def file_with(array, *properties, exif=None, brands=None):
    part, known = encoded_part(imagecodecs.avif_encode(array, level=100, speed=9))
    part = Part(part.kind, part.content, (*part.properties, *((one, True) for one in properties)))
    further = [Part(b"Exif", bytes(4) + exif, references=((b"cdsc", (1,)),))] if exif else []
    return still_file([part], further, brands or known)


def test_exif_that_contradicts_the_properties_is_not_followed():
    array = noise(20, 31, 3)
    exif = exif_of(t274=6)
    with pytest.warns(ImgaeWarning, match="viewers of AVIF go by these"):
        image = read_image(file_with(array, exif=b"Exif\0\0" + exif))
    assert np.array_equal(image.pixels, array)
    turned = read_image(file_with(array, box(b"irot", b"\3"), exif=exif))  # the same, said twice
    assert np.array_equal(turned.pixels, TURNS[6](array))


def test_a_clean_aperture_is_cut_out_before_turning():
    array = noise(20, 30, 3)
    clap = box(b"clap", struct.pack(">IIIIiIiI", 10, 1, 8, 1, -5, 1, 2, 1))
    with pytest.warns(ImgaeWarning, match="cropped to its clean aperture"):
        image = read_image(file_with(array, clap, box(b"irot", b"\1")))
    assert np.array_equal(image.pixels, np.rot90(array[8:16, 5:15]))
    for wrong in ((99, 1, 8, 1, 0, 1, 0, 1), (10, 0, 8, 1, 0, 1, 0, 1), (10, 1, 7, 1, 0, 1, 0, 1)):
        clap = box(b"clap", struct.pack(">IIIIiIiI", *wrong))
        with pytest.warns(ImgaeWarning, match="makes no sense"):
            assert np.array_equal(read_image(file_with(array, clap)).pixels, array)


def test_pictures_of_tiles_are_put_together(tmp_path):
    array = noise(128, 192, 3)
    tiles = []
    for top, left in ((0, 0), (0, 96), (64, 0), (64, 96)):
        tile = np.ascontiguousarray(array[top : top + 64, left : left + 96])
        part, brands = encoded_part(imagecodecs.avif_encode(tile, level=100, speed=9))
        tiles.append(part)
    extent = full_box(b"ispe", 0, 0, struct.pack(">II", 190, 126))
    grid = Part(
        b"grid",
        struct.pack(">BBBBHH", 0, 0, 1, 1, 190, 126),
        ((extent, False), tiles[0].properties[1]),
        ((b"dimg", (2, 3, 4, 5)),),
    )
    image = read_image(still_file([grid, *tiles], [], brands))
    assert np.array_equal(image.pixels, array[:126, :190])
    assert np.array_equal(read_image(written(image, tmp_path)).pixels, image.pixels)


def test_what_is_not_known_is_named():
    unknown = full_box(b"amve", 0, 0, bytes(8))
    part, brands = encoded_part(imagecodecs.avif_encode(noise(4, 4, 3), level=100, speed=9))
    part = Part(part.kind, part.content, (*part.properties, (unknown, False)))
    data = still_file([part, Part(part.kind, part.content, part.properties)], [], brands)
    with pytest.warns(ImgaeWarning) as notes:
        read_image(data)
    assert sorted(str(note.message).split(": ")[1][:24] for note in notes) == [
        "it holds further picture",
        "its properties 'amve' ar",
    ]


def test_a_quality_makes_it_lossy_but_for_transparency(tmp_path):
    image = picture(noise(40, 40, 4))
    data = written(image, tmp_path, quality=40)
    assert len(data) < len(written(image, tmp_path)) * 0.7
    back = read_image(data)
    assert np.array_equal(back.alpha, image.alpha)
    assert not np.array_equal(back.pixels, image.pixels)


TIMES = [0.01, 0.025, 1 / 30, 0.04, 1.5]


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_animations_come_back_with_every_frame_and_time(tmp_path, bits, channels):
    arrays = [noise(20, 31, channels, bits, seed) for seed in range(5)]
    arrays[2][:] = arrays[1]
    exif = exif_of(t271="Maker")
    images = tuple(
        picture(array, bits, duration=time, icc=b"profile", exif=exif, xmp=b"<x/>")
        for array, time in zip(arrays, TIMES, strict=True)
    )
    data = written(Frames(images, "animation", 3), tmp_path)
    assert table.of_content(data).name == "AVIF"
    back = read_frames(data)
    assert (len(back), back.kind, back.loop) == (5, "animation", 3)
    for one, image in zip(back, images, strict=True):
        assert np.array_equal(one.pixels, image.pixels)
        assert image.alpha is None or np.array_equal(one.alpha, image.alpha)
        assert one.duration == pytest.approx(image.duration, abs=1e-9)
        assert (one.icc, one.exif, one.xmp) == (b"profile", exif, b"<x/>")
    assert written(back, tmp_path) == data
    seen = imagecodecs.avif_decode(data)
    assert np.array_equal(seen.reshape(5, 20, 31, channels), np.stack(arrays))
    with PIL.Image.open(io.BytesIO(data)) as opened:
        assert opened.n_frames == 5
        assert opened.info["icc_profile"] == b"profile"
        opened.seek(4)
        opened.load()
        assert (opened.info["duration"], opened.info["timestamp"]) == (1500, 108)


@pytest.mark.parametrize("loop", [0, 1, 2])
def test_repeats_and_single_frames_stay(tmp_path, loop):
    frames = Frames((Image(noise(9, 9, 3), duration=0.25),) * 2, "animation", loop)
    assert read_frames(written(frames, tmp_path)).loop == loop
    one = read_frames(written(Frames(frames.images[:1], "animation", loop), tmp_path))
    assert (len(one), one.kind, one.loop, one[0].duration) == (1, "animation", loop, 0.25)


def test_animations_of_others_are_read_as_pillow_reads_them(tmp_path):
    pictures = [PIL.Image.fromarray(noise(20, 31, 4, seed=seed)) for seed in range(4)]
    out = io.BytesIO()
    pictures[0].save(
        out, "AVIF", save_all=True, append_images=pictures[1:], duration=[10, 20, 33, 47]
    )
    frames = read_frames(out.getvalue())
    assert [round(image.duration * 1000) for image in frames] == [10, 20, 33, 47]
    with PIL.Image.open(out) as opened:
        for at, image in enumerate(frames):
            opened.seek(at)
            expected = np.asarray(opened)
            assert np.array_equal(image.pixels, expected[:, :, :3])
            assert np.array_equal(image.alpha, expected[:, :, 3])
    assert read_frames(written(frames, tmp_path))[3].duration == 0.047


def test_only_files_with_the_brands_are_avif():
    def name_of(*brands):
        row = table.of_content(box(b"ftyp", brands[0], bytes(4), *brands[1:]) + bytes(80))
        return row and row.name

    assert name_of(b"avif") == name_of(b"avis", b"msf1") == "AVIF"
    assert name_of(b"mif1", b"mif1", b"miaf", b"avif") == "AVIF"
    assert name_of(b"heic", b"mif1", b"heic") != "AVIF"
    assert name_of(b"isom", b"iso2") is None


def test_sizes_are_checked_before_anything_is_decoded():
    data = by_pillow(noise(64, 64, 3))
    with pytest.raises(ImageError, match="allow more with --max-pixels"):
        read_image(data, max_pixels=64 * 64 - 1)
    ispe = data.index(b"ispe") + 8
    with pytest.raises(ImageError, match="it says 32x32 pixels, but holds 64x64"):
        read_image(data[:ispe] + struct.pack(">II", 32, 32) + data[ispe + 8 :])
    with pytest.raises(ImageError, match="megapixels"):
        read_image(data[:ispe] + struct.pack(">II", 1 << 20, 1 << 20) + data[ispe + 8 :])


def test_mutated_files_are_pictures_or_errors(tmp_path):
    frames = Frames((Image(noise(12, 15, 3), duration=0.1),) * 3, "animation")
    originals = [
        by_pillow(noise(20, 30, 4), exif=exif_of(), quality=50),
        written(picture(noise(20, 30, 3, 10), 10, xmp=b"<x/>", icc=b"profile"), tmp_path),
        written(frames, tmp_path),
    ]
    read_or_refused(originals, 400)


def test_a_deep_picture_of_a_shallow_file_counts_by_its_pixels(tmp_path):
    image = Image(noise(5, 6, 3, 16), stored=Stored("AVIF", bits=8))
    with pytest.warns(ImgaeWarning, match="AVIF holds 12 bits; reduced from 16"):
        assert read_image(written(image, tmp_path)).stored.bits == 12
