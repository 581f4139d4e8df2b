import itertools

import numpy as np
import PIL.Image
import pytest
import tiny_models
from onnx import helper

from imgae import Denoiser, Image, OptionError
from imgae.io.metadata.exif import iso_of
from imgae.restore.controls import LUMA, Controls

RNG = np.random.default_rng(0)
STEPS = np.linspace(0, 1, 11)


def textured(side=96):
    """A flat half and a striped half, and the same with noise."""
    rows, columns = np.mgrid[0:side, 0:side]
    stripes = 0.5 + 0.2 * np.sin(columns * 1.9 + rows) * (columns > side // 2)
    clean = np.repeat(stripes[:, :, None], 3, 2).astype(np.float32)
    return clean, (clean + RNG.normal(0, 0.04, clean.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def denoiser(tmp_path_factory):
    """A mean over 3x3."""
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    kernel[[0, 1, 2], [0, 1, 2]] = 1 / 9
    node = helper.make_node("Conv", ["image", "kernel"], ["restored"], pads=[1, 1, 1, 1])
    path = tmp_path_factory.mktemp("m") / "mean.onnx"
    tiny_models.save(path, [node], {"kernel": kernel}, tiny_models.card(halo=1).to_json())
    return Denoiser(path, tile=0)


def changes(denoiser, noisy, name):
    reference = denoiser(noisy, 0.1) if name in ("detail", "grain") else noisy
    outs = [denoiser(noisy, 0.1, **{name: float(value)}) for value in STEPS]
    differences = [out - reference for out in outs]
    if name == "chroma":
        differences = [change - (change @ LUMA)[:, :, None] for change in differences]
    return [float(np.square(change).mean()) for change in differences]


@pytest.mark.parametrize("name", ["strength", "luma", "chroma", "detail", "grain"])
def test_each_is_monotone_over_eleven_steps(denoiser, name):
    _, noisy = textured()
    found = changes(denoiser, noisy, name)
    assert all(a < b for a, b in itertools.pairwise(found))
    if name in ("strength", "detail", "grain"):
        assert found[0] == 0


@pytest.fixture
def told(tmp_path):
    """A mean over 3x3, of a share that grows with the level: at 0.1 half, at 0.2 all."""
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    kernel[[0, 1, 2], [0, 1, 2]] = 1 / 9
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["mean"], pads=[1, 1, 1, 1]),
        helper.make_node("Sub", ["image", "mean"], ["apart"]),
        helper.make_node("Mul", ["sigma", "five"], ["share"]),
        helper.make_node("Mul", ["apart", "share"], ["part"]),
        helper.make_node("Sub", ["image", "part"], ["restored"]),
    ]
    constants = {"kernel": kernel, "five": np.float32([5])}
    card = tiny_models.card(halo=1, sigma_range=(0.0, 0.24))
    path = tiny_models.save(tmp_path / "told.onnx", nodes, constants, card.to_json())
    return Denoiser(path, threads=1, tile=16)


@pytest.mark.parametrize("name", ["strength", "luma", "chroma"])
@pytest.mark.parametrize("sigma", [0.1, None, np.full((96, 96), 0.1, np.float32)])
def test_what_is_removed_grows_at_each_step_to_2(told, estimator, name, sigma):
    _, noisy = textured()
    steps = [told(noisy, sigma, **{name: step / 5}) - noisy for step in range(11)]
    if name != "strength":  # of which the other is left as it is
        lumas = [change @ LUMA for change in steps]
        chromas = [change - luma[:, :, None] for change, luma in zip(steps, lumas, strict=True)]
        steps, others = (lumas, chromas) if name == "luma" else (chromas, lumas)
        assert all(np.allclose(other, others[0], atol=1e-6) for other in others)
    found = [float(np.square(change).mean()) for change in steps]
    assert found[0] < 1e-12
    assert all(a < b for a, b in itertools.pairwise(found))


def test_above_1_the_level_is_multiplied_and_told_as_it_was(told):
    _, noisy = textured()
    more = told.run(Image(noisy), 0.1, Controls(strength=1.5))
    assert more.sigma == 0.1
    assert np.allclose(more.image.pixels, told(noisy, 0.15), atol=1e-6)
    assert np.allclose(told(noisy, 0.1, 1.5, luma=2.0, chroma=0.5) @ LUMA, told(noisy, 0.3) @ LUMA)
    assert "trained up to level 61.2" in told.run(Image(noisy), 0.2, Controls(strength=1.5)).caution
    assert told.run(Image(noisy), 0.2, Controls(strength=1.2)).caution is None


def test_a_gray_picture_has_no_colour_to_control(told):
    _, noisy = textured()
    gray = noisy[:, :, 1]
    assert np.array_equal(told(gray, 0.1, chroma=2.0), told(gray, 0.1))


@pytest.mark.parametrize(
    "controls", [{"strength": 1.5}, {"luma": 1.1}, {"strength": 0.8, "chroma": 2}]
)
def test_a_model_without_a_level_can_not_remove_more_than_all_it_finds(tmp_path, controls):
    blind = Denoiser(tiny_models.negative(tmp_path / "negative.onnx"), threads=1)
    _, noisy = textured()
    with pytest.raises(OptionError, match="negative takes no noise level, so it cannot remove"):
        blind(noisy, **controls)
    assert blind(noisy, strength=0.5, luma=2.0).shape == noisy.shape


def test_luma_and_chroma_are_apart(denoiser):
    _, noisy = textured()
    whole = denoiser(noisy, 0.1)
    without = denoiser(noisy, 0.1, luma=0.0)
    assert np.allclose(without @ LUMA, noisy @ LUMA, atol=1e-5)
    coloured = denoiser(noisy, 0.1, chroma=0.0)
    assert np.allclose(coloured @ LUMA, whole @ LUMA, atol=1e-5)
    assert not np.allclose(coloured, whole, atol=1e-3)


def test_detail_comes_back_where_there_is_texture():
    clean, noisy = textured(128)
    smooth = clean.copy()
    smooth[:, 64:] = 0.5 + 0.7 * (clean[:, 64:] - 0.5)  # a denoiser that took some texture away
    back = Controls(detail=1.0).finish(noisy, smooth)
    flat, striped = np.s_[20:-20, 10:50], np.s_[20:-20, 80:-10]
    given_back = np.abs(back - smooth).mean(2)
    assert given_back[striped].mean() > 6 * given_back[flat].mean()
    assert np.square(back - clean)[striped].mean() < np.square(smooth - clean)[striped].mean()


def test_grain_spares_black_and_white_and_repeats():
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None, :, None].repeat(600, 0)
    once, again = (Controls(grain=1.0).finish(ramp, ramp) for _ in range(2))
    assert np.array_equal(once, again)
    spread = (once - ramp).std(0)[:, 0] * 255
    assert spread[128] == pytest.approx(8, rel=0.15)
    assert spread[[0, -1]].max() == 0


def test_strips_of_rows_do_not_show():
    clean, _ = textured(64)
    tall = np.concatenate([clean] * 20)  # over two strips
    noisy = (tall + RNG.normal(0, 0.04, tall.shape)).astype(np.float32)
    whole = Controls(detail=0.7).finish(noisy, tall)
    part = Controls(detail=0.7).finish(noisy[400:700], tall[400:700])
    assert np.allclose(whole[440:660], part[40:260], atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_of_every_type(denoiser, dtype, channels):
    scale = {np.uint8: 255, np.uint16: 65535}.get(dtype, 1)
    pixels = (RNG.random((20, 30, channels)) * scale).astype(dtype)
    out = denoiser(pixels, 0.1, luma=0.5, chroma=0.2, detail=0.5, grain=0.5)
    assert (out.shape, out.dtype) == (pixels.shape, pixels.dtype)


@pytest.mark.parametrize("name", ["strength", "luma", "chroma", "detail", "grain"])
@pytest.mark.parametrize("value", [-0.1, 2.1, float("nan"), "1", None])
def test_values_out_of_range_are_refused(name, value):
    with pytest.raises(OptionError, match=name):
        Controls(**{name: value})


def test_what_a_jpeg_tells_is_read(tmp_path):
    exif = PIL.Image.Exif()
    exif.get_ifd(0x8769)[34855] = 1600
    path = tmp_path / "a.jpg"
    PIL.Image.new("RGB", (16, 16)).save(path, quality=50, exif=exif)
    from imgae import read_image

    image = read_image(path)
    assert image.quantisation == pytest.approx((57.6 / 255, 86.5 / 255), rel=0.03)
    assert iso_of(image.exif) == 1600
    assert iso_of(b"nonsense") == 0
    PIL.Image.new("L", (16, 16)).save(path, quality=50)
    luma, chroma = read_image(path).quantisation
    assert luma == chroma
    PIL.Image.new("RGB", (16, 16)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").quantisation is None
    assert Image(np.zeros((2, 2, 3), np.uint8)).quantisation is None
