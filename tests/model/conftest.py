import onnx
import pytest
from damaged import small_model

from imgae.model import registry


@pytest.fixture
def fast():
    """denoise-fast, to be damaged."""
    return onnx.load(registry.find("denoise-fast"))


@pytest.fixture
def small(tmp_path):
    """A small model that passes all checks, to be damaged."""
    return small_model(tmp_path / "small.onnx")
