"""Whatever bytes are read, it ends in pictures or in one sentence."""

import io
import warnings

import numpy as np
import PIL.Image
import pytest
import tifffile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from imgae import ImgaeError, read_frames

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 11, 3)).astype(np.uint8)
MOST = 1_000_000


def saved(kind, **options):
    file = io.BytesIO()
    if kind == "TIFF":
        tifffile.imwrite(file, PIXELS, photometric="rgb", **options)
    else:
        PIL.Image.fromarray(PIXELS).save(file, kind, **options)
    return file.getvalue()


FILES = {
    "PNG": saved("PNG"),
    "JPEG": saved("JPEG", quality=80),
    "TIFF": saved("TIFF", compression="lzw"),
    "WEBP": saved("WEBP"),
    "GIF": saved("GIF"),
    "BMP": saved("BMP"),
    "PPM": saved("PPM"),
    "JPEG2000": saved("JPEG2000"),
    "AVIF": saved("AVIF"),
}


def read(data):
    """Read within limits; whatever is raised, but for an ImgaeError of one line, fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sentence, pixels = "", 0
        try:
            frames = read_frames(data, max_pixels=MOST)
            pixels = sum(image.width * image.height for image in frames)
        except ImgaeError as error:
            sentence = str(error)
    assert "\n" not in sentence
    assert pixels <= MOST


@given(st.binary(max_size=300))
@example(b"\x89PNG\r\n\x1a\n")
@example(b"II*\0\x08\0\0\0\xff\xff")
def test_bytes_of_any_kind_are_read_or_refused(data):
    read(data)


@pytest.mark.parametrize("kind", FILES)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_file_with_any_part_changed_is_read_or_refused(kind, data):
    whole = FILES[kind]
    at = data.draw(st.integers(0, len(whole) - 1))
    length = data.draw(st.integers(0, 16))
    new = data.draw(st.binary(max_size=16))
    read(whole[:at] + new + whole[at + length :] or b"\0")
