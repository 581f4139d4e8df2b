"""A part of a denoised picture is that part of the whole, whatever is asked for."""

import numpy as np
import pytest
import tiny_models

from imgae import Denoiser, Image, ImageError
from imgae.picture.tiling import Box
from imgae.restore import denoise
from imgae.restore.controls import Controls
from imgae.restore.part import Looked

HEIGHT, WIDTH = 540, 200
RNG = np.random.default_rng(3)
NOISY = RNG.normal(np.linspace(0.1, 0.8, WIDTH)[None, :, None], 0.1, (HEIGHT, WIDTH, 3))
BOXES = [Box(0, 0, 41, 50), Box(499, 143, HEIGHT, WIDTH), Box(485, 67, 530, 140)]
CONTROLS = [
    Controls(0.6),
    Controls(1.7, luma=0.4),
    Controls(detail=0.7, grain=0.5),
    Controls(0, detail=0.2, grain=1),
]


def integers(values, dtype):
    most = np.iinfo(dtype).max
    return np.rint(values.clip(0, 1) * most).astype(dtype)


def seen_through():
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[20:520, 30:100] = 0
    return Image(integers(NOISY, np.uint8), alpha)


def salted():
    pixels = integers(NOISY * 0.4 + 0.3, np.uint8)
    pixels[RNG.random((HEIGHT, WIDTH)) < 0.01] = 255
    pixels[RNG.random((HEIGHT, WIDTH)) < 0.01] = 0
    return Image(pixels)


def bright():
    pixels = NOISY.astype(np.float32)
    pixels[100:530, 20:120] *= 6
    return Image(pixels)


PICTURES = {
    "8 bits": lambda: Image(integers(NOISY, np.uint8)),
    "16 bits, dark": lambda: Image(integers(NOISY / 20, np.uint16)),
    "gray": lambda: Image(integers(NOISY[:, :, :1], np.uint8)),
    "gray in three": lambda: Image(integers(NOISY[:, :, :1].repeat(3, 2), np.uint8)),
    "transparent": seen_through,
    "with impulses": salted,
    "brighter than white": bright,
    "from 0 to 255": lambda: Image((NOISY * 255).astype(np.float32)),
}


@pytest.fixture
def denoiser(tmp_path, monkeypatch):
    """Of tiny models with a receptive field, after an estimate that differs from place to place."""
    white = tiny_models.gated(tmp_path / "white.onnx")
    camera = tiny_models.blur(tmp_path / "camera.onnx", 2, ["image"])
    slopes = {"share": 0.5, "rest": 0.3}
    looking = tiny_models.estimate(tmp_path / "e.onnx", slopes, share=-0.1, rest=-0.05, white=-1.0)
    monkeypatch.setattr(denoise, "default_model", lambda _: (str(white), "for tests"))
    monkeypatch.setattr(denoise, "camera_model", lambda _: str(camera))
    monkeypatch.setattr(denoise, "ESTIMATE", str(looking))
    return Denoiser(threads=1)


@pytest.mark.parametrize("name", PICTURES)
def test_a_part_is_that_part_of_the_whole(denoiser, name):
    image = PICTURES[name]()
    looked = Looked(image)
    for controls in CONTROLS:
        for sigma in (None, 0.1):
            whole = denoiser.run(image, sigma, controls).image
            for box in BOXES:
                part = looked.part(denoiser, box, sigma, controls).image
                assert part.pixels.dtype == image.pixels.dtype
                assert np.array_equal(part.pixels, whole.pixels[box.slices])
                assert (part.alpha is None) == (image.alpha is None)
                if image.alpha is not None:
                    assert np.array_equal(part.alpha, image.alpha[box.slices])


def test_the_picture_is_looked_at_once_and_models_run_only_where_they_must(denoiser, monkeypatch):
    ran = []
    run = type(denoiser.model).outputs
    monkeypatch.setattr(
        type(denoiser.model),
        "outputs",
        lambda model, **inputs: ran.append(model.card.name) or run(model, **inputs),
    )
    looked, box = Looked(PICTURES["8 bits"]()), BOXES[2]

    def names(*settings):
        ran.clear()
        looked.part(denoiser, box, *settings)
        return ran

    assert names() == ["looking", "blur", "gated"]
    assert names(None, Controls(0.4, chroma=0.7, detail=0.3, grain=1)) == []
    assert names(None, Controls(1.5))[-1:] == ["gated"]
    assert "looking" not in names(0.1)
    assert "looking" not in names()


def test_another_model_is_told_what_was_found_with_the_first(denoiser, tmp_path):
    other = Denoiser(tiny_models.darken(tmp_path / "darken.onnx"), threads=1)
    image = PICTURES["8 bits"]()
    looked = Looked(image)
    looked.part(denoiser, BOXES[0])
    for each in (other, denoiser):
        whole = each.run(image).image.pixels[BOXES[2].slices]
        assert np.array_equal(looked.part(each, BOXES[2]).image.pixels, whole)


def test_a_part_beyond_the_picture_is_refused(denoiser):
    with pytest.raises(ImageError, match="reaches beyond the picture of 200x540 pixels"):
        Looked(PICTURES["8 bits"]()).part(denoiser, Box(0, 150, 10, 201))


def test_a_draft_is_about_the_same_and_looks_at_little(denoiser):
    image = PICTURES["8 bits"]()
    looked = Looked(image)
    draft = looked.draft(denoiser, BOXES[2]).image
    assert looked.found is None
    part = looked.part(denoiser, BOXES[2]).image
    assert draft.pixels.shape == part.pixels.shape
    assert np.abs(draft.pixels.astype(int) - part.pixels).mean() < 2
