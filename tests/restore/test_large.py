"""Pictures denoised by rows come out as they do whole."""

from dataclasses import replace

import numpy as np
import pytest
import tiny_models

from imgae import Denoiser, Image, ImageError, OptionError, read_image, write_image
from imgae.io.format import Encoding
from imgae.io.large import Large, open_large, write_large
from imgae.model import machine, stitch
from imgae.model.session import OnnxModel, ShortOfMemoryError
from imgae.restore import controls as finishing
from imgae.restore.controls import Controls
from imgae.restore.large import denoise_large

RNG = np.random.default_rng(0)
HEIGHT, WIDTH = 150, 70


class Stored:
    """Rows of an array, read as from a file, and what was read."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.read = []

    def __getitem__(self, key):
        rows = key[0] if isinstance(key, tuple) else key
        top, bottom, _ = rows.indices(len(self.array))
        self.read.append((top, bottom))
        return self.array[key].copy()


class InMemory(Large):
    def __init__(self, image):
        def none_of(array):
            return (
                None if array is None else np.broadcast_to(np.zeros((), array.dtype), array.shape)
            )

        self.header = replace(
            image,
            pixels=none_of(image.pixels),
            alpha=none_of(image.alpha),
            extra=none_of(image.extra),
        )
        self.granule = 1
        parts = (image.pixels, image.alpha, image.extra)
        self.pixels, self.alpha, self.extra = (
            None if part is None else Stored(part) for part in parts
        )


def by_rows(denoiser, image, sigma=None, controls=None):
    """Denoise by rows; return the picture and what the report says."""
    bands, report = denoise_large(denoiser, InMemory(image), sigma, controls)
    parts = zip(*bands, strict=True)
    pixels, alpha, extra = (None if part[0] is None else np.concatenate(part) for part in parts)
    return replace(image, pixels=pixels, alpha=alpha, extra=extra), report.denoised()


def scene(dtype=np.uint8, channels=3, white=0.9):
    y, x = np.mgrid[:HEIGHT, :WIDTH, :1][:2]
    picture = 0.5 + 0.3 * np.sin(x / 9) * np.cos(y / 7) + 0.1 * np.arange(channels) / 3
    picture = picture + RNG.normal(0, 0.05, (HEIGHT, WIDTH, channels))
    return (picture.clip(0, 1) * white * np.iinfo(dtype).max).astype(dtype)


@pytest.fixture
def models(tmp_path, monkeypatch, estimator):
    """Two models whose results depend on what is around a pixel."""
    camera = tiny_models.blur(tmp_path / "camera.onnx", halo=2, inputs=("image",))
    monkeypatch.setattr("imgae.restore.denoise.CAMERA", str(camera))
    monkeypatch.setattr("imgae.restore.denoise.CAMERA_INTEGER", str(camera))
    return tiny_models.gated(tmp_path / "gated.onnx")


@pytest.fixture(autouse=True)
def small_strips(monkeypatch):
    """So that pictures of these tests have several of each kind."""
    monkeypatch.setattr(finishing, "ROWS", 40)
    monkeypatch.setattr("imgae.restore.impulses.STRIP", 32)
    monkeypatch.setattr("imgae.picture.bands.BAND", 11)


def check_same(denoiser, image, sigma=None, controls=None):
    whole = denoiser.run(image, sigma, controls)
    found, report = by_rows(denoiser, image, sigma, controls)
    assert found.pixels.dtype == image.pixels.dtype
    assert np.array_equal(found.pixels, whole.image.pixels)
    assert report.sigma == pytest.approx(whole.sigma, rel=1e-5)
    for name in ("sigma_source", "caution", "tiles", "model", "device", "notes"):
        assert getattr(report, name) == getattr(whole, name)
    return found, whole


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("tile", ["auto", 8, 33])
def test_rows_give_the_pixels_of_the_whole_picture(models, dtype, channels, tile):
    image = Image(scene(dtype, channels))
    denoiser = Denoiser(models, threads=1, tile=tile)
    found, _ = check_same(denoiser, image, 0.2)
    assert not np.array_equal(found.pixels, image.pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("noise", [{"level": 0.3}, {"white": -1.0, "share": 0.4, "rest": 0.2}])
def test_noise_is_found_by_rows(models, estimator, dtype, noise):
    estimator({"share": 0.3, "rest": 0.1, "level": 0.2, "weight": 1.0}, **noise)
    denoiser = Denoiser(models, threads=1, tile=24)
    found, whole = check_same(denoiser, Image(scene(dtype)))
    assert whole.sigma_source == ("estimated" if "level" in noise else "removed")
    assert whole.sigma > 0
    assert not np.array_equal(found.pixels, scene(dtype))


@pytest.mark.parametrize(
    "controls",
    [
        Controls(strength=0.5),
        Controls(luma=1.5, chroma=0.2),
        Controls(detail=0.7),
        Controls(grain=0.5),
        Controls(strength=0, grain=1),
        Controls(strength=0),
    ],
)
@pytest.mark.parametrize("tile", [8, 64])
def test_controls_do_the_same_to_rows(models, controls, tile):
    check_same(Denoiser(models, threads=1, tile=tile), Image(scene()), 0.2, controls)


def test_gray_that_is_stored_in_colour_stays_gray(models):
    image = Image(scene(channels=1).repeat(3, 2))
    found, _ = check_same(Denoiser(models, threads=1, tile=24), image, 0.2)
    assert not np.ptp(found.pixels, axis=2).any()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("controls", [None, Controls(strength=0.7, detail=0.5)])
def test_impulses_are_replaced_by_rows(models, dtype, controls):
    rng, white = np.random.default_rng(1), np.iinfo(dtype).max
    calm = rng.normal(0.5, 0.01, (250, 270, 3)) + np.linspace(0, 0.3, 270)[None, :, None]
    pixels = (calm * white).astype(dtype)
    hit = rng.random((250, 270)) < 0.02
    pixels[hit] = np.where(rng.random((250, 270, 1)) < 0.5, 0, white)[hit]
    _, whole = check_same(Denoiser(models, threads=1, tile=24), Image(pixels), None, controls)
    assert "outlying pixels were replaced" in whole.notes[0]


def test_a_picture_of_12_bits_is_seen_as_bright_as_it_is_whole(models):
    _, whole = check_same(
        Denoiser(models, threads=1, tile=24), Image(scene(np.uint16, white=0.06)), 0.002
    )
    assert "16 times as bright" in whole.notes[0]


def test_single_bright_pixels_of_a_dark_picture_stay_as_they_are(models):
    pixels = scene(np.uint16, white=0.06)
    pixels[70:73, 20:22] = pixels[5, 6] = pixels[149, 69] = 60_000
    found, whole = check_same(Denoiser(models, threads=1, tile=24), Image(pixels), 0.002)
    assert "8 pixels far outside that range stayed as they were" in whole.notes
    assert (found.pixels[70:73, 20:22] == 60_000).all()


def test_noise_of_a_dark_picture_is_not_judged_where_it_is_bright(models, estimator):
    estimator({"share": 0.3, "rest": 0.1, "level": 0.2, "weight": 1.0}, level=0.3)
    pixels = scene(np.uint16, white=0.06)
    pixels[70:73, 20:22] = 60_000
    check_same(Denoiser(models, threads=1, tile=24), Image(pixels))


def test_a_model_that_takes_no_level_works_by_rows(tmp_path):
    path = tiny_models.blur(tmp_path / "blind.onnx", halo=2, inputs=("image",))
    _, whole = check_same(Denoiser(path, threads=1, tile=24), Image(scene()))
    assert whole.sigma_source == "removed"


def test_a_map_of_levels_is_obeyed_by_rows(models):
    levels = np.linspace(0, 0.5, WIDTH, dtype=np.float32)[None].repeat(HEIGHT, 0)
    check_same(Denoiser(models, threads=1, tile=24), Image(scene()), levels)


def test_alpha_that_hides_nothing_and_further_samples_are_kept(models):
    alpha = RNG.integers(10, 256, (HEIGHT, WIDTH)).astype(np.uint8)
    extra = RNG.integers(0, 256, (HEIGHT, WIDTH, 2)).astype(np.uint8)
    image = Image(scene(), alpha, extra=extra)
    found, _ = check_same(Denoiser(models, threads=1, tile=24), image, 0.2)
    assert np.array_equal(found.alpha, alpha)
    assert np.array_equal(found.extra, extra)


@pytest.mark.parametrize("kind", ["tif", "png"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_file_becomes_a_file_by_rows(models, tmp_path, kind, dtype):
    image = Image(scene(dtype), np.full((HEIGHT, WIDTH), 99 * 257, np.uint16).astype(dtype))
    source, target = tmp_path / f"a.{kind}", tmp_path / f"b.{kind}"
    write_image(image, source)
    denoiser = Denoiser(models, threads=1, tile=24)
    with open_large(source, 10**6) as large:
        bands, report = denoise_large(denoiser, large, 0.2)
        write_large(target, report.header, bands, Encoding(), overwrite=False)
    found, whole = read_image(target), denoiser.run(read_image(source), 0.2).image
    assert np.array_equal(found.pixels, whole.pixels)
    assert np.array_equal(found.alpha, image.alpha)


def test_few_rows_are_in_memory_and_each_is_read_once(models):
    large = InMemory(Image(scene()))
    bands, _ = denoise_large(Denoiser(models, threads=1, tile=16), large, 0.2)
    large.pixels.read.clear()
    tops = [len(pixels) for pixels, _, _ in bands]
    assert tops == [16] * 9 + [6]
    assert sum(bottom - top for top, bottom in large.pixels.read) == HEIGHT
    assert max(bottom - top for top, bottom in large.pixels.read) <= 20


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (Image(RNG.random((40, 50, 3), np.float32)), "they are floats"),
        (Image(scene()[:40], np.eye(40, 70, dtype=np.uint8) * 255), "some are transparent"),
    ],
)
def test_what_has_to_be_whole_is_told_with_the_memory_it_takes(models, image, why):
    with pytest.raises(ImageError, match=rf"takes about [\d.]+ [GM]iB, because {why}"):
        denoise_large(Denoiser(models, threads=1), InMemory(image), 0.2)


def test_a_denoiser_for_whole_pictures_refuses_rows(models):
    with pytest.raises(OptionError, match="tile 0 takes pictures whole"):
        denoise_large(Denoiser(models, threads=1, tile=0), InMemory(Image(scene())), 0.2)


def test_rows_too_long_for_the_limit_are_told(models, monkeypatch):
    monkeypatch.setattr(machine.Limit, "held", 1)
    with pytest.raises(ImageError, match=r"70x150 pixels need \d+ MiB more than the limit"):
        denoise_large(Denoiser(models, threads=1), InMemory(Image(scene())), 0.2)


def test_rows_wide_and_long_get_low_bands(models, monkeypatch):
    card = tiny_models.card(halo=96, stride=8, bytes_per_pixel=300)
    monkeypatch.setattr(stitch, "free_memory", lambda: 800 << 20)
    plan = stitch.plan_for(card, 20_000, 100_000, "auto", 9 * 100_000)
    assert max(tile.read.bottom - tile.read.top for tile in plan) * 9 * 100_000 < 400 << 20
    assert max(tile.read.area for tile in plan) * 300 <= 534 << 20


@pytest.mark.parametrize("error", [MemoryError, ShortOfMemoryError])
@pytest.mark.parametrize("noise", [{"level": 0.3}, {"white": -1.0, "share": 0.4, "rest": 0.2}])
def test_where_memory_runs_out_tiles_get_smaller(models, estimator, monkeypatch, error, noise):
    estimator({"share": 0.3, "rest": 0.1}, **noise)
    image, run, sizes = Image(scene()), OnnxModel.outputs, []
    expected = Denoiser(models, threads=1, tile=128).run(image)

    def outputs(model, **inputs):
        height, width = inputs["image"].shape[2:]
        sizes.append(height * width)
        if height * width > 70 * 70:
            raise error(f"no memory for {height}x{width}")
        return run(model, **inputs)

    monkeypatch.setattr(OnnxModel, "outputs", outputs)
    denoiser = Denoiser(models, threads=1, tile=128)
    assert np.array_equal(denoiser.run(image).image.pixels, expected.image.pixels)
    assert sum(size > 70 * 70 for size in sizes) <= 4  # once or twice for each model
    check_same(denoiser, image)


def test_memory_for_no_tile_at_all_is_one_error(models, monkeypatch):
    def outputs(*_, **inputs):
        raise ShortOfMemoryError(f"no memory for {inputs['image'].shape}")

    monkeypatch.setattr(OnnxModel, "outputs", outputs)
    with pytest.raises(ShortOfMemoryError, match="too little memory for as few as"):
        Denoiser(models, threads=1).run(Image(scene()), 0.1)


def test_texture_and_grain_are_the_same_in_pieces_of_any_size(monkeypatch):
    before, after = scene(), scene(white=0.8)
    controls = Controls(detail=0.8, grain=0.6)
    whole = controls.finish(before, after)
    monkeypatch.setattr(finishing, "AT_ONCE", 17 * WIDTH)
    assert np.array_equal(controls.finish(before, after), whole)


def test_looking_at_a_picture_tells_progress(models):
    seen = []
    denoiser = Denoiser(models, threads=1, tile=32)
    image = InMemory(Image(scene()))
    bands, _ = denoise_large(denoiser, image, progress=lambda *counts: seen.append(counts))
    count = len(seen)
    assert seen == [(number, count) for number in range(1, count + 1)]
    assert count > 1
    for _ in bands:
        pass
    more = seen[count:]
    assert more == [(number, len(more)) for number in range(1, len(more) + 1)]
    assert more
