import numpy as np
import PIL.Image
import pytest

from imgae import MaskError
from imgae.picture import masks

MARKED = np.array([[False, True, False], [True, True, False]])


@pytest.mark.parametrize(
    "mask",
    [
        MARKED,
        MARKED.astype(np.uint8),
        MARKED.astype(np.uint8) * 255,
        np.where(MARKED, 128, 127).astype(np.uint8),
        PIL.Image.fromarray(MARKED.astype(np.uint8) * 255),
        PIL.Image.fromarray(MARKED.astype(np.uint8)),
        PIL.Image.fromarray(MARKED),
        MARKED.astype(np.uint8).T.copy().T,
    ],
    ids=["bool", "0 and 1", "0 and 255", "grays", "L", "L of 0 and 1", "1", "strided"],
)
def test_every_accepted_mask_marks_the_same(mask):
    marked = masks.from_array(mask, 2, 3)
    assert marked.dtype == bool
    assert np.array_equal(marked, MARKED)


@pytest.mark.parametrize("empty", [np.zeros((2, 3), bool), np.zeros((2, 3), np.uint8)])
def test_an_empty_mask_marks_nothing(empty):
    assert not masks.from_array(empty, 2, 3).any()


@pytest.mark.parametrize("full", [np.ones((2, 3), np.uint8), np.full((2, 3), 255, np.uint8)])
def test_a_full_mask_marks_everything(full):
    assert masks.from_array(full, 2, 3).all()


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        ([[True]], "not list"),
        (None, "not NoneType"),
        (np.zeros((2, 3)), "the mask is float64"),
        (np.zeros((2, 3), np.uint16), "the mask is uint16"),
        (np.zeros((2, 3, 1), bool), r"the mask is bool \(2, 3, 1\)"),
        (np.zeros((3, 2), bool), "the mask is 2x3, the picture 3x2"),
        (PIL.Image.new("L", (2, 3)), "the mask is 2x3, the picture 3x2"),
        (PIL.Image.new("RGB", (3, 2)), "a PIL image of mode RGB"),
    ],
)
def test_other_masks_are_refused_in_one_sentence(mask, sentence):
    with pytest.raises(MaskError, match=sentence) as caught:
        masks.from_array(mask, 2, 3)
    assert "\n" not in str(caught.value)


def test_a_mask_of_other_values_is_refused_rather_than_empty():
    labels = np.zeros((4, 5), np.uint8)
    labels[1, 1] = 7
    with pytest.raises(MaskError, match="largest value is 7, so nothing in it is white"):
        masks.from_array(labels, 4, 5)
    assert not masks.from_array(np.zeros((4, 5), np.uint8), 4, 5).any()
