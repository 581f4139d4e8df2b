"""Pairs of noisy and clean pictures: matched by name, and aligned or refused."""

import re

import numpy as np
import pytest
import tifffile

torch = pytest.importorskip("torch", reason="torch is not installed")

from scenes import photo  # noqa: E402

from imgae import Image, write_image  # noqa: E402
from imgae.errors import TrainingError  # noqa: E402
from imgae.training.alignment import fault, gray, shift_of  # noqa: E402
from imgae.training.data import PictureBank  # noqa: E402
from imgae.training.noise.model import NoiseModel  # noqa: E402
from imgae.training.pairs import read_pairs  # noqa: E402
from imgae.training.tasks.denoise_settings import DenoiseSettings  # noqa: E402
from imgae.training.tasks.own_noise import PairsTask  # noqa: E402


def clean_picture(number=0, height=128, width=144):
    return photo(height, width, number).astype(np.float32)


def noisy_of(clean, seed=0, level=0.08):
    noise = np.random.default_rng(seed).standard_normal(clean.shape)
    return (clean + level * noise).astype(np.float32)


def moved(picture, down, across):
    """A picture moved by parts of a pixel, through its spectrum."""
    rows, columns = (np.fft.fftfreq(side) for side in picture.shape[:2])
    turn = np.exp(-2j * np.pi * (rows[:, None] * down + columns * across))[:, :, None]
    spectrum = np.fft.fft2(picture, axes=(0, 1))
    return np.fft.ifft2(spectrum * turn, axes=(0, 1)).real.astype(np.float32)


@pytest.fixture
def folders(tmp_path):
    for number in range(4):
        clean = clean_picture(number)
        for name, pixels in (("noisy", noisy_of(clean, number)), ("clean", clean)):
            (tmp_path / name).mkdir(exist_ok=True)
            tifffile.imwrite(tmp_path / name / f"{number}.tif", pixels, photometric="rgb")
    return tmp_path


def read(folder, crop=32, memory=1 << 24):
    return read_pairs(folder / "noisy", folder / "clean", crop, memory, seed=0)


def test_pairs_are_six_channels_and_so_are_their_crops(folders):
    found = read(folders)
    assert (len(found.training), len(found.validation)) == (3, 1)
    assert {pair.shape for pair in found.training} == {(128, 144, 6)}
    crops = PictureBank.of(found.training).crops(4, 32, torch.Generator().manual_seed(0))
    assert crops.shape == (4, 6, 32, 32)
    off = crops[:, :3] - crops[:, 3:]
    assert float(off.std()) == pytest.approx(0.08, rel=0.05)


def test_names_match_whatever_the_format_and_the_depth(folders):
    pixels = (clean_picture(0) * 65535).round().astype(np.uint16)
    (folders / "clean" / "0.tif").unlink()
    write_image(Image(pixels), folders / "clean" / "0.png")
    found = read(folders)
    assert all(pair.dtype == np.float32 for pair in found.training + found.validation)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda f: (f / "clean/2.tif").unlink(), r"2.tif: .*clean holds no picture of that name"),
        (lambda f: (f / "noisy/2.tif").unlink(), r"2.tif: .*noisy holds no picture of that name"),
        (
            lambda f: write_image(Image(np.zeros((8, 8, 3), "u1")), f / "clean/1.png"),
            r"1.tif: 1.png has the same name",
        ),
        (
            lambda f: tifffile.imwrite(f / "noisy/3.tif", clean_picture(3, 120), photometric="rgb"),
            r"3.tif: its size is 144x120 and that of its clean picture 144x128",
        ),
        (
            lambda f: tifffile.imwrite(
                f / "noisy/3.tif", moved(clean_picture(3), 0, 2), photometric="rgb"
            ),
            r"3.tif: it is shifted .*, by 2.0 pixels right \(the clean .*clean/3.tif; pairs",
        ),
    ],
    ids=["no clean", "no noisy", "same name", "size", "shift"],
)
def test_what_does_not_match_is_refused_by_name(folders, spoil, told):
    spoil(folders)
    with pytest.raises(TrainingError, match=told):
        read(folders)


def test_pages_are_matched_by_their_number(tmp_path):
    clean = np.stack([clean_picture(number)[:, :, 0] for number in range(3)])
    for name, pages in (("noisy", noisy_of(clean)), ("clean", clean)):
        (tmp_path / name).mkdir()
        tifffile.imwrite(tmp_path / name / "stack.tif", pages, photometric="minisblack")
    found = read(tmp_path)
    assert len(found.training) + len(found.validation) == 3
    tifffile.imwrite(tmp_path / "clean" / "stack.tif", clean[:2], photometric="minisblack")
    with pytest.raises(TrainingError, match=r"stack.tif: 3 pages, but 2 in .*clean"):
        read(tmp_path)
    tifffile.imwrite(tmp_path / "clean" / "stack.tif", clean[::-1], photometric="minisblack")
    with pytest.raises(TrainingError, match=r"stack.tif: page 1: it does not show"):
        read(tmp_path)


def test_a_pair_that_cannot_be_read_is_passed_over(folders):
    pixels = clean_picture(1)
    pixels[0] = np.nan
    tifffile.imwrite(folders / "clean" / "1.tif", pixels, photometric="rgb")
    found = read(folders)
    assert len(found.training) + len(found.validation) == 3
    assert re.search("clean/1.tif: .*NaN", found.unreadable[0])


@pytest.mark.parametrize("level", [0.02, 0.15])
def test_shifts_are_measured_to_parts_of_a_pixel(level):
    clean = clean_picture()
    noisy = noisy_of(moved(clean, 0.8, -1.3), level=level)
    down, across, error = shift_of(gray(noisy), gray(clean))
    assert (down, across) == pytest.approx((0.8, -1.3), abs=0.03 + 4 * error)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda p: p, None),
        (lambda p: moved(p, 0.3, 0), None),
        (lambda p: p * 1.02, None),
        (lambda p: np.full_like(p, 0.5), "does not show"),
        (lambda p: p[:, ::-1], "turned or mirrored"),
        (lambda p: p[::-1, ::-1], "turned or mirrored"),
        (lambda p: p * 0.7, "are both on one scale?"),
        (lambda p: p + 0.3, "it is brighter by 0.3 of white"),
        (lambda p: np.concatenate([p[:64], moved(p, 0, 2)[64:]]), "shifted"),
    ],
    ids=["same", "small", "bright", "gray", "mirrored", "turned", "exposure", "offset", "half"],
)
def test_what_differs_from_its_clean_picture_is_said(change, told):
    clean = clean_picture()
    said = fault(noisy_of(change(clean), level=0.04), clean)
    assert (said is None) if told is None else (said is not None and told in said)


@pytest.mark.parametrize(
    ("down", "across", "said"),
    [(0, -2, "2.0 pixels left"), (1.5, 0, "1.5 pixels down"), (-1, 2, "right and 1.0 pixels up")],
)
def test_a_shift_is_said_by_its_ways(down, across, said):
    clean = clean_picture()
    told = fault(noisy_of(moved(clean, down, across), level=0.02), clean)
    assert told.endswith(said)


def test_small_pictures_in_strong_noise_are_aligned():
    for side, levels in ((48, (50,)), (96, (20, 50))):
        for level in levels:
            for number in range(8):
                clean = (0.2 + 0.6 * photo(side, side, number)).astype(np.float32)
                noisy = noisy_of(clean, number, level / 255).clip(0, 1)
                assert fault(noisy, clean) is None
        moving = moved(clean, 0, 2)
        assert "2.0 pixels right" in fault(noisy_of(moving, level=0.01), clean)


def test_the_source_is_of_the_type_of_the_noisy_files(folders):
    for number in range(4):
        noisy = noisy_of(clean_picture(number) / 8, number, 0.01).clip(0, 1)
        pixels = np.rint(noisy * 65535).astype(np.uint16)
        tifffile.imwrite(folders / f"noisy/{number}.tif", pixels, photometric="rgb")
        clean = clean_picture(number) / 8
        tifffile.imwrite(folders / f"clean/{number}.tif", clean, photometric="rgb")
    found = read(folders)
    assert found.kinds == {"uint16"}
    settings = PairsTask().measured(DenoiseSettings(pairs=("a", "b")), found, lambda _: None)
    assert (settings.found["pixels"], settings.found["span"]) == ("uint16", 1 / 8)
    level = NoiseModel.from_dict(settings.found["noise"]).level()
    assert level == pytest.approx(0.08, rel=0.1)
    tifffile.imwrite(folders / "noisy/1.tif", clean_picture(1) / 8, photometric="rgb")
    with pytest.raises(TrainingError, match="different kinds, float32 and uint16"):
        PairsTask().measured(DenoiseSettings(pairs=("a", "b")), read(folders), lambda _: None)


def test_flat_pictures_are_aligned_however_they_lie():
    flat = np.full((64, 64, 3), 0.4, np.float32)
    assert fault(noisy_of(flat), flat) is None
