"""Compilation of networks for training, and what is done where it fails."""

import logging
from collections.abc import Callable
from typing import Any, Final

import torch

from imgae.training.settings import Settings

BACKEND: Final = "inductor"
LEAST_MINUTES: Final = 3.0
LEAST_STEPS: Final = 1000
"""Of runs that are compiled without being asked: it takes some tens of seconds."""


def wanted(config: Settings, device: torch.device) -> bool:
    """Whether a run's network is to be compiled."""
    if config.compile != "auto":
        return config.compile == "on"
    long = config.minutes >= LEAST_MINUTES if config.minutes else config.steps >= LEAST_STEPS
    return device.type == "cuda" and long


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is compiled when it is first called, and for its gradients later."""
    for name in ("torch._dynamo", "torch._inductor"):  # their warnings are for torch's authors
        logging.getLogger(name).setLevel(logging.ERROR)
    result: Callable[..., Any] = torch.compile(function, backend=BACKEND)
    return result


def failed(error: Exception) -> str:
    """Say in one sentence that a network goes on uncompiled, and why."""
    inner = getattr(error, "inner_exception", error)
    lines = [line.strip() for line in str(inner).splitlines() if line.strip()]
    reason = lines[0][:200] if lines else type(inner).__name__
    return f"the network is trained uncompiled, since compiling failed: {reason}"
