"""When memory runs out, there is one sentence, and no file."""

import os
import subprocess
import sys

import numpy as np
import pytest

from imgae import Denoiser, Image, cli, write_image
from imgae.model.machine import short_of_memory


def no_memory(*_, **__):
    raise MemoryError("Unable to allocate 892. KiB for an array")


@pytest.mark.parametrize("count", [1, 2])
def test_memory_that_runs_out_is_one_sentence(tmp_path, monkeypatch, capfd, count):
    monkeypatch.chdir(tmp_path)
    names = [f"{number}.png" for number in range(count)]
    for name in names:
        write_image(Image(np.zeros((9, 9, 3), np.uint8)), name)
    monkeypatch.setattr(Denoiser, "run", no_memory)
    assert cli.main(["denoise", *names, "--threads", "1"]) == 1
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == count
    assert all("too little memory; end other programs, use smaller tiles" in line for line in lines)
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_a_library_that_cannot_be_loaded_for_want_of_memory_is_told_so():
    for text in (
        "libvpx.so.11: failed to map segment from shared object",
        "Exception caught: std::bad_alloc",
        "libc.so: cannot allocate memory in static TLS block",
    ):
        assert short_of_memory(ImportError(text))
    assert short_of_memory(ImportError("No module named torch")) is None
    assert short_of_memory(ValueError("cannot allocate memory")) is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no ulimit -v")
@pytest.mark.parametrize("megabytes", [100, 300, 500])
def test_a_low_limit_of_the_address_space_is_one_sentence(tmp_path, megabytes):
    write_image(Image(np.zeros((9, 9, 3), np.uint8)), tmp_path / "a.png")
    words = f'ulimit -v {megabytes * 1000}; exec "$0" -m imgae denoise a.png'
    run = subprocess.run(
        ["/bin/sh", "-c", words, sys.executable],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("imgae: this process may take only")
    assert run.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
