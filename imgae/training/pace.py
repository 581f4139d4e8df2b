"""What a run is to be computed in on the machine it is on: number format, layout, batch."""

import gc
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Final

import torch
from torch import nn

from imgae.training.data import PictureBank
from imgae.training.loop import Objective, Trainer
from imgae.training.settings import Settings

LEAST_BATCH: Final = 12
PACE_SECONDS: Final = 30.0
PACE_SHARE: Final = 0.03
"""Of a run by the clock, that trying out may take."""
BEHIND: Final = 1.1
"""A way that takes so many times as long as the fastest is tried no more."""
PART: Final = 4
"""Ways are told apart on so small a part of the batch."""


def choose_pace(
    net: nn.Module,
    objective: Objective,
    bank: PictureBank,
    config: Settings,
    device: torch.device,
    note: Callable[[str], None],
    rounds: int = 10,
) -> tuple[Settings, float]:
    """Choose the number format and the memory layout that are fastest here, on copies.

    A number format that the settings name is taken as it is. A GPU computes in bfloat16, channels
    last, if it can, and a batch that is too large for its memory is halved, as `note` is told. On
    a CPU all ways are timed on a part of the batch, the slow ones only twice.

    Returns the settings with autocast, channels_last and batch set, and the seconds that a step
    takes, uncompiled.
    """
    ways = ways_for(config, device)
    if len(ways) > 1:
        ways = [fastest(net, objective, bank, ways, device, rounds)]
    (chosen,) = ways
    while True:
        try:
            trainer = Trainer(deepcopy(net), objective, bank, endless(chosen), device)
            return chosen, [timed(trainer) for _ in range(2)][-1]
        except torch.OutOfMemoryError:
            if chosen.batch <= LEAST_BATCH:
                raise
        gc.collect()
        torch.cuda.empty_cache()
        chosen = replace(chosen, batch=max(LEAST_BATCH, chosen.batch // 2))
        note(f"the GPU's memory is too small for more than {chosen.batch} crops in a step")


def ways_for(config: Settings, device: torch.device) -> list[Settings]:
    """Return what may be fastest."""
    formats = ["bf16", "none"] if config.autocast == "auto" else [config.autocast]
    layouts = [True, False]
    if device.type == "cuda":
        formats = formats[:1] if torch.cuda.is_bf16_supported() else formats[-1:]
        layouts = [True]
    return [
        replace(config, autocast=autocast, channels_last=channels_last)
        for autocast in formats
        for channels_last in layouts
    ]


def fastest(
    net: nn.Module,
    objective: Objective,
    bank: PictureBank,
    ways: list[Settings],
    device: torch.device,
    rounds: int,
) -> Settings:
    """Take turns with some ways until one is left, or the time is up."""
    batch = max(min(2, ways[0].batch), ways[0].batch // PART)
    trainers = [
        Trainer(deepcopy(net), objective, bank, replace(endless(way), batch=batch), device)
        for way in ways
    ]
    left, best = list(range(len(ways))), [float("inf")] * len(ways)
    most = PACE_SHARE * 60 * ways[0].minutes if ways[0].minutes else PACE_SECONDS
    started = time.monotonic()
    for round_ in range(rounds):
        for way in left:
            seconds = timed(trainers[way])
            best[way] = min(best[way], seconds) if round_ else best[way]  # the first warms up
        if round_:
            left = [way for way in left if best[way] <= BEHIND * min(best)]
            if len(left) == 1 or time.monotonic() - started > min(most, PACE_SECONDS):
                break
    return ways[best.index(min(best))]


def endless(config: Settings) -> Settings:
    """Return settings for steps that are only timed: at the full rate, and never the last."""
    return replace(config, steps=1_000_000, minutes=None)


def timed(trainer: Trainer) -> float:
    """Return the seconds of one step."""
    before = time.monotonic()
    trainer.train_step()
    if trainer.device.type == "cuda":
        torch.cuda.synchronize()
    return time.monotonic() - before
