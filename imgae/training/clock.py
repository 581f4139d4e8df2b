"""How far a run has come, by its steps or by the clock, and what follows from that."""

import time
from dataclasses import dataclass, field
from typing import Any

from imgae.training.optimizers import rate_at
from imgae.training.settings import Settings

RISING: float = 0.1
"""The most of a run's time in which its rate rises."""


@dataclass
class Clock:
    """The progress of a run.

    A run of `minutes` ends by the clock: its rate follows the time that has passed, so that it
    ends when it was asked to, whatever else the machine does. A run of `steps` is the same
    however long it takes. Time in which a run is stopped does not count.

    elapsed: seconds until now, those before a stop among them. began: what of that had passed
    before the first step. Both are kept in checkpoints.
    """

    settings: Settings
    elapsed: float = 0.0
    began: float = 0.0
    read_at: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """What the run is to take; 0 where its steps are counted."""
        return 60 * (self.settings.minutes or 0.0)

    def read(self) -> float:
        """Let the time that has passed count, and return `elapsed`."""
        now = time.monotonic()
        self.elapsed += now - self.read_at
        self.read_at = now
        return self.elapsed

    def begin(self) -> None:
        """Say that the first step follows."""
        self.began = self.read()

    def over(self, step: int) -> bool:
        """Whether a run that has taken `step` steps has come to its end."""
        return self.elapsed >= self.seconds if self.seconds else step >= self.settings.steps

    def rate(self, step: int) -> float:
        """Return the factor on the learning rate of the step after `step` steps."""
        rising = (step + 1) / max(self.settings.warmup, 1)
        if not self.seconds:
            return rate_at(rising, step, self.settings.steps, self.settings.decay)
        way = max(self.seconds - self.began, 1e-9)
        rising = max(rising, (self.elapsed - self.began) / (RISING * way))
        return rate_at(rising, self.elapsed, self.seconds, self.settings.decay)

    def steps(self, step: int) -> int:
        """Return how many steps the run will have had; by the clock, as it looks after `step`."""
        if not self.seconds:
            return self.settings.steps
        spent, left = self.elapsed - self.began, self.seconds - self.elapsed
        if left <= 0 or not step:
            return step
        return step + max(1, round(step * left / max(spent, 1e-9)))

    def averaging(self, step: int) -> float:
        """Return the average's decay: a short run's is over a tenth of it, to forget its start."""
        return min(self.settings.ema_decay, 1 - 10 / max(self.steps(step), 20))

    def seconds_left(self, step: int, pace: float) -> float:
        """pace: seconds a step takes."""
        return (
            max(0.0, self.seconds - self.elapsed)
            if self.seconds
            else pace * (self.settings.steps - step)
        )

    def said(self, step: int) -> str:
        """Say how far the run has come, as in "stopped and saved at ..."."""
        if self.seconds:
            return (
                f"step {step}, after {self.elapsed / 60:.1f} of {self.settings.minutes:g} minutes"
            )
        return f"step {step} of {self.settings.steps}"

    def state_dict(self) -> dict[str, Any]:
        return {"elapsed": self.elapsed, "began": self.began}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.elapsed, self.began = state["elapsed"], state["began"]
        self.read_at = time.monotonic()
