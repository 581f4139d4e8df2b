"""The training loop: steps, checkpoints and the clock; nothing of corruption or loss."""

import contextlib
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from imgae.errors import ImgaeError, TrainingError
from imgae.training import compiling
from imgae.training.checkpoint import Run
from imgae.training.clock import Clock
from imgae.training.data import PictureBank
from imgae.training.optimizers import MuonAdamW
from imgae.training.processes import ALONE, Team
from imgae.training.settings import Settings

LOG_EVERY = 50  # steps
CHECKPOINT_SECONDS = 120.0
AGAIN_SECONDS: Final = 3.0
"""Signals that follow the first this soon ask for nothing more: torchrun passes on what a terminal
sends to all, too."""


class Objective(Protocol):
    """Draws a corruption, runs the network, returns the loss and its named terms.

    One that remembers anything from step to step is Remembering, too.
    """

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


@runtime_checkable
class Remembering(Protocol):
    """An objective that remembers something from step to step, all of it in tensors.

    Without any, it is as it was in the beginning.
    """

    def state_dict(self) -> dict[str, Tensor]: ...

    def load_state_dict(self, state: dict[str, Tensor], /) -> None: ...


class Validation(Protocol):
    """Scores a network on pictures it has not seen; more is better."""

    measure: Measure

    def score(self, net: nn.Module) -> float: ...

    def write_preview(self, net: nn.Module, path: Path) -> None: ...


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    said: how far it came, as in "stopped and saved at ...". seconds: of the run, as in the log,
    those before a stop among them.
    """

    step: int
    finished: bool
    said: str
    measure: Measure
    score: float | None
    seconds: float


class Trainer:
    """A network in training, with all the state that a checkpoint keeps."""

    def __init__(
        self,
        net: nn.Module,
        objective: Objective,
        bank: PictureBank,
        config: Settings,
        device: torch.device,
        team: Team = ALONE,
    ) -> None:
        layout = torch.channels_last if config.channels_last else torch.contiguous_format
        self.net = net.to(device)
        self.net.to(memory_format=layout)  # type: ignore[call-overload]
        self.objective = objective
        self.bank = bank
        self.config = config
        self.device = device
        self.clock = Clock(config)
        self.team = team
        self.ema = AveragedModel(self.net, multi_avg_fn=self.average, use_buffers=True)
        self.optimizer = MuonAdamW(self.net, config.learning_rate)
        self.step = 0
        self.sums: dict[str, Tensor] = {}  # of the loss and its terms since the last log line
        self.summed = 0  # steps
        self.functions = {name: getattr(self.net, name) for name in called(net)}
        self.if_compiling_fails: Callable[[str], None] | None = None  # None: not compiled
        if team.size > 1:
            self.attach(self.functions)

    def compile(self, note: Callable[[str], None]) -> None:
        """Compile what objectives call of the network, from the next step on.

        note: is told if that fails; the network is then trained as it is.
        """
        self.if_compiling_fails = note
        self.attach({name: compiling.compiled(f) for name, f in self.functions.items()})

    def attach(self, functions: dict[str, Callable[..., Any]]) -> None:
        """Let objectives call these of the network; several processes share the work."""
        for name, function in functions.items():
            setattr(self.net, name, self.team.shared(function))

    def train_step(self) -> None:
        """Draw a batch, descend, average. The batch depends on seed and step alone."""
        try:
            terms = self.descend()
        except (ImgaeError, MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            if self.if_compiling_fails is None:
                raise
            self.if_compiling_fails(compiling.failed(error))
            self.if_compiling_fails = None
            self.attach(self.functions)
            self.optimizer.forget_gradients()
            terms = self.descend()
        parameters = list(self.net.parameters())
        self.team.add_gradients(parameters)
        torch.nn.utils.clip_grad_norm_(parameters, self.config.clip_norm, foreach=True)
        self.optimizer.step(self.clock.rate(self.step))
        self.ema.update_parameters(self.net)
        self.step += 1
        for name, value in terms.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value
        self.summed += 1

    def descend(self) -> dict[str, Tensor]:
        """Compute the gradients of a step; return its loss and terms, for the log."""
        config = self.config
        seed = int(np.random.SeedSequence((config.seed, self.step)).generate_state(1, np.uint64)[0])
        generator = Generator(self.device).manual_seed(seed >> 1)
        clean = self.bank.crops(config.batch, config.crop, generator)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=config.autocast == "bf16"):
            loss, terms = self.objective(self.net, clean, generator)
        loss.backward()  # type: ignore[no-untyped-call]
        return {name: value.detach().float() for name, value in {"loss": loss, **terms}.items()}

    def average(self, averages: Any, current: Any, _: Any) -> None:
        """Move the average towards the weights, as far as the clock says."""
        get_ema_multi_avg_fn(self.clock.averaging(self.step))(averages, current, None)  # type: ignore[no-untyped-call]

    def state_dict(self) -> dict[str, Any]:
        memory = self.objective
        return {
            "step": self.step,
            "clock": self.clock.state_dict(),
            "net": self.net.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "sums": self.sums,
            "summed": self.summed,
            "objective": memory.state_dict() if isinstance(memory, Remembering) else {},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step = state["step"]
        self.clock.load_state_dict(state["clock"])
        self.net.load_state_dict(state["net"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.sums = {name: value.to(self.device) for name, value in state["sums"].items()}
        self.summed = state["summed"]
        if isinstance(self.objective, Remembering):
            kept = {name: value.to(self.device) for name, value in state["objective"].items()}
            self.objective.load_state_dict(kept)

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


def called(net: nn.Module) -> tuple[str, ...]:
    """Return the names of what objectives call of a network."""
    names: tuple[str, ...] = getattr(net, "called", ("forward",))
    return names


def train(
    trainer: Trainer,
    run: Run,
    validation: Validation,
    report: Callable[[dict[str, Any]], None],
    beside: Mapping[str, Any] = MappingProxyType({}),
) -> Outcome:
    """Train to the end that the settings name, or until interrupted; save either way.

    Every LOG_EVERY steps `report` is given the line that log.jsonl gets: step, steps (by the
    clock, as many as it will be), loss and its terms, rate (of learning), seconds (in all),
    images_per_second, seconds_left, and the validation's score where it was taken, with what
    `beside` holds. Of several processes the first alone validates, reports and writes.
    Raises TrainingError if the loss is NaN or infinite, or a checkpoint cannot be written.
    """
    config, clock, started = trainer.config, trainer.clock, time.monotonic()
    saved_at, line_at, line_step = started, started, trainer.step
    score: float | None = None
    with interruption(AGAIN_SECONDS if trainer.team.size > 1 else 0.0) as interrupted:
        if trainer.step == 0:
            clock.begin()
            save(trainer, run)  # so that there is something to resume from the start
        over, stop = stands(trainer, interrupted())
        over = over and trainer.step > 0  # one step at least, however short the time
        while not (over or stop):
            trainer.train_step()
            over, stop = stands(trainer, interrupted())
            step = trainer.step
            if step % LOG_EVERY == 0 or over:
                stop_if_not_finite(trainer, run)
                pace = (time.monotonic() - line_at) / (step - line_step)
                record = {"step": step, "steps": clock.steps(step), **trainer.drain_sums()}
                record |= rates(trainer, pace)
                if trainer.team.first:
                    if step % config.validate_every == 0 or over:
                        score = validated(trainer, run, validation, record)
                        record |= beside
                    run.log(record)
                    report(record)
                line_at, line_step = time.monotonic(), step
            if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                save(trainer, run)
                saved_at = time.monotonic()
        save(trainer, run)
    return Outcome(
        trainer.step,
        over,
        clock.said(trainer.step),
        validation.measure,
        score,
        clock.elapsed,
    )


def stands(trainer: Trainer, interrupted: bool) -> tuple[bool, bool]:
    """Return whether the run is over, and whether it is to stop; all processes agree."""
    clock = trainer.clock
    clock.elapsed, stop = trainer.team.agreed(clock.read(), interrupted)
    return clock.over(trainer.step), stop


def rates(trainer: Trainer, pace: float) -> dict[str, Any]:
    """Return what a line of the log says of time. pace: the seconds that a step takes."""
    config, clock, step = trainer.config, trainer.clock, trainer.step
    return {
        "rate": config.learning_rate * clock.rate(step - 1),
        "seconds": round(clock.elapsed, 1),
        "images_per_second": round(config.batch / pace, 1),
        "seconds_left": round(clock.seconds_left(step, pace)),
    }


def validated(trainer: Trainer, run: Run, validation: Validation, record: dict[str, Any]) -> float:
    """Score the averaged network, put that into a record, and write the preview."""
    score = record[validation.measure.name] = validation.score(trainer.ema.module)
    with contextlib.suppress(ImgaeError):  # it is only to look at
        validation.write_preview(trainer.ema.module, run.preview_path)
    return score


def save(trainer: Trainer, run: Run) -> None:
    stop_if_not_finite(trainer, run)
    if trainer.team.first:
        run.save_checkpoint(trainer.state_dict())


def stop_if_not_finite(trainer: Trainer, run: Run) -> None:
    if trainer.broken():
        raise TrainingError(
            f"{trainer.broken()} NaN or infinite near step {trainer.step}; the checkpoint in "
            f"{run.folder} is from an earlier step: start again in another folder, with a lower "
            "--learning-rate"
        )


@contextlib.contextmanager
def interruption(again: float = 0.0) -> Iterator[Callable[[], bool]]:
    """Make a flag of the first Ctrl-C or SIGTERM; the second interrupts. For the main thread."""
    caught: list[float] = []  # when

    def note(_: int, __: FrameType | None) -> None:
        caught.append(time.monotonic())
        if caught[-1] - caught[0] > again:
            raise KeyboardInterrupt

    main = threading.current_thread() is threading.main_thread()
    numbers = (signal.SIGINT, signal.SIGTERM) if main else ()
    before = [signal.signal(number, note) for number in numbers]
    try:
        yield lambda: bool(caught)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
