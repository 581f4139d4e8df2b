"""Pictures as vectors."""

import io

import numpy as np
import PIL.Image
import pytest
import tiny_code
import tiny_models

import imgae
from imgae.errors import ImageError, ModelError, OptionError, WeightsError
from imgae.restore.search import reading
from imgae.restore.search.describe import Describer, shrunk, size_for, unit


@pytest.fixture
def describer(tmp_path):
    return Describer(tiny_code.signs(tmp_path / "signs.onnx"), threads=1)


def picture(seed=0, shape=(60, 90, 3), dtype=np.uint8):
    most = 1 if dtype == np.float32 else np.iinfo(dtype).max
    values = np.random.default_rng(seed).uniform(0, most, shape)
    return imgae.Image(values.astype(dtype))


def test_a_vector_has_length_1_and_is_that_of_the_mirror_image(describer):
    image = picture()
    vector = describer.describe(image)
    assert vector.shape == (16,) == (describer.dimension,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    other = imgae.Image(np.ascontiguousarray(image.pixels[:, ::-1]))
    assert np.allclose(vector, describer.describe(other), atol=1e-6)


def test_the_shipped_model_describes_pictures():
    describer = Describer(threads=1)
    assert describer.name == "search"
    vector = describer.describe(picture())
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    assert len(vector) == describer.dimension
    assert len(describer.sha256) == 64


@pytest.mark.parametrize(
    ("size", "seen"),
    [
        ((1, 1), (256, 256)),
        ((3, 5), (154, 256)),
        ((31, 300), (32, 256)),
        ((60, 90), (171, 256)),
        ((300, 400), (192, 256)),
        ((4000, 3000), (256, 192)),
        ((2, 5000), (32, 256)),
        ((5000, 2), (256, 32)),
    ],
)
def test_the_size_that_a_network_sees(size, seen):
    assert size_for(*size) == seen
    assert shrunk(picture(shape=(*size, 3))).shape == (*seen, 3)


def test_a_picture_that_shrinks_becomes_means_of_areas():
    pixels = picture(shape=(512, 512, 3)).pixels
    small = shrunk(imgae.Image(pixels)).astype(int)
    means = pixels.reshape(256, 2, 256, 2, 3).mean((1, 3))
    assert np.abs(small - means).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_types_and_gray_make_no_difference(describer, dtype, channels):
    eight = picture(shape=(50, 70, channels)).pixels
    scale = {np.uint8: 1, np.uint16: 257, np.float32: np.float32(1 / 255)}[dtype]
    same = imgae.Image((eight * dtype(scale)).astype(dtype))
    rgb = imgae.Image(np.ascontiguousarray(np.broadcast_to(eight, (50, 70, 3))))
    assert describer.describe(same) @ describer.describe(rgb) > 0.9999


def test_transparent_pictures_are_laid_on_mid_gray(describer):
    pixels = picture().pixels
    alpha = np.zeros(pixels.shape[:2], np.uint8)
    gray = imgae.Image(np.full_like(pixels, 128))
    found = shrunk(imgae.Image(pixels, alpha))
    assert np.abs(found.astype(int) - shrunk(gray)).max() <= 1
    opaque = imgae.Image(pixels, alpha + 255)
    seen = [shrunk(each).astype(int) for each in (opaque, imgae.Image(pixels))]
    assert np.abs(seen[0] - seen[1]).max() <= 1


def test_floats_far_outside_0_to_1_use_their_own_range():
    image = picture(dtype=np.float32)
    far = imgae.Image(image.pixels * 5000 - 100)
    assert np.abs(shrunk(far).astype(int) - shrunk(image)).max() <= 1
    constant = imgae.Image(np.full((9, 9, 1), 700, np.float32))
    assert shrunk(constant).shape == (256, 256, 3)


def test_nan_is_an_error(describer):
    pixels = picture(dtype=np.float32).pixels.copy()
    pixels[0, 0] = np.nan
    with pytest.raises(ImageError, match="NaN"):
        describer.describe(imgae.Image(pixels))


def test_a_vector_of_zeros_becomes_the_diagonal():
    found = unit(np.array([[0, 0, 0, 0], [3, 0, 4, 0]], np.float32))
    assert np.allclose(found, [[0.5, 0.5, 0.5, 0.5], [0.6, 0, 0.8, 0]])


def test_models_for_other_tasks_and_options_are_refused(tmp_path):
    path = tiny_models.identity(tmp_path / "identity.onnx")
    with pytest.raises(ModelError, match="a model to denoise, not to search"):
        Describer(path)
    with pytest.raises(WeightsError, match="no model is called 'nothing'"):
        Describer("nothing")
    with pytest.raises(OptionError, match="threads"):
        Describer(threads=0)


def jpeg(pixels, **options):
    target = io.BytesIO()
    PIL.Image.fromarray(pixels).save(target, "JPEG", quality=92, **options)
    return target.getvalue()


def smooth(height, width):
    small = picture(shape=(height // 16, width // 16, 3)).pixels
    return np.asarray(
        PIL.Image.fromarray(small).resize((width, height), PIL.Image.Resampling.BICUBIC)
    )


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("size", [(1024, 1536), (2400, 1600)])
def test_a_large_jpeg_from_a_part_of_its_data_has_nearly_the_same_vector(
    describer, size, progressive
):
    data = jpeg(smooth(*size), progressive=progressive)
    found = reading.reduced(data)
    whole = shrunk(imgae.read_image(data))
    assert found.area == size[0] * size[1]
    assert found.pixels.shape == whole.shape
    assert describer.of_small(found.pixels) @ describer.of_small(whole) > 0.9999


def test_a_large_jpeg_is_turned_as_its_exif_says():
    exif = PIL.Image.Exif()
    exif[reading.ORIENTATION] = 6
    data = jpeg(smooth(1024, 1536), exif=exif)
    whole = shrunk(imgae.read_image(data))
    assert whole.shape == (256, 171, 3)
    assert np.abs(reading.read(data, "a.jpg").pixels.astype(int) - whole).mean() < 3


def test_what_is_no_large_jpeg_of_rgb_is_read_whole():
    inks = io.BytesIO()
    PIL.Image.new("CMYK", (1500, 1100), (9, 80, 0, 30)).save(inks, "JPEG")
    for data in (jpeg(smooth(512, 768)), jpeg(smooth(48, 4800)), inks.getvalue(), b"\xff\xd8\xffx"):
        assert reading.reduced(data) is None
    assert reading.read(inks.getvalue(), "inks.jpg").pixels.shape == (188, 256, 3)


def test_a_large_jpeg_that_is_cut_short_is_an_error():
    data = jpeg(smooth(1024, 1536))
    with pytest.raises(ImageError, match=r"^a\.jpg: "):
        reading.read(data[: len(data) // 2], "a.jpg")


def test_of_an_animation_the_first_picture_counts():
    frames = [PIL.Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    target = io.BytesIO()
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:])
    assert reading.read(target.getvalue(), "a.gif").pixels[0, 0].tolist() == [255, 0, 0]
