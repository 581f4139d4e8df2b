"""Gray patches, to train on and held out, which most cases are about."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imgae.errors import TrainingError
from imgae.synthetic import drawings

SIDE: Final = 8  # of a patch


TRAINING, HELD_OUT = 120_000, 8_000  # patches


HELD_OUT_EVERY: Final = 6  # pictures


@dataclass(frozen=True)
class Patches:
    """Gray patches as rows, (N, SIDE^2), each without its mean: to train on, and held out."""

    training: Tensor
    held_out: Tensor


def patches_from(pictures: Sequence[NDArray[np.uint8]], seed: int) -> Patches:
    """Cut patches from pictures (H, W, 3), evenly; those of every HELD_OUT_EVERY-th are held out.

    Raises TrainingError if there are fewer than two pictures.
    """
    if len(pictures) < 2:
        raise TrainingError(f"{len(pictures)} picture; the study needs two, one to hold out")
    draw = np.random.default_rng(seed)
    held_out = pictures[::HELD_OUT_EVERY]
    training = [picture for n, picture in enumerate(pictures) if n % HELD_OUT_EVERY]
    return Patches(cut(training, TRAINING, draw), cut(held_out, HELD_OUT, draw))


def cut(pictures: Sequence[NDArray[np.uint8]], count: int, draw: np.random.Generator) -> Tensor:
    """Cut so many patches at random places, gray and without their means: (count, SIDE^2)."""
    each = -(-count // len(pictures))
    rows = []
    for picture in pictures:
        gray = picture.astype(np.float32).mean(2) / 255
        windows = np.lib.stride_tricks.sliding_window_view(gray, (SIDE, SIDE))
        tops, lefts = (draw.integers(0, size, each) for size in windows.shape[:2])
        rows.append(windows[tops, lefts].reshape(each, -1))
    patches = torch.tensor(np.concatenate(rows)[draw.permutation(each * len(pictures))[:count]])
    return patches - patches.mean(1, keepdim=True)


def drawn_pictures(seed: int, count: int = 24, side: int = 384) -> list[NDArray[np.uint8]]:
    """Draw pictures to cut patches from, where there are no others."""
    draw = np.random.default_rng(seed)
    return [drawings.draw("drawing", side, draw) for _ in range(count)]
