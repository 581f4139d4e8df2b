"""Finding defects, with a stand-in model for which full red is a scratch, full green dust."""

import numpy as np
import pytest
import tiny_models

from imgae import Detector, ImageError, OptionError


@pytest.fixture
def path(tmp_path):
    return tiny_models.bright(tmp_path / "bright.onnx")


@pytest.fixture
def values():
    values = np.random.default_rng(0).integers(0, 65535, (40, 50, 3)).astype(np.uint16) // 3
    values[20:25, 7:11, 1] = 65535
    return values


def test_detectors_take_arrays_and_refuse_unknown_defects(path, values):
    find = Detector(path)
    assert find(values).sum() == find(values[:, :, 1], ["scratches"]).sum() == 20
    with pytest.raises(OptionError, match="no defect is called 'spots'"):
        find(values, ["spots"])
    with pytest.raises(ImageError):
        find(np.full((4, 4), np.nan))


def test_one_defect_may_be_named_alone(path, values):
    find = Detector(path)
    assert np.array_equal(find(values, "dust"), find(values, ["dust"]))


@pytest.mark.parametrize("tile", [0, 7, "auto"])
def test_tiles_find_what_is_found_in_the_whole_picture(path, values, tile):
    assert np.array_equal(Detector(path, tile=tile)(values), Detector(path, tile=0)(values))


def test_defects_may_come_from_any_iterable(tmp_path):
    detector = Detector(tiny_models.bright(tmp_path / "bright.onnx"))
    red = np.zeros((4, 5, 3), np.uint8)
    red[1, 2, 0] = 255
    assert detector(red, (name for name in ["scratches"])).sum() == 1
    with pytest.raises(OptionError, match=r"no defect is called \['dust'\]"):
        detector(red, [["dust"]])
