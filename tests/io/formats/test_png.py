import struct
import zlib

import numpy as np
import PIL.Image
import pytest
from pictures import XMP, exif, picture, same

from imgae import Image, ImgaeWarning, read_image, write_image

TURNED_XMP = XMP.replace(b"note", b'tiff:Orientation="6" note')


def test_the_orientation_inside_xmp_is_reset_too(tmp_path):
    path = tmp_path / "a.png"
    write_image(picture(np.uint8, 3, alpha=False, exif=exif(6), xmp=TURNED_XMP), path)
    assert b'tiff:Orientation="1"' in read_image(path).xmp


def test_16_bit_gray_png_and_its_alpha_stay_16_bit(tmp_path):
    path = tmp_path / "a.png"
    original = picture(np.uint16, 1, alpha=True)
    write_image(original, path)
    assert path.read_bytes()[24] == 16
    same(read_image(path), original)
    with PIL.Image.open(path) as file:
        file.load()  # its checksums are right


def test_palette_becomes_rgb_with_a_note(tmp_path):
    path = tmp_path / "a.png"
    colour = PIL.Image.fromarray(picture(np.uint8, 3, alpha=False).pixels)
    colour.quantize(16).save(path)
    with pytest.warns(ImgaeWarning, match="palette"):
        assert read_image(path).mode == "RGB"


def test_a_transparent_colour_becomes_alpha(tmp_path):
    path = tmp_path / "a.png"
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0] = 9
    PIL.Image.fromarray(pixels).save(path, transparency=(9, 9, 9))
    assert read_image(path).alpha.tolist() == [[0, 255], [255, 255]]


def test_a_transparent_gray_of_16_bits_becomes_alpha(tmp_path):
    path = tmp_path / "a.png"
    write_image(Image(np.array([[[7], [9]]], np.uint16)), path)
    data = path.read_bytes()
    chunk = b"tRNS" + struct.pack(">H", 9)
    block = struct.pack(">I", 2) + chunk + struct.pack(">I", zlib.crc32(chunk))
    where = data.index(b"IDAT") - 4
    path.write_bytes(data[:where] + block + data[where:])
    assert read_image(path).alpha.tolist() == [[65535, 0]]
