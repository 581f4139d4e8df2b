"""Validation on pictures kept out of training: PSNR, and a sheet of crops to look at."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from imgae.io import files
from imgae.picture.image import Image
from imgae.picture.metrics import psnr
from imgae.training.depth import floats_of
from imgae.training.loop import PSNR
from imgae.training.vision import make_grid

SIDE = 256


@dataclass(frozen=True)
class Case:
    """A crop as the network is given it, and what should come out; (1, C, H, W) each."""

    given: Tensor
    conditions: tuple[Tensor, ...]  # the network's other inputs, such as the level, or the mask
    clean: Tensor
    counted: Tensor  # bool: the pixels that PSNR is over

    @classmethod
    def whole(cls, given: Tensor, conditions: tuple[Tensor, ...], clean: Tensor) -> "Case":
        """Return one whose pixels all count."""
        return cls(given, conditions, clean, torch.ones_like(clean, dtype=torch.bool))


class Restoration:
    """Fixed crops with a fixed corruption."""

    measure = PSNR

    def __init__(self, cases: list[Case], device: torch.device) -> None:
        self.cases = cases
        self.device = device

    @torch.no_grad()
    def restore(self, net: nn.Module) -> list[Tensor]:
        return [
            net(*(entry.to(self.device) for entry in (case.given, *case.conditions)))
            .clamp(0, 1)
            .cpu()
            for case in self.cases
        ]

    def score(self, net: nn.Module) -> float:
        """Mean PSNR over the crops, in dB."""
        return float(
            np.mean([
                psnr(out[case.counted].numpy(), case.clean[case.counted].numpy())
                for out, case in zip(self.restore(net), self.cases, strict=True)
            ])
        )  # fmt: skip

    def write_preview(self, net: nn.Module, path: Path) -> None:
        """Write a sheet: given, restored and clean crops, one row a picture, four at most."""
        outs = self.restore(net)
        write_sheet(
            [(case.given, out, case.clean) for out, case in zip(outs, self.cases, strict=True)],
            path,
        )


def write_sheet(rows: list[tuple[Tensor, Tensor, Tensor]], path: Path) -> None:
    crops = [tensor[0, :, :128, :128] for row in rows[:4] for tensor in row]
    crops = [crop for crop in crops if crop.shape == crops[0].shape]
    sheet = make_grid(torch.stack(crops), nrow=3, padding=4, pad_value=1.0)
    pixels = (sheet.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    files.write_image(Image(pixels), path, overwrite=True)


def centre(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    top, left = max(0, height - SIDE) // 2, max(0, width - SIDE) // 2
    return picture[top : top + SIDE, left : left + SIDE]


def as_tensor(picture: np.ndarray) -> Tensor:
    """Return a picture (H, W, 3) of any type as (1, 3, H, W) float32, white at 1."""
    return floats_of(torch.tensor(picture)).permute(2, 0, 1)[None]
