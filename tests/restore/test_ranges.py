"""Floats beyond [0, 1] are restored in their own range, and never clipped."""

import numpy as np
import pytest
import tiny_models

from imgae import Denoiser, Detector, Encoder, Image, ImageError, Inpainter
from imgae.restore.scaling import Scale, scale_for, views_of

RNG = np.random.default_rng(5)
Y, X = np.mgrid[:96, :128]
SCENE = np.stack([(np.sin(X / 9 + k) + np.cos(Y / 7 - k)) / 4 + 0.5 for k in range(3)], 2)
NOISE = RNG.normal(0, 10 / 255, SCENE.shape)
LAMPS = (Y - 40) ** 2 + (X - 30) ** 2 <= 9
HOLE = np.zeros((96, 128), bool)
HOLE[50:62, 70:90] = True


def with_lamps(brightness, noise=0.0):
    return (np.where(LAMPS[:, :, None], brightness, SCENE) + noise).astype(np.float32)


RANGES = {
    "overshooting": SCENE * 1.4 - 0.1,
    "from -1 to 1": SCENE * 2 - 1,
    "0 to 255": SCENE * 255.0,
    "logarithms": SCENE * 12 - 8,
    "below 0": SCENE * 3 - 3,
    "heights": SCENE * 200 + 1000,
    "tiny": SCENE * 1e-3 - 1,
    "a small unit": SCENE * 1e-6,
    "huge": SCENE * 1e30 - 5e29,
    "lamps of 10": with_lamps(10.0),
    "lamps of 100": with_lamps(100.0),
    "lamps of 65504": with_lamps(65504.0),
    "a bright half": np.where(Y[:, :, None] < 48, SCENE * 3 + 1, SCENE),
    "radiance": np.exp(RNG.normal(0, 2, (96, 128, 3))),
    "one value": np.full((96, 128, 3), -7.0),
}
RANGES = {name: values.astype(np.float32) for name, values in RANGES.items()}


def psnr(values, clean, part):
    return -10 * np.log10(np.square(values - clean)[part].mean())


@pytest.fixture
def unchanged(tmp_path):
    return Denoiser(tiny_models.identity(tmp_path / "identity.onnx"), threads=1, tile=48)


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("channels", [1, 3])
def test_what_a_model_does_not_change_comes_back_to_the_bit(unchanged, name, channels):
    values = RANGES[name][:, :, :channels]
    for strength in (1.0, 0.5):
        out = unchanged.run(Image(values), 0.1).image.pixels
        assert np.array_equal(out, values), strength


@pytest.mark.parametrize("name", RANGES)
def test_a_range_stays_what_it_was(name):
    """By the shipped models, whose changes may be small or large but not cut a range."""
    values = RANGES[name]
    out = Denoiser(threads=1).run(Image(values), 5 / 255).image.pixels
    assert values.min() <= out.min() or values.min() > 0 <= out.min()
    assert out.max() <= max(values.max(), 1)
    span = float(np.ptp(values.astype(np.float64)))
    assert out.max() > values.max() - 0.2 * span - 1e-6
    assert out.min() < values.min() + 0.2 * span + 1e-6


@pytest.mark.parametrize("brightness", [10.0, 100.0, 65504.0])
def test_lamps_do_not_spoil_what_is_around_them_and_stay(brightness):
    denoise = Denoiser("denoise-fast", threads=1)
    plain = denoise.run(Image((SCENE + NOISE).astype(np.float32)), 10 / 255).image.pixels
    values = with_lamps(brightness, NOISE)
    done = denoise.run(Image(values), 10 / 255)
    out = done.image.pixels
    assert psnr(out, SCENE, ~LAMPS) > psnr(plain, SCENE, ~LAMPS) - 0.1
    assert np.array_equal(out[LAMPS], values[LAMPS])
    reach, stayed = done.notes
    assert f"reach from {values.min():.4g} to {values.max():.4g}" in reach
    assert f"{LAMPS.sum()} pixels far outside that range stayed as they were" in stayed


def test_parts_brighter_than_white_are_denoised_too():
    clean = np.where(Y[:, :, None] < 48, SCENE * 2 + 1.2, SCENE)
    values = (clean + NOISE).astype(np.float32)
    done = Denoiser("denoise-fast", threads=1).run(Image(values), 10 / 255)
    for part in (Y < 44, Y > 52):
        assert psnr(done.image.pixels, clean, part) > psnr(values, clean, part) + 4
    assert "parts brighter than white were denoised as if 4 were white" in done.notes


@pytest.mark.parametrize("name", ["from -1 to 1", "0 to 255", "logarithms", "below 0", "heights"])
def test_other_ranges_are_denoised_as_well_as_the_usual_one(name):
    denoise = Denoiser("denoise-fast", threads=1)
    clean = RANGES[name].astype(np.float64)
    span = {"from -1 to 1": 2, "0 to 255": 255, "logarithms": 12, "below 0": 3, "heights": 200}
    noisy = clean + NOISE * span[name]
    usual = denoise.run(Image((SCENE + NOISE).astype(np.float32)))
    done = denoise.run(Image(noisy.astype(np.float32)))
    error = (done.image.pixels - clean) / span[name]
    assert -10 * np.log10(np.square(error).mean()) > psnr(usual.image.pixels, SCENE, ...) - 0.4
    assert f"reach from {noisy.min():.4g} to {noisy.max():.4g}, so" in done.notes[0]


@pytest.mark.parametrize("span", [1e-20, 1e-6, 1e-3, 0.1, 2.0, 4.0, 6.0, 12.0])
def test_a_picture_of_another_unit_is_denoised_as_well_as_one_on_0_to_1(span):
    denoise = Denoiser("denoise-fast", threads=1)
    usual = denoise.run(Image((SCENE + NOISE).astype(np.float32))).image.pixels
    done = denoise.run(Image(((SCENE + NOISE) * span).astype(np.float32)))
    assert psnr(done.image.pixels / span, SCENE, ...) > psnr(usual, SCENE, ...) - 1
    assert done.sigma_source == "estimated"
    assert done.sigma == pytest.approx(10 / 255 * span, rel=0.2)


@pytest.mark.parametrize("span", [1e-20, 1e-6, 1e-3])
def test_a_hole_in_a_picture_of_a_small_unit_is_filled_as_in_one_on_0_to_1(span):
    fill = Inpainter(threads=1)
    usual = fill(Image(SCENE.astype(np.float32)), HOLE).pixels
    out = fill(Image((SCENE * span).astype(np.float32)), HOLE).pixels
    assert np.abs(out / span - usual)[HOLE].mean() < 0.02


def test_a_picture_brighter_than_white_all_over_is_denoised():
    done = Denoiser("denoise-fast", threads=1).run(
        Image((SCENE + NOISE + 2).astype("f4")), 10 / 255
    )
    assert psnr(done.image.pixels, SCENE + 2, ...) > psnr(NOISE, 0, ...) + 4
    assert not any("stayed as they were" in note for note in done.notes)


def test_a_level_is_a_share_of_the_range_that_the_notes_name(tmp_path):
    darken = Denoiser(tiny_models.darken(tmp_path / "darken.onnx"), threads=1)
    for name, white in (("0 to 255", 256), ("from -1 to 1", 2)):
        values = RANGES[name]
        done = darken.run(Image(values), 0.25)
        expected = np.maximum(values - 0.25 * white, values.min())
        assert np.allclose(done.image.pixels, expected, rtol=1e-5, atol=1e-5)
        assert f"a noise level is a share of {white}" in done.notes[0]
        assert done.sigma == 0.25
    lamps = darken.run(Image(with_lamps(100.0)), 0.25).image.pixels
    expected = np.maximum(SCENE - 0.25, SCENE[~LAMPS].min().clip(max=0))
    assert np.allclose(lamps[~LAMPS], expected[~LAMPS], atol=1e-5)


@pytest.mark.parametrize("name", RANGES)
def test_views_hold_each_pixel_once_and_nothing_beyond(name):
    values = RANGES[name]
    seen = np.zeros(values.shape[:2], int)
    for view in views_of(values, scale_for(values)):
        seen += 1 if view.own is None else view.own
        shown = view.scale.seen(view.pixels)
        assert (view.own is not None and not view.own.any()) or shown.max() <= 2
    assert seen.max() <= 1


def test_floats_on_0_to_255_are_seen_so_with_noise_too():
    for noise in (0, NOISE, 2.5 * NOISE):
        assert scale_for(((SCENE + noise) * 255).astype(np.float32)) == Scale(0, 256, 256)


def test_bright_light_keeps_the_usual_levels():
    light = ((SCENE + NOISE / 20) * 20).astype(np.float32)
    assert scale_for(light) == Scale(0, 32, 1)
    done = Denoiser("denoise-fast", threads=1).run(Image(light), 10 / 255)
    assert psnr(done.image.pixels, SCENE * 20, ...) > psnr(light, SCENE * 20, ...)
    assert "as if 0 were black and 32 white, and a noise level is a share of 1" in done.notes[0]


def test_the_scale_of_usual_floats_is_the_usual_one():
    for values in (SCENE, SCENE + NOISE, SCENE * 1.2, np.zeros((9, 9, 3)), np.ones((9, 9, 3))):
        assert scale_for(values.astype(np.float32)) == Scale() or values.max() == 0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_arrays_of_floats_keep_their_type_and_what_did_not_change(unchanged, dtype):
    values = with_lamps(100.0).astype(dtype) + np.asarray(1e-9, dtype)
    out = unchanged(values, 0.1)
    assert out.dtype == dtype
    assert np.array_equal(out, values)
    assert np.array_equal(Denoiser(threads=1)(values, strength=0), values)


def test_what_float32_cannot_hold_is_refused_with_its_range(unchanged):
    with pytest.raises(ImageError, match=r"from 1e\+300 to 1e\+300, which 32-bit floats cannot"):
        unchanged(np.full((4, 4, 3), 1e300))
    wide = np.where(X[:, :, None] % 2, 3e38, -3e38).repeat(3, 2).astype(np.float32)
    with pytest.raises(ImageError, match="which is too wide for 32-bit floats"):
        unchanged(wide)


@pytest.mark.parametrize("name", RANGES)
def test_holes_are_filled_in_the_pictures_own_range(name):
    values = RANGES[name]
    out = Inpainter(threads=1)(Image(values), HOLE).pixels
    assert np.array_equal(out[~HOLE], values[~HOLE])
    span = float(np.ptp(SCENE))
    if name in ("radiance", "huge") or name.startswith("lamps"):
        assert np.isfinite(out).all()
        return
    scale = float(np.ptp(values.astype(np.float64))) / span
    error = np.abs(out[HOLE].astype(np.float64) - values[HOLE]).mean()
    assert error <= 0.15 * scale + 1e-3 * (name == "one value")


def test_a_hole_in_a_bright_sky_is_filled_as_bright():
    values = np.where(Y[:, :, None] < 80, 20 + 5 * SCENE, SCENE * 0.3).astype(np.float32)
    values[80:] = SCENE[80:] * 0.3
    dark = np.concatenate([values, values[80:].repeat(16, 0)])
    hole = np.zeros(dark.shape[:2], bool)
    hole[20:32, 40:60] = True
    assert scale_for(dark) == Scale()
    out = Inpainter(threads=1)(Image(dark), hole).pixels
    assert np.abs(out[hole] - dark[hole]).mean() < 2


def test_codes_are_of_usual_pictures_only_and_detectors_see_all(tiny_code, tmp_path):
    encode = Encoder(tiny_code(tmp_path / "code.onnx"))
    encode(SCENE + NOISE)
    with pytest.raises(ImageError, match=r"reach from .* to 100; a code describes a picture on"):
        encode(with_lamps(100.0))
    detect = Detector(tiny_models.bright(tmp_path / "bright.onnx"))
    assert np.array_equal(detect(Image(RANGES["from -1 to 1"])), detect(Image(SCENE.astype("f4"))))


@pytest.mark.parametrize("level", [25, 50])
def test_strong_noise_on_black_and_white_is_no_range_of_its_own(level):
    clean = np.zeros((96, 96, 3), np.float32)
    clean[:, 48:] = 1
    noise = np.random.default_rng(0).normal(0, level / 255, clean.shape)
    noisy = (clean + noise).astype(np.float32)
    assert scale_for(noisy) == Scale()
    (view,) = views_of(noisy, scale_for(noisy))
    assert view.own is None or view.own.mean() > 0.999
