import sys
import types
from dataclasses import replace
from functools import cache

import numpy as np
import PIL.Image
import pytest
import tiny_models
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgae import Denoiser, Image, ImageError, ModelError, OptionError, WeightsError, read_image
from imgae.model import session
from imgae.model.session import OnnxModel
from imgae.model.stitch import plan_for
from imgae.restore import denoise
from imgae.restore.controls import Controls
from imgae.restore.denoise import Common, Denoised
from imgae.restore.scaling import Scale

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def as_the_maps_say(monkeypatch):
    """Without what the whole picture changes in them, which test_estimate.py tests."""
    monkeypatch.setattr("imgae.restore.estimate.LIFTED", (2.0, 3.0))
    monkeypatch.setattr("imgae.restore.estimate.ALL_OVER", (2.0, 3.0))


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


def test_sigma_is_estimated_once_for_the_picture(darken, estimator):
    """By a geometric mean, in which a cell counts as much as it is bright."""
    estimator({"weight": 1.0, "level": 0.1}, weight=0.0, level=0.001, halo=8)
    halves = np.repeat([[0.25, 0.75]], 128, 1)[:, :, None].repeat(64, 0).repeat(3, 2)
    levels = 0.001 + 0.1 * np.array([0.25, 0.75])
    expected = np.exp((0.25 * np.log(levels[0]) + 0.75 * np.log(levels[1])) / 1)
    result = Denoiser(darken.model.path, tile=64).run(Image(halves.astype(np.float32)))
    assert isinstance(result, Denoised)
    assert result.sigma == pytest.approx(expected, rel=0.01)
    assert (result.sigma_source, result.tiles) == ("estimated", 4)
    assert np.allclose(result.image.pixels, halves - result.sigma, atol=1e-6)


def test_a_level_above_the_models_range_is_cautioned_about(darken):
    result = darken.run(Image(np.zeros((4, 4, 3), np.uint8)), sigma=0.5)
    assert "trained up to level 51" in result.caution


def test_floats_outside_the_range_are_not_clipped(darken):
    array = np.array([[[1.5, 0.5, -0.3]]], np.float32)
    out = darken(array, sigma=0.2).ravel().tolist()
    assert out == pytest.approx([1.3, 0.3, -0.3])  # nor do any get below the lowest


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
        {"strength": 2.5},
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


def test_only_a_tile_at_a_time_is_converted(tmp_path, monkeypatch):
    sizes, convert = [], Scale.planes

    def converted(scale, pixels):
        sizes.append(pixels.shape)
        return convert(scale, pixels)

    monkeypatch.setattr(Scale, "planes", converted)
    pixels = RNG.integers(0, 255, (100, 90, 3)).astype(np.uint8)
    path = tiny_models.identity(tmp_path / "identity.onnx", halo=8, stride=8)
    assert np.array_equal(Denoiser(path, threads=1, tile=32)(pixels, sigma=0.1), pixels)
    assert len(sizes) == 4 * 3
    assert max(height for height, *_ in sizes) <= 48


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
def automatic(tmp_path, monkeypatch, estimator):
    """Without a model: one that subtracts its level, and one that turns pixels over."""
    white = tiny_models.darken(tmp_path / "white.onnx")
    camera = tiny_models.negative(tmp_path / "camera.onnx")
    monkeypatch.setattr(denoise, "default_model", lambda _: (str(white), "for tests"))
    monkeypatch.setattr(denoise, "CAMERA", str(camera))
    monkeypatch.setattr(denoise, "CAMERA_INTEGER", str(camera))
    return Denoiser(threads=1)


FLOATS = RNG.random((41, 50, 3), np.float32)


def test_white_noise_goes_to_the_model_that_is_told_its_level(automatic, estimator):
    estimator(level=0.05)
    done = automatic.run(Image(FLOATS))
    assert (done.model, done.sigma_source) == ("tiny", "estimated")
    assert done.sigma == pytest.approx(0.05)
    assert np.allclose(done.image.pixels, (FLOATS - 0.05).clip(0), atol=1e-6)


def test_a_level_that_is_given_is_obeyed_whatever_the_noise_is(automatic, estimator):
    estimator(white=-1.0, share=1.0, rest=0.3)
    given = automatic.run(Image(FLOATS), 0.1)
    assert (given.model, given.sigma, given.sigma_source) == ("tiny", 0.1, "given")
    assert np.allclose(given.image.pixels, (FLOATS - 0.1).clip(0), atol=1e-6)
    assert vars(automatic).keys() == {"device", "threads", "tile", "named", "path", "model"}


def test_other_noise_goes_in_part_to_the_camera_model_and_what_is_left_to_the_other(
    automatic, estimator
):
    estimator(white=-1.0, share=0.75, rest=0.1)
    done = automatic.run(Image(FLOATS))
    expected = (0.25 * FLOATS + 0.75 * (1 - FLOATS) - 0.1).clip(0)
    assert np.allclose(done.image.pixels, expected, atol=1e-6)
    assert (done.model, done.sigma_source) == ("negative + tiny", "removed")
    change = np.square(done.image.pixels - FLOATS)[::4].mean() ** 0.5
    assert done.sigma == pytest.approx(change, rel=1e-5)


@pytest.mark.parametrize(
    ("share", "rest", "name", "loaded"),
    [(0, 0, "looking", set()), (1, 0, "negative", {"camera"}), (0, 0.1, "tiny", {"model"})],
)
def test_a_model_that_would_do_nothing_is_neither_loaded_nor_named(
    automatic, estimator, share, rest, name, loaded
):
    estimator(white=-1.0, share=share, rest=rest)
    pixels = (FLOATS * 255).astype(np.uint8)
    done = automatic.run(Image(pixels))
    assert done.model == name
    assert vars(automatic).keys() & {"model", "camera"} == loaded
    if not loaded:
        assert np.array_equal(done.image.pixels, pixels)


@pytest.fixture
def blurring(tmp_path, monkeypatch, estimator):
    """Two models that see two pixels around each, and what tells where they work: the bright."""
    white = tiny_models.gated(tmp_path / "white.onnx")
    camera = tiny_models.blur(tmp_path / "camera.onnx", halo=2, inputs=("image",))
    monkeypatch.setattr(denoise, "default_model", lambda _: (str(white), "for tests"))
    monkeypatch.setattr(denoise, "CAMERA", str(camera))
    monkeypatch.setattr(denoise, "CAMERA_INTEGER", str(camera))
    estimator({"share": 2.0, "rest": 0.2}, share=-0.3, rest=-0.02, white=-1.0)
    monkeypatch.setattr(session, "load", cache(session.load))  # each file once
    return lambda tile: Denoiser(threads=1, tile=tile)


def patchy(height, width):
    """Noise, dark in large parts."""
    rows, columns = np.mgrid[:height, :width]
    light = (np.sin(rows / 13) + np.cos(columns / 17)).clip(0, 1)[:, :, None]
    return (light * RNG.random((height, width, 3))).astype(np.float32)


@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.integers(1, 70),
    st.sampled_from([1, 1.6]),
    st.sampled_from([(1, 0), (0.1, 0), (2, -0.3)]),
)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_models_in_turn_give_the_same_in_tiles(
    blurring, height, width, tile, strength, contrast
):
    """Also of pictures that use a part of the range, and of floats beyond it."""
    pixels = patchy(height, width) * np.float32(contrast[0]) + np.float32(contrast[1])
    whole, tiled = (blurring(side)(pixels, strength=strength) for side in (0, tile))
    assert np.abs(whole - tiled).max() < 1e-5


def test_what_is_above_white_is_the_same_in_tiles_with_and_without_anything_to_do(blurring):
    pixels = RNG.random((64, 160, 3), np.float32) * np.float32(0.12)
    pixels[:, :100] *= 0.1
    pixels[32, 8] = 0.16  # times 8 above white, in a tile without noise
    whole, tiled = (blurring(side)(pixels) for side in (0, 16))
    assert tiled[32, 8] == pytest.approx(0.16)
    assert np.abs(whole - tiled).max() < 1e-5


def test_tiles_where_nothing_is_found_come_back_bit_for_bit_without_a_model(blurring, monkeypatch):
    ran = []
    run = OnnxModel.__call__

    def counted(model, **inputs):
        ran.append((model.card.name, inputs["image"].shape[2:]))
        return run(model, **inputs)

    monkeypatch.setattr(OnnxModel, "__call__", counted)
    pixels = patchy(64, 256)
    pixels[:, :160] *= 0.1  # too dark for anything to be found
    denoiser = blurring(32)
    out = denoiser.run(Image(pixels))
    assert np.array_equal(out.image.pixels[:, :128], pixels[:, :128])
    assert not np.array_equal(out.image.pixels[:, 192:], pixels[:, 192:])
    assert len([name for name, _ in ran if name != "looking"]) < out.tiles
    assert out.model == "blur + gated"
    ran.clear()
    assert np.abs(blurring(0)(pixels) - out.image.pixels).max() < 1e-5
    widths = {name: sides[1] for name, sides in ran}
    assert widths["looking"] == 256
    assert max(widths["blur"], widths["gated"]) < 120  # nor do they look at what is left alone


def test_a_named_model_that_takes_a_level_is_told_what_is_left(tmp_path, estimator, monkeypatch):
    camera = tiny_models.negative(tmp_path / "camera.onnx")
    monkeypatch.setattr(denoise, "CAMERA", str(camera))
    monkeypatch.setattr(denoise, "CAMERA_INTEGER", str(camera))
    estimator(white=-1.0, share=1.0, rest=0.1)
    named = Denoiser(tiny_models.darken(tmp_path / "white.onnx"), threads=1)
    done = named.run(Image(FLOATS))
    assert done.model == "negative + tiny"
    assert np.allclose(done.image.pixels, (1 - FLOATS - 0.1).clip(0), atol=1e-6)
    alone = Denoiser(camera, threads=1).run(Image(FLOATS))
    assert alone.model == "negative"
    assert np.allclose(alone.image.pixels, 1 - FLOATS, atol=1e-6)


def test_an_estimator_that_is_not_there_is_told(automatic, monkeypatch):
    monkeypatch.setattr(denoise, "ESTIMATE", "looks-nowhere")
    with pytest.raises(WeightsError, match="no model is called 'looks-nowhere'"):
        automatic(FLOATS)
    assert automatic(FLOATS, sigma=0.1).shape == FLOATS.shape


def test_the_camera_model_has_integers_where_the_other_has(monkeypatch):
    monkeypatch.setattr(denoise.registry, "available", lambda: {denoise.CAMERA_INTEGER: None})
    for name, expected in ((denoise.FAST, denoise.CAMERA), (denoise.FAST_INTEGER, "-int8")):
        monkeypatch.setattr(denoise, "default_model", lambda _, name=name: (name, ""))
        assert denoise.camera_model().endswith(expected)
    monkeypatch.setattr(denoise.registry, "available", dict)
    assert denoise.camera_model() == denoise.CAMERA


def test_what_the_file_tells_reaches_the_model(automatic, estimator, tmp_path):
    """Its tiny model adds a tenth of the ISO, in thousands, and the luma steps."""
    estimator(white=-1.0, share=1.0)
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


def test_gray_stays_gray(tmp_path, estimator, monkeypatch):
    """A model that mixes colours does not colour a gray picture, whatever it is stored as."""
    white = tiny_models.gated(tmp_path / "white.onnx")
    camera = tiny_models.blur(tmp_path / "camera.onnx", halo=2, inputs=("image",))
    monkeypatch.setattr(denoise, "CAMERA", str(camera))
    monkeypatch.setattr(denoise, "CAMERA_INTEGER", str(camera))
    denoiser = Denoiser(white, threads=1, tile=16)
    gray = RNG.integers(0, 256, (40, 50)).astype(np.uint8)
    stored = np.repeat(gray[:, :, None], 3, 2)
    for values in ({}, {"white": -1.0, "share": 0.5, "rest": 0.1}):
        estimator(**values)
        for controls in ({}, {"strength": 0.7}, {"strength": 1.7, "grain": 0.5, "detail": 0.5}):
            out = denoiser(stored, **controls)
            assert np.array_equal(out, np.repeat(denoiser(gray, **controls)[:, :, None], 3, 2))
    stored[39, 49, 2] ^= 1  # no longer gray
    assert np.ptp(denoiser(stored).astype(int), axis=2).max() > 1


@pytest.fixture
def impulses(monkeypatch):
    """What finds white pixels, and makes them black; returns what it was given."""
    seen = []

    def find(values):
        seen.append(values)
        found = values == 255
        return found if found.any() else None

    module = types.SimpleNamespace(
        find_impulses=find, replaced=lambda values, found: np.where(found, 0, values)
    )
    monkeypatch.setitem(sys.modules, "imgae.restore.impulses", module)
    monkeypatch.setattr("imgae.restore.impulses", module, raising=False)
    return seen


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_impulses_are_replaced_first_and_told(identity, estimator, impulses, dtype):
    white = {np.uint8: 255, np.uint16: 65535}.get(dtype, 1)
    pixels = (RNG.random((30, 40, 3)) * 0.9 * white).astype(dtype)
    pixels[3, 4] = white
    pixels[5, 6, 1] = white
    done = identity.run(Image(pixels))
    expected = pixels.copy()
    expected[pixels == white] = 0
    assert np.array_equal(done.image.pixels, expected)
    assert done.notes == ("2 outlying pixels were replaced",)
    assert (impulses[0].dtype, impulses[0].shape) == (np.uint8, pixels.shape)
    half = identity.run(Image(pixels), controls=Controls(strength=0.5)).image.pixels
    assert np.allclose(half[3, 4] / white, 0.5, atol=1 / 255)


def test_impulses_are_left_where_a_level_is_given_or_none_is_taken(identity, impulses, tmp_path):
    pixels = np.full((30, 40, 3), 255, np.uint8)
    assert np.array_equal(identity(pixels, sigma=0.1), pixels)
    assert np.array_equal(identity(pixels, strength=0), pixels)
    Denoiser(tiny_models.negative(tmp_path / "negative.onnx"))(pixels)
    assert impulses == []


def test_one_impulse_is_one_pixel_also_in_12_bits(identity, estimator, impulses):
    pixels = np.full((30, 40, 1), 3000, np.uint16)
    pixels[3, 4] = 60_000
    done = identity.run(Image(pixels))
    assert done.image.pixels[3, 4] == 0
    assert done.notes[1] == "1 outlying pixel was replaced"
    assert impulses[0][0, 0, 0] == round(255 * 3000 * 16 / 65535)


def test_strength_0_keeps_impulses_too(identity, estimator, impulses):
    pixels = np.full((30, 40, 3), 90, np.uint8)
    pixels[3, 4] = 255
    done = identity.run(Image(pixels), controls=Controls(strength=0, detail=1, grain=1e-6))
    assert np.array_equal(done.image.pixels, pixels)
    assert done.notes == ()


def test_frames_that_belong_together_go_one_way():
    rng = np.random.default_rng(5)
    noisy = [np.rint(rng.normal(128, level, (64, 64, 3)).clip(0, 255)) for level in (15, 20, 25)]
    frames = [Image(pixels.astype(np.uint8)) for pixels in noisy]
    denoiser = Denoiser(threads=1)
    assert denoiser.common_to(frames[:1]) is None
    common = denoiser.common_to(frames)
    assert common.white
    assert common.level * 255 == pytest.approx(20, abs=2)
    done = [denoiser.run(image, common=common) for image in frames]
    assert {one.sigma_source for one in done} == {"estimated"}
    assert {round(one.sigma, 6) for one in done} == {round(common.level, 6)}
    apart = [denoiser.run(image, common=Common(white=False, level=0.1)) for image in frames]
    assert {one.sigma_source for one in apart} == {"removed"}
