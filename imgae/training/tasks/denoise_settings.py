"""The settings of a denoiser's run: clean pictures, noisy ones alone, or pairs of both."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from imgae.training.checks import Check, Choice, Folders, Number, Option, listed, setting
from imgae.training.settings import Settings, int8_setting

OWN_RATE: Final = 3e-4
"""The learning rate for noisy pictures and pairs."""


@dataclass(frozen=True)
class Found(Check):
    """What a run found out about its pictures; no option sets it."""

    @property
    def expected(self) -> str:
        return "what the run measured"

    def accepts(self, value: object) -> bool:
        return isinstance(value, dict) and value.keys() == {"noise", "pixels", "low", "span"}


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
        Choice(("", "contractive", "spectral", "jittered")),
        Option(
            "--objective",
            "add a penalty to the loss, so that the network is less sensitive to its input: "
            "contractive, the Frobenius norm of the network's Jacobian; "
            "spectral, its largest singular value above 1. For comparison: jittered, no penalty, "
            "but noise of L 8-bit levels that the network is not told of",
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
        return super().conflict()
