"""A server of `imgae serve` in a process of its own, and what tests send to it."""

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import PIL.Image
import tifffile
from scenes import photo

PATIENCE = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """Runs until `end`; `state` is where it keeps what it stores."""

    def __init__(self, state, *words, port=None, **variables):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.state = Path(state)
        self.state.mkdir(parents=True, exist_ok=True)
        self.said = self.state.parent / f"{self.state.name}.said"
        program = [sys.executable, "-m", "imgae", "serve", "--no-browser", "--port", str(self.port)]
        own = {name: value for name, value in os.environ.items() if name != "IMGAE_TOKEN"}
        places = {"IMGAE_STATE": str(self.state), "TMPDIR": str(self.state), **variables}
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [*program, *words],
                env={**own, **places},
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def started(self):
        end = time.monotonic() + PATIENCE
        while True:
            assert self.process.poll() is None, self.said.read_text()
            assert time.monotonic() < end, self.said.read_text()
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/healthz").status_code == 200:
                    return self
            time.sleep(0.02)

    def client(self, **options):
        return httpx.Client(base_url=self.url, timeout=PATIENCE, trust_env=False, **options)

    def end(self, number=signal.SIGINT):
        """End it by a signal; returns the exit code."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        try:
            return self.process.wait(PATIENCE)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def kept(self):
        """What lies in its folders: the names of all files."""
        walk = os.walk(self.state)  # passes over folders that go meanwhile, as rglob does not
        files = [Path(folder, name) for folder, _, names in walk for name in names]
        return sorted(str(path.relative_to(self.state)) for path in files)

    def __enter__(self):
        return self.started()

    def __exit__(self, *_):
        self.end()


def noisy(height=72, width=96, seed=0, level=20):
    """Return a noisy picture, (H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    pixels = photo(height, width, seed) * 255 + rng.normal(0, level, (height, width, 3))
    return np.rint(pixels.clip(0, 255)).astype(np.uint8)


def stack(frames=400, side=160):
    """A TIFF whose many pages take long, and of which each is done at once."""
    file = io.BytesIO()
    pages = np.zeros((frames, side, side, 3), np.uint8)
    tifffile.imwrite(file, pages, photometric="rgb", compression="zlib")
    return file.getvalue()


LONG = {"model": "denoise-balanced", "sigma": "25"}
"""What makes work on a stack long: half a minute."""


def png(pixels):
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def pixels_of(data):
    return np.asarray(PIL.Image.open(io.BytesIO(data)))


def image(data, name="photo.png"):
    """Return the part of a form that holds a picture."""
    return {"image": (name, data, "application/octet-stream")}


def form(data=(), /, **fields):
    """Return the parts of a form of fields alone, which httpx would send as no parts."""
    return {name: (None, value) for name, value in {**dict(data), **fields}.items()}


ASYNC = {"Prefer": "respond-async"}


def events(client, job):
    """Return every state that the stream of a job gives, until it ends."""
    with client.stream("GET", f"/v1/jobs/{job}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in stream.iter_lines() if line.startswith("data:")]
    return [json.loads(line.removeprefix("data:")) for line in lines]


def wait_until(true, told=""):
    end = time.monotonic() + PATIENCE
    while not (found := true()):
        assert time.monotonic() < end, told
        time.sleep(0.02)
    return found


def problem(answer, status):
    """Check that an answer is a problem with one sentence, which is returned."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["content-type"].startswith("application/problem+json")
    told = answer.json()
    assert told["status"] == status
    assert told["title"]
    assert "\n" not in told["detail"]
    assert "/serve/" not in told["detail"]  # nor where anything lies on the server
    return told["detail"]
