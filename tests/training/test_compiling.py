import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import nets  # noqa: E402

from imgae.training import compiling, loop  # noqa: E402
from imgae.training.data import PictureBank  # noqa: E402
from imgae.training.tasks import lookup  # noqa: E402


def trainer(task="denoise", **changes):
    torch.manual_seed(0)
    draw = np.random.default_rng(0)
    bank = PictureBank.of([draw.integers(0, 256, (64, 64, 3), np.uint8)])
    values = {"variant": "tiny", "steps": 50, "batch": 2, "crop": 32, "autocast": "none"}
    config, place = nets.settings(task, **values | changes), torch.device("cpu")
    found = lookup.load(task)
    return loop.Trainer(found.network(config), found.objective(config, place), bank, config, place)


def loss_of_a_step(trainer):
    trainer.train_step()
    return trainer.drain_sums()["loss"]


@pytest.mark.parametrize("task", ["denoise", "camera"])
def test_what_objectives_call_is_compiled_and_computes_the_same(monkeypatch, task):
    compiled = []

    def backend(graph, _):
        compiled.append(len(graph.graph.nodes))
        return graph.forward

    monkeypatch.setattr(compiling, "BACKEND", backend)
    plain, fast = trainer(task), trainer(task)
    fast.compile(pytest.fail)
    for _ in range(2):
        assert loss_of_a_step(fast) == pytest.approx(loss_of_a_step(plain), rel=1e-5)
    assert max(compiled) > 30  # the network is in one piece
    torch._dynamo.reset()


def test_a_network_that_cannot_be_compiled_is_trained_as_it_is(monkeypatch):
    def backend(graph, _):
        raise RuntimeError("No working C++ compiler found\nin any place")

    monkeypatch.setattr(compiling, "BACKEND", backend)
    plain, fast, said = trainer(), trainer(), []
    fast.compile(said.append)
    for _ in range(2):
        assert loss_of_a_step(fast) == loss_of_a_step(plain)
    assert said == [
        "the network is trained uncompiled, since compiling failed: No working C++ compiler found"
    ]
    torch._dynamo.reset()


@pytest.mark.parametrize(
    ("device", "changes", "expected"),
    [
        ("cpu", {"steps": 10**6}, False),
        ("cpu", {"steps": 9, "compile": "on"}, True),
        ("cuda", {"steps": 10**6}, True),
        ("cuda", {"steps": 10**6, "compile": "off"}, False),
        ("cuda", {"steps": 100}, False),
        ("cuda", {"minutes": 30.0}, True),
        ("cuda", {"minutes": 1.0}, False),
    ],
)
def test_long_runs_on_a_gpu_are_compiled(device, changes, expected):
    assert compiling.wanted(nets.settings(**changes), torch.device(device)) is expected


def test_a_gpu_gets_more_crops_than_a_cpu():
    sizes = [
        [lookup.load(task).batch_on(torch.device(device)) for device in ("cpu", "cuda")]
        for task in ("denoise", "camera", "features")
    ]
    assert sizes == [[12, 96], [12, 48], [12, 12]]
