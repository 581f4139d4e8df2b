import numpy as np
import PIL.Image
import PIL.JpegImagePlugin
import pytest

from imgae.evaluate import figures
from imgae.evaluate.protocol import Method, Result, Sample


def samples(count):
    return [
        Sample(str(i), np.zeros((40, 50, 3), np.uint8), np.full((40, 50, 3), 9, np.uint8))
        for i in range(count)
    ]


def test_the_worst_window_is_where_the_error_is():
    clean_pixels = np.zeros((300, 400, 3), np.uint8)
    pixels = clean_pixels.copy()
    pixels[200:210, 300:310] = 255
    rows, columns = figures.largest_error(pixels, clean_pixels)
    assert rows.start <= 200 < rows.stop - 9
    assert columns.start <= 300 < columns.stop - 9


def test_the_worst_samples_come_first():
    result = Result("m", None, {}, {"0": 3.0, "1": 1.0, "2": 2.0})
    assert [sample.name for sample in figures.worst_of(result, samples(3), 2)] == ["1", "2"]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_sheet_has_a_row_a_sample_and_a_column_a_method(tmp_path, channels):
    methods = [Method(name, lambda sample: sample.pixels) for name in "ab"]
    gray = [Sample(s.name, s.pixels[..., :channels], s.reference[..., :channels])
            for s in samples(3)]  # fmt: skip
    path = tmp_path / "sheet.png"
    figures.contact_sheet([(sample.name, sample) for sample in gray], methods, path)
    with PIL.Image.open(path) as picture:
        assert picture.size == (4 * 132, 3 * 146)
        # given, a, b, reference: crops are smaller than their cells here
        assert picture.getpixel((10, 30)) == (0, 0, 0)
        assert picture.getpixel((3 * 132 + 10, 30)) == (9, 9, 9)


@pytest.mark.parametrize("suffix", figures.PLOTS)
def test_a_plot_is_written_in_the_format_of_its_name(tmp_path, suffix):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    rows = [
        Result(str(i), 25.0, {"psnr": 30 + i, "seconds_per_megapixel": 10.0**i,
                              "kmac_per_pixel": None if i else 50.0})
        for i in range(2)
    ]  # fmt: skip
    path = tmp_path / f"plot{suffix}"
    figures.plot_quality_against_time(rows, path, "title")
    magic = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}[suffix]
    assert path.read_bytes().startswith(magic)


def test_a_sheet_is_written_as_other_pictures_are(tmp_path):
    """As a JPEG that keeps the colours of labels and pixels, as `write_image` makes it."""
    path = tmp_path / "sheet.JPG"
    figures.contact_sheet([("a", samples(1)[0])], [Method("m", lambda s: s.pixels)], path)
    with PIL.Image.open(path) as picture:
        assert PIL.JpegImagePlugin.get_sampling(picture) == 0
