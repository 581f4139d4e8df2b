import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import nets  # noqa: E402
from scenes import photo  # noqa: E402

from imgae import Image, write_image  # noqa: E402
from imgae.errors import TrainingError  # noqa: E402
from imgae.training import loop, processes, runs  # noqa: E402
from imgae.training.checkpoint import Run  # noqa: E402
from imgae.training.processes import ALONE, Shared, Team  # noqa: E402

SCRIPT = Path(__file__).parents[1] / "beside.py"
CASES = ("spectral", "camera", "sparse")
"""A Jacobian's Jacobian; several outputs, in bfloat16; two calls that follow each other."""


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [str(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start_two(run, folder):
    """Start beside.py twice; return the files it writes, and what the processes printed."""
    ports = free_ports(3)
    begun = []
    for rank in range(2):
        env = {**os.environ, "RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank),
               "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}  # fmt: skip
        words = [sys.executable, str(SCRIPT), run, folder / f"{rank}.json", *ports, *CASES]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        begun.append(subprocess.Popen([str(word) for word in words], env=env, **pipes))
    said = [process.communicate(timeout=240)[0] for process in begun]
    assert [process.returncode for process in begun] == [0, 9], said
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)], said


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """A run that was not stopped, and the same that one process stopped at step 4 of 6."""
    (tmp_path / "pictures").mkdir()
    for number in range(4):
        pixels = (photo(64, 64, number) * 255).round().astype(np.uint8)
        write_image(Image(pixels), tmp_path / "pictures" / f"{number}.png")
    config = nets.settings(
        variant="tiny", data=(str(tmp_path / "pictures"),), steps=6, batch=3, crop=32
    )
    monkeypatch.setattr(runs, "choose_pace", lambda *args: (args[3], 1.0))
    nets.start(config, tmp_path / "whole")
    step = loop.Trainer.train_step

    def interrupted(trainer):
        step(trainer)
        if trainer.step == 4:
            os.kill(os.getpid(), 2)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Trainer, "train_step", interrupted)
        assert nets.start(config, tmp_path / "parts").step == 4
    return tmp_path


def test_two_processes_are_as_one_and_one_that_dies_ends_the_other(stopped):
    """Gradients of all kinds; a run that one process began; the end of one of them."""
    import beside

    (first, second), said = start_two(stopped / "parts", stopped)

    for name in CASES:
        alone = beside.losses(name, ALONE)
        assert first["losses"][name] == second["losses"][name]
        for ours, theirs in zip(alone["terms"], first["losses"][name]["terms"], strict=True):
            assert theirs == pytest.approx(ours, rel=1e-3, abs=1e-6), name
    assert first["resumed"] == second["resumed"] == [6, True]
    whole, parts = (
        json.loads((stopped / name / "log.jsonl").read_text()) for name in ("whole", "parts")
    )
    assert parts["loss"] == pytest.approx(whole["loss"], rel=1e-5)
    assert parts["psnr"] == pytest.approx(whole["psnr"], abs=1e-3)
    weights = [Run(stopped / name).load_checkpoint()["net"] for name in ("whole", "parts")]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-3, atol=1e-5)
    assert first["told"] == processes.ENDED
    assert "continuing from step 4" in said[0]
    assert said[1] == ""  # the first speaks for both


def test_what_the_environment_says_of_processes_is_checked(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert processes.team() == ALONE
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(TrainingError, match=r"there are 4 processes, but RANK.*start them with"):
        processes.team()
    for name, value in (("RANK", "3"), ("LOCAL_RANK", "1"), ("LOCAL_WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    assert processes.team() == Team(3, 4, 1, 2)
    monkeypatch.setattr(runs, "usable_cpus", lambda: 8)
    assert runs.threads_of(None, processes.team()) == 4


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(TrainingError, match="2 processes on a machine where torch finds 1 GPU"):
        runs.torch_device("auto", 1, Team(1, 2, 1, 2))


def test_a_batch_that_cannot_be_split_evenly_is_filled_up(monkeypatch):
    """What each of three processes is handed of four pictures, and of a condition for all."""
    shares = []
    gathered = torch.arange(6.0).view(6, 1)
    monkeypatch.setattr(Shared, "gathered", lambda self, entry, batch: gathered[:batch])
    pictures, condition = torch.arange(4.0).view(4, 1), torch.full((1, 1), 7.0)
    for rank in range(3):
        shared = Team(rank, 3).shared(lambda *given: shares.append(given) or given[0])
        assert len(shared(pictures, condition)) == 4
    assert [share[0].flatten().tolist() for share in shares] == [[0, 1], [2, 3], [0, 0]]
    assert [share[1].flatten().tolist() for share in shares] == [[7, 7]] * 3
