import sys
import warnings

import numpy as np
import pytest
from scenes import photo

from imgae import ImageError, ImgaeWarning, MissingExtraError, OptionError
from imgae.evaluate import baselines
from imgae.picture.metrics import psnr

pytest.importorskip("skimage", reason="scikit-image is not installed")


def there():
    with warnings.catch_warnings(action="ignore"):
        return baselines.those_there(list(baselines.FILLS), list(baselines.FILLS))


MISSING = [name for name in baselines.FILLS if name not in there()]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.skipif(name in MISSING, reason=f"{name} is missing"))
        for name in baselines.FILLS
        if name not in baselines.PROGRAMS
    ],
)
def test_a_fill_is_near_a_smooth_truth_and_keeps_the_rest(name):
    y, x = np.mgrid[0:40, 0:50]
    truth = np.stack([2 * x + y, 200 - 2 * x, 100 + y], 2).astype(np.uint8)
    mask = np.zeros((40, 50), bool)
    mask[10:16, 20:30] = True
    holed = np.where(mask[:, :, None], np.uint8(0), truth)
    filled = baselines.FILLS[name](holed, mask)
    assert np.array_equal(filled[~mask], truth[~mask])
    assert psnr(filled[mask], truth[mask], 255) > 30


def test_the_harmonic_fill_solves_laplaces_equation():
    picture = (photo(30, 30) * 255).round().astype(np.uint8)
    mask = np.zeros((30, 30), bool)
    mask[12:18, 12:18] = True
    filled = baselines.harmonic(picture, mask).astype(float)
    around = (filled[:-2, 1:-1] + filled[2:, 1:-1] + filled[1:-1, :-2] + filled[1:-1, 2:]) / 4
    assert np.abs(around - filled[1:-1, 1:-1])[mask[1:-1, 1:-1]].max() <= 1  # rounding


def test_an_unknown_baseline_is_an_error():
    with pytest.raises(OptionError, match="no baseline is called 'magic'; there are: nlm"):
        baselines.check(["nlm", "magic"], list(baselines.DENOISERS))


@pytest.mark.parametrize(
    ("name", "package", "advice"),
    [
        ("bm3d", "bm3d", "pip install bm3d"),
        ("wavelet", "pywt", r"pip install 'imgae\[bench\]'"),
        ("biharmonic", "skimage.restoration", r"pip install 'imgae\[bench\]'"),
    ],
)
def test_a_missing_package_is_told_with_what_to_install(name, package, advice, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"the baseline {name} needs .*{advice}"):
        baselines.check([name], [*baselines.DENOISERS, *baselines.FILLS])


@pytest.mark.parametrize("name", baselines.DENOISERS)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_denoiser_leaves_a_picture_without_noise_as_it_is(name, channels):
    picture = np.random.default_rng(0).random((20, 30, channels))
    assert np.array_equal(baselines.denoise(name, picture, 0.0), picture)


@pytest.mark.skipif("gmic" in MISSING, reason="the program gmic is not installed")
def test_gmic_fills_with_what_is_around_the_same_each_time():
    rng = np.random.default_rng(0)
    picture = rng.integers(100, 120, (60, 70, 3)).astype(np.uint8)
    mask = np.zeros((60, 70), bool)
    mask[20:40, 25:45] = True
    filled = baselines.gmic(np.where(mask[:, :, None], np.uint8(0), picture), mask)
    assert filled[mask].mean() == pytest.approx(110, abs=5)
    assert np.array_equal(filled[:15], picture[:15])
    assert np.array_equal(
        filled, baselines.gmic(np.where(mask[:, :, None], np.uint8(0), picture), mask)
    )


def test_gmic_that_fails_is_told(monkeypatch):
    monkeypatch.setattr(baselines, "GMIC", sys.executable)  # knows none of the words
    with pytest.raises(ImageError, match="made no fill: "):
        baselines.gmic(np.zeros((9, 9, 3), np.uint8), np.eye(9, dtype=bool))


def test_fsr_without_xphoto_is_told_with_what_to_install(monkeypatch):
    monkeypatch.setattr(baselines, "has_xphoto", lambda: False)
    with pytest.raises(MissingExtraError, match=r"pip install .*opencv-contrib.*headless==\d"):
        baselines.check(["fsr"], list(baselines.FILLS))
    with pytest.warns(ImgaeWarning, match="fsr is left out: the baseline fsr needs"):
        assert baselines.those_there(["telea", "fsr"], ["fsr"]) == ["telea"]
    with pytest.raises(MissingExtraError):
        baselines.those_there(["fsr"], [])
