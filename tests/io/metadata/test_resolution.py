import struct

import PIL.Image
import pytest

from imgae.io.metadata.exif import orientation_of
from imgae.io.metadata.resolution import resolution_of, with_resolution


def exif_of(**tags):
    exif = PIL.Image.Exif()
    exif.update({int(key[1:]): value for key, value in tags.items()})
    exif.get_ifd(0x8769)[0x927C] = b"maker note"
    exif.get_ifd(0x8825)[1] = "N"
    return exif.tobytes().removeprefix(b"Exif\0\0")


def as_pillow_reads(raw):
    exif = PIL.Image.Exif()
    exif.load(b"Exif\0\0" + raw)
    return dict(exif), dict(exif.get_ifd(0x8769)), dict(exif.get_ifd(0x8825))


def test_orientation_and_resolution_are_read():
    exif = exif_of(t274=6, t282=300.0, t283=150.0, t296=2)
    assert (orientation_of(exif), resolution_of(exif)) == (6, (300, 150))
    assert resolution_of(exif_of(t282=100.0, t283=100.0, t296=3)) == (254, 254)
    assert resolution_of(exif_of(t282=100.0, t283=100.0, t296=1)) is None
    assert (orientation_of(None), orientation_of(exif_of(t274=9)), resolution_of(None)) == (
        1,
        1,
        None,
    )


def test_a_resolution_makes_exif_where_there_is_none():
    made = with_resolution(None, (300, 299.5))
    assert resolution_of(made) == (300, 299.5)
    assert as_pillow_reads(made)[0] == {282: 300, 283: 299.5, 296: 2}
    assert with_resolution(None, None) is None


def test_a_resolution_that_exif_gives_leaves_every_byte():
    exif = exif_of(t282=300.0, t283=300.0, t296=2)
    assert with_resolution(exif, (300.001, 300)) == exif


def test_another_resolution_is_set_in_place():
    exif = exif_of(t282=72.0, t283=72.0, t296=3)
    changed = with_resolution(exif, (300, 600))
    assert len(changed) == len(exif)
    assert resolution_of(changed) == (300, 600)
    assert as_pillow_reads(changed)[1:] == as_pillow_reads(exif)[1:]


@pytest.mark.parametrize("tags", [{"t271": "Maker"}, {"t271": "Maker", "t282": 72.0}])
def test_a_resolution_is_added_and_all_else_stays(tags):
    exif = exif_of(**tags)
    changed = with_resolution(exif, (300, 300))
    assert changed[8 : len(exif)] == exif[8:]
    assert resolution_of(changed) == (300, 300)
    main, details, place = as_pillow_reads(changed)
    assert main[271] == "Maker"
    assert (details, place) == as_pillow_reads(exif)[1:]


def test_damage_is_no_error():
    for raw in (b"", b"II", b"II*\0\xff\xff\0\0", b"MM\0*\0\0\0\x08\xff\xff" + bytes(20)):
        orientation_of(raw)
        resolution_of(raw)
        with_resolution(raw, (72, 72))


@pytest.mark.parametrize("dpi", [1e-9, 0.1, 72.009, 1e6, 4e9, 1e12])
def test_any_resolution_fits(dpi):
    across, _ = resolution_of(with_resolution(None, (dpi, dpi)))
    assert across == pytest.approx(min(max(dpi, 1e-6), 2**32 - 1), rel=0.01) or dpi < 1e-4


def test_resolution_is_added_to_exif_of_either_order_without_moving_the_rest():
    for order in "<>":
        entry = struct.pack(order + "HHII", 271, 2, 6, 26)
        mark = b"II*\0" if order == "<" else b"MM\0*"
        made = mark + struct.pack(order + "IH", 8, 1) + entry + bytes(4) + b"Maker\0"
        changed = with_resolution(made, (72.5, 300))
        assert resolution_of(changed) == (72.5, 300)
        assert changed[8 : len(made)] == made[8:]
        assert with_resolution(changed, (72.5, 300)) == changed
