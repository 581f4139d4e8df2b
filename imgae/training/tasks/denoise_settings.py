"""The settings of a denoiser's run: clean pictures, noisy ones alone, or pairs of both."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from imgae.errors import TrainingError
from imgae.training.checks import Check, Choice, Folders, Number, Option, listed, setting
from imgae.training.settings import Settings, int8_setting

OWN_RATE: Final = 3e-4
"""The learning rate for noisy pictures and pairs."""
FACTORS: Final = tuple(2.0**-power for power in range(9))
"""What pictures of 16 bits may be divided by (`own_scale`)."""


@dataclass(frozen=True)
class Found(Check):
    """What a run found out about its pictures; no option sets it."""

    @property
    def expected(self) -> str:
        return "what the run measured"

    def accepts(self, value: object) -> bool:
        if not isinstance(value, dict) or value.keys() != {"noise", "pixels", "low", "span"}:
            return False
        low, span, pixels = value["low"], value["span"], value["pixels"]
        if not all(
            type(number) in (int, float) and math.isfinite(number) for number in (low, span)
        ):
            return False
        if pixels == "float32":
            return span > 0 and is_noise(value["noise"])
        spans = {"uint8": (1,), "uint16": FACTORS}.get(
            pixels if isinstance(pixels, str) else "", ()
        )
        return low == 0 and span in spans and is_noise(value["noise"])


def is_noise(value: object) -> bool:
    """Return whether a run can have measured this."""
    from imgae.training.noise.model import NoiseModel  # loads torch, and options need none

    try:
        NoiseModel.from_dict(value if isinstance(value, dict) else {})
    except TrainingError:
        return False
    return True


@dataclass(frozen=True)
class DenoiseSettings(Settings):
    """Those of all tasks, what there is besides clean pictures, and penalties."""

    task = "denoise"
    sources = ("data", "noisy", "pairs")
    group = "options of this task"

    noisy: tuple[str, ...] = setting(
        (),
        Folders(),
        Option(
            "--noisy",
            "instead of --data: folders of noisy pictures, without any clean ones; the network "
            "learns to remove the noise that they have",
            "DIR",
        ),
    )
    pairs: tuple[str, ...] = setting(
        (),
        Folders(),
        Option(
            "--pairs",
            "instead of --data: a folder of noisy pictures, and one of the same pictures, of the "
            "same names, without noise",
            "DIR",
        ),
    )
    noise: str = setting(
        "",
        Choice(("", "auto", "gaussian", "poisson-gaussian")),
        Option(
            "--noise",
            "the kind of noise that --noisy or --pairs have: gaussian, as strong everywhere; "
            "poisson-gaussian, its variance a line over brightness; or auto, any curve that is "
            "measured (default: auto)",
        ),
    )
    found: Mapping[str, Any] | None = setting(None, Found(), optional=True)
    int8: bool = int8_setting()
    objective: str = setting(
        "",
        Choice(("", "contractive", "spectral", "adversarial", "jittered")),
        Option(
            "--objective",
            "add a penalty to the loss, so that the network is less sensitive to its input: "
            "contractive, the Frobenius norm of the network's Jacobian; "
            "spectral, its largest singular value above 1; adversarial, the error of pictures that "
            "were changed to do harm, which count L of 1, and the growth of changes above 1. For "
            "comparison: jittered, no penalty, but noise of L 8-bit levels that the network is not "
            "told of",
        ),
    )
    weight: float | None = setting(
        None,
        Number(0, 1e6),
        Option("--lambda", "what the penalty is multiplied by", "L"),
        optional=True,
    )

    @property
    def own_noise(self) -> bool:
        """Whether the network learns the noise that its pictures have."""
        return bool(self.noisy or self.pairs)

    @classmethod
    def completed(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Let networks that denoise already learn slowly."""
        own_noise = given.get("noisy") or given.get("pairs")
        return {"learning_rate": OWN_RATE, **given} if own_noise else given

    def conflict(self) -> str:
        given = [f"--{name}" for name in self.sources if getattr(self, name)]
        if len(given) > 1:
            return f"{listed(given)} cannot go together; give one of them"
        if self.pairs and len(self.pairs) != 2:
            return "--pairs takes two folders, of noisy and of clean pictures: NOISY/ CLEAN/"
        if self.noise and not self.own_noise:
            return "--noise goes with --noisy or --pairs: clean pictures get noise of all levels"
        if self.own_noise and (self.objective or self.int8):
            return f"--{'objective' if self.objective else 'int8'} needs clean pictures: --data"
        if (self.objective == "") != (self.weight is None):
            return "--objective and --lambda go together; give both or neither"
        if self.objective == "adversarial" and self.weight is not None and self.weight > 1:
            return "--lambda is a share of 1 with --objective adversarial"
        return super().conflict()
