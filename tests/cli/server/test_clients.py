"""The clients of examples/serve/."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile

import pytest

pytest.importorskip("uvicorn", reason="the extra web is not installed")

from documents import ROOT
from served import LONG, image, noisy, pixels_of, png, stack, wait_until

CLIENTS = ROOT / "examples" / "serve"


@pytest.fixture
def photo(tmp_path):
    (tmp_path / "photo.png").write_bytes(png(noisy()))
    return tmp_path / "photo.png"


def variables(server):
    return {**os.environ, "IMGAE_SERVER": server.url, "no_proxy": "*"}


def run(server, *words):
    return subprocess.run(
        [str(word) for word in words],
        env=variables(server),
        capture_output=True,
        text=True,
        check=False,
    )


def ask(server, *words):
    return run(server, sys.executable, CLIENTS / "client.py", *words)


def test_the_client_needs_only_the_standard_library():
    text = (CLIENTS / "client.py").read_text()
    names = set(re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE))
    assert names <= sys.stdlib_module_names


def test_the_client_denoises_a_file(server, client, photo, tmp_path):
    done = ask(server, "denoise", photo, tmp_path / "clean.png", "strength=0.8")
    assert done.returncode == 0, done.stderr
    assert "100%" in done.stderr
    fields = {"strength": "0.8"}
    expected = client.post("/v1/denoise", files=image(photo.read_bytes()), data=fields)
    assert (tmp_path / "clean.png").read_bytes() == expected.content


def test_the_client_fills_strokes_of_a_file(server, photo, tmp_path):
    strokes = [{"tool": "box", "box": [20, 10, 12, 8]}]
    (tmp_path / "strokes.json").write_text(json.dumps(strokes))
    out = tmp_path / "filled.png"
    done = ask(server, "inpaint", photo, out, f"strokes=@{tmp_path / 'strokes.json'}")
    assert done.returncode == 0, done.stderr
    changed = (pixels_of(out.read_bytes()) != noisy()).any(2)
    assert changed[10:18, 20:32].mean() > 0.5
    changed[10:18, 20:32] = False
    assert not changed.any()


def test_the_client_tells_what_is_wrong(server, photo, tmp_path):
    done = ask(server, "denoise", photo, tmp_path / "out.png", "strength=3")
    assert done.returncode == 1
    assert re.match(r"422: [^\n]+\n\Z", done.stderr)
    photo.write_bytes(b"no picture")
    done = ask(server, "denoise", photo, tmp_path / "out.png")
    assert done.returncode == 1
    assert not (tmp_path / "out.png").exists()
    assert "Traceback" not in done.stderr


def test_ctrl_c_cancels_the_work_of_the_client(server, client, tmp_path):
    (tmp_path / "stack.tif").write_bytes(stack())
    fields = [f"{name}={value}" for name, value in LONG.items()]
    words = ["denoise", tmp_path / "stack.tif", tmp_path / "out.tif", *fields]
    command = [sys.executable, CLIENTS / "client.py", *words]
    with subprocess.Popen(command, env=variables(server), stderr=subprocess.PIPE) as process:
        wait_until(lambda: client.get("/healthz").json()["running"])
        assert b"running" in process.stderr.readline() + process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert b"cancelled" in process.communicate()[1]
    assert process.returncode == 1
    wait_until(lambda: not client.get("/healthz").json()["running"])


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_calls_by_curl_give_files(server, photo, tmp_path):
    done = run(server, "sh", CLIENTS / "calls.sh", photo, tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"done"' in done.stdout
    assert pixels_of((tmp_path / "denoised").read_bytes()).shape == (72, 96, 3)
    assert pixels_of((tmp_path / "filled.png").read_bytes()).shape == (72, 96, 3)
    mask = pixels_of((tmp_path / "mask.png").read_bytes())
    assert mask[10, 55].max() == 255
    assert not mask[60:].any()
    with zipfile.ZipFile(io.BytesIO((tmp_path / "all.zip").read_bytes())) as archive:
        assert archive.namelist() == ["photo.denoised.png"]
