import errno
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import nets  # noqa: E402
import onnx  # noqa: E402
from nets import build  # noqa: E402
from scenes import photo  # noqa: E402

from imgae import Image, ImageError, write_image  # noqa: E402
from imgae.cli import main  # noqa: E402
from imgae.errors import TrainingError  # noqa: E402
from imgae.model.verify.receptive_field import receptive_field_of  # noqa: E402
from imgae.training import clock, export, geometry, loop, optimizers, pace, runs  # noqa: E402
from imgae.training.checkpoint import Run  # noqa: E402
from imgae.training.data import PictureBank  # noqa: E402
from imgae.training.networks import fill  # noqa: E402
from imgae.training.networks.parts import STRIDE, ResidualBlock  # noqa: E402
from imgae.training.objectives.denoise import Denoising  # noqa: E402
from imgae.training.tasks import lookup  # noqa: E402


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(4):
        pixels = (photo(96, 120, number) * 255).round().astype(np.uint8)
        write_image(Image(pixels), folder / f"{number}.png")
    return folder


@pytest.fixture(autouse=True)
def restore_threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def settings(pictures, **changes):
    values = {"variant": "tiny", "data": (str(pictures),), "steps": 100, "batch": 2, "crop": 32}
    return nets.settings(**values | {"validate_every": 50} | changes)


def silent(_):
    return


def losses(folder):
    lines = (folder / "log.jsonl").read_text().splitlines()
    return {record["step"]: record["loss"] for record in map(json.loads, lines)}


def test_the_loss_falls_and_the_run_holds_what_it_should(pictures, tmp_path):
    run = tmp_path / "run"
    records = []
    outcome = runs.start(settings(pictures, steps=300), run, "cpu", 1, silent, records.append)
    assert outcome.finished
    assert sorted(p.name for p in run.iterdir()) == [
        "about.json", "checkpoint.pt", "config.json", "log.jsonl", "preview.png", "previews"
    ]  # fmt: skip
    assert records[-1]["loss"] < 0.5 * records[0]["loss"]
    assert records[-1]["psnr"] == outcome.score
    assert {"step", "steps", "loss", "mse", "images_per_second", "seconds_left"} <= records[
        0
    ].keys()


@pytest.mark.parametrize(("task", "most"), [("inpaint", 0.5), ("detect", 0.95)])
def test_the_other_tasks_learn_and_can_be_exported(pictures, tmp_path, monkeypatch, task, most):
    """Holes are filled too roughly by half, so that a short run finds much to take away."""
    for name, value in {"FILL_LEVELS": 2, "FILL_RINGS": 1, "FILL_STEPS": 1}.items():
        monkeypatch.setattr(fill, name, value)
    config = settings(pictures, task=task, steps=100, crop=64, batch=4)
    outcome = runs.start(config, tmp_path / "run", "cpu", 1, silent, silent)
    assert outcome.finished
    assert outcome.score is not None

    def loss(net):
        bank = PictureBank.of(runs.read_pictures(config, silent, lookup.load(task)).training)
        generator = torch.Generator().manual_seed(5)
        objective = lookup.load(task).objective(config, torch.device("cpu"))
        with torch.no_grad():
            return float(objective(net, bank.crops(32, 64, generator), generator)[0])

    run = Run(tmp_path / "run")
    trained = export.averaged_network(lookup.of_run(tmp_path / "run")[1], run.load_checkpoint())
    assert loss(trained) < most * loss(build("tiny", task))
    provenance = export.Provenance("own", "Apache-2.0")
    card = export.export_run(tmp_path / "run", tmp_path / "own.onnx", provenance)
    assert card.task == task
    assert (card.thin_halo > 0) == (task == "inpaint")
    if task == "detect":  # the fill of the others was made to see less far, above
        field = receptive_field_of(onnx.load(tmp_path / "own.onnx"), STRIDE, card.halo)
        assert field == (geometry.receptive_radius(trained), STRIDE)


def test_crops_larger_than_the_drawn_masks_are_refused(pictures, tmp_path):
    with pytest.raises(TrainingError, match="inpaint takes 512 at most"):
        settings(pictures, task="inpaint", crop=520)
    words = ["train", "inpaint", "--data", str(pictures), "--steps", "1", "--crop", "520"]
    assert main([*words, "-o", str(tmp_path / "run")]) == 2
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "more",
    [{}, *({"objective": name, "weight": 0.1, "crop": 16} for name in ("spectral", "adversarial"))],
)
def test_a_run_stopped_and_resumed_has_the_losses_of_one_that_was_not(
    pictures, tmp_path, monkeypatch, more
):
    config = settings(pictures, steps=14, **more)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    monkeypatch.setattr(loop, "LOG_EVERY", 10)
    monkeypatch.setattr(runs, "choose_pace", lambda *args: (args[3], 1.0))
    runs.start(config, whole, "cpu", 1, silent, silent)
    step = loop.Trainer.train_step

    def interrupted_at_12(trainer):
        step(trainer)
        if trainer.step == 12:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(loop.Trainer, "train_step", interrupted_at_12)
    first = runs.start(config, parts, "cpu", 1, silent, silent)
    assert (first.step, first.finished) == (12, False)
    monkeypatch.setattr(loop.Trainer, "train_step", step)
    assert runs.resume(parts, "cpu", 1, silent, silent).finished
    assert losses(parts) == losses(whole)
    assert losses(whole).keys() == {10, 14}
    a, b = Run(whole).load_checkpoint(), Run(parts).load_checkpoint()
    for part in ("net", "ema"):
        assert all(torch.equal(a[part][name], b[part][name]) for name in a[part])


def test_the_log_forgets_what_a_kill_undid(tmp_path):
    run = Run(tmp_path)
    for step in (50, 100, 150):
        run.log({"step": step, "loss": 1.0})
    with run.log_path.open("a") as file:
        file.write('{"step": 2')
    run.rewind_log(100)
    assert losses(tmp_path) == {50: 1.0, 100: 1.0}


def test_ctrl_c_saves_and_says_how_to_go_on(pictures, tmp_path):
    run = tmp_path / "run"
    command = [sys.executable, "-m", "imgae", "train", "denoise", "--data", str(pictures),
               "--variant", "tiny", "--steps", "1000000", "--batch", "1", "--crop", "32",
               "--threads", "1", "-o", str(run)]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log = run / "log.jsonl"
    deadline = time.monotonic() + 60
    while not (log.exists() and log.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out.startswith("stopped and saved at step ")
    assert f"imgae train denoise --resume -o {run}" in out
    assert Run(run).load_checkpoint()["step"] > 0


def test_a_loss_that_is_nan_stops_and_spares_the_checkpoint(pictures, tmp_path, monkeypatch):
    run = tmp_path / "run"
    runs.start(settings(pictures, steps=50), run, "cpu", 1, silent, silent)
    before = (run / "checkpoint.pt").read_bytes()
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"steps": 200}))
    real = Denoising.__call__

    def broken(objective, net, clean, generator):
        loss, terms = real(objective, net, clean, generator)
        return loss * float("nan"), terms

    monkeypatch.setattr(Denoising, "__call__", broken)
    with pytest.raises(TrainingError, match="the loss is NaN or infinite near step 100"):
        runs.resume(run, "cpu", 1, silent, silent)
    assert (run / "checkpoint.pt").read_bytes() == before


def test_a_full_disk_is_one_sentence_and_spares_the_checkpoint(pictures, tmp_path, monkeypatch):
    run = tmp_path / "run"
    runs.start(settings(pictures, steps=50), run, "cpu", 1, silent, silent)
    before = (run / "checkpoint.pt").read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TrainingError, match=r"\(No space left on device\).* unharmed: free some"):
        runs.resume(run, "cpu", 1, silent, silent)
    assert (run / "checkpoint.pt").read_bytes() == before
    assert not [path for path in run.iterdir() if path.name.endswith(".tmp")]


def test_minutes_end_a_run_by_the_clock_and_a_stop_does_not_count(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "choose_pace", lambda *args: (args[3], 1.0))
    monkeypatch.setattr(loop, "LOG_EVERY", 1)
    now, late = [0.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    step = loop.Trainer.train_step

    def slow_step(trainer):
        step(trainer)
        now[0] += 1.0 if trainer.step < 4 else 3.0  # the machine has other work from here on
        if trainer.step == 3 and not late:
            late.append(now[0])
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(loop.Trainer, "train_step", slow_step)
    run, config = tmp_path / "run", settings(pictures, steps=0, minutes=0.2, warmup=0)
    first = runs.start(config, run, "cpu", 1, silent, silent)
    assert (first.step, first.finished) == (3, False)
    assert first.said == "step 3, after 0.1 of 0.2 minutes"
    now[0] += 1000
    records = []
    outcome = runs.resume(run, "cpu", 1, silent, records.append)
    assert (outcome.step, outcome.finished) == (6, True)  # 3 s before the stop, 9 s after
    assert [record["seconds_left"] for record in records] == [6, 3, 0]
    assert [record["rate"] for record in records] == pytest.approx([1e-3, 1e-3 * 3 / 3.6, 0])
    assert records[-1]["steps"] == 6
    assert "psnr" in records[-1]


def test_a_run_has_one_step_at_least_however_short_its_time(pictures, tmp_path, monkeypatch):
    now = iter(range(0, 10**6, 100))
    monkeypatch.setattr(runs, "choose_pace", lambda *args: (args[3], 1.0))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(now)))
    config = settings(pictures, steps=0, minutes=0.02)
    outcome = runs.start(config, tmp_path / "run", "cpu", 1, silent, silent)
    assert (outcome.step, outcome.finished) == (1, True)
    assert outcome.score is not None


def test_signals_are_left_alone_outside_the_main_thread():
    def asked():
        with loop.interruption() as interrupted:
            return interrupted()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(asked).result() is False


def test_the_pace_is_measured_both_ways_and_leaves_the_network_alone(pictures):
    net = build("tiny")
    before = {name: value.clone() for name, value in net.state_dict().items()}
    bank = PictureBank.of([np.zeros((64, 64, 3), np.uint8)] * 2)
    config, seconds = pace.choose_pace(
        net, Denoising(), bank, settings(pictures), torch.device("cpu"), silent, rounds=3
    )
    assert seconds > 0
    assert config.steps == 100
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_a_batch_too_large_for_a_gpu_is_halved(pictures):
    bank, said = PictureBank.of([np.zeros((64, 64, 3), np.uint8)] * 2), []

    def limited(net, clean, generator):
        if len(clean) > 24:
            raise torch.OutOfMemoryError
        return Denoising()(net, clean, generator)

    config = settings(pictures, batch=96, autocast="none")
    found, _ = pace.choose_pace(
        build("tiny"), limited, bank, config, torch.device("cpu"), said.append, rounds=1
    )
    assert found.batch == 24
    assert len(said) == 2
    assert "more than 24 crops" in said[1]


def test_a_batch_depends_on_seed_and_step_alone(pictures):
    bank = PictureBank.of([(photo(64, 64) * 255).astype(np.uint8)])

    def weights_after(steps, start=0, seed=0):
        torch.manual_seed(0)
        trainer = loop.Trainer(build("tiny"), Denoising(), bank,
                               settings(pictures, seed=seed), torch.device("cpu"))  # fmt: skip
        trainer.step = start
        torch.rand(7)  # the global state does not matter
        for _ in range(steps):
            trainer.train_step()
        return trainer.net.tail.weight.detach().clone()

    assert torch.equal(weights_after(1), weights_after(1))
    assert not torch.equal(weights_after(1), weights_after(1, start=1))
    assert not torch.equal(weights_after(1), weights_after(1, seed=1))


def test_the_rate_rises_stays_and_falls_to_zero():
    watch = clock.Clock(nets.settings(steps=100, warmup=10, decay=0.3))
    rates = [watch.rate(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[10:70] == [1.0] * 60
    assert rates[85] == pytest.approx(0.5)
    assert rates[100] == 0


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_muon_moves_the_kernels_themselves(layout):
    net = build("tiny").to(memory_format=layout)
    optimizer = optimizers.MuonAdamW(net, 0.01)
    assert len(optimizer.kernels) == 2 * 3
    before = [kernel.detach().clone() for kernel in optimizer.kernels]
    for parameter in net.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer.step(1.0)
    for kernel, old in zip(optimizer.kernels, before, strict=True):
        update = optimizers.as_matrix((kernel.detach() - old).contiguous())
        singular = torch.linalg.svdvals(update)
        assert singular.min() > 0.3 * singular.max()  # orthogonalised


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_stacked_kernels_take_the_steps_of_torch_s_muon(layout):
    net = build("fast").to(memory_format=layout)
    kernels = list(optimizers.hidden_kernels(net))
    alone = [optimizers.as_matrix(kernel.detach()).clone().requires_grad_() for kernel in kernels]
    theirs = torch.optim.Muon(alone, lr=0.01, weight_decay=0.1, adjust_lr_fn="original")
    ours = optimizers.Muon(kernels)
    for _ in range(3):
        for kernel, matrix in zip(kernels, alone, strict=True):
            kernel.grad = torch.randn_like(kernel)
            matrix.grad = optimizers.as_matrix(kernel.grad).clone()
        theirs.step()
        ours.step(0.01)
    for kernel, matrix in zip(kernels, alone, strict=True):
        torch.testing.assert_close(optimizers.as_matrix(kernel), matrix, rtol=0, atol=1e-6)


def test_kernels_do_not_grow_without_end_on_gradients_that_are_only_noise(monkeypatch):
    def size_after_noise():
        torch.manual_seed(0)
        net = ResidualBlock(4, rounded_sum=True)
        optimizer = optimizers.MuonAdamW(net, 0.2)
        for _ in range(400):
            for parameter in net.parameters():
                parameter.grad = torch.randn_like(parameter) * 1e-6
            optimizer.step(1.0)
        return float(net.conv1.weight.detach().square().mean().sqrt())

    bounded = size_after_noise()
    monkeypatch.setattr(optimizers, "MUON_DECAY", 0.0)
    assert bounded < size_after_noise() / 2


PHRASES = [
    ((), 2, "--data DIR (or --noisy or --pairs) and --steps N (or --minutes M) are missing"),
    (("--steps", "9"), 2, "--data DIR (or --noisy or --pairs) is missing"),
    (("--data", "{pictures}"), 2, "--steps N (or --minutes M) is missing"),
    (("--data", "{pictures}", "--steps", "0"), 2, "--steps is 0; train for one step or more"),
    (("--data", "{pictures}", "--steps", "9", "--minutes", "9"), 2, "one of --steps and --minutes"),
    (("--data", "{pictures}", "--steps", "9", "--crop", "33"), 2, "is not a multiple of 8"),
    (
        ("--data", "{pictures}", "--steps", "9", "--learning-rate", "0"),
        2,
        "not a number from 1e-09",
    ),
    (("--data", "{pictures}", "--minutes", "-1"), 2, "not a number from 0.01"),
    (
        ("--data", "{pictures}", "--steps", "9", "--variant", "huge"),
        1,
        "no variant is called 'huge'",
    ),
    (("--data", "{pictures}", "--steps", "9", "--crop", "512"), 1, "4 are under 512x512"),
    (("--data", "{empty}", "--steps", "9"), 1, "no pictures found"),
    (("--data", "{empty}/no", "--steps", "9"), 1, "not a folder"),
    (("--data", "{pictures}", "--steps", "9", "--from", "no.onnx"), 1, "no such model file"),
    (("--resume",), 1, "no run here"),
    (("--resume", "--steps", "9"), 2, "remove --steps"),
]


@pytest.mark.parametrize(("words", "code", "sentence"), PHRASES)
def test_what_cannot_be_trained_is_one_sentence(pictures, tmp_path, capfd, words, code, sentence):
    empty = tmp_path / "empty"
    empty.mkdir()
    filled = [word.format(pictures=pictures, empty=empty) for word in words]
    got = main(["train", "denoise", *filled, "-o", str(tmp_path / "run"), "--threads", "1"])
    out, err = capfd.readouterr()
    last = err.splitlines()[-1]
    assert (got, out) == (code, "")
    assert sentence in last
    assert last.startswith("imgae: ")


def test_a_folder_that_holds_a_run_is_not_trained_over(pictures, tmp_path):
    config = settings(pictures, steps=5)
    runs.start(config, tmp_path / "run", "cpu", 1, silent, silent)
    with pytest.raises(TrainingError, match="already holds a run; add --resume"):
        runs.start(config, tmp_path / "run", "cpu", 1, silent, silent)


@pytest.fixture
def no_reading(monkeypatch):
    """Reading pictures fails the test."""

    def read(*_):
        pytest.fail("pictures were read")

    monkeypatch.setattr(runs, "read_pictures", read)


PLACES = [
    ("a.png", "a.png: cannot be made a folder: .*a.png is a file"),
    ("a.png/x", "a.png/x: cannot be made a folder: .*a.png is a file"),
    ("half", "half/log.jsonl: exists and is not an ordinary file"),
    ("/proc", "/proc: the folder cannot be written to"),
    ("/proc/x", "/proc/x: cannot be made a folder: the folder /proc cannot be written to"),
]


@pytest.mark.parametrize(("place", "sentence"), PLACES)
@pytest.mark.usefixtures("no_reading")
def test_a_folder_that_cannot_hold_a_run_is_told_before_pictures_are_read(
    pictures, tmp_path, place, sentence
):
    if place.startswith("/proc") and not os.path.isdir("/proc"):
        pytest.skip("this system has no /proc")
    (tmp_path / "a.png").write_bytes(b"mine")
    (tmp_path / "half" / "log.jsonl").mkdir(parents=True)
    with pytest.raises(TrainingError, match=sentence):
        runs.start(settings(pictures), tmp_path / place, "cpu", 1, silent, silent)
    assert (tmp_path / "a.png").read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "half"]


def test_a_run_that_cannot_be_written_is_not_resumed(pictures, tmp_path, monkeypatch):
    run = tmp_path / "run"
    runs.start(settings(pictures, steps=5), run, "cpu", 1, silent, silent)
    (run / "preview.png").unlink()
    (run / "preview.png").mkdir()
    monkeypatch.setattr(runs, "read_pictures", lambda *_: pytest.fail("pictures were read"))
    with pytest.raises(TrainingError, match=r"preview\.png: exists and is not an ordinary file"):
        runs.resume(run, "cpu", 1, silent, silent)


def test_a_failed_write_asks_for_space_only_where_space_is_short(pictures, tmp_path, monkeypatch):
    run = tmp_path / "run"
    runs.start(settings(pictures, steps=5), run, "cpu", 1, silent, silent)

    def broken(_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(TrainingError, match=r"\(Input/output error\).* unharmed") as caught:
        runs.resume(run, "cpu", 1, silent, silent)
    assert "space" not in str(caught.value)


@pytest.mark.parametrize("damage", [b"", b"nonsense"])
def test_a_damaged_checkpoint_is_one_sentence(pictures, tmp_path, damage):
    run = tmp_path / "run"
    runs.start(settings(pictures, steps=5), run, "cpu", 1, silent, silent)
    (run / "checkpoint.pt").write_bytes(damage)
    with pytest.raises(TrainingError, match="damaged, or not a checkpoint"):
        runs.resume(run, "cpu", 1, silent, silent)


def test_training_without_torch_names_the_extra(tmp_path, capfd, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("imgae.training")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["train", "denoise", "--data", str(tmp_path), "--steps", "1", "-o", "x"]) == 1
    assert "pip install 'imgae[train]'" in capfd.readouterr().err


def test_a_run_that_died_at_once_can_be_resumed(pictures, tmp_path, monkeypatch):
    def killed(_):
        raise SystemExit

    step = loop.Trainer.train_step
    monkeypatch.setattr(loop.Trainer, "train_step", killed)
    monkeypatch.setattr(runs, "choose_pace", lambda *args: (args[3], 1.0))
    with pytest.raises(SystemExit):
        runs.start(settings(pictures), tmp_path / "run", "cpu", 1, silent, silent)
    monkeypatch.setattr(loop.Trainer, "train_step", step)
    assert runs.resume(tmp_path / "run", "cpu", None, silent, silent).finished


def test_checkpoints_are_written_along_the_way(pictures, tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(Run, "save_checkpoint", lambda run, state: saved.append(state["step"]))
    runs.start(settings(pictures, steps=5), tmp_path / "run", "cpu", 1, silent, silent)
    assert saved[:4] == [0, 1, 2, 3]


def test_a_preview_that_cannot_be_written_costs_nothing_else(pictures, tmp_path, monkeypatch):
    def full(*_, **__):
        raise ImageError("No space left on device")

    monkeypatch.setattr("imgae.io.files.write_image", full)
    run = tmp_path / "run"
    runs.start(settings(pictures, steps=50), run, "cpu", 1, silent, silent)
    assert Run(run).load_checkpoint()["step"] == 50


def test_weights_that_are_nan_are_not_saved(pictures, tmp_path, monkeypatch):
    step = loop.Trainer.train_step

    def poisoned(trainer):
        step(trainer)
        if trainer.step == 60:
            with torch.no_grad():
                trainer.net.tail.bias.fill_(float("nan"))

    monkeypatch.setattr(runs, "choose_pace", lambda *args: (args[3], 1.0))
    monkeypatch.setattr(loop.Trainer, "train_step", poisoned)
    run = tmp_path / "run"
    with pytest.raises(TrainingError, match="a weight is NaN or infinite near step 60"):
        runs.start(settings(pictures, steps=60), run, "cpu", 1, silent, silent)
    assert Run(run).load_checkpoint()["step"] == 0


@pytest.mark.parametrize(("clip_norm", "most"), [(1e-6, 1.01e-6), (1e6, 1e6)])
def test_gradients_are_clipped(pictures, clip_norm, most):
    bank = PictureBank.of([(photo(64, 64) * 255).astype(np.uint8)])
    config, place = settings(pictures, clip_norm=clip_norm), torch.device("cpu")
    trainer = loop.Trainer(build("tiny"), Denoising(), bank, config, place)
    norms = []

    def look(_):
        gradients = [p.grad.flatten() for p in trainer.net.parameters() if p.grad is not None]
        norms.append(float(torch.cat(gradients).norm()))

    trainer.optimizer.step = look
    trainer.train_step()
    assert 0 < norms[0] <= most
    assert clip_norm < 1 or norms[0] > 1e-3


def test_out_of_memory_is_one_sentence():
    with (
        pytest.raises(TrainingError, match="lower --batch or --crop"),
        runs.told_when_out_of_memory(),
    ):
        raise RuntimeError(
            "[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate"
        )


@pytest.mark.parametrize(("steps", "over"), [(1, 2), (420, 42), (100_000, 1000)])
def test_the_average_is_over_a_tenth_of_a_short_run(steps, over):
    averaging = clock.Clock(nets.settings(steps=steps)).averaging(0)
    assert 1 / (1 - averaging) == pytest.approx(over)
