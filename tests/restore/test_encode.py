"""Codes of pictures, with a stand-in model and the shipped one."""

import numpy as np
import PIL.Image
import pytest
import tiny_models
from hypothesis import given, settings
from hypothesis import strategies as st

from imgae import Encoder, Image, ImageError, ModelError, OptionError
from imgae.restore.encode import Encoded

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def path(tiny_code, tmp_path_factory):
    return tiny_code(tmp_path_factory.mktemp("m") / "code.onnx")


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 45))
@settings(max_examples=50)
def test_tiles_give_the_code_and_picture_of_the_whole(path, height, width, tile):
    image = Image(RNG.random((height, width, 3), np.float32))
    whole, tiled = (Encoder(path, tile=side, threads=1).run(image) for side in (0, tile))
    assert tiled.code.shape == (3, -(-height // 2), -(-width // 2))
    assert np.abs(tiled.code - whole.code).max() < 1e-5
    assert np.abs(tiled.restored.pixels - whole.restored.pixels).max() < 1e-5
    assert whole.tiles == 1
    assert (tiled.tiles > 1) == (tile + tile % 2 < max(height, width))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_run_gives_the_code_and_the_picture_decoded_from_it(path, dtype, channels):
    white = 1 if dtype == np.float32 else np.iinfo(dtype).max
    pixels = (RNG.random((9, 7, channels)) * white).astype(dtype)
    alpha = pixels[:, :, 0]
    done = Encoder(path).run(Image(pixels, alpha, icc=b"profile"))
    assert isinstance(done, Encoded)
    assert (done.code.dtype, done.code.shape) == (np.float32, (3, 5, 4))
    assert (done.model, done.device, done.tiles) == ("tiny-code", "cpu", 1)
    assert done.restored.pixels.dtype == dtype
    assert np.allclose(done.restored.pixels, white - pixels, atol=1e-6)
    assert done.restored.alpha is alpha
    assert done.restored.icc == b"profile"


def test_every_kind_of_picture_is_encoded(path):
    encode = Encoder(path)
    rgb = RNG.integers(0, 256, (9, 7, 3)).astype(np.uint8)
    code = encode(rgb)
    assert np.array_equal(encode(PIL.Image.fromarray(rgb)), code)
    assert np.array_equal(encode(Image(rgb)), code)
    assert np.allclose(encode(rgb / 255), code, atol=1e-6)
    gray = rgb[:, :, 0]
    assert np.array_equal(encode(gray), encode(np.repeat(gray[:, :, None], 3, 2)))


def test_what_makes_no_sense_is_refused(path, tiny_code, tmp_path):
    with pytest.raises(ImageError, match="NaN"):
        Encoder(path)(np.full((4, 4), np.nan))
    for wrong in ({"tile": -8}, {"threads": 0}):
        with pytest.raises(OptionError, match="expected"):
            Encoder(path, **wrong)
    with pytest.raises(ModelError, match="a model to denoise, not to code"):
        Encoder(tiny_models.identity(tmp_path / "identity.onnx"))
    wrong = tiny_code(tmp_path / "wrong.onnx", stride=4, halo=4)
    with pytest.raises(ModelError, match="gave a code of shape"):
        Encoder(wrong)(np.zeros((9, 9), np.uint8))


def test_the_shipped_codes_are_those_of_the_documentation():
    picture = RNG.random((97, 75, 3), np.float32)
    whole = Encoder(threads=1, tile=0).run(Image(picture))
    assert whole.code.shape == (32, 13, 10)
    assert np.abs(whole.restored.pixels - picture).mean() < 0.3
    tiled = Encoder(threads=1, tile=40).run(Image(picture))
    assert tiled.tiles == 6
    assert np.abs(tiled.code - whole.code).max() < 1e-4
    assert np.abs(tiled.restored.pixels - whole.restored.pixels).max() < 1e-4
