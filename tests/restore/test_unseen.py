"""What transparency hides stays, and is seen by no model."""

import numpy as np
import pytest
import tiny_models

from imgae import Denoiser, Detector, Image, Inpainter, MaskError
from imgae.restore.unseen import extended, hidden_by_alpha

RNG = np.random.default_rng(11)
Y, X = np.mgrid[:96, :128]
SCENE = np.stack([(np.sin(X / 9 + k) + np.cos(Y / 7 - k)) / 4 + 0.5 for k in range(3)], 2)
DISTANCE = np.hypot(Y - 48, X - 64)
ALPHA = np.clip((36 - DISTANCE) / 4, 0, 1)
"""A disk with a soft rim."""
HIDDEN = ALPHA == 0
COLOURS = {"black": (0, 0, 0), "magenta": (1, 0, 1), "noise": None}


def sprite(colour, dtype=np.uint8, sigma=15 / 255, gray=False):
    values = np.clip(SCENE + np.random.default_rng(1).normal(0, sigma, SCENE.shape), 0, 1)
    if gray:
        values = values[:, :, :1].repeat(3, 2)
    other = RNG.random(SCENE.shape) if COLOURS[colour] is None else np.array(COLOURS[colour])
    values = np.where(HIDDEN[:, :, None], other, values)
    most = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[dtype]
    stored = [values * most, ALPHA * most]
    if dtype != np.float32:
        stored = [np.rint(each) for each in stored]
    return Image(*(each.astype(dtype) for each in stored))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("options", [{"sigma": 15 / 255}, {}, {"strength": 0.5, "chroma": 1.8}])
def test_what_is_seen_does_not_depend_on_what_is_hidden(dtype, options):
    denoise = Denoiser(threads=1, tile=64)
    outs = {}
    for colour in COLOURS:
        image = sprite(colour, dtype)
        outs[colour] = denoise(image, **options)
        assert np.array_equal(outs[colour].pixels[HIDDEN], image.pixels[HIDDEN])
        assert np.array_equal(outs[colour].alpha, image.alpha)
    for colour in COLOURS:
        assert np.array_equal(outs[colour].pixels[~HIDDEN], outs["black"].pixels[~HIDDEN])
    rim = (ALPHA > 0.3) & (ALPHA < 1)
    most = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[dtype]
    errors = [(each.pixels / most - SCENE)[rim].std() for each in (outs["black"], image)]
    assert errors[0] < 0.6 * errors[1]


@pytest.mark.parametrize("model", ["denoise-camera", "denoise-fast", "denoise-fast-int8"])
def test_so_it_is_with_every_model(model):
    denoise = Denoiser(model, threads=1)
    one, other = (denoise(sprite(colour)).pixels for colour in ("black", "magenta"))
    assert np.array_equal(one[~HIDDEN], other[~HIDDEN])


def test_a_gray_sprite_stays_gray_over_coloured_hidden_pixels():
    image = sprite("magenta", gray=True)
    out = Denoiser(threads=1)(image, 15 / 255)
    seen = out.pixels[~HIDDEN]
    assert np.array_equal(seen[:, :1].repeat(3, 1), seen)
    assert np.array_equal(out.pixels[HIDDEN], image.pixels[HIDDEN])


def test_the_noise_of_a_sprite_is_told_from_its_visible_part():
    denoise = Denoiser("denoise-fast", threads=1)
    noisy = SCENE + np.random.default_rng(1).normal(0, 15 / 255, SCENE.shape)
    whole = denoise.run(Image(noisy.clip(0, 1).astype(np.float32)))
    for colour in COLOURS:
        done = denoise.run(sprite(colour, np.float32))
        assert done.sigma_source == "estimated"
        assert done.sigma == pytest.approx(whole.sigma, rel=0.2)


@pytest.mark.parametrize("array", ["RGBA", "float64"])
def test_arrays_and_pil_images_keep_what_is_hidden(array):
    image = sprite("magenta", np.float32)
    whole = np.dstack([image.pixels, image.alpha]).astype(np.float64)
    if array == "RGBA":
        whole = np.rint(whole * 255).astype(np.uint8)
    out = Denoiser(threads=1)(whole, 15 / 255)
    assert np.array_equal(out[HIDDEN], whole[HIDDEN])
    assert not np.array_equal(out[~HIDDEN], whole[~HIDDEN])


def test_nan_under_transparency_is_no_error_and_stays():
    image = sprite("black", np.float32)
    image.pixels[HIDDEN] = np.nan
    out = Denoiser(threads=1)(image, 15 / 255).pixels
    assert np.isnan(out[HIDDEN]).all()
    assert np.isfinite(out[~HIDDEN]).all()
    kept = Denoiser(threads=1)(image, strength=0).pixels
    assert np.array_equal(kept, image.pixels, equal_nan=True)


def test_a_picture_that_is_transparent_all_over_keeps_its_colours():
    image = Image(sprite("black").pixels, np.zeros((96, 128), np.uint8))
    image.pixels.flags.writeable = False
    done = Denoiser(threads=1).run(image, 15 / 255)
    assert np.array_equal(done.image.pixels, image.pixels)
    assert "transparent all over" in done.notes[0]


def test_a_fill_takes_nothing_from_what_is_hidden():
    hole = np.zeros((96, 128), bool)
    hole[40:56, 84:128] = True  # over the rim of the sprite
    fill = Inpainter(threads=1)
    one, other = (sprite(colour, np.float32) for colour in ("black", "magenta"))
    outs = [fill(image, hole).pixels for image in (one, other)]
    assert np.array_equal(outs[0][hole], outs[1][hole])
    for image, out in zip((one, other), outs, strict=True):
        assert np.array_equal(out[~hole], image.pixels[~hole])
    visible = hole & (ALPHA > 0.9)
    assert np.abs(outs[0] - SCENE)[visible].mean() < 0.12


def test_texture_is_not_taken_from_what_is_hidden():
    alpha = np.full((260, 260), 255, np.uint8)
    alpha[:, 190:] = 0
    ground = RNG.integers(100, 140, (260, 260, 3)).astype(np.uint8)
    hole = np.zeros((260, 260), bool)
    hole[90:170, 90:170] = True
    outs = []
    for other in (0, 255):
        pixels = ground.copy()
        pixels[:, 190:] = RNG.integers(0, 2, (260, 70, 1)) * other
        outs.append(Inpainter(threads=1)(Image(pixels, alpha), hole).pixels)
    assert np.array_equal(outs[0][hole], outs[1][hole])


def test_a_hole_over_all_that_is_visible_is_an_error():
    with pytest.raises(MaskError, match="marks all that is visible"):
        Inpainter(threads=1)(sprite("black"), ~HIDDEN)


def test_a_detector_does_not_look_under_transparency(tmp_path):
    detect = Detector(tiny_models.bright(tmp_path / "bright.onnx"))
    masks = [detect(sprite(colour))[~HIDDEN] for colour in ("black", "magenta")]
    assert np.array_equal(*masks)


def test_each_unseen_pixel_gets_the_nearest_seen_colour():
    pixels = RNG.random((20, 30, 3))
    unseen = RNG.random((20, 30)) < 0.8
    out = extended(pixels, unseen)
    assert np.array_equal(out[~unseen], pixels[~unseen])
    rows, columns = np.nonzero(~unseen)
    for y, x in np.argwhere(unseen):
        distances = np.hypot(rows - y, columns - x)
        taken = [
            np.array_equal(out[y, x], pixels[r, c]) for r, c in zip(rows, columns, strict=True)
        ]
        assert distances[taken].min() <= distances.min() * 1.1  # the distance is approximate


def test_nearly_transparent_pixels_count_as_hidden():
    image = Image(np.zeros((1, 3, 3), np.uint8), np.array([[0, 7, 8]], np.uint8))
    assert hidden_by_alpha(image).tolist() == [[True, True, False]]
    assert hidden_by_alpha(Image(image.pixels)) is None
    faint = Image(image.pixels, np.array([[0, 7, 2]], np.uint8))
    assert hidden_by_alpha(faint).tolist() == [[True, False, False]]
