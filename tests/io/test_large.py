import hashlib
import os
import random
import struct
import tracemalloc
import warnings
import zlib
from dataclasses import fields

import numpy as np
import png_files
import pytest
import tifffile
import tiffs
from pictures import ICC, XMP, exif, same

from imgae import Image, ImageError, ImgaeWarning, read_frames, read_image, write_image
from imgae.io import large as large_pictures
from imgae.io.bands import (
    inflating,
    png_rows,
    png_writing,
    source,
    tiff_rows,
    tiff_writing,
    writing,
)
from imgae.io.format import Encoding
from imgae.io.formats.tiff import strips
from imgae.io.large import can_write_rows, open_large, write_large

MOST = 10**6
HEIGHT, WIDTH = 61, 53
AS_IT_IS = Encoding()


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Let a small picture be read and written in many parts."""
    monkeypatch.setattr(tiff_rows, "LONG", 2000)
    monkeypatch.setattr(tiff_rows, "SHORT", 1000)
    monkeypatch.setattr(png_rows, "BLOCK", 1000)
    monkeypatch.setattr(inflating, "EVERY", 2000)
    monkeypatch.setattr(inflating, "PIECE", 100)
    monkeypatch.setattr(writing, "GROUP", 1500)
    monkeypatch.setattr(tiff_writing, "GROUP", 1500)
    monkeypatch.setattr(png_writing, "GROUP", 1500)
    monkeypatch.setattr(strips, "STRIP", 700)


def scene(dtype=np.uint8, channels=3):
    return tiffs.scene(dtype, channels, HEIGHT, WIDTH)


def image_of(array, **kept):
    """An array (H, W, 1 to 4) as a picture, the second or fourth channel as alpha."""
    channels = array.shape[2]
    colours = channels - (channels in (2, 4))
    alpha = np.ascontiguousarray(array[:, :, -1]) if colours < channels else None
    return Image(np.ascontiguousarray(array[:, :, :colours]), alpha, **kept)


def bands_of(large, step=7):
    return (large.band(slice(top, top + step)) for top in range(0, large.header.height, step))


def joined(bands):
    pixels, alpha, extra = zip(*bands, strict=True)
    return Image(
        np.concatenate(pixels),
        None if alpha[0] is None else np.concatenate(alpha),
        extra=None if extra[0] is None else np.concatenate(extra),
    )


def check_same(image, other):
    same(image, other)
    assert (image.extra is None) == (other.extra is None)
    assert image.extra is None or np.array_equal(image.extra, other.extra)


def belongings(image):
    kept = {
        one.name: getattr(image, one.name)
        for one in fields(image)
        if one.name not in ("pixels", "alpha", "extra", "stored")
    }
    stored = image.stored
    return kept, stored.format, stored.mode, stored.bits, set(stored.details)


def warned(work):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        result = work()
    return result, {str(one.message) for one in told}


def check_read(path):
    """Everything is as reading the file whole gives it, warnings too."""
    whole, expected = warned(lambda: read_image(path))

    def by_rows():
        with open_large(path, MOST) as large:
            return large.header, joined(bands_of(large))

    (header, image), told = warned(by_rows)
    check_same(image, whole)
    assert belongings(header) == belongings(whole)
    assert told == expected
    assert (header.width, header.height) == (whole.width, whole.height)
    assert (header.mode, header.bits) == (whole.mode, whole.bits)
    large, _ = warned(lambda: open_large(path, MOST))
    with large, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for rows in (slice(40, 45), slice(2, 9), slice(58, None), slice(None, None, 13)):
            for columns in (slice(None), slice(11, 30), slice(3, None, 6)):
                assert np.array_equal(large.pixels[rows, columns], whole.pixels[rows, columns])
                if whole.alpha is not None:
                    assert np.array_equal(large.alpha[rows, columns], whole.alpha[rows, columns])
        assert np.array_equal(large.pixels[5:9], whole.pixels[5:9])
        assert large.pixels.shape == whole.pixels.shape
        assert large.pixels.dtype == whole.pixels.dtype


STORED = {
    "one strip": {"rowsperstrip": HEIGHT},
    "strips": {"rowsperstrip": 9},
    "long strips": {"rowsperstrip": 26},
    "deflate": {"compression": "zlib", "predictor": True, "rowsperstrip": 9},
    "one deflated strip": {"compression": "zlib", "predictor": True, "rowsperstrip": HEIGHT},
    "long deflated strips": {"compression": "zlib", "rowsperstrip": 26},
    "LZW": {"compression": "lzw", "rowsperstrip": 5},
    "tiles": {"tile": (16, 32)},
    "deflated tiles": {"tile": (16, 16), "compression": "zlib"},
    "BigTIFF": {"bigtiff": True, "byteorder": ">", "rowsperstrip": 9},
}


@pytest.mark.parametrize(
    ("channels", "dtype"),
    [(1, np.uint8), (3, np.uint8), (3, np.uint16), (4, np.uint16), (5, np.float32)],
)
@pytest.mark.parametrize("stored", STORED)
def test_a_tiff_by_rows_is_what_it_is_whole(tmp_path, stored, channels, dtype):
    path = tmp_path / "a.tif"
    array = scene(dtype, channels)
    path.write_bytes(tiffs.made(array[:, :, 0] if channels == 1 else array, **STORED[stored]))
    check_read(path)


@pytest.mark.parametrize("stored", ["one strip", "strips", "one deflated strip", "tiles"])
def test_planes_apart_come_together(tmp_path, stored):
    path = tmp_path / "a.tif"
    planes = np.ascontiguousarray(np.moveaxis(scene(), 2, 0))
    said = {"photometric": "rgb", "planarconfig": "separate", "metadata": None}
    tifffile.imwrite(path, planes, **said, **STORED[stored])
    check_read(path)


@pytest.mark.parametrize("bits", [1, 4, 12])
def test_few_bits_are_spread(tmp_path, bits):
    path = tmp_path / "a.tif"
    values = scene(np.uint16, 1)[:, :, 0] >> (16 - bits)
    raw = "".join(
        "".join(f"{value:0{bits}b}" for value in row) + "0" * (-WIDTH * bits % 8)
        for row in values.tolist()
    )
    data = int(raw, 2).to_bytes(len(raw) // 8, "big")
    path.write_bytes(tiffs.by_hand(WIDTH, HEIGHT, {258: tiffs.numbers(3, bits)}, data))
    check_read(path)


def test_associated_alpha_is_undone(tmp_path):
    path = tmp_path / "a.tif"
    array = scene(np.uint8, 4)
    array[:, :, :3] = np.minimum(array[:, :, :3], array[:, :, 3:])
    path.write_bytes(tiffs.made(array, extrasamples=["assocalpha"], rowsperstrip=9))
    check_read(path)


def kept():
    return {
        "icc": ICC, "exif": exif(), "xmp": XMP, "dpi": (300.0, 300.0),
        "text": (("Title", "a lamp"),),
    }  # fmt: skip


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_png_by_rows_is_what_it_is_whole(tmp_path, channels, dtype):
    path = tmp_path / "a.png"
    write_image(image_of(scene(dtype, channels), **kept()), path)
    check_read(path)


@pytest.mark.parametrize("chunk", [7, 500])
def test_a_png_in_many_chunks_is_one_stream(tmp_path, chunk):
    path = tmp_path / "a.png"
    write_image(image_of(scene()), path)
    cut = []
    for kind, data in png_files.chunks(path.read_bytes()):
        size = chunk if kind == "IDAT" else max(1, len(data))
        parts = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
        cut += [png_files.chunk(kind.encode(), part) for part in parts]
    path.write_bytes(path.read_bytes()[:8] + b"".join(cut))
    check_read(path)


@pytest.mark.parametrize("colour", [0, 2])
def test_a_transparent_colour_of_a_png_is_alpha(tmp_path, colour):
    path = tmp_path / "a.png"
    samples = png_files.random_samples(HEIGHT, WIDTH, 1 + colour, 8) // 128 * 128
    key = png_files.chunk(b"tRNS", bytes([0, 128]) * (1 + colour))
    path.write_bytes(png_files.png(samples, 8, colour, before=key))
    check_read(path)


def test_a_palette_of_a_png_is_colours(tmp_path):
    path = tmp_path / "a.png"
    palette = png_files.chunk(b"PLTE", bytes(range(90)))
    samples = png_files.random_samples(HEIGHT, WIDTH, 1, 8)
    path.write_bytes(png_files.png(samples, 8, 3, before=palette))  # some numbers are beyond it
    check_read(path)


@pytest.mark.parametrize(
    ("suffix", "dtype", "channels"),
    [
        (".ppm", np.uint8, 3), (".pgm", np.uint8, 1), (".pgm", np.uint16, 1),
        (".ppm", np.uint16, 3),
        (".pam", np.uint8, 4), (".pam", np.uint16, 2), (".pam", np.uint8, 3), (".bmp", np.uint8, 3),
        (".bmp", np.uint8, 1), (".pfm", np.float32, 1), (".pfm", np.float32, 3),
    ],
)  # fmt: skip
def test_plain_files_by_rows_are_what_they_are_whole(tmp_path, suffix, dtype, channels):
    path = tmp_path / f"a{suffix}"
    write_image(image_of(scene(dtype, channels)), path)
    check_read(path)


def test_bits_and_small_values_of_plain_files_are_spread(tmp_path):
    path = tmp_path / "a.pbm"
    write_image(Image(scene(np.uint8, 1) // 128 * np.uint8(255)), path)
    check_read(path)
    head = f"P5\n# of a scanner\n{WIDTH} {HEIGHT}\n200\n".encode()
    path.write_bytes(head + scene(np.uint8, 1).tobytes())  # some values are above the largest
    check_read(path)


def pages(path):
    path.write_bytes(tiffs.made(scene(), scene()))


def turned(path):
    path.write_bytes(tiffs.made(scene(), extratags=[(274, 3, 1, 6, True)]))


def jpeg(path):
    write_image(Image(scene()), path.with_suffix(".jpg"))
    path.with_suffix(".jpg").rename(path)


def interlaced(path):
    path.write_bytes(png_files.png(scene(), 8, 2, interlaced=True))


def in_words(path):
    path.write_bytes(b"P2 2 1 255 1 2")


def one_behind_another(path):
    path.write_bytes(b"P5 2 1 255 \x01\x02" * 2)


def with_a_tail(path):
    write_image(Image(scene()), path.with_suffix(".png"))
    path.write_bytes(path.with_suffix(".png").read_bytes() + b"tail")


def one_lzw_strip(path):
    path.write_bytes(tiffs.made(scene(), compression="lzw", rowsperstrip=HEIGHT))


@pytest.mark.parametrize(
    "make",
    [pages, turned, jpeg, interlaced, in_words, one_behind_another, with_a_tail, one_lzw_strip],
)
def test_what_has_to_be_read_whole_is_none_without_a_word(tmp_path, monkeypatch, make):
    """Reading it whole then says what there is to say."""
    monkeypatch.setattr(tiff_rows, "LARGEST", 1000)
    make(tmp_path / "a")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_large(tmp_path / "a", MOST) is None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert read_frames(tmp_path / "a")


def cut_tiff(path):
    path.write_bytes(tiffs.made(scene(), compression="zlib")[:-2000])


def bad_chunk(path):
    write_image(Image(scene()), path.with_suffix(".png"))
    data = bytearray(path.with_suffix(".png").read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def too_large(path):
    path.write_bytes(b"P5 2000 2000 255 " + bytes(4_000_000))


@pytest.mark.parametrize(
    "make",
    [
        cut_tiff, bad_chunk, too_large, lambda path: path.write_bytes(b""),
        lambda path: path.mkdir(), lambda path: None,
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_as_reading_whole_does(tmp_path, make):
    path = tmp_path / "a"
    make(path)
    with pytest.raises(ImageError) as whole:
        read_image(path, max_pixels=MOST)
    with pytest.raises(ImageError) as rows:
        open_large(path, MOST)
    assert str(rows.value) == str(whole.value)


def test_damage_in_pixels_is_met_when_they_are_read(tmp_path):
    path = tmp_path / "a.png"
    stream = bytearray(zlib.compress(png_files.rows(scene(), 8), 0))
    stream[-700:] = b"\x07" * 700
    head = png_files.header(scene(), 8, 2)
    body = png_files.chunk(b"IDAT", bytes(stream)) + png_files.chunk(b"IEND")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + body)
    with open_large(path, MOST) as large:
        assert np.array_equal(large.pixels[:20], scene()[:20])
        with pytest.raises(ImageError, match="damaged or cut short"):
            large.pixels[55:]


def test_a_stream_without_an_end_is_told_of_once(tmp_path):
    path = tmp_path / "a.png"
    stream = zlib.compress(png_files.rows(scene(), 8))[:-4]
    head = png_files.header(scene(), 8, 2)
    body = png_files.chunk(b"IDAT", stream) + png_files.chunk(b"IEND")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + body)
    check_read(path)


def test_a_file_that_changes_while_it_is_open_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    write_image(Image(scene()), path)
    with open_large(path, MOST) as large:
        large.pixels[:3]
        with path.open("ab") as file:
            file.write(b"more")
        with pytest.raises(ImageError, match="changed while it was read"):
            large.pixels[:3]


def test_the_header_takes_no_memory_and_nothing_can_be_written_to_it(tmp_path):
    path = tmp_path / "a.tif"
    write_image(image_of(scene(np.uint16, 4)), path)
    with open_large(path, MOST) as large:
        for array in (large.header.pixels, large.header.alpha):
            assert not any(array.strides)
            assert not array.flags.writeable
        assert large.header.with_pixels(scene(np.uint16)).alpha is not None


def test_steps_backwards_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    write_image(Image(scene()), path)
    with open_large(path, MOST) as large, pytest.raises(ValueError, match="forwards"):
        large.pixels[::-1]


@pytest.mark.parametrize("stored", ["strips", "tiles", "one deflated strip"])
def test_rows_that_bands_share_are_decoded_once(tmp_path, monkeypatch, stored):
    path = tmp_path / "a.tif"
    path.write_bytes(tiffs.made(scene(), **STORED[stored]))
    decoded, decode = [], tiff_rows.samples_in

    def counted(segment, *others):
        decoded.append(segment.number)
        return decode(segment, *others)

    monkeypatch.setattr(tiff_rows, "samples_in", counted)
    with open_large(path, MOST) as large:
        for top in range(0, HEIGHT, 8):
            large.pixels[max(0, top - 5) : top + 13]
            large.pixels[max(0, top - 5) : top + 13, 3:9]
    assert len(decoded) == len(set(decoded))


def test_alpha_after_pixels_is_not_decoded_again(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write_image(image_of(scene(np.uint8, 4)), path)
    with open_large(path, MOST) as large:
        read, parts = large.source.read, []
        monkeypatch.setattr(large.source, "read", lambda part: (parts.append(part), read(part))[1])
        for top in range(0, HEIGHT, 20):
            assert large.pixels[top : top + 20].shape[:2] == large.alpha[top : top + 20].shape
    assert len(parts) == 4


def test_what_is_kept_is_bounded():
    store = source.Kept(100)
    for number in range(10):
        store.put(number, np.zeros(30, np.uint8))
    assert sorted(store.parts) == [7, 8, 9]
    assert store.get(7) is not None
    store.put(10, np.zeros(30, np.uint8))
    assert sorted(store.parts) == [7, 9, 10]  # the one that was not asked for goes
    store.put(11, np.zeros(101, np.uint8))
    assert sorted(store.parts) == [7, 9, 10]


def write_rows(path, header, bands, encoding=AS_IT_IS, overwrite=True):
    return write_large(path, header, bands, encoding, overwrite)


@pytest.mark.parametrize("target", [".tif", ".png", ".ppm", ".pam", ".pfm"])
@pytest.mark.parametrize("origin", [".tif", ".png"])
@pytest.mark.parametrize(
    ("channels", "dtype"),
    [
        (1, np.uint8), (2, np.uint16), (3, np.uint8), (3, np.uint16), (4, np.uint8),
        (1, np.float32), (4, np.float32),
    ],
)  # fmt: skip
def test_a_file_written_by_rows_reads_as_one_written_whole(
    tmp_path, channels, dtype, origin, target
):
    first, path, other = tmp_path / f"a{origin}", tmp_path / f"b{target}", tmp_path / f"c{target}"
    if origin == ".png" and dtype == np.float32:
        return
    write_image(image_of(scene(dtype, channels), **kept()), first)
    with open_large(first, MOST) as large:
        if not can_write_rows(path, large.header):
            few = target in (".png", ".ppm", ".pam") and dtype == np.float32
            assert few or (channels in (2, 4) and target in (".ppm", ".pfm"))
            with pytest.raises(ImageError, match="write it whole"):
                write_rows(path, large.header, bands_of(large))
            return
        digest, told = warned(lambda: write_rows(path, large.header, bands_of(large)))
    assert digest == hashlib.blake2b(path.read_bytes(), digest_size=20).hexdigest()
    _, expected = warned(lambda: write_image(read_image(first), other))
    assert {line.replace(str(path), "") for line in told} == {
        line.replace(str(other), "") for line in expected
    }
    again, whole = read_image(path), read_image(other)
    check_same(again, whole)
    assert belongings(again) == belongings(whole)


@pytest.mark.parametrize("stored", [*STORED, "twelve bits"])
def test_a_tiff_is_stored_by_rows_as_it_is_whole(tmp_path, stored):
    """But for where in the file things lie."""
    first, path, other = tmp_path / "a.tif", tmp_path / "b.tif", tmp_path / "c.tif"
    if stored == "twelve bits":
        values = Image(scene(np.uint16, 3) >> 4 << 4 | scene(np.uint16, 3) >> 12)
        write_image(values, first)
        header = read_image(first)
    else:
        first.write_bytes(tiffs.made(scene(np.uint16), **STORED[stored]))
        header = read_image(first)
    write_rows(path, header, [(header.pixels[:20], None, None), (header.pixels[20:], None, None)])
    write_image(header, other)
    tags, others = (tiffs.tags_in(file.read_bytes()) for file in (path, other))
    places = (273, 324)
    assert {k: v for k, v in tags.items() if k not in places} == {
        k: v for k, v in others.items() if k not in places
    }


@pytest.mark.parametrize("big", [False, True])
def test_a_tiff_becomes_a_bigtiff_only_where_it_must(tmp_path, monkeypatch, big):
    path = tmp_path / "a.tif"
    image = Image(scene(), exif=tiffs.camera_exif())
    if big:
        monkeypatch.setattr(tiff_writing, "MOST_CLASSIC", 1000)
    write_rows(path, image, [(image.pixels, None, None)])
    assert path.read_bytes()[2:4] == (b"+\0" if big else b"*\0")
    again = read_image(path)
    same(again, image)
    write_image(image, tmp_path / "b.tif")
    assert again.exif == read_image(tmp_path / "b.tif").exif
    assert tiffs.NOTE in again.exif


def test_a_maker_note_stays_where_it_was(tmp_path):
    image = Image(scene(), exif=tiffs.camera_exif())
    write_image(image, tmp_path / "a.tif")
    write_rows(tmp_path / "b.tif", image, [(image.pixels, None, None)])
    whole, rows = ((tmp_path / name).read_bytes() for name in ("a.tif", "b.tif"))
    assert whole.index(tiffs.NOTE) == rows.index(tiffs.NOTE)


def test_inks_are_written_again_if_they_are_asked_for(tmp_path):
    path, out = tmp_path / "a.tif", tmp_path / "b.tif"
    inks = scene(np.uint8, 4)
    said = {"photometric": "separated", "metadata": None, "rowsperstrip": 9}
    tifffile.imwrite(path, inks, **said)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_read(path)
        with open_large(path, MOST) as large:
            write_rows(out, large.header, bands_of(large), Encoding(cmyk=True))
        same(read_image(out), read_image(path))
        assert read_image(out).stored.mode == "CMYK"


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_palette_becomes_colours_with_a_word(tmp_path, suffix):
    path, out = tmp_path / "a.png", tmp_path / f"b{suffix}"
    palette = png_files.chunk(b"PLTE", bytes(range(240)) * 3)
    samples = (png_files.random_samples(HEIGHT, WIDTH, 1, 8) // 2).astype(np.uint8)
    path.write_bytes(png_files.png(samples, 8, 3, before=palette))
    if suffix == ".tif":
        colours = np.stack([np.arange(256, dtype=np.uint16) * k for k in (1, 77, 200)])
        path = tmp_path / "a.tif"
        path.write_bytes(tiffs.made(samples[:, :, 0], photometric="palette", colormap=colours))
    with open_large(path, MOST) as large, pytest.warns(ImgaeWarning, match="palette"):
        write_rows(out, large.header, bands_of(large))
    same(read_image(out), read_image(path))


def test_what_hangs_on_all_pixels_is_written_whole(tmp_path):
    halves = tmp_path / "a.tif"
    halves.write_bytes(tiffs.made(scene(np.float32).astype(np.float16)))
    assert not can_write_rows(tmp_path / "b.tif", read_image(halves))
    assert not can_write_rows(tmp_path / "b.pbm", Image(scene(np.uint8, 1)))
    assert not can_write_rows(tmp_path / "b.png", Image(scene(np.float32)))
    assert not can_write_rows(tmp_path / "b.ppm", image_of(scene(np.uint8, 4)))


@pytest.mark.parametrize(
    ("name", "can"),
    [("a.tif", True), ("a.PNG", True), ("a.pgm", True), ("a.jpg", False), ("a.txt", False)],
)
def test_a_name_tells_whether_rows_can_be_written(tmp_path, name, can):
    assert can_write_rows(tmp_path / name) is can


@pytest.mark.parametrize("suffix", [".tif", ".png", ".ppm", ".pfm"])
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda bands: bands[:-1], "of its 61 rows came"),
        (lambda bands: [*bands[:-1], (bands[0][0][:, :5], None, None)], "expected"),
        (lambda bands: [*bands[:-1], (bands[0][0].astype(np.uint16), None, None)], "expected"),
        (lambda bands: [*bands[:-1], (bands[0][0], bands[0][0][:, :, 0], None)], "alpha"),
    ],
)
def test_bands_that_do_not_make_the_picture_leave_nothing(tmp_path, change, sentence, suffix):
    image = Image(scene())
    path = tmp_path / f"a{suffix}"
    bands = [(image.pixels[top : top + 7], None, None) for top in range(0, HEIGHT, 7)]
    path.write_bytes(b"before")
    with pytest.raises(ImageError, match=sentence):
        write_rows(path, image, change(bands))
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"before"


def test_what_bands_raise_is_raised_and_leaves_nothing(tmp_path):
    def bands():
        yield scene()[:7], None, None
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_rows(tmp_path / "a.png", Image(scene()), bands())
    assert not list(tmp_path.iterdir())


def test_infinity_and_files_that_exist_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    image = Image(scene(np.float32))
    bad = scene(np.float32)
    bad[40, 2, 1] = np.inf
    with pytest.raises(ImageError, match="NaN or infinity"):
        write_rows(path, image, [(bad, None, None)])
    assert not path.exists()
    write_rows(path, image, [(image.pixels, None, None)], overwrite=False)
    with pytest.raises(ImageError, match="exists already"):
        write_rows(path, image, [(image.pixels, None, None)], overwrite=False)


def test_a_file_is_replaced_only_when_it_is_whole(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"before")
    path.chmod(0o640)

    def bands():
        for top in range(0, HEIGHT, 9):
            assert path.read_bytes() == b"before"
            yield scene()[top : top + 9], None, None

    write_rows(path, Image(scene()), bands())
    assert path.stat().st_mode & 0o777 == 0o640
    same(read_image(path), Image(scene()))


@pytest.mark.parametrize("suffix", [".tif", ".png", ".ppm"])
def test_a_copy_by_rows_never_holds_the_whole_picture(tmp_path, monkeypatch, suffix):
    monkeypatch.undo()  # parts that are too small take more for themselves
    for module, names in (
        (tiff_rows, ("KEPT",)), (png_rows, ("KEPT", "BLOCK")), (writing, ("GROUP",)),
        (tiff_writing, ("GROUP",)), (png_writing, ("GROUP",)), (strips, ("STRIP",)),
        (large_pictures, ("PIECE",)),
    ):  # fmt: skip
        for name in names:
            monkeypatch.setattr(module, name, 150_000 if name == "BLOCK" else 50_000)
    path, out = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    image = Image(tiffs.scene(np.uint8, 3, 2000, 2000))
    write_image(image, path)
    tracemalloc.start()
    try:
        with open_large(path, 10**7) as large:
            write_rows(out, large.header, bands_of(large, 50))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    same(read_image(out), image)
    assert peak < 0.8 * image.pixels.nbytes


def test_a_stream_is_read_from_anywhere():
    data = os.urandom(5000) + bytes(5000)
    packed = zlib.compress(data)
    fed = []

    def read(at, count):
        fed.append(count)
        return packed[at : at + count]

    stream = inflating.Inflating(read, len(packed), 1000)
    for at, count in ((0, 100), (9000, 2000), (3210, 50), (50, 10), (9990, 100), (10_000, 5)):
        assert stream.read(at, count) == data[at : at + count]
    before = sum(fed)
    assert stream.read(4900, 50) == data[4900:4950]
    assert sum(fed) - before < 1500  # from the mark at 4000, not from the beginning


def test_a_png_whose_checksum_is_wrong_is_refused_when_it_is_opened(tmp_path):
    path = tmp_path / "a.png"
    write_image(Image(scene()), path)
    data = bytearray(path.read_bytes())
    place = data.index(b"IDAT")
    (size,) = struct.unpack(">I", data[place - 4 : place])
    data[place + 4 + size] ^= 1
    path.write_bytes(data)
    with pytest.raises(ImageError, match="checksum is wrong"):
        open_large(path, MOST)


@pytest.mark.parametrize("suffix", [".tif", ".png", ".ppm", ".pam", ".bmp"])
def test_changed_bytes_are_read_or_an_image_error(tmp_path, suffix):
    """What both ways read is the same, and what is refused when it is opened is so by both."""
    path, chance = tmp_path / f"a{suffix}", random.Random(4)
    write_image(Image(scene(np.uint8, 3)), path)
    whole = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for at in range(120):
            data = bytearray(whole)
            for _ in range(chance.randint(1, 3)):
                place = chance.randrange(300 if at % 2 else len(data)) * (1 if at % 3 else -1)
                data[place % len(data)] = chance.choice((0, 1, 127, 255, chance.randrange(256)))
            path.write_bytes(data)
            found = outcome(lambda: by_rows(path))
            if found is not None:
                expected = outcome(lambda: read_image(path, max_pixels=MOST))
                assert type(found) is type(expected)
                if isinstance(found, Image):
                    check_same(found, expected)


def by_rows(path):
    large = open_large(path, MOST)
    if large is None:
        return None
    with large:
        return joined(bands_of(large))


def outcome(work):
    try:
        return work()
    except ImageError as error:
        return error


def test_a_file_that_changes_after_it_was_digested_is_no_longer_read(tmp_path):
    path = tmp_path / "a.ppm"
    write_image(Image(np.zeros((9, 9, 3), np.uint8)), path)
    with open_large(path, 10**9) as large:
        assert large.digest() == hashlib.blake2b(path.read_bytes(), digest_size=20).hexdigest()
        path.write_bytes(path.read_bytes() + b"\n")
        with pytest.raises(ImageError, match="changed while it was read"):
            large.pixels[:3]
        with pytest.raises(ImageError, match="changed while it was read"):
            large.digest()
