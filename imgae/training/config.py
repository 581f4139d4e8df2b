"""The settings of a run, as they stand in its config.json."""

import json
from dataclasses import dataclass, fields
from typing import Any

from imgae.training.networks.code import Code


@dataclass(frozen=True)
class TrainingConfig:
    """All that a run's losses depend on, besides the pictures themselves."""

    task: str = "denoise"
    variant: str = "fast"
    data: tuple[str, ...] = ()
    start: str | None = None  # weights to start from
    objective: str = ""  # of a code autoencoder, or what a denoiser is trained on with
    weight: float | None = None  # of its penalty
    code_channels: int = 0
    rate: float = 0.05  # target of the mean activation, of sparse-kl
    sigma: float = 25 / 255  # of the noise in the objective `denoising`
    steps: int = 0
    batch: int = 12  # crops a step
    crop: int = 128  # pixels on a side
    learning_rate: float = 1e-3
    warmup: int = 200  # steps
    decay: float = 0.3  # of the steps, at the end
    clip_norm: float = 5.0
    ema_decay: float = 0.999
    seed: int = 0
    memory: int = 2 << 30  # bytes of decoded pictures, at most
    validate_every: int = 500  # steps
    threads: int = 0  # on a CPU; they change the order of sums
    int8: bool = False  # rounds as an int8 network does
    bf16: bool = False
    channels_last: bool = False

    @property
    def code(self) -> Code | None:
        return Code(self.objective, self.code_channels) if self.task == "code" else None

    @classmethod
    def from_json(cls, text: str) -> "TrainingConfig":
        """Raises ValueError or TypeError if the text is not such a configuration."""
        values: dict[str, Any] = json.loads(text)
        if not isinstance(values, dict):
            raise TypeError("expected a JSON object")
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(sorted(unknown))}")
        values["data"] = tuple(values.get("data", ()))
        return cls(**values)
