"""Files that are damaged, or lie: one sentence each, soon, and without much memory."""

import random
import struct
import warnings

import numpy as np
import PIL.Image
import pytest
from tiffs import by_hand, camera_exif, made, saved, scene

from imgae import Frames, Image, ImageError, ImgaeError, ImgaeWarning, read_frames, read_image
from imgae.io.format import Encoding
from imgae.io.formats.tiff import format as tiff
from imgae.io.formats.tiff.build import numbers


def small():
    return scene(np.uint16, 3, 24, 30)


GOOD = [
    *(made(small(), compression=c, rowsperstrip=9) for c in (None, "lzw", "zlib", "zstd", "lzma")),
    made(small().transpose(2, 0, 1), planarconfig="separate", photometric="rgb", compression="lzw"),
    made(scene(np.float32), compression="zlib", predictor=True, tile=(16, 16)),
    *(
        made(scene(), compression=c, tile=(32, 48))
        for c in ("webp", "jpeg2000", "lerc", "png", "jpegxl", "jpeg")
    ),
    made(small()[:, :, 0] >> 4, bitspersample=12),
    made(small(), bigtiff=True, byteorder=">"),
    made(small(), small()[:, :, 0], small()[::2, ::2]),
    *(
        saved(PIL.Image.fromarray(scene()[:, :, 0] > 99), compression=c)
        for c in ("group3", "group4", "tiff_ccitt")
    ),
    saved(PIL.Image.fromarray(scene()).quantize(20), compression="tiff_lzw"),
    saved(PIL.Image.fromarray(scene()).convert("CMYK")),
    saved(PIL.Image.fromarray(scene()).convert("YCbCr")),
    tiff.encode(Frames((Image(scene(), exif=camera_exif(">")),)), "a.tif", Encoding()),
]
LARGE = (0, 1, 255, 65535, 65536, 1 << 31, (1 << 32) - 1)


def entries(data):
    """Where the tags of the first directory lie, and the size of an entry."""
    order = "<" if data[:2] == b"II" else ">"
    big = 43 in data[2:4]
    (at,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, at)
    width = 20 if big else 12
    return order, [at + (8 if big else 2) + k * width for k in range(count)], width


def spoiled(data, chance):
    """A file with something wrong in it."""
    data = bytearray(data)
    way = chance.randrange(5)
    order, places, width = entries(data)
    place = chance.choice(places)
    if way == 0:
        for _ in range(chance.randrange(1, 9)):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif way == 1:
        del data[chance.randrange(8, len(data)) :]
    elif way == 2:
        struct.pack_into(order + "I", data, place + chance.choice((4, 8)), chance.choice(LARGE))
    elif way == 3:
        struct.pack_into(
            order + "H", data, place, chance.choice((254, 259, 262, 277, 317, 330, 700))
        )
    else:
        value = chance.choice((1, 2, 3, 4, 5, 6, 7, 8, 32773, 34887, 34925, 50001, 34712, 50002))
        for at in places:
            if struct.unpack_from(order + "H", data, at)[0] == 259:
                struct.pack_into(order + "H", data, at + width // 2 + 2, value)
    return bytes(data)


@pytest.mark.parametrize("number", range(len(GOOD)))
def test_spoiled_files_are_read_or_refused_in_one_sentence(number, capfd):
    for seed in range(20):
        chance = random.Random(seed)
        data = spoiled(GOOD[number], chance) if seed else GOOD[number]
        said = ""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", ImgaeWarning)
            try:
                frames = read_frames(data, max_pixels=1 << 20)
            except ImgaeError as error:
                said = str(error)
            else:
                assert frames[0].pixels.size
        assert "\n" not in said
        assert seed or not said
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("number", range(5))
def test_every_file_that_ends_early_is_refused(number):
    data = GOOD[number]
    lies = by_hand(53, 40, {}, scene(channels=1).tobytes())
    for part in (8, 100, 1500):
        with pytest.raises(ImageError, match=r"cut short|damaged"):
            read_image(lies[:part])
    with pytest.raises(ImageError, match=r"cut short|damaged"):
        read_image(data[: len(data) // 2])


def test_a_file_that_says_gigapixels_is_refused_by_its_size():
    with pytest.raises(ImageError, match="more than the 1000 that are allowed"):
        read_image(by_hand(60_000, 60_000, {}, bytes(100)))
    with pytest.raises(ImageError, match="allow more"):
        read_image(by_hand(20_000, 20_000, {277: numbers(3, 60_000)}, bytes(100)))
    with pytest.raises(ImageError, match=r"cut short|damaged"):
        read_image(by_hand(30_000, 30_000, {}, bytes(100)))
    with pytest.raises(ImageError, match=r"bytes cannot hold"):
        read_image(by_hand(30_000, 30_000, {259: numbers(3, 8)}, bytes(100)))
    tiles = {322: numbers(4, 1 << 19), 323: numbers(4, 1 << 19)}
    with pytest.raises(ImageError, match="allow more"):
        read_image(by_hand(8, 8, tiles, bytes(100)))


def test_what_leads_back_to_itself_ends():
    data = bytearray(made(small()))
    order, places, width = entries(data)
    struct.pack_into(order + "I", data, places[-1] + width, places[0] - 2)
    with pytest.warns(ImgaeWarning, match="next picture leads back"):
        assert len(read_frames(bytes(data))) == 1
    struct.pack_into(order + "I", data, places[-1] + width, len(data) + 9)
    with pytest.warns(ImgaeWarning, match="lies beyond its end"):
        assert len(read_frames(bytes(data))) == 1


def test_directories_that_overlap_are_refused():
    entry = struct.pack("<HHII", 270, 2, 1, 0)
    starts = [16 + 2 * k for k in range(4000)]
    body = struct.pack("<H", 2000) + entry * 2000
    body += bytes(16_000)
    head = struct.pack("<2sHI", b"II", 42, 8 + len(body))
    child = struct.pack("<HHIHHIIII", 1, 330, 4, 0, 0, 0, 0, 0, 0)[:0]
    places = len(head) + len(body) + 2 + 12 + 4
    first = struct.pack("<H", 1) + struct.pack("<HHII", 330, 4, len(starts), places) + bytes(4)
    data = head + body + first + child + struct.pack(f"<{len(starts)}I", *starts)
    with pytest.raises(ImageError, match=r"directories overlap|damaged"):
        read_image(data)


def test_what_a_file_does_not_say_is_taken_as_viewers_take_it():
    data = by_hand(53, 40, {262: numbers(3, 1)}, scene(channels=1).tobytes())
    without = bytearray(data)
    struct.pack_into("<H", without, data.index(struct.pack("<HHI", 262, 3, 1)), 263)
    with pytest.warns(ImgaeWarning, match="does not say what its colours are; taken for gray"):
        image = read_image(bytes(without))
    assert np.array_equal(image.pixels, scene(channels=1))
    struct.pack_into("<H", without, data.index(struct.pack("<HHI", 279, 4, 1)), 280)
    with pytest.warns(ImgaeWarning):
        assert np.array_equal(read_image(bytes(without)).pixels, scene(channels=1))


def test_parts_that_are_not_there_are_dark_and_told_of():
    data = by_hand(53, 40, {}, scene(channels=1).tobytes())
    data = bytearray(data)
    for tag in (273, 279):
        struct.pack_into("<I", data, data.index(struct.pack("<HHI", tag, 4, 1)) + 8, 0)
    with pytest.warns(ImgaeWarning, match="sparse"):
        assert not read_image(bytes(data)).pixels.any()


def test_damaged_camera_data_is_left_out_with_a_note():
    data = bytearray(tiff.encode(Frames((Image(scene(), exif=camera_exif()),)), "a", Encoding()))
    struct.pack_into("<I", data, data.index(struct.pack("<HHI", 34665, 4, 1)) + 8, len(data) + 4)
    with pytest.warns(ImgaeWarning, match=r"camera data \(EXIF\) is damaged, and left out"):
        image = read_image(bytes(data))
    assert np.array_equal(image.pixels, scene())


@pytest.mark.parametrize(
    ("tags", "sentence"),
    [
        ({259: numbers(3, 34661)}, "its compression is JBIG, which imgae does not read"),
        ({259: numbers(3, 777)}, r"of an unknown kind \(777\)"),
        ({262: numbers(3, 32845)}, "LogLuv"),
        ({258: numbers(3, 5, 6, 5), 277: numbers(3, 3)}, "5, 6, 5 bits"),
        ({32997: numbers(3, 4)}, "a volume"),
        ({317: numbers(3, 3), 259: numbers(3, 8)}, "predictor"),
        ({262: numbers(3, 3)}, "palette has 0 of 256"),
        ({262: numbers(3, 2)}, "1 channels of a picture of 3 colours"),
    ],
)
def test_what_is_not_read_is_named(tags, sentence):
    with pytest.raises(ImageError, match=sentence):
        read_image(by_hand(53, 40, tags, scene(channels=1).tobytes()))


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_a_fax_with_missing_rows_is_refused_and_one_with_white_rows_is_not(compression):
    black = scene(channels=1)[:, :, 0] < 120
    black[30:] = False
    data = bytearray(saved(PIL.Image.fromarray(~black), compression=compression))
    assert (read_image(bytes(data)).pixels[:, :, 0] == 0).tolist() == black.tolist()
    place = data.index(struct.pack("<HHI", 279, 4, 1)) + 8
    (size,) = struct.unpack_from("<I", data, place)
    struct.pack_into("<I", data, place, size * 2 // 3)
    with pytest.raises(ImageError, match="rows are missing"):
        read_image(bytes(data))
    with pytest.raises(ImageError, match="cannot hold 30000 rows"):
        read_image(by_hand(30_000, 30_000, {258: numbers(3, 1), 259: numbers(3, 3)}, bytes(9)))


@pytest.mark.parametrize("tile", [None, (64, 64)])
def test_damaged_deflate_is_never_read_without_a_word(tile):
    """Damage inside may leave data that can be unfolded, but is not what it was; in threads too."""
    picture = np.tile(scene(), (12, 9, 1))
    good = made(picture, compression="zlib", tile=tile, rowsperstrip=None if tile else 32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(read_image(good).pixels, picture)
    told = []
    for seed in range(30):
        chance = random.Random(seed)
        damaged = bytearray(good)
        at = chance.randrange(len(good) // 4, len(good) // 2)
        for k in range(40):
            damaged[at + k] ^= chance.randrange(1, 256)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                found = read_image(bytes(damaged)).pixels
            except ImageError:
                continue
        if not np.array_equal(found, picture):
            (only,) = caught
            assert "a checksum of its data is wrong" in str(only.message)
            told.append(seed)
    assert told  # some damage is of this kind
