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
        PIL.Image.fromarray(MARKED.astype(np.uint8) * 255).convert("RGB"),
        PIL.Image.fromarray(MARKED.astype(np.uint8) * 255).convert("RGBA"),
        PIL.Image.fromarray(MARKED.astype(np.uint8) * 255).convert("LA"),
        PIL.Image.fromarray(MARKED.astype(np.uint8) * 255).convert("P"),
        PIL.Image.fromarray(MARKED.astype(np.uint16) * 65535),
        PIL.Image.fromarray(MARKED.astype(np.uint16)),
        MARKED.astype(np.uint8).T.copy().T,
    ],
    ids=[
        "bool", "0 and 1", "0 and 255", "grays", "L", "L of 0 and 1", "1", "RGB", "RGBA", "LA", "P",
        "I;16", "I;16 of 0 and 1", "strided",
    ],
)  # fmt: skip
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
        (np.zeros((2, 3)), r"the mask is float64 \(2, 3\); .* as in mask > 0.5"),
        (np.zeros((2, 3), np.uint16), r"the mask is uint16 .* as in mask > 0$"),
        (np.zeros((2, 3), int), r"the mask is int64 .* as in mask > 0$"),
        (np.zeros((2, 3, 1), bool), r"the mask is bool \(2, 3, 1\).* as in mask\[:, :, 0\]"),
        (np.zeros(6, bool), r"the mask is bool \(6,\); expected bool or uint8 \(H, W\)$"),
        (np.zeros((3, 2), bool), "the mask is 2x3, the picture 3x2"),
        (PIL.Image.new("L", (2, 3)), "the mask is 2x3, the picture 3x2"),
        (PIL.Image.new("F", (3, 2)), "a PIL image of mode F; expected 1, L, LA, RGB, RGBA"),
        (PIL.Image.new("CMYK", (3, 2)), "a PIL image of mode CMYK"),
        (PIL.Image.new("L", (3, 2), 7), "nothing in the mask is white"),
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
