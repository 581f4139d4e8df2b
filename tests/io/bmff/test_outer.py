import pytest

from imgae import ImgaeWarning
from imgae.io.bmff.boxes import box
from imgae.io.bmff.outer import outermost
from imgae.io.format import File


def kinds(data):
    return [one.kind for one in outermost(File(data, "a file"), frozenset({b"ftyp", b"mdat"}))]


def test_boxes_of_a_whole_file_are_returned_without_a_note():
    assert kinds(box(b"ftyp", b"avif") + box(b"mdat")) == [b"ftyp", b"mdat"]


@pytest.mark.parametrize(
    "tail", [b"junk", bytes(12), b"\0\0\0\2more", b"\0\0\0\x0c\xff\xd8\xff\xe0data"]
)
def test_bytes_after_the_end_are_left_out_with_a_note(tail):
    with pytest.warns(ImgaeWarning, match=f"a file: {len(tail)} bytes after its end"):
        assert kinds(box(b"ftyp", b"avif") + tail) == [b"ftyp"]


def test_a_file_that_is_cut_short_is_told():
    with pytest.warns(ImgaeWarning, match="cut short"):
        assert kinds(box(b"ftyp") + box(b"mdat", b"abc")[:-1]) == [b"ftyp", b"mdat"]


def test_a_file_that_begins_wrongly_is_damaged():
    with pytest.raises(ValueError, match="a box of 2 bytes"):
        kinds(b"\0\0\0\2ftyp")


def test_other_boxes_are_named():
    with pytest.warns(ImgaeWarning, match="its boxes 'mpvd', 'uuid' are not known, and left out"):
        kinds(box(b"ftyp") + box(b"uuid") + box(b"mpvd") + box(b"free"))
