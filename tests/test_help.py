"""help() of the public names is enough to use them."""

import pydoc
import re

import pytest

import imgae

CLASSES = (imgae.Denoiser, imgae.Inpainter, imgae.Detector, imgae.Encoder)


def help_of(thing):
    return re.sub(r"\s+", " ", pydoc.plain(pydoc.render_doc(thing)).replace("|", " "))


@pytest.mark.parametrize("restorer", CLASSES)
def test_help_explains_what_a_restorer_takes_gives_and_raises(restorer):
    text = help_of(restorer)
    for argument in ("model:", "device:", "threads:", "tile:", "image:"):
        assert argument in text
    assert '"auto" uses at most half of the free memory' in text
    assert "0 takes the whole picture at once" in text
    for kind in ("(H, W, 3)", "uint8, uint16, float32 or float64", "on [0, 1]"):
        assert kind in text
    for error in ("WeightsError", "ModelError", "OptionError", "ImageError"):
        assert error in text


@pytest.mark.parametrize("restorer", CLASSES)
def test_help_has_an_example_of_two_lines(restorer):
    lines = restorer.__doc__.split("Example:\n")[1].strip("\n ").splitlines()
    assert len(lines) == 2
    for line in lines:
        compile(line.strip(), "example", "exec")
    assert f"imgae.{restorer.__name__}()" in " ".join(lines)


def test_help_of_each_says_what_it_is_about():
    assert "25/255 for level 25" in help_of(imgae.Denoiser)
    assert "float array (H, W) gives each pixel its own" in help_of(imgae.Denoiser)
    assert "of 0 and 1, or of 0 and 255" in help_of(imgae.Inpainter)
    assert "bool (H, W), True where" in help_of(imgae.Detector)
    assert "float32 (channels, ceil(H/stride), ceil(W/stride))" in help_of(imgae.Encoder)
