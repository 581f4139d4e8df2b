import io
import struct
import warnings
from dataclasses import replace

import imagecodecs
import inkprofile
import numpy as np
import PIL.Image
import PIL.ImageCms
import PIL.ImageOps
import pytest
import tifffile
from pictures import ICC, XMP, picture
from tiffs import NOTE, by_hand, camera_exif, made, resource, saved, scene, tags_in

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
from imgae.io.format import Encoding, File
from imgae.io.formats.tiff import format as tiff
from imgae.io.formats.tiff.build import numbers, octets
from imgae.io.metadata.upright import stripped


def written(frames, encoding=None):
    """The file of a picture or of several, without a note."""
    frames = frames if isinstance(frames, Frames) else Frames((frames,))
    return tiff.encode(frames, "a.tif", encoding or Encoding())


def noted(work, *arguments):
    """What a call returns, and its notes in one text."""
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        result = work(*arguments)
    return result, "\n".join(str(note.message) for note in notes)


def stored_in(data):
    return tifffile.imread(io.BytesIO(data))


# Pixels


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "zstd", "lzma", "packbits"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32])
@pytest.mark.parametrize(
    "options",
    [
        {"byteorder": ">"},
        {"planarconfig": "separate", "rowsperstrip": 7},
        {"tile": (16, 32)},
        {"tile": (32, 16), "planarconfig": "separate", "byteorder": ">", "bigtiff": True},
    ],
    ids=str,
)
def test_pixels_are_right_however_they_lie(compression, dtype, options):
    pixels = scene(dtype)
    array = pixels.transpose(2, 0, 1) if "planarconfig" in options else pixels
    for predictor in (False, True)[: 1 if compression in (None, "packbits") else 2]:
        data = made(
            array, photometric="rgb", compression=compression, predictor=predictor, **options
        )
        image = read_image(data)
        assert np.array_equal(image.pixels, pixels)
        again = written(image)
        assert np.array_equal(stored_in(again), pixels)
        assert stored_in(again).dtype == dtype  # half floats come back as such


@pytest.mark.parametrize(
    ("compression", "options"),
    [
        ("webp", {"lossless": True}),
        ("jpeg2000", None),
        ("lerc", {"level": 0}),
        ("png", None),
        ("jpegxl", {"lossless": True}),
    ],
)
@pytest.mark.parametrize("tile", [None, (32, 48)])
def test_compressions_that_are_pictures_are_read(compression, options, tile):
    for dtype in (np.uint8, np.uint16)[: 1 if compression == "webp" else 2]:
        data = made(scene(dtype), compression=compression, compressionargs=options, tile=tile)
        assert np.array_equal(read_image(data).pixels, scene(dtype))


def test_lerc_that_is_compressed_once_more_is_read():
    for kind, pack in ((1, imagecodecs.zlib_encode), (2, imagecodecs.zstd_encode)):
        data = pack(imagecodecs.lerc_encode(scene(channels=1)[:, :, 0]))
        tags = {259: numbers(3, 34887), 50674: numbers(4, 4, kind)}
        image = read_image(by_hand(53, 40, tags, data))
        assert np.array_equal(image.pixels, scene(channels=1))


@pytest.mark.parametrize("compression", [None, "group3", "group4", "tiff_ccitt", "packbits"])
def test_one_bit_is_gray_and_goes_back_as_one_bit(compression, tmp_path):
    black = scene(channels=1)[:, :, 0] < 120
    data = saved(PIL.Image.fromarray(~black), compression=compression)
    image = read_image(data)
    assert image.stored.mode == "1 bit"
    assert np.array_equal(image.pixels[:, :, 0], np.where(black, 0, 255))
    back = written(image)
    assert tags_in(back)[258] == 1
    assert tags_in(back)[262] == tags_in(data)[262]
    assert np.array_equal(stored_in(back), stored_in(data))
    with pytest.warns(ImgaeWarning, match="more than 1 bit a sample.*written with 8"):
        write_image(image.with_pixels(image.pixels // 2), tmp_path / "a.tif")


def test_bits_are_read_in_the_order_that_the_file_says():
    row = bytes([0b10000000, 0b11111111])
    assert read_image(by_hand(16, 1, {258: numbers(3, 1)}, row)).pixels[0, 0, 0] == 255
    data = by_hand(16, 1, {258: numbers(3, 1), 266: numbers(3, 2)}, row)
    assert read_image(data).pixels[0, :8, 0].tolist() == [0] * 7 + [255]


@pytest.mark.parametrize("bits", [2, 4, 9, 10, 12, 14, 15])
@pytest.mark.parametrize("channels", [1, 3])
def test_packed_bits_use_the_whole_range_and_go_back(bits, channels):
    values = (scene(np.uint16, channels) >> (16 - bits)).astype(np.uint16 if bits > 8 else np.uint8)
    rows = np.concatenate(
        [np.unpackbits(v.astype(">u2").view(np.uint8)).reshape(-1, 16)[:, -bits:].ravel()
         for v in values.reshape(40, -1)]
    ).reshape(40, -1)  # fmt: skip
    tags = {258: numbers(3, *[bits] * channels), 277: numbers(3, channels)}
    tags |= {262: numbers(3, 2 if channels == 3 else 1)}
    data = by_hand(53, 40, tags, np.packbits(rows, axis=1).tobytes())
    image = read_image(data)
    white = 255 if bits < 8 else 65535
    assert np.array_equal(image.pixels, np.rint(values / ((1 << bits) - 1) * white))
    assert image.stored.bits == bits
    back = written(image)
    assert np.array_equal(stored_in(back), values[:, :, 0] if channels == 1 else values)
    assert tags_in(back)[258] in (bits, (bits,) * 3)


def test_twelve_bits_of_other_pixels_are_still_written_as_twelve():
    data = made((scene(np.uint16, 1)[:, :, 0] >> 4), bitspersample=12)
    image = read_image(data)
    changed = image.with_pixels(np.full_like(image.pixels, 32768))
    assert stored_in(written(changed)).max() == 2048


@pytest.mark.parametrize(("photometric", "subsampling"), [("ycbcr", (2, 2)), ("rgb", None)])
def test_jpeg_in_tiff_is_read_as_others_read_it(photometric, subsampling):
    data = made(
        scene(height=64, width=80),
        photometric=photometric,
        compression="jpeg",
        subsampling=subsampling,
        tile=(32, 48),
    )
    assert np.array_equal(read_image(data).pixels, stored_in(data))


def test_jpeg_with_tables_of_its_own_is_read():
    picture = PIL.Image.fromarray(scene(height=64, width=80))
    data = saved(picture, compression="jpeg", quality=90)
    assert 347 in tags_in(data)
    decoded = np.asarray(PIL.Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert np.abs(read_image(data).pixels - decoded).max() <= 1


def test_the_old_jpeg_in_tiff_is_read_where_it_is_whole():
    out = io.BytesIO()
    PIL.Image.fromarray(scene()).save(out, "JPEG", quality=95)
    jpeg = out.getvalue()
    tags = {258: numbers(3, 8, 8, 8), 259: numbers(3, 6), 262: numbers(3, 6), 277: numbers(3, 3)}
    tags |= {513: numbers(4, 8), 514: numbers(4, len(jpeg)), 273: numbers(4, 400)}
    image = read_image(by_hand(53, 40, tags, jpeg))
    assert np.array_equal(image.pixels, np.asarray(PIL.Image.open(out)))
    del tags[513]
    with pytest.raises(ImageError, match="cut short"):
        read_image(by_hand(53, 40, tags, jpeg))


def test_luma_and_chroma_without_jpeg_are_read():
    data = saved(PIL.Image.fromarray(scene()).convert("YCbCr"))
    assert np.abs(read_image(data).pixels.astype(int) - scene()).max() <= 3
    # two pixels across and down share their chroma: four lumas, then blue and red
    block = bytes([10, 200, 30, 40, 128, 128])
    tags = {258: numbers(3, 8, 8, 8), 262: numbers(3, 6), 277: numbers(3, 3)}
    image = read_image(by_hand(2, 2, tags | {530: numbers(3, 2, 2)}, block))
    assert image.pixels[:, :, 1].tolist() == [[10, 200], [30, 40]]
    assert (image.pixels == image.pixels[:, :, :1]).all()


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_a_palette_becomes_rgb_and_goes_back_if_its_colours_suffice(compression, tmp_path):
    quantised = PIL.Image.fromarray(scene()).quantize(60)
    data = saved(quantised, compression=compression)
    image = read_image(data)
    assert np.array_equal(image.pixels, np.asarray(quantised.convert("RGB")))
    back = written(image)
    assert tags_in(back)[262] == 3
    assert np.array_equal(np.asarray(PIL.Image.open(io.BytesIO(back)).convert("RGB")), image.pixels)
    with pytest.warns(ImgaeWarning, match="palette of colours does not have all.*written as RGB"):
        write_image(image.with_pixels(255 - image.pixels), tmp_path / "a.tif")
    assert tags_in((tmp_path / "a.tif").read_bytes())[262] == 2


def test_min_is_white_is_turned_over_and_goes_back():
    values = scene(np.uint16, 1)[:, :, 0]
    data = made(values, photometric="miniswhite")
    image = read_image(data)
    assert np.array_equal(image.pixels[:, :, 0], 65535 - values)
    assert tags_in(written(image))[262] == 0
    assert np.array_equal(stored_in(written(image)), values)


def test_doubles_are_rounded_with_a_note():
    exact = scene(np.float32)
    assert noted(read_image, made(exact.astype(np.float64)))[1] == ""
    with pytest.warns(ImgaeWarning, match="64 bits are rounded to 32"):
        image = read_image(made(exact.astype(np.float64) / 3))
    with pytest.warns(ImgaeWarning, match="floats of 32 bits, not 64"):
        written(image)


def test_half_floats_that_have_become_too_large_are_written_with_32_bits():
    image = read_image(made(scene(np.float16)))
    with pytest.warns(ImgaeWarning, match="too large for floats of 16 bits"):
        back = written(image.with_pixels(image.pixels * 1e6))
    assert stored_in(back).dtype == np.float32


def test_floats_of_any_range_come_back_without_a_note():
    values = scene(np.float32) * 300 - 20
    image, note = noted(read_image, made(values))
    assert note == ""
    assert np.array_equal(stored_in(written(image)), values)


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (np.zeros((4, 4), np.int16), "signed integers of 16 bits"),
        (np.zeros((4, 4), np.uint32), "integers of 32 bits"),
        (np.zeros((4, 4), np.int8), "signed integers of 8 bits"),
        (np.zeros((4, 4), np.complex64), "complex numbers of 64 bits"),
    ],
)
def test_numbers_that_an_image_cannot_hold_are_refused_by_name(array, what):
    with pytest.raises(ImageError, match=what):
        read_image(made(array))


# Inks


def test_inks_become_rgb_by_their_profile_and_go_back_where_asked():
    inks = np.random.default_rng(0).integers(0, 256, (20, 30, 4), np.uint8)
    for deep in (1, 257):
        values = inks.astype(np.uint16) * 257 if deep > 1 else inks
        data = made(values, photometric="separated", iccprofile=inkprofile.profile())
        with pytest.warns(ImgaeWarning, match=r"inks \(CMYK\).*by its colour profile"):
            image = read_image(data)
        right = inkprofile.colours_of(inks / 255) * 255
        off = np.abs(image.pixels / deep - right)  # black is made black, which the profile is not
        assert off[right > 100].max() < 6
        assert off.max() < 14
        assert image.icc[16:20] == b"RGB "
        assert tags_in(written(image))[262] == 2
        back = written(image, Encoding(cmyk=True))
        assert tags_in(back)[262] == 5
        assert tags_in(back)[34675] == inkprofile.profile()
        shown = inkprofile.colours_of(stored_in(back) / (255 * deep)) * 255
        assert np.abs(shown - right).mean() < 3
        assert np.abs(shown - right)[right > 40].max() < 12


def test_inks_without_a_profile_are_taken_by_a_plain_formula():
    inks = np.array([[[255, 0, 0, 0], [0, 0, 0, 128]]], np.uint8)
    with pytest.warns(ImgaeWarning, match="without a colour profile"):
        image = read_image(made(inks, photometric="separated"))
    assert image.pixels.tolist() == [[[0, 255, 255], [127, 127, 127]]]
    back = stored_in(written(image, Encoding(cmyk=True)))
    assert back.reshape(2, 4).tolist() == [[255, 0, 0, 0], [0, 0, 0, 128]]


def test_inks_of_other_colours_are_refused():
    other = [(332, 3, 1, 2, True)]
    data = made(np.zeros((4, 4, 4), np.uint8), photometric="separated", extratags=other)
    with pytest.raises(ImageError, match="not those of CMYK"):
        read_image(data)


def test_lab_becomes_rgb_with_a_note():
    rgb = scene() // 2 + 60  # all of it inside sRGB
    srgb, lab = (PIL.ImageCms.createProfile(kind) for kind in ("sRGB", "LAB"))
    converted = PIL.ImageCms.profileToProfile(PIL.Image.fromarray(rgb), srgb, lab, outputMode="LAB")
    data = saved(converted)
    assert tags_in(data)[262] == 8
    with pytest.warns(ImgaeWarning, match=r"L\*a\*b\*; continued as sRGB"):
        image = read_image(data)
    assert np.abs(image.pixels.astype(int) - rgb).max() <= 5
    for photometric, raw, white in (
        (9, (255, 128, 128), 255),
        (9, (65280, 32768, 32768), 65535),
        (8, (65535, 0, 0), 65535),
    ):
        one = np.array([[raw]], np.uint8 if white == 255 else np.uint16)
        image, _ = noted(read_image, made(one, photometric=photometric))
        assert np.abs(image.pixels.astype(int) - white).max() <= white // 255


# Further samples


@pytest.mark.parametrize("codes", [[0], [2], [1], [0, 2], [2, 0], [0, 0], [1, 0, 0]], ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_further_samples_are_what_the_file_says_and_stay_so(codes, channels):
    array = scene(np.uint16, channels + len(codes)) // 2
    array[:, :, channels:] |= 1 << 15  # no colour is above its transparency
    photometric = "rgb" if channels == 3 else "minisblack"
    data = made(array, photometric=photometric, extrasamples=codes, planarconfig="contig")
    image, note = noted(read_image, data)
    where = next((k for k, code in enumerate(codes) if code), None)
    assert (image.alpha is None) == (where is None)
    if where is not None:
        assert np.array_equal(image.alpha, array[:, :, channels + where])
    others = [channels + k for k in range(len(codes)) if k != where]
    assert (image.extra is None) == (not others)
    assert ("not said to be transparency" in note) == bool(others)
    if others:
        assert np.array_equal(image.extra, array[:, :, others])
    back = written(image)
    assert np.array_equal(stored_in(back), array)
    assert tags_in(back)[338] in (tuple(codes), codes[0])


def test_a_fourth_sample_of_which_nothing_is_said_is_not_alpha():
    tags = {258: numbers(3, *[8] * 4), 262: numbers(3, 2), 277: numbers(3, 4)}
    with pytest.warns(ImgaeWarning, match="a further sample"):
        image = read_image(by_hand(2, 1, tags, bytes(range(8))))
    assert image.alpha is None
    assert image.extra.tolist() == [[[3], [7]]]


def test_premultiplied_alpha_is_undone_and_done_again():
    stored = np.array([[[10_000, 20_000, 0, 32_768], [0, 0, 0, 0]]], np.uint16)
    image = read_image(made(stored, extrasamples=["assocalpha"]))
    assert image.pixels[0, 0].tolist() == [20_000, 39_999, 0]
    assert np.array_equal(stored_in(written(image)), stored)
    with pytest.warns(ImgaeWarning, match="brighter than its transparency"):
        read_image(made(stored[:, :, [3, 1, 2, 0]], extrasamples=["assocalpha"]))


def test_colours_under_transparency_stay():
    pixels = picture(np.uint8, 3, alpha=True)
    image = Image(pixels.pixels, np.zeros_like(pixels.alpha))
    assert np.array_equal(read_image(written(image)).pixels, image.pixels)


# Pages


def test_pages_of_any_kind_come_back_as_they_were(tmp_path):
    pages = [scene(), scene(np.uint16, 1, 20, 30)[:, :, 0], scene(np.float32, 3, 9, 8)]
    path = tmp_path / "a.tif"
    path.write_bytes(made(*pages, compression="lzw"))
    with pytest.raises(ImageError, match="holds 3 pages; read_image takes single pictures"):
        read_image(path)
    frames = read_frames(path)
    assert frames.kind == "pages"
    write_frames(frames, path, overwrite=True)
    for page, image, again in zip(pages, frames, read_frames(path), strict=True):
        assert np.array_equal(image.pixels.squeeze(), page)
        assert np.array_equal(again.pixels, image.pixels)
    with tifffile.TiffFile(path) as file:
        assert [page.compression for page in file.pages] == [5, 5, 5]


def test_pages_together_may_not_be_too_large():
    data = made(*[scene()] * 3)
    assert len(read_frames(data, max_pixels=3 * 40 * 53)) == 3
    with pytest.raises(ImageError, match=r"3 pages .* allow more with --max-pixels"):
        read_frames(data, max_pixels=3 * 40 * 53 - 1)


def small_first():
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        file.write(scene()[::4, ::4], subfiletype=1, photometric="rgb", metadata=None)
        file.write(scene(), photometric="rgb", metadata=None)
    return out.getvalue()


def small_below():
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        file.write(scene(), subifds=2, photometric="rgb", metadata=None)
        file.write(scene()[::2, ::2], subfiletype=1, photometric="rgb", metadata=None)
        file.write(scene()[::4, ::4], subfiletype=1, photometric="rgb", metadata=None)
    return out.getvalue()


def small_by_the_old_tag():
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        file.write(scene(), photometric="rgb", metadata=None)
        old = [(255, 3, 1, 2, True)]
        file.write(scene()[::4, ::4], photometric="rgb", metadata=None, extratags=old)
    data = bytearray(out.getvalue())
    with tifffile.TiffFile(io.BytesIO(data)) as file:  # the newer tag, which tifffile writes
        newer = file.pages[1].tags.get(254)
    if newer is not None:
        struct.pack_into("<H", data, newer.offset, 253)
    return bytes(data)


@pytest.mark.parametrize("make", [small_first, small_below, small_by_the_old_tag])
def test_smaller_copies_are_no_pages_and_are_left_out(make):
    with pytest.warns(ImgaeWarning, match=r"smaller cop(y|ies) of it (is|are) left out"):
        image = read_image(make())
    assert np.array_equal(image.pixels, scene())
    with tifffile.TiffFile(io.BytesIO(written(image))) as file:
        assert len(file.pages) == 1
        assert file.pages[0].pages is None


def test_a_picture_that_is_only_below_a_smaller_copy_is_the_picture():
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        small = {"subfiletype": 1, "photometric": "rgb", "metadata": None}
        file.write(scene()[::4, ::4], subifds=2, **small)
        file.write(scene()[::2, ::2], **small)
        file.write(scene(), photometric="rgb", metadata=None)
    with pytest.warns(ImgaeWarning, match="smaller cop"):
        assert np.array_equal(read_image(out.getvalue()).pixels, scene())


def test_a_mask_is_alpha_and_goes_back_as_a_mask():
    inside = scene(channels=1)[:, :, 0] > 128
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        file.write(scene(), photometric="rgb", metadata=None)
        file.write(inside, photometric="mask", subfiletype=4, metadata=None)
    image = read_image(out.getvalue())
    assert np.array_equal(image.alpha == 255, inside)
    with tifffile.TiffFile(io.BytesIO(written(image))) as file:
        assert [int(page.photometric) for page in file.pages] == [2, 4]
        assert file.pages[1].subfiletype == 4
        assert np.array_equal(file.pages[1].asarray(), inside)


# Stacks


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_an_imagej_hyperstack_comes_back_as_it_was(byteorder):
    stack = np.random.default_rng(0).integers(0, 65535, (2, 3, 4, 8, 10), np.uint16)
    out = io.BytesIO()
    told = {"unit": "um", "spacing": 0.5, "axes": "TZCYX", "Labels": [f"s{k}" for k in range(24)]}
    tifffile.imwrite(
        out, stack, imagej=True, resolution=(3.125, 3.125), metadata=told, byteorder=byteorder
    )
    frames, note = noted(read_frames, out.getvalue())
    assert (frames.kind, len(frames), note) == ("stack", 24, "")
    assert np.array_equal(frames[17].pixels[:, :, 0], stack.reshape(24, 8, 10)[17])
    with tifffile.TiffFile(io.BytesIO(written(frames))) as file:
        assert file.series[0].axes == "TZCYX"
        assert np.array_equal(file.asarray(), stack)
        assert file.imagej_metadata["Labels"] == told["Labels"]
        assert file.imagej_metadata["spacing"] == 0.5
        assert file.pages[0].tags[282].value == (25, 8)
        assert file.pages[0].tags[296].value == 1


def test_a_resolution_that_says_nothing_comes_back():
    image = read_image(made(scene(), photometric="rgb", resolution=(1, 1), resolutionunit=1))
    assert image.dpi is None
    assert "pixel size without a unit" not in image.private
    tags = tags_in(written(image))
    assert (tags[282], tags[283], tags[296]) == ((1, 1), (1, 1), 1)


def test_lengths_of_zero_are_reckoned():
    gray = scene(channels=1)
    tags = {279: numbers(4, 0), 277: numbers(3, 1)}
    data = by_hand(53, 40, tags, gray.tobytes())
    assert np.array_equal(read_image(data).pixels, gray)


@pytest.mark.parametrize("compression", [7, 1])
@pytest.mark.parametrize("step", [1, 2])
def test_luma_and_chroma_in_planes_of_their_own_become_colours(step, compression):
    planes = np.asarray(PIL.Image.fromarray(scene(height=64, width=96)).convert("YCbCr"))
    apart = [planes[:, :, 0], planes[::step, ::step, 1], planes[::step, ::step, 2]]
    parts = [plane.tobytes() for plane in apart]
    if compression == 7:
        parts = [imagecodecs.jpeg8_encode(plane.copy(), level=99) for plane in apart]
    sizes = [len(part) for part in parts]
    places = [8, 8 + sizes[0], 8 + sizes[0] + sizes[1]]
    tags = {258: (8, 8, 8), 259: (compression,), 262: (6,), 277: (3,), 284: (2,)}
    tags[530] = step, step
    said = {tag: numbers(3, *values) for tag, values in tags.items()}
    said |= {273: numbers(4, *places), 279: numbers(4, *sizes)}
    image = read_image(by_hand(96, 64, said, b"".join(parts)))
    chroma = planes[::step, ::step, 1:].repeat(step, 0).repeat(step, 1)
    whole = PIL.Image.fromarray(np.dstack([planes[:, :, 0], chroma]), "YCbCr")
    assert np.abs(image.pixels.astype(int) - np.asarray(whole.convert("RGB"))).max() < 8


def test_texts_that_tags_say_already_are_not_said_to_be_lost():
    image = Image(scene(), text=(("Artist", "Jörg"), ("Make", "Canon")))
    data, note = noted(written, image)
    assert (tags_in(data)[315], tags_in(data)[271], note) == ("Jörg", "Canon", "")
    again = replace(read_image(data), text=(("Author", "Jörg"), ("Artist", "Anna")))
    assert noted(written, again)[1].endswith("no tag for its text Artist; left out")


def test_a_palette_of_16_bits_comes_back_as_it_was():
    palette = np.random.default_rng(0).integers(0, 65536, (3, 256), np.uint16)
    numbered = scene(channels=1)[:, :, 0]
    image = read_image(made(numbered, photometric="palette", colormap=palette))
    with tifffile.TiffFile(io.BytesIO(written(image))) as file:
        shown = file.pages[0].colormap[:, file.asarray()]
    assert np.array_equal(shown, palette[:, numbered])


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_slices_of_imagej_lie_where_it_looks_for_them(compression):
    """ImageJ reads them one after another behind the first, whatever the directories say."""
    stack = np.random.default_rng(0).integers(0, 255, (2, 9, 11, 3), np.uint8)
    text = "ImageJ=1.54f\nimages=2\nslices=2\n"
    pages = [made(page, photometric="rgb", compression=compression) for page in stack]
    images = tuple(read_image(page) for page in pages)
    data = written(Frames(images, "stack"))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        first = file.pages[0]
        assert first.tags[270].value.startswith(text[:7])
        assert first.compression == 1
        start = first.dataoffsets[0]
        assert data[start : start + stack.nbytes] == stack.tobytes()
        assert np.array_equal(file.asarray(), stack)


def in_one_directory(stack, description):
    count = len(stack)
    tags = {258: numbers(3, 16), 270: octets(2, description.format(count).encode())}
    data = bytearray(by_hand(10, 8, tags, stack.astype("<u2").tobytes()))
    entry = data.index(struct.pack("<HHI", 279, 4, 1))
    struct.pack_into("<I", data, entry + 8, 160)
    return bytes(data)


@pytest.mark.parametrize(
    "description",
    [
        "ImageJ=1.52i\nimages={0}\nslices={0}\n",
        '{{"shape": [{0}, 8, 10], "truncated": true}}',
    ],
)
def test_slices_behind_a_single_directory_are_all_read(description):
    stack = np.random.default_rng(0).integers(0, 65535, (5, 8, 10), np.uint16)
    data = in_one_directory(stack, description)
    frames = read_frames(data)
    assert frames.kind == "stack"
    assert all(np.array_equal(f.pixels[:, :, 0], s) for f, s in zip(frames, stack, strict=True))
    again = read_frames(written(frames))
    assert (again.kind, len(again)) == ("stack", 5)
    assert np.array_equal(stored_in(written(frames)), stack)
    with pytest.raises(ImageError, match="cut short: 3 of its 5 slices"):
        read_frames(in_one_directory(stack[:3], description.replace("{0}", "5")))


def test_a_stack_without_its_words_is_still_a_stack():
    stack = np.random.default_rng(0).integers(0, 65535, (5, 8, 10), np.uint16)
    frames = read_frames(in_one_directory(stack, "ImageJ=1.52i\nimages={0}\nslices={0}\n"))
    bare = stripped(frames)
    assert read_frames(written(bare)).kind == "stack"


def test_a_stack_that_lost_slices_says_how_many_it_has():
    stack = np.zeros((6, 8, 10), np.uint16)
    text = "ImageJ=1.52i\nimages={0}\nslices=3\nchannels=2\nhyperstack=true\nunit=um\n"
    frames = read_frames(in_one_directory(stack, text))
    fewer = Frames(frames.images[:4], "stack")
    text = tags_in(written(fewer))[270]
    assert "images=4\nslices=4" in text
    assert "channels" not in text
    assert "unit=um" in text


def test_data_of_which_nothing_is_said_is_told_of():
    data = by_hand(80, 80, {}, bytes(6400)) + bytes(6400 + 5000)
    with pytest.warns(ImgaeWarning, match="may hold further slices"):
        read_image(data)


def test_ome_xml_is_kept_and_stays_true():
    stack = np.random.default_rng(0).integers(0, 65535, (2, 3, 8, 10), np.uint16)
    out = io.BytesIO()
    tifffile.imwrite(out, stack, ome=True, metadata={"axes": "TCYX", "PhysicalSizeX": 0.3})
    frames = read_frames(out.getvalue())
    assert frames.kind == "stack"
    with tifffile.TiffFile(io.BytesIO(written(frames))) as file:
        assert file.is_ome
        assert np.array_equal(file.asarray(), stack)
        assert 'PhysicalSizeX="0.3"' in file.ome_metadata
    eight = frames.with_images(
        [Image((image.pixels >> 8).astype(np.uint8), private=image.private) for image in frames]
    )
    assert 'Type="uint8"' in tags_in(written(eight))[270]
    own = b'<OME><UUID FileName="old.ome.tif">urn:uuid:1</UUID></OME>'
    named = Image(frames[0].pixels, private={"OME-XML": own})
    assert "old.ome.tif" not in tags_in(written(named))[270]


# Raw


@pytest.mark.parametrize(
    "data",
    [
        made(scene(channels=1)[:, :, 0], photometric=32803),
        made(scene(), photometric=34892),
        made(scene(), extratags=[(50706, 1, 4, b"\1\4\0\0", True)]),
        made(scene(channels=1)[:, :, 0], extratags=[(33422, 1, 4, b"\0\1\1\2", True)]),
        by_hand(2, 2, {259: numbers(3, 34713)}, bytes(4)),
        b"II*\0\x10\0\0\0CR\2\0\0\0\0\0" + bytes(100),
    ],
)
def test_a_camera_raw_file_is_refused_and_never_its_preview(data):
    with pytest.raises(ImageError, match=r"camera raw file.*imgae\[formats\]"):
        tiff.read(File(data, "a.tif"))  # whatever other formats know the file


# What travels


@pytest.mark.parametrize("order", ["<", ">"])
def test_camera_data_travels_with_its_maker_note_in_its_place(order):
    exif = camera_exif(order)
    data = written(Image(scene(), exif=exif))
    with PIL.Image.open(io.BytesIO(data)) as file:
        tags = file.getexif()
        assert (tags[271], tags[315]) == ("Maker", "Ann")
        assert tags.get_ifd(34665)[37500] == NOTE
        assert tags.get_ifd(34853)[2] == (48, 30, 0)
    assert data.find(NOTE) == exif.find(NOTE)
    again = read_image(data).exif
    assert again.find(NOTE) == exif.find(NOTE)
    assert again[:2] == exif[:2]
    loaded = PIL.Image.Exif()
    loaded.load(again)
    assert loaded.get_ifd(34665)[33434] == 1 / 200
    assert b"R98" in again


def test_the_size_in_exif_follows_a_turn():
    image = Image(scene(), exif=camera_exif())
    data = bytearray(written(image))
    entry = data.index(struct.pack("<HHI", 284, 3, 1))  # PlanarConfiguration: 1 without it
    struct.pack_into("<HHII", data, entry, 274, 3, 1, 6)
    turned = read_image(bytes(data))
    assert (turned.width, turned.height) == (40, 53)
    loaded = PIL.Image.Exif()
    loaded.load(turned.exif)
    assert loaded.get_ifd(34665)[40962] == 40


TAGS = [
    (33723, 7, 6, b"\x1c\x02\x00\x00\x01b", True),
    (34377, 1, 41, resource(1036, b"thum") + resource(2000, b"abc") + b"\0\0\0\0\0\0\0\0\0", True),
    (700, 1, len(XMP), XMP, True),
    (33550, 12, 3, (0.5, 0.5, 0.0), True),
    (34735, 3, 8, (1, 1, 0, 1, 1024, 0, 1, 1), True),
    (42113, 2, 0, "0", True),
    (285, 2, 0, "page one", True),
    (297, 3, 2, (0, 1), True),
    (301, 3, 768, tuple(range(768)), True),
    (319, 5, 6, (64, 100, 33, 100, 30, 100, 60, 100, 15, 100, 6, 100), True),
    (50000, 2, 0, "vendor", True),
    (50001, 7, 2000, bytes(2000), True),
    (37724, 7, 9, b"layersxxx", True),
]


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_tags_come_back_as_they_were_or_are_told_of(byteorder):
    data = made(
        scene(),
        byteorder=byteorder,
        extratags=TAGS,
        resolution=(118.11, 118.12),
        resolutionunit="CENTIMETER",
        iccprofile=ICC,
        description="hello",
        software="soft",
        datetime="2020:01:01 00:00:00",
    )
    image, note = noted(read_image, data)
    assert "Photoshop's layers, tag 50001: left out" in note
    assert image.iptc == b"\x1c\x02\x00\x00\x01b"
    assert image.xmp == XMP
    assert image.icc == ICC
    assert image.dpi == pytest.approx((118.11 * 2.54, 118.12 * 2.54))
    back, note = noted(written, image)
    assert note == ""
    before, after = tags_in(data), tags_in(back)
    for tag in before.keys() - {273, 278, 279, 34377, 37724, 50001}:
        assert str(before[tag]) == str(after[tag]) or tag == 259, tag
    assert b"thum" not in back
    assert b"layersxxx" not in back
    assert resource(2000, b"abc") in after[34377]


def test_metadata_that_is_not_of_tiff_is_told_of_by_name(tmp_path):
    image, _ = noted(read_image, made(scene(), extratags=TAGS))
    with pytest.warns(ImgaeWarning) as notes:
        write_image(image, tmp_path / "a.png")
    said = "\n".join(str(note.message) for note in notes)
    for name in ("GeoTIFF tags", "colour tags", "page names", "private TIFF tags", "Photoshop"):
        assert name in said


def test_a_turned_map_loses_its_place_with_a_note():
    with pytest.warns(ImgaeWarning, match="GeoTIFF tags do not hold for the picture turned"):
        image = read_image(made(scene(), extratags=[*TAGS[3:5], (274, 3, 1, 6, True)]))
    assert 33550 not in tags_in(written(image))


def test_captions_inside_photoshops_data_are_captions():
    data = made(scene(), extratags=[(34377, 1, 18, resource(1028, b"\x1c\x02\0\0\1a"), True)])
    image = read_image(data)
    assert image.iptc == b"\x1c\x02\0\0\1a"
    assert tags_in(written(image))[33723] == image.iptc


def test_resolutions_keep_their_unit_and_their_exact_fractions():
    for unit, name in ((2, "INCH"), (3, "CENTIMETER"), (1, "NONE")):
        data = made(scene(), resolution=((1000, 7), (500, 7)), resolutionunit=name)
        image = read_image(data)
        assert (image.dpi is None) == (unit == 1)
        after = tags_in(written(image))
        assert (after[282], after[283], after[296]) == ((1000, 7), (500, 7), unit)
    other = Image(scene(), dpi=(299.9994, 72.0))
    assert read_image(written(other)).dpi == pytest.approx((299.9994, 72))


def test_texts_of_other_formats_have_tags_or_a_note():
    image = Image(scene(), text=(("Title", "Sea"), ("Author", "Ann"), ("Comment", "x")))
    with pytest.warns(ImgaeWarning, match="no tag for its text Comment; left out"):
        tags = tags_in(written(image))
    assert (tags[269], tags[315]) == ("Sea", "Ann")


def test_stripping_leaves_no_words_and_no_place():
    image, _ = noted(read_image, made(scene(), extratags=TAGS, description="hello"))
    tags = tags_in(written(stripped(Frames((image,)))))
    assert (tags[282], tags[296]) == ((1, 1), 1)  # which says nothing
    assert not tags.keys() & {270, 285, 700, 33550, 33723, 34377, 34735, 50000}
    assert 319 in tags  # what the colours mean


def test_an_animation_is_written_as_pages_with_a_note(tmp_path):
    frames = Frames(tuple(Image(scene(), duration=0.1) for _ in range(2)), "animation")
    with pytest.warns(ImgaeWarning, match="no timing"):
        write_frames(frames, tmp_path / "a.tif")
    assert read_frames(tmp_path / "a.tif").kind == "pages"


def test_a_file_that_would_be_too_large_is_a_bigtiff(monkeypatch):
    monkeypatch.setattr(tiff, "MOST_CLASSIC", 100)
    image = Image(scene(), exif=camera_exif())
    data = written(image)
    assert data[:4] == b"II+\0"
    assert np.array_equal(stored_in(data), image.pixels)
    assert NOTE in read_image(data).exif


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "jpeg"])
def test_a_picture_and_its_resolutions_are_turned_once(orientation, compression):
    pixels = scene()
    data = saved(
        PIL.Image.fromarray(pixels),
        tiffinfo={274: orientation},
        dpi=(300, 150),
        compression=compression,
    )
    image = read_image(data)
    assert image.dpi == ((150, 300) if orientation >= 5 else (300, 150))
    assert image.turned == orientation
    upright = PIL.ImageOps.exif_transpose(PIL.Image.open(io.BytesIO(data)))
    assert np.abs(image.pixels.astype(int) - np.asarray(upright)).max() <= 1
    assert 274 not in tags_in(written(image))
