import pytest

from imgae.io.measure import Size
from imgae.restore.memory import needed, size_in_words

MEASURED = {
    ("denoise", 1, 1): 227,
    ("denoise", 1, 2): 238,
    ("denoise", 12, 1): 359,
    ("denoise", 12, 2): 573,
    ("denoise", 12, 4): 861,
    ("denoise", 48, 1): 823,
    ("denoise", 48, 2): 1637,
    ("mask", 1, 1): 173,
    ("mask", 12, 1): 320,
    ("mask", 12, 2): 363,
    ("mask", 12, 4): 501,
    ("mask", 48, 1): 822,
    ("mask", 48, 2): 954,
    ("inpaint", 1, 1): 478,
    ("inpaint", 12, 1): 591,
    ("inpaint", 12, 2): 628,
    ("inpaint", 48, 1): 1863,
    ("inpaint", 48, 2): 2003,
}
"""Peaks of whole processes in MiB, by the task, megapixels, and bytes of a sample."""


@pytest.mark.parametrize(("case", "peak"), MEASURED.items())
def test_what_a_picture_takes_is_told_a_little_too_large(case, peak):
    task, mega, item = case
    size = Size(mega * 1000, 1000, 1, 3, item)
    assert 1.08 < needed(size, task) / 2**20 / peak < 1.25


def test_frames_are_held_but_one_is_worked_on():
    one, many = Size(1000, 1000, 1, 3, 1), Size(1000, 1000, 100, 3, 1)
    more = needed(many, "denoise") - needed(one, "denoise")
    assert 2 * 99 * one.nbytes < more < 2.4 * 99 * one.nbytes


def test_sizes_are_told_as_people_read_them():
    assert size_in_words(9) == "1 MiB"
    assert size_in_words(300 << 20) == "300 MiB"
    assert size_in_words(1536 << 20) == "1.5 GiB"


def test_a_network_that_takes_all_at_once_takes_more():
    size = Size(1000, 1000, 1, 3, 1)
    assert needed(size, "denoise", tiled=False) - needed(size, "denoise") > 600 * size.pixels
