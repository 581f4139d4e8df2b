import sys

import numpy as np
import pytest
from scenes import photo

from imgae import MissingExtraError, OptionError
from imgae.evaluate import baselines
from imgae.picture.metrics import psnr

pytest.importorskip("skimage", reason="scikit-image is not installed")


@pytest.mark.parametrize("name", baselines.FILLS)
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
