import numpy as np
import pytest

from imgae import Image, ImageError, write_image


def test_too_wide_for_webp_is_one_sentence(tmp_path):
    with pytest.raises(ImageError, match="too large for WebP"):
        write_image(Image(np.zeros((1, 16384, 3), np.uint8)), tmp_path / "a.webp")
