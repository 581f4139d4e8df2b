"""TIFF files for tests, made by other programs or by hand."""

import io
import struct

import numpy as np
import tifffile

from imgae.io.formats.tiff.build import Builder, numbers, octets

NOTE = b"MAKERNOTE" + bytes(range(200))


def scene(dtype=np.uint8, channels=3, height=40, width=53):
    y, x = np.mgrid[:height, :width]
    planes = [(np.sin(x / 9 + k) + np.cos(y / 7 - k)) / 4 + 0.5 for k in range(channels)]
    values = np.stack(planes, 2)
    return (values * (np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1)).astype(dtype)


def made(*arrays, **options):
    """A file of tifffile's, a page for each array."""
    out = io.BytesIO()
    with tifffile.TiffWriter(
        out, bigtiff=options.pop("bigtiff", False), byteorder=options.pop("byteorder", "<")
    ) as file:
        for array in arrays:
            rgb = array.ndim == 3 and array.shape[2] >= 3
            said = {"metadata": None, "photometric": "rgb" if rgb else "minisblack"} | options
            file.write(array, **said)
    return out.getvalue()


def saved(picture, **options):
    """A file of Pillow's, and so of libtiff's where it is compressed."""
    out = io.BytesIO()
    picture.save(out, "TIFF", **options)
    return out.getvalue()


def by_hand(width, height, tags, data, order="<"):
    """A file of one strip."""
    builder = Builder(order, big=False)
    at = builder.put(data)
    builder.put_page(
        {
            256: numbers(3, width),
            257: numbers(3, height),
            258: numbers(3, 8),
            262: numbers(3, 1),
            273: numbers(4, at),
            279: numbers(4, len(data)),
            **tags,
        }
    )
    return bytes(builder.out)


def camera_exif(order="<"):
    """EXIF with a maker note, a place and what makes it interoperable."""
    builder = Builder(order, big=False)
    details = {
        33434: numbers(5, 1, 200),
        36864: octets(7, b"0232"),
        37500: octets(7, NOTE),
        40962: numbers(4, 53),
        40963: numbers(4, 40),
        0xA005: {1: octets(2, b"R98")},
    }
    place = {1: octets(2, b"N"), 2: numbers(5, 48, 1, 30, 1, 0, 1)}
    builder.put_page(
        {271: octets(2, b"Maker"), 315: octets(2, b"Ann"), 34665: details, 34853: place}
    )
    return bytes(builder.out)


def resource(number, value):
    """A resource as Photoshop writes it."""
    return b"8BIM" + struct.pack(">HHI", number, 0, len(value)) + value + bytes(len(value) % 2)


def tags_in(data, page=0):
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        return {tag.code: tag.value for tag in file.pages[page].tags}
