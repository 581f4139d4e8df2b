"""Camera raw files are told from TIFF, whatever their names, and EXIF is taken out of them."""

import struct

import dngs
import numpy as np
import PIL.Image
import pytest
import tifffile

from imgae.io.formats import table
from imgae.io.formats.raw import camera
from imgae.io.metadata.directories import directories

PICTURE = np.zeros((16, 24, 3), np.uint8)
MAKE, MODEL = (271, 2, 0, "NIKON CORPORATION", True), (272, 2, 0, "NIKON D850", True)


def kind(data):
    row = table.of_content(data)
    return row.name if row else None


@pytest.mark.parametrize(
    "beginning",
    [
        b"FUJIFILMCCD-RAW 0201FF389502",
        b"IIRO\x08\0\0\0",
        b"IIRS\x08\0\0\0",
        b"MMOR\0\0\0\x08",
        b"IIU\0\x18\0\0\0",
        b"FOVb\0\0\2\0",
        b"\0MRM\0\0\1\0",
        b"II\x1a\0\0\0HEAPCCDR",
        b"\0\0\0\x18ftypcrx \0\0\0\1",
        b"II*\0\x10\0\0\0CR\2\0",
        b"II*\0\x08\0\0\0IIII",
    ],
)
def test_beginnings_of_raw_files(beginning):
    assert kind(beginning + bytes(40)) == "camera raw"


def written(tmp_path, *pages, **options):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path, **options) as file:
        for array, how in pages:
            file.write(array, **{"metadata": None, "software": False, **how})
    return path.read_bytes()


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("byteorder", "<>")
def test_a_raw_file_like_tiff_is_none(tmp_path, bigtiff, byteorder):
    """A preview comes first, and below it lies what the sensor measured."""
    preview = (PICTURE, {"photometric": "rgb", "subfiletype": 1, "subifds": 2,
                         "extratags": [MAKE, MODEL]})  # fmt: skip
    larger = (np.zeros((32, 48, 3), np.uint8), {"photometric": "rgb", "subfiletype": 1})
    sensor = (np.zeros((64, 96), np.uint16), {"photometric": dngs.CFA})
    options = {"bigtiff": bigtiff, "byteorder": byteorder}
    assert kind(written(tmp_path, preview, larger, sensor, **options)) == "camera raw"
    scan = (np.zeros((64, 96, 3), np.uint16), {"photometric": "rgb"})  # of a film scanner
    assert kind(written(tmp_path, preview, larger, scan, **options)) == "camera raw"


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("preview", [False, True])
def test_dng_is_raw(tmp_path, linear, preview):
    path = dngs.write(tmp_path / "a.tif", dngs.light(), linear=linear, preview=preview)
    data = path.read_bytes()
    assert kind(data) == "camera raw"
    if preview:  # what its preview points to is gone
        cut = data[: data.rindex(b"Imgae\0") + 40]
        assert kind(cut) == "camera raw"


def plain_files():
    camera_tags = [MAKE, MODEL, (305, 2, 0, "Camera", True)]
    geo = [(33550, 12, 3, (1.0, 1.0, 0.0), True), (34735, 3, 4, (1, 1, 0, 0), True)]
    reduced = (PICTURE[::2, ::2], {"photometric": "rgb", "subfiletype": 1})
    return {
        "camera": [(PICTURE, {"photometric": "rgb", "extratags": camera_tags})],
        "deep": [(PICTURE.astype(np.uint16), {"photometric": "rgb", "extratags": camera_tags})],
        "GeoTIFF": [(PICTURE, {"photometric": "rgb", "extratags": geo})],
        "pages": [(PICTURE, {"photometric": "rgb", "extratags": [MAKE]})] * 3,
        "pyramid": [
            (PICTURE, {"photometric": "rgb", "subifds": 1, "extratags": camera_tags}),
            reduced,
        ],
        "thumbnail first": [
            (reduced[0], {**reduced[1], "extratags": camera_tags}),
            (PICTURE, {"photometric": "rgb", "subfiletype": 0}),
        ],
        "tags of a DNG": [
            (PICTURE, {"photometric": "rgb",
                       "extratags": [*camera_tags, (50706, 1, 4, bytes([1, 4, 0, 0]), True)]}),
        ],
        "gray": [(PICTURE[:, :, 0], {"photometric": "minisblack"})],
        "packed": [(PICTURE, {"photometric": "rgb", "compression": "packbits"})],
    }  # fmt: skip


@pytest.mark.parametrize("name", plain_files())
@pytest.mark.parametrize("bigtiff", [False, True])
def test_a_plain_tiff_is_no_raw_file(tmp_path, name, bigtiff):
    assert kind(written(tmp_path, *plain_files()[name], bigtiff=bigtiff)) == "TIFF"


def test_an_imagej_stack_is_no_raw_file(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 8, 8), np.uint16), imagej=True)
    assert kind((tmp_path / "a.tif").read_bytes()) == "TIFF"


def test_pillows_tiff_with_exif_is_no_raw_file(tmp_path):
    exif = PIL.Image.Exif()
    exif[271] = "SONY"
    exif.get_ifd(0x8769)[34855] = 100
    PIL.Image.fromarray(PICTURE).save(tmp_path / "a.tif", exif=exif, compression="jpeg")
    assert kind((tmp_path / "a.tif").read_bytes()) == "TIFF"


@pytest.mark.parametrize("order", "<>")
def test_directories_that_lie_are_passed_over(order):
    """A directory that leads to itself, values outside the file, and far too many tags."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(order + "HHII", 330, 4, 2, 26)
    circle = mark + struct.pack(order + "IH", 8, 1) + entry + struct.pack(order + "III", 8, 8, 8)
    assert len(list(directories(circle))) == 1
    outside = mark + struct.pack(order + "IHHHII", 8, 1, 271, 2, 1 << 31, 1 << 31) + bytes(4)
    assert [dict(one.entries) for one in directories(outside)] == [{}]
    many = mark + struct.pack(order + "IH", 8, 65535) + bytes(100)
    assert list(directories(many)) == []
    assert list(directories(mark)) == []


EXPOSURE = (33434, 5, 1, (1, 125))


def camera_tiff(order="<", *, gps=True):
    """A TIFF structure with Make, an exposure, maker notes and a place."""
    exif = PIL.Image.Exif()
    exif[271], exif[272], exif[306] = "Maker", "Model", "2026:11:26 12:00:00"
    exif[274] = 6
    exif.endian = order
    exif.get_ifd(0x8769).update({33437: 2.8, 34855: 800, 42036: "A lens", 37500: b"notes" * 9})
    if gps:
        exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 12.0)})
    return exif.tobytes().removeprefix(b"Exif\0\0")


def check_photo(found):
    exif = PIL.Image.Exif()
    exif.load(found.exif)
    assert (exif[271], exif[272], exif[306]) == ("Maker", "Model", "2026:11:26 12:00:00")
    assert 274 not in exif
    details = exif.get_ifd(0x8769)
    assert (float(details[33437]), details[34855], details[42036]) == (2.8, 800, "A lens")
    assert 37500 not in details
    assert exif.get_ifd(0x8825)[2] == (48.0, 8.0, 12.0)
    assert found.notes


@pytest.mark.parametrize("order", "<>")
def test_exif_of_a_file_like_tiff(order):
    check_photo(camera.photo_data(camera_tiff(order)))


def test_exif_of_other_raw_files():
    inside = b"FUJIFILMCCD-RAW " + bytes(100) + b"\xff\xd8\xff\xe1\0\0Exif\0\0" + camera_tiff()
    check_photo(camera.photo_data(inside))
    check_photo(camera.photo_data(b"\0MRM" + bytes(30) + b"\0TTW\0\0\0\0" + camera_tiff()))
    assert camera.photo_data(b"FOVb" + bytes(100)) == (None, None, None, False)


def test_exif_and_xmp_of_a_cr3():
    whole = camera_tiff()
    main, details = directories(whole), next(directories(whole))
    start = struct.unpack("<I", bytes(details.entries[0x8769].data))[0]
    place = struct.unpack("<I", bytes(details.entries[0x8825].data))[0]
    assert main
    boxes = [b"CMT1" + whole, b"CMT2" + moved(whole, start), b"CMT4" + moved(whole, place)]
    xmp = b"uuid" + camera.XMP_BOX + b"<x:xmpmeta/>"
    data = b"\0\0\0\x18ftypcrx " + bytes(12)
    data += b"".join(struct.pack(">I", len(box) + 4) + box for box in [*boxes, xmp, b"CMT3"])
    found = camera.photo_data(data)
    check_photo(found)
    assert found.xmp == b"<x:xmpmeta/>"


def moved(tiff, start):
    """The same structure, with its first directory elsewhere."""
    return tiff[:4] + struct.pack("<I", start) + tiff[8:]
