import numpy as np
import PIL.Image
import pytest

from imgae import Image, MaskError
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


GRAY = np.zeros((8, 10, 1))
GRAY[2:5, 3:7] = 1
HERE = GRAY[:, :, 0] > 0
WITH_RED = GRAY * (1, 0, 0)


def of(values, dtype=np.uint8, alpha=None):
    return Image(values.astype(dtype), None if alpha is None else alpha.astype(dtype))


@pytest.mark.parametrize(
    "mask",
    [
        of(GRAY * 255),
        of(GRAY),
        of(GRAY * 7),
        of(GRAY * 65535, np.uint16),
        of(GRAY, np.uint16),
        of(GRAY * 255, np.uint16),
        of(GRAY * 200 + 20, np.uint16),
        of(GRAY, np.float32),
        of(GRAY * 255, np.float32),
        of(GRAY * 0.2, np.float32),
        of(np.where(GRAY > 0, 1, np.nan), np.float32),
        of((GRAY * 255).repeat(3, 2)),
        of(WITH_RED * 255),
        of(WITH_RED * 128),
        of(GRAY * 0, alpha=HERE * 255),
        of(255 - GRAY * 255, alpha=HERE * 255),
        of(GRAY * 255, alpha=HERE * 255),
        of(GRAY * 0 + 255, alpha=HERE * 255),
        of(GRAY * 0 + 1, alpha=HERE * 255),
        of(np.where(GRAY > 0, 200, 60)),
    ],
    ids=[
        "8 bits", "0 and 1", "0 and 7", "16 bits", "0 and 1 in 16 bits", "0 and 255 in 16 bits",
        "20 and 220 in 16 bits", "floats", "floats to 255", "dark floats", "NaN", "RGB", "red",
        "a dark palette", "black on transparent", "black on hidden white",
        "white on transparent", "white all over", "1 on transparent", "grays",
    ],
)  # fmt: skip
def test_what_a_file_marks(mask):
    assert np.array_equal(masks.white_of(mask), HERE)


def test_a_black_file_marks_nothing():
    for mask in (of(GRAY * 0), of(GRAY * 0, alpha=HERE * 0 + 255), of(GRAY * 255, alpha=HERE * 0)):
        assert not masks.white_of(mask).any()


@pytest.mark.parametrize(
    "mask",
    [
        of(GRAY * 40 + 5 * (np.arange(10)[None, :, None] > 8)),
        of(GRAY * 0 + 7),
        of(GRAY * 3 * np.arange(10)[None, :, None]),
        of(GRAY * 20_000 * (np.arange(10)[None, :, None] > 4) + GRAY, np.uint16),
        of(WITH_RED * 250 + GRAY * (0, 0, 5) * (np.arange(10)[None, :, None] > 4)),
    ],
    ids=["two grays", "one gray", "labels", "16 bits", "two reds"],
)
def test_a_file_of_colours_without_white_is_an_error_that_says_what_to_do(mask):
    with pytest.raises(
        MaskError, match=r"nothing in the mask is white.* draw what to fill in white"
    ):
        masks.white_of(mask)
