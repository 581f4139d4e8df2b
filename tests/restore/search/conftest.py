import numpy as np
import pytest
import tiny_code

import imgae


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A working directory with a folder of six pictures, and a tiny model that is the default."""
    tiny_code.signs_by_default(tmp_path / "models", monkeypatch)
    work = tmp_path / "work"
    (work / "photos" / "inner").mkdir(parents=True)
    monkeypatch.chdir(work)
    for number in range(6):
        folder = "photos/inner" if number % 2 else "photos"
        imgae.write_image(imgae.Image(drawing(number)), f"{folder}/{number}.png")
    return work


def drawing(seed, height=60, width=90):
    """Random colours in large cells, with fine texture of an own strength for each channel."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(40, 200, (-(-height // 12), -(-width // 12), 3))
    rough = np.kron(cells, np.ones((12, 12, 1)))[:height, :width]
    fine = rng.normal(0, 1, (height, width, 3)) * rng.uniform(1, 25, 3)
    return (rough + fine).clip(0, 255).astype(np.uint8)
