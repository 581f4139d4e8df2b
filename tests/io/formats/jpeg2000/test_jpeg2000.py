import io
import struct
import warnings

import imagecodecs
import numpy as np
import PIL.Image
import PIL.Jpeg2KImagePlugin
import pytest
from pictures import read_or_refused

from imgae import Frames, Image, ImageError, ImgaeWarning, read_image
from imgae.io.bmff import boxes
from imgae.io.bmff.boxes import box
from imgae.io.files import encode
from imgae.io.format import Encoding
from imgae.io.formats import table
from imgae.io.formats.jpeg2000.codestream import header_of
from imgae.io.formats.jpeg2000.format import BEGINNING, DISPLAY, FURTHER, GEOTIFF
from imgae.io.samples.depth import widened
from imgae.picture.image import Stored


def noise(height, width, channels, bits=8, seed=0):
    dtype = np.uint8 if bits <= 8 else np.uint16
    return np.random.default_rng(seed).integers(0, 1 << bits, (height, width, channels), dtype)


def written(image, tmp_path, name="a.jp2", **options):
    return encode(Frames((image,)), tmp_path / name, Encoding(**options))


def stream_of(array, bits=8, **options):
    array = array[:, :, 0] if array.shape[2] == 1 else array
    options = {"reversible": True, "bitspersample": bits, "planar": False, **options}
    return bytes(imagecodecs.jpeg2k_encode(array, level=0, codecformat="j2k", **options))


def jp2(stream, *parts, shape=None, enumerated=16, after=()):
    header = header_of(stream)
    shape = shape or (header.height, header.width, len(header.channels))
    ihdr = box(b"ihdr", struct.pack(">IIHBBBB", *shape, header.bits - 1, 7, 0, 0))
    colr = [box(b"colr", b"\1\0\0", struct.pack(">I", enumerated))] if enumerated else []
    return b"".join(
        [
            BEGINNING,
            box(b"ftyp", b"jp2 \0\0\0\0jp2 "),
            box(b"jp2h", ihdr, *colr, *parts),
            *after,
            box(b"jp2c", stream),
        ]
    )


def cdef(*entries):
    return box(
        b"cdef", struct.pack(">H", len(entries)), *(struct.pack(">HHH", *e) for e in entries)
    )


def exif_of(**tags):
    exif = PIL.Image.Exif()
    exif.update({int(key[1:]): value for key, value in tags.items()})
    exif.get_ifd(0x8769)[0x927C] = b"maker note"
    return exif.tobytes().removeprefix(b"Exif\0\0")


def profile(space):
    return bytes(16) + space + bytes(200)


@pytest.mark.parametrize("bits", [1, 2, 4, 7, 8, 9, 10, 12, 15, 16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_every_sample_comes_back_with_what_travels(tmp_path, bits, channels):
    array = noise(21, 34, channels, bits)
    wide = widened(array, bits)
    image = Image(
        wide[:, :, : (channels - 1) | 1],
        wide[:, :, -1] if channels % 2 == 0 else None,
        icc=profile(b"GRAY" if channels < 3 else b"RGB "),
        exif=exif_of(t271="Maker"),
        xmp=b"<x:xmpmeta/>",
        iptc=b"\x1c\2\5\0\4name",
        dpi=(300, 150),
        text=(("Comment", "as it was"),),
        extra=noise(21, 34, 2, max(bits, 8)) if bits in (8, 16) else None,
        private={
            GEOTIFF: b"II*\0place",
            FURTHER: box(b"xml ", b"<a/>"),
            DISPLAY: box(b"resd", struct.pack(">HHHHbb", 1, 2, 3, 4, 3, 3)),
        },
        stored=Stored("JPEG 2000", bits=bits),
    )
    data = written(image, tmp_path)
    back = read_image(data)
    assert np.array_equal(back.pixels, image.pixels)
    for part in ("alpha", "extra"):
        expected = getattr(image, part)
        assert (getattr(back, part) is None) == (expected is None)
        assert expected is None or np.array_equal(getattr(back, part), expected)
    for field in ("icc", "exif", "xmp", "iptc", "text", "private"):
        assert getattr(back, field) == getattr(image, field), field
    assert back.dpi == pytest.approx((300, 150), rel=1e-12)
    assert back.stored.bits == bits
    assert written(back, tmp_path) == data
    if image.extra is None:
        assert np.array_equal(imagecodecs.jpeg2k_decode(data).reshape(array.shape), array)


@pytest.mark.parametrize("dpi", [72, 72.009, 96, 254, 300, 1200, 0.5, 123456])
def test_resolutions_are_read_as_pillow_reads_them(tmp_path, dpi):
    data = written(Image(noise(4, 5, 3), dpi=(dpi, dpi * 2)), tmp_path)
    assert read_image(data).dpi == pytest.approx((dpi, dpi * 2), rel=1e-5)
    with PIL.Image.open(io.BytesIO(data)) as picture:
        assert picture.info["dpi"] == pytest.approx((dpi, dpi * 2), rel=1e-5)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("irreversible", [True, False])
@pytest.mark.parametrize("bare", [True, False])
def test_files_of_others_are_read_as_pillow_reads_them(mode, irreversible, bare):
    if mode == "I;16":
        original = PIL.Image.fromarray(noise(40, 51, 1, 16)[:, :, 0])
    else:
        array = noise(40, 51, len(mode))
        original = PIL.Image.fromarray(array[:, :, 0] if mode == "L" else array)
    out = io.BytesIO()
    original.save(out, "JPEG2000", irreversible=irreversible, no_jp2=bare, quality_layers=[4])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImgaeWarning)
        image = read_image(out.getvalue())
    with PIL.Image.open(out) as picture:
        expected = np.asarray(picture).reshape(40, 51, -1)
    assert np.array_equal(image.pixels, expected[:, :, : image.pixels.shape[2]])
    assert (image.alpha is not None) == ("A" in mode)
    assert image.alpha is None or np.array_equal(image.alpha, expected[:, :, -1])


def test_bare_codestreams_hold_samples_and_comments(tmp_path):
    image = Image(noise(9, 8, 3), text=(("Comment", "as it was"),))
    data = written(image, tmp_path, "a.j2k")
    assert data.startswith(b"\xff\x4f\xff\x51")
    back = read_image(data)
    assert np.array_equal(back.pixels, image.pixels)
    assert back.text == image.text
    with pytest.warns(ImgaeWarning) as notes:
        written(
            Image(noise(9, 8, 3), noise(9, 8, 1)[:, :, 0], dpi=(72, 72), text=(("Title", "a"),)),
            tmp_path,
            "a.j2c",
        )
    said = [str(note.message).split(": ", 1)[1] for note in notes]
    assert said == [
        "JPEG 2000 codestream holds no resolution; it is left out",
        "a bare codestream does not say that a channel is transparency; write .jp2",
        "JPEG 2000 holds no text but comments; 'Title' is left out",
    ]


def test_high_throughput_is_read():
    array = noise(20, 31, 3)
    stream = bytes(imagecodecs.htj2k_encode(array, reversible=True))
    assert np.array_equal(read_image(stream).pixels, array)
    data = jp2(stream).replace(b"ftypjp2 ", b"ftypjph ", 1)
    assert table.of_content(data).name == "HTJ2K"
    assert np.array_equal(read_image(data).pixels, array)


def test_a_quality_makes_it_lossy(tmp_path):
    y, x = np.mgrid[:64, :64]
    array = np.stack([128 + 60 * np.sin(x / 9 + k) + 40 * np.cos(y / 7) for k in range(3)], 2)
    image = Image((array + noise(64, 64, 3) / 20).astype(np.uint8))
    sizes = [len(written(image, tmp_path, quality=quality)) for quality in (10, 50, 90, 100)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[3] / 3
    assert np.array_equal(read_image(written(image, tmp_path, quality=100)).pixels, image.pixels)
    back = read_image(written(image, tmp_path, quality=50))
    assert 0 < np.abs(back.pixels.astype(int) - image.pixels).mean() < 4


def pclr(colours, bits=8):
    count, columns = colours.shape
    table = colours.astype(">u2" if bits > 8 else "u1").tobytes()
    head = struct.pack(">HB", count, columns) + bytes([bits - 1] * columns)
    maps = b"".join(struct.pack(">HBB", 0, 1, column) for column in range(columns))
    return box(b"pclr", head, table), box(b"cmap", maps)


def test_a_palette_becomes_rgb_and_goes_back_while_its_colours_are_there(tmp_path):
    colours = noise(1, 7, 3)[0]
    indices = noise(12, 13, 1) % 7
    data = jp2(stream_of(indices), *pclr(colours))
    image = read_image(data)
    assert np.array_equal(image.pixels, colours[indices[:, :, 0]])
    assert image.stored.mode == "palette"
    again = written(image, tmp_path)
    assert b"pclr" in again
    assert np.array_equal(read_image(again).pixels, image.pixels)
    with PIL.Image.open(io.BytesIO(again)) as picture:
        assert np.array_equal(np.asarray(picture.convert("RGB")), image.pixels)
    changed = image.with_pixels(image.pixels ^ 1)
    with pytest.warns(ImgaeWarning, match="no longer those of its palette"):
        without = written(changed, tmp_path)
    assert np.array_equal(read_image(without).pixels, changed.pixels)


def test_luma_and_chroma_become_rgb():
    data = jp2(stream_of(noise(12, 13, 3), mct=False), enumerated=18)
    expected = PIL.Image.fromarray(noise(12, 13, 3), "YCbCr").convert("RGB")
    image = read_image(data)
    assert np.abs(image.pixels.astype(int) - np.asarray(expected)).max() <= 1
    assert image.stored.mode == "YCbCr"


def test_channels_mean_what_the_file_says():
    array = noise(12, 13, 4)
    stream = stream_of(array, mct=False)
    swapped = cdef((0, 0, 3), (1, 0, 2), (2, 0, 1), (3, 1, 0))
    image = read_image(jp2(stream, swapped))
    assert np.array_equal(image.pixels, array[:, :, 2::-1])
    assert np.array_equal(image.alpha, array[:, :, 3])
    for parts in ((), (cdef((0, 0, 1), (1, 0, 2), (2, 0, 3), (3, 65535, 65535)),)):
        image = read_image(jp2(stream, *parts))
        assert image.alpha is None
        assert np.array_equal(image.extra, array[:, :, 3:])


def test_associated_alpha_goes_back_bit_by_bit(tmp_path):
    array = noise(12, 13, 4)
    array[:, :, :3] = array[:, :, :3] * (array[:, :, 3:] / 255)
    kinds = cdef((0, 0, 1), (1, 0, 2), (2, 0, 3), (3, 2, 0))
    image = read_image(jp2(stream_of(array), kinds))
    some = array[:, :, 3] > 0
    straight = array[some, :3] * 255.0 / array[some, 3:]
    assert np.abs(image.pixels[some] - straight).max() <= 0.5
    again = written(image, tmp_path)
    assert np.array_equal(imagecodecs.jpeg2k_decode(again), array)


def one_of_several(planes, depths):
    """Return a codestream of planes of their own sizes and depths: packets, plane after plane."""
    streams = [
        stream_of(plane[:, :, None], bits, resolutions=1)
        for plane, bits in zip(planes, depths, strict=True)
    ]
    first = streams[0]
    tile = first.index(b"\xff\x90")
    height, width = planes[0].shape
    channels = [
        bytes((bits - 1, width // plane.shape[1], height // plane.shape[0]))
        for plane, bits in zip(planes, depths, strict=True)
    ]
    size = struct.pack(">H", 38 + 3 * len(planes)) + first[6:40]
    size += struct.pack(">H", len(planes)) + b"".join(channels)
    main = first[header_of(first).after_size : tile]
    for number, stream in enumerate(streams):  # QCD, the quantisation, becomes QCC, of one channel
        at = stream.index(b"\xff\x5c")
        (length,) = struct.unpack_from(">H", stream, at + 2)
        content = stream[at + 4 : at + 2 + length]
        main += struct.pack(">HHB", 0xFF5D, length + 1, number) + content
    packets = b"".join(s[s.index(b"\xff\x93") + 2 : -2] for s in streams)
    start = struct.pack(">HHHIBB", 0xFF90, 10, 0, 14 + len(packets), 0, 1)
    return first[:4] + size + main + start + b"\xff\x93" + packets + b"\xff\xd9"


def test_channels_of_other_depths_are_read():
    array = noise(12, 13, 4)
    planes = [array[:, :, 0], array[:, :, 1] >> 4, array[:, :, 2], array[:, :, 3] >> 7]
    kinds = cdef((0, 0, 1), (1, 0, 2), (2, 0, 3), (3, 1, 0))
    image = read_image(jp2(one_of_several(planes, (8, 4, 8, 1)), kinds))
    assert np.array_equal(image.pixels[:, :, 0], planes[0])
    assert np.array_equal(image.pixels[:, :, 1], planes[1] * 17)
    assert np.array_equal(image.alpha, planes[3] * 255)
    with pytest.raises(ImageError, match="differ in size or depth"):
        read_image(one_of_several([planes[0], planes[1].astype(np.uint16)], (8, 12)))


def test_subsampled_chroma_is_read():
    y, x = np.mgrid[:16, :24]
    luma = (60 + 4 * x + 2 * y).astype(np.uint8)
    blue, red = (np.full((8, 12), value, np.uint8) for value in (110, 150))
    data = jp2(one_of_several([luma, blue, red], (8, 8, 8)), enumerated=18)
    image = read_image(data)
    assert np.array_equal(read_image(data[data.index(b"\xff\x4f\xff\x51") :]).pixels, image.pixels)
    full = np.stack([luma, np.full_like(luma, 110), np.full_like(luma, 150)], 2)
    expected = np.asarray(PIL.Image.fromarray(full, "YCbCr").convert("RGB")).astype(int)
    assert np.abs(image.pixels - expected).max() <= 2


def test_inks_become_rgb_and_go_back_where_asked(tmp_path):
    array = noise(12, 13, 4)
    array[:, :, :3] = array[:, :, 3:] + 0  # gray inks, which come back as they were
    array[:, :, 0], array[:, :, 3] = 0, array[:, :, 3] // 2
    data = jp2(stream_of(array, mct=False), enumerated=12)
    with pytest.warns(ImgaeWarning, match="inks .CMYK. without a colour profile"):
        image = read_image(data)
    expected = (255 - array[:, :, :3].astype(int)) * (255 - array[:, :, 3:].astype(int)) / 255
    assert np.abs(image.pixels - expected).max() <= 0.5
    assert (image.stored.mode, image.icc) == ("CMYK", None)
    with pytest.warns(ImgaeWarning):
        back = read_image(encode(Frames((image,)), tmp_path / "a.jp2", Encoding(cmyk=True)))
    assert back.stored.mode == "CMYK"
    assert np.abs(back.pixels.astype(int) - image.pixels).max() <= 1
    assert np.array_equal(read_image(written(image, tmp_path)).pixels, image.pixels)


def test_orientation_is_that_of_exif():
    exif = exif_of(t274=6)
    array = noise(12, 13, 3)
    for uuid in (b"JpgTiffExif->JP2", b"JpgTiffExif->JP2Exif\0\0"):
        image = read_image(jp2(stream_of(array), after=[box(b"uuid", uuid, exif)]))
        assert np.array_equal(image.pixels, array.swapaxes(0, 1)[:, ::-1])
        assert image.turned == 6


def test_what_cannot_be_read_is_named():
    gray = stream_of(noise(5, 6, 4))
    for data, match in (
        (jp2(stream_of(noise(5, 6, 3)), enumerated=14), "its colours are Lab"),
        (jp2(gray, box(b"colr", b"\2\0\0", profile(b"Lab ")), enumerated=0), "colours are Lab"),
        (jp2(gray, shape=(5, 7, 4)), "says 7x5 pixels of 4 channels, but holds 6x5 of 4"),
        (BEGINNING + box(b"ftyp", b"jp2 \0\0\0\0jp2 "), r"damaged .*no picture is in it"),
    ):
        with pytest.raises(ImageError, match=match):
            read_image(data)


def test_sizes_are_checked_before_anything_is_decoded():
    stream = stream_of(noise(5, 6, 3))
    with pytest.raises(ImageError, match="allow more with --max-pixels"):
        read_image(jp2(stream), max_pixels=29)

    def resized(at, *values):
        return (
            stream[:at] + struct.pack(f">{len(values)}I", *values) + stream[at + 4 * len(values) :]
        )

    with pytest.raises(ImageError, match="megapixels"):
        read_image(resized(8, 1 << 31, 1 << 31, 0, 0, 1 << 31, 1 << 31))
    with pytest.raises(ImageError, match="tiles"):
        read_image(resized(8, 30000, 30000, 0, 0, 1, 1))
    with pytest.raises(ImageError, match="no size"):
        read_image(resized(24, 0, 0))
    with pytest.raises(ImageError, match="samples have a sign"):
        read_image(stream[:42] + b"\x87" + stream[43:])
    with pytest.raises(ImageError, match="24 bits"):
        read_image(stream[:42] + b"\x17" + stream[43:])


def test_a_codestream_without_its_end_marker_is_read_with_a_note():
    array = noise(20, 31, 3)
    stream = stream_of(array)
    for data in (stream[:-2], jp2(stream)[:-2]):
        with pytest.warns(ImgaeWarning, match="no end marker|cut short"):
            assert np.array_equal(read_image(data).pixels, array)
    assert np.array_equal(read_image(stream + bytes(9)).pixels, array)
    with pytest.warns(ImgaeWarning), pytest.raises(ImageError):
        read_image(stream[:-300])


def test_mutated_files_are_pictures_or_errors(tmp_path):
    originals = [
        written(Image(noise(20, 30, 3), exif=exif_of(), xmp=b"<x/>", dpi=(72, 72)), tmp_path),
        stream_of(noise(20, 30, 4, 12), 12),
        jp2(stream_of(noise(12, 13, 1) % 7), *pclr(noise(1, 7, 3)[0])),
    ]
    read_or_refused(originals, 300)


def test_the_boxes_of_a_file_are_whole(tmp_path):
    data = written(Image(noise(9, 8, 3), xmp=b"<x/>"), tmp_path)
    found = list(boxes.boxes(data))
    assert [one.kind for one in found] == [b"jP  ", b"ftyp", b"jp2h", b"uuid", b"jp2c"]
    assert found[-1].end == len(data)
