"""Short runs that several tests export, and what keeps runs and exports short."""

import functools
import hashlib

import numpy as np
import pytest
from scenes import photo

from imgae import Image, write_image

MOST_SHEETS = 24


@pytest.fixture(scope="session", autouse=True)
def brief_starts():
    """Let runs time their steps in as few rounds as they can, and compute on one thread."""
    try:
        from imgae.training import pace, runs
    except ModuleNotFoundError:  # torch is not installed
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "choose_pace", functools.partial(pace.choose_pace, rounds=2))
        patch.setattr(runs, "usable_cpus", lambda: 1)
        yield


@pytest.fixture(scope="session", autouse=True)
def traced_once():
    """Let torch's exporter trace a network once: what it returns depends on its arguments alone."""
    try:
        import torch
    except ModuleNotFoundError:
        yield
        return
    real, known = torch.onnx.export, {}

    def export(net, examples, **settings):
        digest = hashlib.sha256(f"{net}{net.__class__}".encode())
        for name, tensor in net.state_dict().items():
            digest.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
            digest.update(tensor.contiguous().numpy().tobytes())
        shapes = tuple(tuple(example.shape) for example in examples)
        key = (digest.digest(), shapes, repr(sorted(settings.items())))
        if key not in known:
            known[key] = real(net, examples, **settings)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.onnx, "export", export)
        yield


@pytest.fixture(scope="session", autouse=True)
def drawn_once():
    """Let banks of masks hold few sheets, which are drawn once for all banks of a seed."""
    try:
        from imgae.training import mask_bank
    except ModuleNotFoundError:
        yield
        return
    real, known = mask_bank.draw_sheets, {}

    def draw_sheets(kinds, count, seed):
        key = (repr(kinds), min(count, MOST_SHEETS), seed)
        if key not in known:  # with the kinds, so that no other function gets their address
            known[key] = (kinds, real(kinds, *key[1:]))
        return known[key][1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mask_bank, "draw_sheets", draw_sheets)
        yield


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    import nets

    from imgae.training import runs

    folder = tmp_path_factory.mktemp("runs")
    for number in range(3):
        pixels = (photo(64, 64, number) * 255).round().astype(np.uint8)
        write_image(Image(pixels), folder / f"{number}.png")
    config = nets.settings(
        variant="tiny", data=(str(folder),), steps=60, batch=2, crop=32, autocast="none"
    )
    runs.start(config, folder / "run", "cpu", 1, lambda _: None, lambda _: None)
    return folder / "run"


@pytest.fixture(scope="session")
def file(run):
    from imgae.training import export

    path = run.parent / "tiny.onnx"
    export.export_run(run, path, export.Provenance("tiny", "Apache-2.0"))
    return path


@pytest.fixture(scope="session")
def int8_file(run):
    from imgae.training import export

    path = run.parent / "int8.onnx"
    export.export_run(run, path, export.Provenance("int8", "Apache-2.0"), precision="int8")
    return path


@pytest.fixture(scope="session")
def flips_file(run):
    from imgae.training import export

    path = run.parent / "flips.onnx"
    export.export_run(run, path, export.Provenance("tiny", "Apache-2.0"), flip_ensemble=True)
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
    runs.start(config, folder, "cpu", 1, lambda _: None, lambda _: None)
    return folder
