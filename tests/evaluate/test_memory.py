import sys

import pytest

from imgae import ImgaeWarning
from imgae.evaluate.memory import peak_memory

pytest.importorskip("skimage", reason="scikit-image is not installed")


def test_a_process_that_denoises_a_megapixel_needs_more_than_its_pixels():
    assert 20 < peak_memory("nlm", False, 1) < 4000


def test_where_the_system_does_not_tell_memory_is_not_measured(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    with pytest.warns(ImgaeWarning, match="not measured"):
        assert peak_memory("nlm", False, 1) is None
