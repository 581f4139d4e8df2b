from dataclasses import replace

import cv2
import numpy as np
import PIL.Image
import pytest
import tiny_models
from hypothesis import given, settings
from hypothesis import strategies as st

from imgae import Denoiser, Image, ImageError, ModelError, OptionError, read_image
from imgae.model.stitch import plan_for, run_tiles
from imgae.picture.tiling import TilePlan
from imgae.restore import denoise
from imgae.restore.denoise import Denoised

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    path = tiny_models.identity(tmp_path_factory.mktemp("m") / "identity.onnx")
    return Denoiser(path, threads=1, tile=8)


@pytest.fixture(scope="module")
def darken(tmp_path_factory):
    return Denoiser(tiny_models.darken(tmp_path_factory.mktemp("m") / "darken.onnx"), threads=1)


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]), st.sampled_from("BHf"))
def test_an_identity_model_gives_every_pixel_back_exactly(identity, height, width, channels, kind):
    pixels = RNG.integers(0, 256, (height, width, channels)).astype(kind)
    if kind == "f":
        pixels /= 255
    assert np.array_equal(identity(pixels, sigma=0.1), pixels)


@pytest.fixture(scope="module")
def blur(tmp_path_factory):
    folder = tmp_path_factory.mktemp("m")
    right = Denoiser(tiny_models.blur(folder / "right.onnx", halo=2), tile=0)
    wrong = Denoiser(tiny_models.blur(folder / "wrong.onnx", halo=1), tile=0)
    return right, wrong


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 70))
@settings(max_examples=50)
def test_tiles_give_what_the_whole_picture_gives(blur, height, width, tile):
    right, _ = blur
    pixels = RNG.random((height, width, 3), np.float32)
    whole = right(pixels, sigma=0.0)
    right_tiled = Denoiser(right.model.path, tile=tile)(pixels, sigma=0.0)
    assert np.abs(right_tiled - whole).max() < 1e-5


def test_a_halo_too_small_is_seen(blur):
    _, wrong = blur
    pixels = RNG.random((40, 40, 3), np.float32)
    tiled = Denoiser(wrong.model.path, tile=8)(pixels, sigma=0.0)
    assert np.abs(tiled - wrong(pixels, sigma=0.0)).max() > 1e-3


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(6, 7), (6, 7, 1), (6, 7, 3), (6, 7, 4)])
def test_arrays_come_back_in_their_shape_and_dtype(darken, dtype, shape):
    white = {np.uint8: 255, np.uint16: 65535}.get(dtype, 1)
    array = np.full(shape, 0.8 * white).astype(dtype)
    out = darken(array, sigma=0.2)
    assert (out.shape, out.dtype) == (array.shape, array.dtype)
    assert np.allclose(out.reshape(6, 7, -1)[:, :, :3] / white, 0.6, atol=0.5 / 255)
    if len(shape) == 3 and shape[2] == 4:
        assert np.array_equal(out[:, :, 3], array[:, :, 3])


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_pil_images_come_back_in_their_mode(darken, mode):
    picture = PIL.Image.new(mode, (7, 6))
    picture.info["dpi"] = (300, 300)
    out = darken(picture, sigma=0.0)
    assert (out.mode, out.size, out.info) == (mode, (7, 6), {"dpi": (300, 300)})
    assert out.tobytes() == picture.tobytes()


def test_an_image_keeps_what_travels_with_it(darken):
    image = Image(np.full((4, 4, 3), 200, np.uint8), np.full((4, 4), 9, np.uint8), icc=b"profile")
    out = darken(image, sigma=10 / 255)
    assert (out.pixels == 190).all()
    assert out.alpha is image.alpha
    assert out.icc == b"profile"


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_strength_goes_from_the_input_to_the_full_result(darken, strength):
    array = RNG.integers(100, 200, (9, 9, 3)).astype(np.uint8)
    out = darken(array, sigma=40 / 255, strength=strength)
    assert np.array_equal(out, array - np.uint8(40 * strength))


def test_sigma_is_estimated_once_for_the_picture(darken):
    flat = np.full((256, 256, 3), 128.0) + RNG.normal(0, 12, (256, 256, 3))
    result = Denoiser(darken.model.path, tile=64).run(Image(flat.round().astype(np.uint8)))
    assert isinstance(result, Denoised)
    assert result.sigma * 255 == pytest.approx(12, rel=0.05)
    assert (result.sigma_source, result.tiles) == ("estimated", 16)


def test_a_level_above_the_models_range_is_cautioned_about(darken):
    result = darken.run(Image(np.zeros((4, 4, 3), np.uint8)), sigma=0.5)
    assert "trained up to level 51" in result.caution


def test_floats_outside_the_range_are_taken_as_they_are_and_clipped_on_output(darken):
    array = np.array([[[1.5, 0.5, -0.5]]], np.float32)
    assert darken(array, sigma=0.2).ravel().tolist() == pytest.approx([1.0, 0.3, 0.0])


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((4,), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.int32),
        np.zeros((4, 4, 3), bool),
        np.full((4, 4, 3), np.nan, np.float32),
        np.full((4, 4, 3), np.inf),
        np.full((4, 4, 3), 1e300),
        np.dstack([np.zeros((4, 4, 3), np.float32), np.full((4, 4), np.nan, np.float32)]),
        PIL.Image.new("CMYK", (4, 4)),
        "photo.png",
    ],
)
def test_what_is_no_picture_is_an_image_error(darken, wrong):
    with pytest.raises(ImageError):
        darken(wrong, sigma=0.1)


@pytest.mark.parametrize(
    "options",
    [
        {"sigma": -0.1},
        {"sigma": 25},
        {"sigma": float("nan")},
        {"strength": 1.5},
        {"strength": float("nan")},
    ],
)
def test_options_out_of_range_are_refused(darken, options):
    with pytest.raises(OptionError, match=next(iter(options))):
        darken(np.zeros((4, 4), np.uint8), **options)


@pytest.mark.parametrize("options", [{"tile": -1}, {"tile": "big"}, {"threads": 0}])
def test_a_denoiser_refuses_impossible_settings(darken, options):
    with pytest.raises(OptionError, match=next(iter(options))):
        Denoiser(darken.model.path, **options)


def test_threads_may_share_a_denoiser(darken):
    from concurrent.futures import ThreadPoolExecutor

    arrays = [RNG.integers(50, 200, (40, 40 + n, 3)).astype(np.uint8) for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda array: darken(array, sigma=10 / 255), arrays))
    for array, result in zip(arrays, results, strict=True):
        assert np.array_equal(result, array - 10)


def test_large_pictures_are_planned_within_the_memory_at_hand(monkeypatch):
    monkeypatch.setattr("imgae.model.stitch.free_memory", lambda: 400 << 20)
    card = tiny_models.card(stride=8, halo=96, bytes_per_pixel=300)
    plan = plan_for(card, 4000, 6000, "auto")
    assert max(tile.read.area for tile in plan) * 300 <= 200 << 20
    assert len(plan_for(card, 4000, 6000, 0)) == 1
    assert plan_for(card, 4000, 6000, 250).tile_width == 250
    assert len(plan_for(card, 256, 512, 64)) == 32


def test_only_a_tile_at_a_time_is_converted():
    sizes = []

    def restore(planes):
        sizes.append(planes.shape)
        return planes

    pixels = RNG.integers(0, 255, (100, 90, 3)).astype(np.uint8)
    out = run_tiles(restore, pixels, TilePlan(100, 90, 32, 32, 8, 8))
    assert np.array_equal(out, pixels)
    assert max(h for *_, h, _ in sizes) <= 48


@pytest.mark.parametrize("dtype", [">u2", ">f4", ">f8"])
def test_arrays_of_the_other_byte_order_are_taken(darken, dtype):
    array = (RNG.random((6, 7, 3)) * (60_000 if dtype == ">u2" else 1)).astype(dtype)
    out = darken(array, sigma=0.0)
    assert out.dtype == array.dtype
    assert np.allclose(out, array, rtol=1e-6)


@pytest.mark.parametrize("value", [-3.0, 0.123456789012, 7.0])
def test_strength_0_gives_any_array_back_to_the_bit(darken, value):
    array = np.full((3, 3, 4), value)
    out = darken(array, sigma=0.1, strength=0)
    assert np.array_equal(out, array)
    assert out is not array


def test_a_model_that_takes_no_level_is_given_none(tmp_path):
    path = tiny_models.save(
        tmp_path / "blind.onnx",
        [tiny_models.helper.make_node("Neg", ["image"], ["restored"])],
        card_text=tiny_models.card(inputs=("image",)).to_json(),
        inputs=("image",),
    )
    denoiser = Denoiser(path)
    done = denoiser.run(Image(np.full((4, 4, 3), 0.5, np.float32)))
    assert (done.image.pixels == 0).all()
    assert (done.sigma_source, done.sigma) == ("removed", pytest.approx(0.5))
    with pytest.raises(OptionError, match="takes no noise level"):
        denoiser(np.full((4, 4, 3), 0.5), sigma=0.1)


@pytest.fixture
def automatic(tmp_path, monkeypatch):
    """Without a model: one that tells its level, and one that turns pixels over."""
    white = tiny_models.darken(tmp_path / "white.onnx")
    camera = tiny_models.negative(tmp_path / "camera.onnx")
    monkeypatch.setattr(denoise, "default_model", lambda _: (str(white), "for tests"))
    monkeypatch.setattr(denoise, "CAMERA", str(camera))
    return Denoiser(threads=1)


def with_noise(level, smooth=0.0):
    noise = RNG.normal(0, 1, (200, 200, 3))
    if smooth:
        noise = cv2.GaussianBlur(noise, (0, 0), smooth)
        noise /= noise.std()
    ramp = np.linspace(60, 180, 200)[:, None, None]
    return np.clip(ramp + level * noise, 0, 255).astype(np.uint8)


def test_white_noise_goes_to_the_model_that_is_told_its_level(automatic):
    done = automatic.run(Image(with_noise(25)))
    assert (done.model, done.sigma_source) == ("tiny", "estimated")
    assert done.sigma * 255 == pytest.approx(25, rel=0.1)
    given = automatic.run(Image(with_noise(1, smooth=2)), 0.1)
    assert (given.model, given.sigma, given.sigma_source) == ("tiny", 0.1, "given")


@pytest.mark.parametrize(("level", "smooth"), [(0, 0), (2, 0), (8, 1.0)])
def test_everything_else_goes_to_the_model_that_sees_for_itself(automatic, level, smooth):
    pixels = with_noise(level, smooth)
    done = automatic.run(Image(pixels))
    assert (done.model, done.sigma_source) == ("negative", "removed")
    assert np.array_equal(done.image.pixels, 255 - pixels)


def test_what_the_file_tells_reaches_the_model(automatic, tmp_path):
    """Its tiny model adds a tenth of the ISO, in thousands, and the luma steps."""
    exif = PIL.Image.Exif()
    exif.get_ifd(0x8769)[34855] = 500
    path = tmp_path / "a.jpg"
    PIL.Image.new("RGB", (32, 32), (255, 255, 255)).save(path, quality=90, exif=exif)
    image = read_image(path)
    out = automatic.run(replace(image, pixels=image.pixels.astype(np.float32) / 255)).image
    assert out.pixels.mean() == pytest.approx(image.quantisation[0] + 0.05, abs=1e-3)


def test_a_model_that_gives_another_size_or_nan_is_a_model_error(tmp_path):
    make_node = tiny_models.helper.make_node
    text = tiny_models.card().to_json()
    pool = [make_node("MaxPool", ["image"], ["restored"], kernel_shape=[3, 3])]
    root = [make_node("Neg", ["image"], ["minus"]), make_node("Sqrt", ["minus"], ["restored"])]
    for nodes, sentence in ((pool, "the model gave"), (root, "NaN or infinity")):
        path = tiny_models.save(tmp_path / "a.onnx", nodes, card_text=text)
        with pytest.raises(ModelError, match=sentence):
            Denoiser(path)(np.full((9, 9, 3), 0.5), sigma=0.1)
