import io
import random
import warnings

import numpy as np
import PIL.Image
import pytest
import tifffile
from pictures import picture

from imgae import Frames, MissingExtraError, read_frames, write_frames
from imgae.io.formats import table
from imgae.io.measure import MEASURES, Size, size_of

WRITTEN = [row.extensions[0] for row in table.FORMATS if row.written]


def write(path, images, kind="picture"):
    """Write what the format holds of it, with the extras that are there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            write_frames(Frames(tuple(images), kind), path, overwrite=True)
        except MissingExtraError as error:
            pytest.skip(str(error))


def held(path):
    """The size of what is read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frames = read_frames(path)
    parts = [frames[0].pixels, frames[0].alpha, frames[0].extra]
    samples = sum(part[..., None].shape[2] for part in parts if part is not None)
    return Size(
        frames[0].width, frames[0].height, len(frames), samples, frames[0].pixels.dtype.itemsize
    )


@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("suffix", WRITTEN)
def test_the_size_is_that_of_what_is_read(tmp_path, suffix, dtype, channels, alpha):
    path = tmp_path / f"a{suffix}"
    write(path, [picture(dtype, channels, alpha)])
    assert size_of(path) == size_of(path.read_bytes()) == held(path)


@pytest.mark.parametrize("suffix", [".png", ".gif", ".webp"])
def test_frames_of_an_animation_are_counted_and_may_be_transparent(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    images = [picture(np.uint8, 3, alpha=True) for _ in range(3)]
    write(path, images, "animation")
    assert size_of(path) == held(path) == Size(17, 13, 3, 4, 1)


@pytest.mark.parametrize("suffix", [".avif", ".jxl"])
def test_animations_that_have_to_be_decoded_are_not_told(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write(path, [picture(np.uint8, 3, alpha=False) for _ in range(3)], "animation")
    assert size_of(path) is None


def test_pages_of_a_tiff_are_counted_and_those_of_several_sizes_together(tmp_path):
    path = tmp_path / "a.tif"
    write(path, [picture(np.uint16, 3, alpha=False)] * 4, "pages")
    assert size_of(path) == Size(17, 13, 4, 3, 2)
    write(path, [picture(np.uint16, 3, alpha=False), picture(np.uint8, 1, alpha=False)], "pages")
    assert size_of(path) == Size(17, 13, 2, 3, 2)


def test_slices_behind_a_single_directory_are_counted(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((5, 13, 17), np.uint8), imagej=True)
    assert size_of(path) == Size(17, 13, 5, 1, 1)


@pytest.mark.parametrize(
    ("suffix", "mode", "samples"),
    [
        (".png", "P", 3),
        (".tif", "P", 3),
        (".tif", "CMYK", 3),
        (".jpg", "CMYK", 3),
        (".tif", "1", 1),
    ],
)
def test_what_becomes_of_samples_counts(tmp_path, suffix, mode, samples):
    path = tmp_path / f"a{suffix}"
    rng = np.random.default_rng(0)
    rgb = PIL.Image.fromarray(rng.integers(0, 256, (13, 17, 3), np.uint8))
    rgb.convert(mode).save(path)
    assert size_of(path) == held(path) == Size(17, 13, 1, samples, 1)


def test_bytes_and_memory_are_counted():
    size = Size(20_000, 10_000, 2, 4, 2)
    assert size.pixels == 4 * 10**8
    assert size.nbytes == 32 * 10**8


def test_a_picture_behind_another_is_not_passed_over():
    one = b"P5 2 1 255 \x01\x02"
    assert size_of(one) == Size(2, 1, 1, 1, 1)
    assert size_of(one + one) == size_of(one + b"\n" + one) == Size(2, 1, 2, 1, 1)
    assert size_of(one + b"P6 3 2 255 " + bytes(18)) == Size(3, 2, 2, 3, 1)
    assert size_of(one + one[:-1]) is None
    assert size_of(one + b"rest") is None
    assert size_of(b"P2 2 1 255 1 2") is None


def test_what_is_no_picture_is_none(tmp_path):
    assert size_of(tmp_path / "missing.png") is None
    assert size_of(tmp_path) is None
    assert size_of(b"") is None
    assert size_of(b"not a picture") is None
    (tmp_path / "empty.png").write_bytes(b"")
    assert size_of(tmp_path / "empty.png") is None
    assert size_of(tmp_path / "a\0.png") is None


def test_every_format_is_measured_but_those_of_cameras():
    assert {row.name for row in table.FORMATS} - set(MEASURES) == {"camera raw"}


@pytest.mark.parametrize("suffix", WRITTEN)
def test_damage_is_none_or_a_size_and_never_an_error_or_a_warning(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write(path, [picture(np.uint8, 3, alpha=False)])
    whole, chance = path.read_bytes(), random.Random(3)
    found = set()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for at in range(200):
            data = bytearray(whole[: chance.randint(1, 80) if at % 2 else len(whole)])
            data[chance.randrange(len(data))] = chance.randrange(256)
            found.add(size_of(bytes(data)))
    assert None in found


@pytest.mark.parametrize("suffix", [".tif", ".png", ".bmp", ".webp", ".avif"])
def test_a_file_that_gets_shorter_meanwhile_is_none(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"a{suffix}"
    write(path, [picture(np.uint8, 3, alpha=False)])
    row = table.of_content(path.read_bytes())

    def shortened(_data):
        path.write_bytes(path.read_bytes()[:9])
        return row

    monkeypatch.setattr(table, "of_content", shortened)
    assert size_of(path) is None


def test_of_an_animation_of_which_only_the_beginning_is_there_nothing_is_told(tmp_path):
    path = tmp_path / "a.webp"
    write(path, [picture(np.uint8, 3, alpha=True) for _ in range(3)], "animation")
    data = path.read_bytes()
    assert size_of(data).frames == 3
    assert size_of(data[: len(data) // 2]) is None


def test_little_is_read_of_a_large_file(tmp_path, monkeypatch):
    """What its directory says, and not its pixels."""
    out = io.BytesIO()
    PIL.Image.new("RGB", (300, 200)).save(out, "TIFF")
    path = tmp_path / "a.tif"
    path.write_bytes(out.getvalue())
    monkeypatch.setattr(np, "frombuffer", seen := Seen(np.frombuffer))
    assert size_of(path) == Size(300, 200, 1, 3, 1)
    assert 0 < seen.most < 1000


class Seen:
    """Remembers the most bytes that were looked at together."""

    def __init__(self, function):
        self.function, self.most = function, 0

    def __call__(self, data, *others):
        self.most = max(self.most, len(data))
        return self.function(data, *others)
