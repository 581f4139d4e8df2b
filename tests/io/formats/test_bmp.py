import io
import struct
import warnings
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from pictures import ICC, picture, same

from imgae import Frames, Image, ImageError, ImgaeWarning, read_image
from imgae.io.files import encode

RNG = np.random.default_rng(4)


def written(image):
    return encode(Frames((image,)), Path("a.bmp"))


def saved(image, **options):
    out = io.BytesIO()
    image.save(out, "BMP", **options)
    return out.getvalue()


def bmp(bits, body, width, height, compression=0, palette=b"", masks=b"", size=40, colours=0):
    """A file made by hand."""
    begins = 14 + size + len(palette) + (len(masks) if size == 40 else 0)
    if size == 12:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        values = (size, width, height, 1, bits, compression, len(body), 0, 0, colours, 0)
        head = (struct.pack("<IiiHHIIiiII", *values) + masks).ljust(14 + size - 14, b"\0")
    return struct.pack("<2sIHHI", b"BM", begins + len(body), 0, 0, begins) + head + palette + body


def rows(array):
    return np.pad(array, ((0, 0), (0, -array.shape[1] % 4))).tobytes()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_common_kinds_are_exact_and_go_back_in_their_kind(mode):
    image = PIL.Image.fromarray(picture(np.uint8, 3, alpha=False).pixels)
    image = image.quantize(200) if mode == "P" else image.convert(mode)
    data = saved(image, dpi=(300, 150))
    read = read_image(data)
    assert np.array_equal(read.pixels.squeeze(), image.convert("L" if mode in "1L" else "RGB"))
    assert read.dpi == pytest.approx((300, 150), abs=0.02)
    out = written(read)
    same(read_image(out), read)
    with PIL.Image.open(io.BytesIO(out)) as file:
        assert file.mode == mode
        assert np.array_equal(np.asarray(file.convert("RGB")), np.asarray(image.convert("RGB")))
    assert out[28:30] == data[28:30]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("size", [12, 40])
def test_palettes_of_windows_and_os2(bits, size):
    numbers = RNG.integers(0, 1 << bits, (5, 11), np.uint8)
    palette = RNG.integers(0, 256, (1 << bits, 3), np.uint8)
    body = b""
    for row in numbers:
        text = "".join(f"{value:0{bits}b}" for value in row)
        text += "0" * (-len(text) % 32)
        body += int(text, 2).to_bytes(len(text) // 8, "big")
    entries = palette[:, ::-1]
    if size == 40:
        entries = np.pad(entries, ((0, 0), (0, 1)))
    image = read_image(bmp(bits, body, 11, 5, palette=entries.tobytes(), size=size))
    assert np.array_equal(image.pixels, palette[numbers][::-1])
    out = written(image)
    same(read_image(out), image)
    assert out[28] == bits
    with pytest.warns(ImgaeWarning, match="the colours of its palette; written with 8 bits"):
        assert written(image.with_pixels(255 - image.pixels))[28] == 24


@pytest.mark.parametrize(
    ("bits", "masks"),
    [
        (16, None),
        (16, (0x7C00, 0x3E0, 0x1F)),
        (16, (0xF800, 0x7E0, 0x1F)),
        (16, (0xF00, 0xF0, 0xF, 0xF000)),
        (32, (0xFF, 0xFF00, 0xFF0000)),
        (32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF)),
        (32, (0x3FF00000, 0xFFC00, 0x3FF)),
    ],
)
def test_masks(bits, masks):
    words = RNG.integers(0, 1 << bits, (4, 6)).astype("<u2" if bits == 16 else "<u4")
    said = struct.pack(f"<{len(masks)}I", *masks) if masks else b""
    size = 108 if masks and len(masks) == 4 else 40
    compression = 3 if masks else 0
    body = rows(words.view(np.uint8))
    image = read_image(bmp(bits, body, 6, 4, compression, masks=said, size=size))
    for k, mask in enumerate(masks or (0x7C00, 0x3E0, 0x1F)):
        shift = (mask & -mask).bit_length() - 1
        most = mask >> shift
        full = 65535 if most > 255 else 255
        expected = np.rint(((words & mask) >> shift)[::-1].astype(int) * full / most)
        assert np.array_equal(image.pixels[:, :, k] if k < 3 else image.alpha, expected)
    if image.bits == 8:
        out = written(image)
        same(read_image(out), image)
        assert out[28] == bits


def test_rows_from_the_top():
    array = RNG.integers(0, 256, (3, 5, 3), np.uint8)
    data = bmp(24, rows(array.reshape(3, -1)), 5, -3)
    assert np.array_equal(read_image(data).pixels, array[:, :, ::-1])


def test_transparency_and_a_profile_are_kept():
    image = picture(np.uint8, 3, alpha=True, icc=ICC, dpi=(72.0, 72.0))
    back = read_image(written(image))
    same(back, image)
    assert back.icc == ICC
    with PIL.Image.open(io.BytesIO(written(image))) as file:
        assert np.array_equal(np.asarray(file)[:, :, :3], image.pixels)
        assert np.array_equal(np.asarray(file)[:, :, 3], image.alpha)
    gray = picture(np.uint8, 1, alpha=False, icc=ICC)
    same(read_image(written(gray)), gray)


def test_a_fourth_byte_without_meaning_is_left_out_with_a_warning():
    array = RNG.integers(0, 256, (3, 5, 4), np.uint8)
    with pytest.warns(ImgaeWarning, match="fourth channel"):
        image = read_image(bmp(32, array.tobytes(), 5, 3))
    assert image.alpha is None
    assert np.array_equal(image.pixels, array[::-1, :, 2::-1])


PALETTE = RNG.integers(0, 256, (256, 4), np.uint8)
RUNS = bytes([5, 7, 0, 3, 1, 2, 3, 0, 0, 0, 0, 2, 2, 1, 4, 9, 0, 0, 8, 4, 0, 1])
EXPECTED = [[7, 7, 7, 7, 7, 1, 2, 3], [0] * 8, [0, 0, 9, 9, 9, 9, 0, 0], [4] * 8]
FOURS = bytes(
    [5, 0x7A, 0, 3, 0x12, 0x30, 0, 0, 8, 0x45, 0, 0, 0, 5, 0x12, 0x34, 0x50, 0, 3, 0x66, 0, 1]
)
EXPECTED_FOURS = [[7, 10, 7, 10, 7, 1, 2, 3], [4, 5] * 4, [1, 2, 3, 4, 5, 6, 6, 6]]


@pytest.mark.parametrize(
    ("bits", "compression", "body", "expected"),
    [(8, 1, RUNS, EXPECTED), (4, 2, FOURS, EXPECTED_FOURS)],
)
def test_runs_are_unfolded_as_another_program_does(bits, compression, body, expected):
    palette = PALETTE[: 1 << bits].tobytes()
    data = bmp(bits, body, 8, len(expected), compression, palette)
    image = read_image(data)
    assert np.array_equal(image.pixels, PALETTE[np.array(expected)[::-1]][:, :, 2::-1])
    if bits == 8:
        with PIL.Image.open(io.BytesIO(data)) as file:
            assert np.array_equal(image.pixels, file.convert("RGB"))
    same(read_image(written(image)), image)


def test_runs_of_os2_with_24_bits():
    body = bytes([3, 1, 2, 3, 1, 9, 8, 7, 0, 0, 0, 3, *range(9), 0, 1, 4, 5, 6, 0, 1])
    image = read_image(bmp(24, body, 4, 2, 4, size=64))
    assert image.pixels[1].tolist() == [[3, 2, 1]] * 3 + [[7, 8, 9]]
    assert image.pixels[0].tolist() == [[2, 1, 0], [5, 4, 3], [8, 7, 6], [6, 5, 4]]
    same(read_image(written(image)), image)


GOOD = bmp(24, bytes(4 * 16), 5, 4)
REFUSED = {
    "cut": (GOOD[:-9], "not whole"),
    "cut runs": (bmp(8, RUNS[:-6], 8, 4, 1, PALETTE.tobytes()), "not whole"),
    "beyond": (bmp(8, RUNS, 8, 2, 1, PALETTE.tobytes()), "beyond its rows"),
    "PNG inside": (bmp(24, GOOD, 5, 4, 5), "holds a PNG"),
    "bits": (bmp(7, GOOD, 5, 4), "7 bits"),
    "masks": (bmp(16, GOOD, 5, 4, 3, masks=struct.pack("<3I", 7, 7, 8)), "overlap"),
    "size": (bmp(24, GOOD, 0, 4), "0x4 pixels"),
    "huge": (bmp(24, GOOD, 30000, 30000), "not whole"),
    "OS/2 array": (b"BA" + GOOD[2:14] + GOOD, "OS/2 array"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_damage_and_what_is_not_read_are_refused(case):
    data, sentence = REFUSED[case]
    with pytest.raises(ImageError, match=sentence):
        read_image(data)


def test_mutated_files_are_read_or_refused():
    random = np.random.default_rng(0)
    image = Image(PALETTE[:60, :3].reshape(5, 12, 3))
    runs = bmp(8, RUNS, 8, 4, 1, PALETTE.tobytes())
    masks = bmp(16, bytes(range(64)), 8, 4, 3, masks=struct.pack("<3I", 0xF800, 0x7E0, 0x1F))
    for data in (written(image), runs, masks):
        for _ in range(100):
            changed = bytearray(data)
            for at in random.integers(2, min(len(changed), 90), random.integers(1, 4)):
                changed[at] = random.integers(256)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ImgaeWarning)
                try:
                    read = read_image(bytes(changed), max_pixels=10**6)
                except ImageError:
                    continue
                written(read)
