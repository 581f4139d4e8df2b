"""Reading of pictures, and what they take of the memory that there is."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from pictures import picture

from imgae import Frames, Image, ImageError, write_frames
from imgae.model.machine import limit_memory
from imgae.restore.batches import work
from imgae.restore.batches.engine import STANDARD


@pytest.fixture(autouse=True)
def little_memory():
    limit_memory(300 << 20)
    yield
    limit_memory(None)


class Standard:
    def __init__(self, data):
        self.buffer = io.BytesIO(data)


def large(path, frames=1):
    images = (Image(np.zeros((4000, 5000, 3), np.uint8)),) * frames
    write_frames(Frames(images), path)
    return Path(path)


def test_standard_input_is_measured_before_it_is_decoded(tmp_path, monkeypatch):
    data = large(tmp_path / "a.png").read_bytes()
    monkeypatch.setattr(sys, "stdin", Standard(data))
    monkeypatch.setattr(work.files, "frames_of", None)
    with pytest.raises(ImageError, match="standard input: 5000x4000 pixels take about"):
        work.read(STANDARD, "denoise")


def test_a_file_that_does_not_tell_its_size_is_measured_as_it_was_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(work, "size_of", lambda _: None)
    with pytest.raises(ImageError, match="5000x4000 pixels take about"):
        work.read(large(tmp_path / "a.png"), "denoise")


def test_frames_of_several_sizes_count_together():
    one = picture(np.uint16, 3, alpha=True)
    small = Image(np.zeros((2, 3, 1), np.uint8))
    size = work.size_in_memory(Frames((small, one, small)))
    assert size == (17, 13, 2, 4, 2)
    assert size.nbytes >= 17 * 13 * 8 + 2 * 6
