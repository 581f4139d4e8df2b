"""The training loop: steps, checkpoints and the clock; nothing of corruption or loss."""

import contextlib
import math
import signal
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any, Final, Protocol

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from imgae.errors import ImgaeError, TrainingError
from imgae.training.checkpoint import Run
from imgae.training.data import PictureBank
from imgae.training.optimizers import MuonAdamW, rate_at
from imgae.training.settings import Settings

LOG_EVERY = 50  # steps
CHECKPOINT_SECONDS = 120.0
PACE_SECONDS = 30.0


class Objective(Protocol):
    """Draws a corruption, runs the network, returns the loss and its named terms."""

    def __call__(
        self, net: nn.Module, clean: Tensor, generator: Generator, /
    ) -> tuple[Tensor, dict[str, Tensor]]: ...


@dataclass(frozen=True)
class Measure:
    """What a validation's score is: its name in the log, and how people see it."""

    name: str
    form: str

    def shown(self, score: float) -> str:
        return self.form.format(score)


PSNR: Final = Measure("psnr", "{:.2f} dB")
DICE: Final = Measure("dice", "Dice {:.3f}")


class Validation(Protocol):
    """Scores a network on pictures it has not seen; more is better."""

    measure: Measure

    def score(self, net: nn.Module) -> float: ...

    def write_preview(self, net: nn.Module, path: Path) -> None: ...


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    step: int
    steps: int
    measure: Measure
    score: float | None
    seconds: float

    @property
    def finished(self) -> bool:
        return self.step == self.steps


class Trainer:
    """A network in training, with all the state that a checkpoint keeps."""

    def __init__(
        self,
        net: nn.Module,
        objective: Objective,
        bank: PictureBank,
        config: Settings,
        device: torch.device,
    ) -> None:
        layout = torch.channels_last if config.channels_last else torch.contiguous_format
        self.net = net.to(device)
        self.net.to(memory_format=layout)  # type: ignore[call-overload]
        self.objective = objective
        self.bank = bank
        self.config = config
        self.device = device
        self.ema = AveragedModel(
            self.net,
            multi_avg_fn=get_ema_multi_avg_fn(averaging(config)),  # type: ignore[no-untyped-call]
            use_buffers=True,
        )
        self.optimizer = MuonAdamW(self.net, config.learning_rate)
        self.step = 0
        self.sums: dict[str, Tensor] = {}  # of the loss and its terms since the last log line
        self.summed = 0  # steps

    def train_step(self) -> None:
        """Draw a batch, descend, average. The batch depends on seed and step alone."""
        config = self.config
        seed = int(np.random.SeedSequence((config.seed, self.step)).generate_state(1, np.uint64)[0])
        generator = Generator(self.device).manual_seed(seed >> 1)
        clean = self.bank.crops(config.batch, config.crop, generator)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=config.autocast == "bf16"):
            loss, terms = self.objective(self.net, clean, generator)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), config.clip_norm, foreach=True)
        self.optimizer.step(rate_at(self.step, config.steps, config.warmup, config.decay))
        self.ema.update_parameters(self.net)
        self.step += 1
        for name, value in {"loss": loss, **terms}.items():
            self.sums[name] = self.sums.get(name, torch.zeros((), device=self.device)) + (
                value.detach().float()
            )
        self.summed += 1

    def state_dict(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "net": self.net.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "sums": self.sums,
            "summed": self.summed,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step = state["step"]
        self.net.load_state_dict(state["net"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.sums = {name: value.to(self.device) for name, value in state["sums"].items()}
        self.summed = state["summed"]

    def drain_sums(self) -> dict[str, float]:
        """Return the means since the last call."""
        means = {name: float(value) / self.summed for name, value in self.sums.items()}
        self.sums, self.summed = {}, 0
        return means

    def broken(self) -> str:
        """Say whether the losses since the last log line or the weights are not finite, else ""."""
        if not all(math.isfinite(float(value)) for value in self.sums.values()):
            return "the loss is"
        weights = sum(parameter.detach().sum() for parameter in self.net.parameters())
        return "" if math.isfinite(float(weights)) else "a weight is"


def averaging(config: Settings) -> float:
    """Return the average's decay: over a tenth of a short run, so that its start is forgotten."""
    return min(config.ema_decay, 1 - 10 / max(config.steps, 20))


def train(
    trainer: Trainer,
    run: Run,
    validation: Validation,
    report: Callable[[dict[str, Any]], None],
) -> Outcome:
    """Train to the configured number of steps, or until interrupted; save either way.

    Every LOG_EVERY steps `report` is given the line that log.jsonl gets: step, steps, loss and
    its terms, images_per_second, seconds_left, and the validation's score where it was taken.
    Raises TrainingError if the loss is NaN or infinite, or a checkpoint cannot be written.
    """
    config, started = trainer.config, time.monotonic()
    saved_at, line_at, line_step = started, started, trainer.step
    score: float | None = None
    with interruption() as interrupted:
        if trainer.step == 0:
            save(trainer, run)  # so that there is something to resume from the start
        while trainer.step < config.steps and not interrupted():
            trainer.train_step()
            step, last = trainer.step, trainer.step == config.steps
            if step % LOG_EVERY == 0 or last:
                stop_if_not_finite(trainer, run)
                now = time.monotonic()
                pace = (now - line_at) / (step - line_step)
                record: dict[str, Any] = {
                    "step": step,
                    "steps": config.steps,
                    **trainer.drain_sums(),
                    "images_per_second": round(config.batch / pace, 1),
                    "seconds_left": round(pace * (config.steps - step)),
                }
                if step % config.validate_every == 0 or last:
                    score = record[validation.measure.name] = validation.score(trainer.ema.module)
                    with contextlib.suppress(ImgaeError):  # it is only to look at
                        validation.write_preview(trainer.ema.module, run.preview_path)
                run.log(record)
                report(record)
                line_at, line_step = time.monotonic(), step
            if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                save(trainer, run)
                saved_at = time.monotonic()
        save(trainer, run)
    return Outcome(
        trainer.step, config.steps, validation.measure, score, time.monotonic() - started
    )


def save(trainer: Trainer, run: Run) -> None:
    stop_if_not_finite(trainer, run)
    run.save_checkpoint(trainer.state_dict())


def stop_if_not_finite(trainer: Trainer, run: Run) -> None:
    if trainer.broken():
        raise TrainingError(
            f"{trainer.broken()} NaN or infinite near step {trainer.step}; the checkpoint in "
            f"{run.folder} is from an earlier step: start again in another folder, with a lower "
            "--learning-rate"
        )


@contextlib.contextmanager
def interruption() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C, or a request to terminate, into a flag; the second one interrupts."""
    caught: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        caught.append(number)
        if len(caught) > 1:
            raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, note) for number in numbers]
    try:
        yield lambda: bool(caught)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def choose_pace(
    net: nn.Module,
    objective: Objective,
    bank: PictureBank,
    config: Settings,
    device: torch.device,
    rounds: int = 10,
) -> tuple[Settings, float]:
    """Time steps in each number format and memory layout on copies, and take the fastest.

    A number format that the settings name is taken as it is.

    Large networks are timed in fewer rounds: three, if those take half a minute.

    Returns the settings with autocast and channels_last set, and the seconds a step takes.
    """
    trials = [
        replace(config, autocast=autocast, channels_last=channels_last, steps=1_000_000)
        for autocast in (("bf16", "none") if config.autocast == "auto" else (config.autocast,))
        for channels_last in (True, False)
    ]
    trainers = [Trainer(deepcopy(net), objective, bank, trial, device) for trial in trials]
    times = np.empty((rounds, len(trials)))
    started = time.monotonic()
    for round_ in range(rounds):
        if round_ > 2 and time.monotonic() - started > PACE_SECONDS:
            times = times[:round_]
            break
        for way, trainer in enumerate(trainers):
            before = time.monotonic()
            trainer.train_step()
            if device.type == "cuda":
                torch.cuda.synchronize()
            times[round_, way] = time.monotonic() - before
    fastest = int(times[2:].min(0).argmin())
    chosen = replace(trials[fastest], steps=config.steps)
    return chosen, float(np.median(times[2:, fastest]))
