"""Short runs that several tests export."""

import numpy as np
import pytest
from scenes import photo

from imgae import Image, write_image


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    import nets

    from imgae.training import runs

    folder = tmp_path_factory.mktemp("runs")
    for number in range(3):
        pixels = (photo(64, 64, number) * 255).round().astype(np.uint8)
        write_image(Image(pixels), folder / f"{number}.png")
    config = nets.settings(variant="tiny", data=(str(folder),), steps=60, batch=2, crop=32)
    runs.start(config, None, folder / "run", "cpu", 1, lambda _: None, lambda _: None)
    return folder / "run"


@pytest.fixture(scope="session")
def file(run):
    from imgae.training import export

    path = run.parent / "tiny.onnx"
    export.export_run(run, path, export.Provenance("tiny", "Apache-2.0"))
    return path


@pytest.fixture(scope="session")
def camera_run(run, tmp_path_factory):
    """A short run for camera noise."""
    import nets

    from imgae.training import runs

    config = nets.settings(
        task="camera", variant="tiny", data=(str(run.parent),), steps=4, batch=2, crop=32
    )
    folder = tmp_path_factory.mktemp("camera") / "run"
    runs.start(config, None, folder, "cpu", 1, lambda _: None, lambda _: None)
    return folder
