"""The examples of embedding: each gives what the command line gives."""

import importlib.util
import json
import re
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from imgae.model import session

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
MODEL = ROOT / "weights" / "denoise-fast.onnx"
SEARCH = ROOT / "weights" / "search.onnx"
FEATURES = ROOT / "weights" / "features.onnx"
MOST = {MODEL: 1, ROOT / "weights" / "denoise-fast-int8.onnx": 4}
"""Levels that a host may differ by; int8 rounding is chaotic."""
LEVEL = "25"


def load_script():
    loader = SourceFileLoader("hosts", str(ROOT / "scripts" / "hosts"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("hosts", loader))
    sys.modules["hosts"] = module  # dataclasses look there
    loader.exec_module(module)
    return module


hosts = load_script()


def host_or_skip(name):
    host = hosts.HOSTS[name]
    if missing := host.missing():
        pytest.skip(f"not installed: {missing} (examples/README.md)")
    return host


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """A picture as wide as two tiles of the Python example, and the command line's results."""
    folder = tmp_path_factory.mktemp("picture")
    noisy = np.asarray(PIL.Image.open(EXAMPLES / "noisy.png"))[300:375]
    PIL.Image.fromarray(np.hstack([noisy, noisy[:, :189]])).save(folder / "noisy.png")
    references = {model: folder / f"{model.stem}.png" for model in MOST}
    for model, reference in references.items():
        hosts.reference_for(model, folder / "noisy.png", LEVEL, reference)
    return folder / "noisy.png", references


@pytest.mark.parametrize("model", MOST, ids=lambda model: model.stem)
@pytest.mark.parametrize("name", hosts.HOSTS)
def test_a_host_gives_what_the_command_line_gives(name, model, picture, tmp_path):
    noisy, reference = picture[0], picture[1][model]
    result = hosts.run_host(host_or_skip(name), model, noisy, LEVEL, reference, tmp_path)
    assert result.difference <= MOST[model]
    (output,) = tmp_path.glob("*.output.*")
    values = [np.int16(PIL.Image.open(p).convert("RGB")) for p in (output, reference, noisy)]
    assert np.abs(values[0] - values[1]).max() == result.difference
    assert np.abs(values[0] - values[1]).mean() <= 0.5
    assert np.abs(values[0] - values[2]).mean() > 10  # and it is no copy of the noisy one


def test_the_page_asks_for_nothing_off_this_machine(picture, tmp_path):
    noisy, references = picture
    command = host_or_skip("browser").command(tmp_path)
    out, shot = tmp_path / "out.png", tmp_path / "page.png"
    said = hosts.run([*command, MODEL, noisy, LEVEL, out, references[MODEL], shot])
    assert re.search(r"^requests: [1-9]\d*, off this machine: 0$", said, re.MULTILINE)
    assert np.ptp(np.asarray(PIL.Image.open(shot))) > 200


@pytest.mark.parametrize("name", hosts.HOSTS)
def test_a_host_that_fails_is_told(name, picture, tmp_path, capfd):
    noisy, reference = picture[0], picture[1][MODEL]
    junk = tmp_path / "junk.onnx"
    junk.write_bytes(b"no model")
    host = host_or_skip(name)
    with pytest.raises(hosts.HostError) as error:
        hosts.run_host(host, junk, noisy, LEVEL, reference, tmp_path)
    assert re.search("pars|model", str(error.value), re.IGNORECASE)
    assert hosts.cell_for(host, junk, reference, tmp_path)[1]
    assert str(error.value) in capfd.readouterr().err


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """Pictures large and small, with and without transparency, and turned by EXIF."""
    folder = tmp_path_factory.mktemp("copies")
    clean = PIL.Image.open(EXAMPLES / "clean.png").convert("RGB")
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    clean.save(folder / "copy.jpg", quality=15)
    clean.rotate(90).save(folder / "turned.jpg", exif=exif)
    clean.resize((100, 100)).save(folder / "small.png")
    clean.crop((0, 0, 500, 9)).save(folder / "strip.png")
    part = clean.convert("RGBA")
    part.putalpha(PIL.Image.linear_gradient("L").resize(clean.size))
    part.save(folder / "part.png")
    return [EXAMPLES / "clean.png", EXAMPLES / "worst.png", *sorted(folder.iterdir())]


def test_the_example_of_search_gives_what_the_command_line_gives(copies, tmp_path):
    command = [sys.executable, EXAMPLES / "python" / "search.py", SEARCH, EXAMPLES / "noisy.png"]
    found = scores_of(hosts.run([*command, *copies]))
    index = tmp_path / "pictures.index"
    imgae = [sys.executable, "-m", "imgae", "index"]
    hosts.run([*imgae, "build", *copies, "-o", index])
    wanted = scores_of(hosts.run([*imgae, "search", index, EXAMPLES / "noisy.png"]))
    assert {Path(name).name: score for name, score in found.items()} == pytest.approx(
        {Path(name).name: score for name, score in wanted.items()}, abs=0.01
    )
    assert len(found) == len(copies)
    assert [Path(name).name for name in found] == [Path(name).name for name in wanted]


def scores_of(printed):
    lines = [line.split("\t") for line in printed.splitlines()]
    return {name: float(score) for score, name in lines}


def outputs_of(host, model):
    """What a host and onnxruntime give for a picture."""
    runtime = pytest.importorskip(host, reason=f"not installed: {host} (examples/README.md)")
    pixels = np.asarray(PIL.Image.open(EXAMPLES / "clean.png"))[:200, :256]
    image = pixels.transpose(2, 0, 1)[None] * np.float32(1 / 255)
    (wanted,) = session.load(model, device="cpu").outputs(image=image)
    if host == "cv2":
        net = runtime.dnn.readNetFromONNX(str(model))
        net.setInput(image, "image")
        return net.forward(), wanted
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    (found,) = runtime.Core().compile_model(model, "CPU", exact)({"image": image}).values()
    return found, wanted


@pytest.mark.parametrize("host", ["cv2", "openvino"])
def test_hosts_give_the_same_features(host):
    found, wanted = outputs_of(host, FEATURES)
    assert found.shape == wanted.shape == (1, 32, 50, 64)
    assert np.abs(found - wanted).max() < 1e-3 * np.abs(wanted).max()


@pytest.mark.parametrize("host", ["cv2", "openvino"])
def test_hosts_describe_pictures_alike(host):
    found, wanted = outputs_of(host, SEARCH)
    assert found.shape == wanted.shape == (1, 128, 7, 8)
    vectors = [each.mean((2, 3))[0] / np.linalg.norm(each.mean((2, 3))) for each in (found, wanted)]
    assert vectors[0] @ vectors[1] > 0.9999


def test_the_python_example_is_short():
    lines = (EXAMPLES / "python" / "denoise.py").read_text().splitlines()
    assert len(lines) < 30


def test_hosts_need_nothing_of_imgae():
    sources = [path for kind in ("py", "mjs", "cpp") for path in EXAMPLES.glob(f"*/*.{kind}")]
    assert len(sources) >= len(hosts.HOSTS)
    for path in sources:
        assert not re.search(r"^\s*(import|from) imgae|imgae\.\w", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize("folder", ["examples/node", "examples/browser", "tests/cli/server/axe"])
def test_lock_files_name_no_registry(folder):
    lock = json.loads((ROOT / folder / "package-lock.json").read_text())
    assert all(entry["integrity"] for path, entry in lock["packages"].items() if path)
    assert not any("resolved" in entry for entry in lock["packages"].values())
