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
    values[20:25, 7:11] = 0, 65535, 0
    return values


def test_detectors_take_arrays_and_refuse_unknown_defects(path, values):
    find = Detector(path)
    assert find(values).sum() == find(values[:, :, 1], ["scratches"]).sum() == 20
    assert find(values, ["scratches", "stamp", "text"]).sum() == 0
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
    red = np.zeros((4, 9, 3), np.uint8)
    red[1, :, 0] = 255
    assert detector(red, (name for name in ["scratches"])).sum() == 9
    with pytest.raises(OptionError, match=r"no defect is called \['dust'\]"):
        detector(red, [["dust"]])
    with pytest.raises(OptionError, match="no defect is named"):
        detector(red, [])


def test_sensitivity_is_where_the_threshold_lies(path):
    values = np.zeros((6, 40, 3), np.uint8)
    values[2, :, 0] = np.linspace(0, 255, 40)
    find = Detector(path)
    marked = [find(values, "scratches", sensitivity=s).sum() for s in (0, 0.3, 0.5, 0.7, 1)]
    assert marked == sorted(marked)
    assert marked[0] < marked[2] < marked[4]
    assert marked[2] == find(values, "scratches").sum() == 20
    for wrong in (-0.1, 1.1, float("nan"), "a", None):
        with pytest.raises(OptionError, match="sensitivity is"):
            find(values, sensitivity=wrong)


def test_each_defect_has_a_mask_of_its_own(path, values):
    values[2, :, 0] = 65535
    found = Detector(path).find_each(values, ["dust", "scratches", "dust"])
    assert list(found) == ["dust", "scratches"]
    assert found["dust"].sum() == 20
    assert found["scratches"].sum() == 50
    assert np.array_equal(found["dust"] | found["scratches"], Detector(path)(values))
