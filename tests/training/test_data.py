import re
import time

import numpy as np
import pytest
import tifffile

torch = pytest.importorskip("torch", reason="torch is not installed")

from imgae import Image, write_image  # noqa: E402
from imgae.errors import TrainingError  # noqa: E402
from imgae.io.formats import table  # noqa: E402
from imgae.training import data, reading  # noqa: E402
from imgae.training.data import PictureBank, read_folders  # noqa: E402


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def numbered(height, width, first=0):
    """A picture whose every pixel is unlike any other of its own."""
    return (np.arange(height * width * 3) + first).astype(np.uint8).reshape(height, width, 3)


def test_crops_are_parts_of_the_pictures_in_all_eight_poses():
    picture = np.random.default_rng(0).integers(0, 256, (9, 12, 3)).astype(np.uint8)
    bank = PictureBank.of([picture])
    windows = {}
    for top in range(9 - 4 + 1):
        for left in range(12 - 4 + 1):
            part = picture[top : top + 4, left : left + 4]
            for turns in range(4):
                for flip in (False, True):
                    posed = np.rot90(part[:, ::-1] if flip else part, turns)
                    windows[posed.tobytes()] = (top, left, turns, flip)
    crops = bank.crops(2000, 4, generator())
    assert crops.shape == (2000, 3, 4, 4)
    assert crops.dtype == torch.float32
    eight_bit = (crops * 255).round().byte().permute(0, 2, 3, 1).numpy()
    found = [windows[np.ascontiguousarray(crop).tobytes()] for crop in eight_bit]
    assert {top for top, *_ in found} == set(range(6))
    assert {left for _, left, *_ in found} == set(range(9))
    assert len({(turns, flip) for *_, turns, flip in found}) == 8


def test_pictures_are_drawn_by_their_number_of_crops():
    small, large = np.zeros((8, 8, 3), np.uint8), np.full((8, 107, 3), 255, np.uint8)
    crops = PictureBank.of([small, large]).crops(2000, 8, generator())
    assert float(crops.mean()) == pytest.approx(0.99, abs=0.01)


def test_the_same_generator_state_gives_the_same_crops():
    bank = PictureBank.of([numbered(40, 50), numbered(30, 90)])
    assert torch.equal(bank.crops(8, 16, generator(1)), bank.crops(8, 16, generator(1)))
    assert not torch.equal(bank.crops(8, 16, generator(1)), bank.crops(8, 16, generator(2)))


@pytest.fixture
def folder(tmp_path):
    for number in range(6):
        name = tmp_path / "deep" / f"{number}.png"
        name.parent.mkdir(exist_ok=True)
        write_image(Image(numbered(32, 40, number)), name)
    return tmp_path


def test_folders_are_searched_through_and_some_kept_for_validation(folder):
    read = read_folders([folder], 16, 1 << 20, seed=0)
    assert (len(read.training), len(read.validation)) == (5, 1)
    again = read_folders([folder], 16, 1 << 20, seed=0)
    assert all(np.array_equal(a, b) for a, b in zip(read.training, again.training, strict=True))


def test_unreadable_and_small_pictures_are_passed_over_and_counted(folder):
    (folder / "bad.png").write_text("no picture")
    (folder / "notes.txt").write_text("no picture either")
    write_image(Image(numbered(8, 8)), folder / "small.png")
    read = read_folders([folder], 16, 1 << 20, seed=0)
    assert len(read.training) + len(read.validation) == 6
    assert read.too_small == 1
    assert [("bad.png" in sentence) for sentence in read.unreadable] == [True]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda v: np.where(np.arange(40)[:, None] < 4, np.nan, v), "10.0% of its values are NaN"),
        (lambda v: np.full_like(v, np.nan), "100.0% of its values are NaN or infinity"),
        (lambda v: np.where(np.arange(40)[:, None] == 0, np.inf, v), "2.5% of its values are NaN"),
        (lambda v: np.where(np.arange(40)[:, None] == 0, -np.inf, v), "2.5% of its values are NaN"),
    ],
    ids=["some NaN", "all NaN", "infinity", "minus infinity"],
)
def test_floats_that_are_no_numbers_are_passed_over_by_name(folder, change, told):
    values = np.linspace(0, 1, 32 * 40 * 3, dtype=np.float32).reshape(32, 40, 3)
    tifffile.imwrite(folder / "odd.tif", change(values).astype("f4"), photometric="rgb")
    tifffile.imwrite(folder / "good.tif", values * 1.004 - 0.002, photometric="rgb")
    read = read_folders([folder], 16, 1 << 20, seed=0)
    assert len(read.training) + len(read.validation) == 7
    (sentence,) = read.unreadable
    assert re.search(rf"odd\.tif: {told}", sentence)


def test_memory_bounds_the_bank(folder):
    one = 32 * 40 * 3
    read = read_folders([folder], 16, 3 * one + one // 2, seed=0)
    assert len(read.training) + len(read.validation) == 3
    assert read.left_out == 3


def test_pictures_keep_their_depth(tmp_path):
    for number in range(2):
        pixels = np.full((32, 32, 1), 40000 + number, np.uint16)
        write_image(Image(pixels), tmp_path / f"{number}.png")
    read = read_folders([tmp_path], 16, 1 << 20, seed=0)
    (picture,) = read.training
    assert picture.shape == (32, 32, 3)
    assert picture.dtype == np.uint16
    assert set(picture.ravel().tolist()) <= {40000, 40001}
    (eight,) = read_folders([tmp_path], 16, 1 << 20, seed=0, values="eight").training
    assert (eight == 156).all()
    assert eight.dtype == np.uint8


@pytest.mark.filterwarnings("ignore:.*its values reach")
@pytest.mark.parametrize(
    ("pixels", "seen"),
    [
        (np.linspace(0, 4095, 1024).astype("u2"), np.linspace(0, 4095, 1024).astype("u2") * 16),
        (np.linspace(0, 1, 1024).astype("f4"), np.linspace(0, 1, 1024).astype("f4")),
        (np.linspace(0, 250, 1024).astype("f4"), np.linspace(0, 250, 1024).astype("f4") / 256),
    ],
    ids=["12 bits in 16", "floats", "floats of their own range"],
)
def test_what_training_gets_is_what_models_are_shown(tmp_path, pixels, seen):
    for number in range(2):
        tifffile.imwrite(tmp_path / f"{number}.tif", pixels.reshape(32, 32))
    (shown,) = read_folders([tmp_path], 16, 1 << 20, seed=0).training
    assert shown.dtype == seen.dtype
    assert np.abs(shown[:, :, 1].astype("f8").ravel() - seen).max() <= 1e-6
    (own,) = read_folders([tmp_path], 16, 1 << 20, seed=0, values="own").training
    assert np.array_equal(own[:, :, 2].ravel(), pixels)


def test_every_page_is_a_picture_and_bad_ones_are_named(tmp_path):
    pages = np.random.default_rng(0).random((5, 32, 40)).astype("f4")
    tifffile.imwrite(tmp_path / "stack.tif", pages, photometric="minisblack")
    read = read_folders([tmp_path], 16, 1 << 20, seed=0)
    assert len(read.training) + len(read.validation) == 5
    pages[3, 2] = np.nan
    tifffile.imwrite(tmp_path / "bad.tif", pages, photometric="minisblack")
    (sentence,) = read_folders([tmp_path], 16, 1 << 20, seed=0).unreadable
    assert re.search(r"bad\.tif: slice 4: 3.1% of its values are NaN", sentence)


def test_a_bank_of_several_depths_has_that_of_the_deepest():
    pictures = [np.full((8, 8, 3), value, kind) for value, kind in ((255, "u1"), (65535, "u2"))]
    deep = PictureBank.of(list(pictures))
    assert deep.pixels.dtype == torch.uint16
    assert (deep.crops(8, 4, generator()) == 1).all()
    pictures.append(np.full((8, 8, 3), 0.25, "f4"))
    floats = PictureBank.of(pictures)
    assert floats.pixels.dtype == torch.float32
    assert set(floats.crops(40, 4, generator()).unique().tolist()) == {0.25, 1.0}
    exact = PictureBank.of([np.arange(48, dtype="u2").reshape(4, 4, 3) * 1365])
    crop = (exact.crops(1, 4, generator()) * 65535).round().long()
    assert sorted(crop.ravel().tolist()) == [1365 * value for value in range(48)]


def test_one_file_is_read_before_others_are_begun_and_those_left_out_are_counted(tmp_path):
    assert data.Room(1 << 20).files() == 1
    page = 32 * 40 * 3
    for number in range(4):
        stack = np.full((5, 32, 40), 100 + number, np.uint8)
        tifffile.imwrite(tmp_path / f"{number}.tif", stack, photometric="minisblack")
    read = read_folders([tmp_path], 16, 7 * page, seed=0)
    assert len(read.training) + len(read.validation) == 7
    assert read.left_out == 3
    assert {picture.strides[2] for picture in read.training} == {0}  # gray is held once
    bank = PictureBank.of(read.training)
    assert bank.crops(2, 16, generator()).std(1).max() == 0


def test_memory_counts_the_bytes_of_the_deepest(tmp_path):
    for number in range(6):
        pixels = np.full((32, 40, 3), 60000 if number else 200, "u2" if number else "u1")
        write_image(Image(pixels), tmp_path / f"{number}.png")
    read = read_folders([tmp_path], 16, 3 * 2 * 32 * 40 * 3 + 100, seed=0)
    assert len(read.training) + len(read.validation) == 3
    assert read.left_out == 3


def test_a_folder_without_pictures_is_one_sentence(tmp_path):
    with pytest.raises(TrainingError, match="no pictures found"):
        read_folders([tmp_path], 16, 1 << 20, seed=0)


def test_a_folder_without_pictures_is_told_every_format_that_can_be_read(tmp_path, monkeypatch):
    more = table.Row("QOI", (".qoi",), b"qoif", "qoi", extra="formats")
    monkeypatch.setattr(table, "FORMATS", (*table.FORMATS, more))
    with pytest.raises(TrainingError, match=r"holds PNG, JPEG, TIFF, .* or QOI files"):
        read_folders([tmp_path], 16, 1 << 20, seed=0)


def test_what_is_no_folder_is_one_sentence(tmp_path):
    with pytest.raises(TrainingError, match="not a folder"):
        read_folders([tmp_path / "no"], 16, 1 << 20, seed=0)


def test_crops_larger_than_every_picture_are_one_sentence(folder):
    with pytest.raises(TrainingError, match=r"6 are under 64x64.*--crop"):
        read_folders([folder], 64, 1 << 20, seed=0)


def test_a_bank_does_not_keep_the_pictures_twice():
    pictures = [numbered(8, 9), numbered(10, 11)]
    bank = PictureBank.of(pictures)
    assert pictures == []
    assert len(bank) == 2
    assert np.array_equal(bank.pixels[: 8 * 9 * 3].numpy().reshape(8, 9, 3), numbered(8, 9))


@pytest.mark.parametrize("cpus", [1, 4])
def test_threads_read_in_order_and_no_further_than_there_is_room(monkeypatch, cpus):
    monkeypatch.setattr(reading, "usable_cpus", lambda: cpus)
    begun, room = [], [3]

    def read(item):
        begun.append(item)
        time.sleep(0.002 * (item % 3))
        return item

    results = reading.read_ahead(read, range(20), lambda: room[0])
    assert next(results) == 0
    assert len(begun) <= min(cpus, 3)
    room[0] = 0
    assert [next(results) for _ in range(5)] == [1, 2, 3, 4, 5]
    assert len(begun) <= 7
    results.close()
    assert len(begun) <= 7
