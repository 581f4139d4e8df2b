"""Validation on pictures kept out of training: PSNR, and a sheet of crops to look at."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor, nn

from imgae.io import files
from imgae.picture.image import Image
from imgae.picture.metrics import psnr
from imgae.training.corruptions.camera import CameraNoise
from imgae.training.corruptions.defects import Defects
from imgae.training.mask_bank import HoleBank
from imgae.training.networks.parts import STRIDE
from imgae.training.vision import make_grid

SIDE = 256
SIGMA = 25 / 255


@dataclass(frozen=True)
class Case:
    """A crop as the network is given it, and what should come out; (1, C, H, W) each."""

    given: Tensor
    conditions: tuple[Tensor, ...]  # the network's other inputs, such as the level, or the mask
    clean: Tensor
    counted: Tensor  # bool: the pixels that PSNR is over


class Restoration:
    """Fixed crops with a fixed corruption."""

    measure = "psnr"

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


class Detection:
    """Fixed crops with fixed defects; scored by the Dice coefficient, which is F1."""

    measure = "dice"

    def __init__(
        self, pictures: list[np.ndarray], corruption: Defects, device: torch.device
    ) -> None:
        generator = Generator(device).manual_seed(0)
        whole = [picture for picture in map(centre, pictures) if picture.shape[:2] == (SIDE, SIDE)]
        clean = torch.cat([as_tensor(picture) for picture in whole or map(centre, pictures[:1])])
        side = min(clean.shape[2:]) // STRIDE * STRIDE
        clean = clean[:, :, :side, :side].to(device)
        self.damaged, self.target = corruption(clean, generator)

    @torch.no_grad()
    def score(self, net: nn.Module) -> float:
        """The mean over the kinds of defects, of marks at one half."""
        marked = torch.cat([net(picture[None]) for picture in self.damaged]) > 0.5
        both = (marked * self.target).sum((0, 2, 3))
        dice = 2 * both / (marked.sum((0, 2, 3)) + self.target.sum((0, 2, 3))).clamp(min=1)
        return float(dice.mean())

    @torch.no_grad()
    def write_preview(self, net: nn.Module, path: Path) -> None:
        """Write a sheet: damaged, marked and target crops, a defect a colour, four rows at most."""
        write_sheet(
            [
                (damaged[None].cpu(), net(damaged[None]).cpu(), target[None].cpu())
                for damaged, target in zip(self.damaged[:4], self.target[:4], strict=True)
            ],
            path,
        )


def write_sheet(rows: list[tuple[Tensor, Tensor, Tensor]], path: Path) -> None:
    crops = [tensor[0, :, :128, :128] for row in rows[:4] for tensor in row]
    crops = [crop for crop in crops if crop.shape == crops[0].shape]
    sheet = make_grid(torch.stack(crops), nrow=3, padding=4, pad_value=1.0)
    pixels = (sheet.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    files.write_image(Image(pixels), path, overwrite=True)


def denoising_cases(pictures: list[np.ndarray]) -> list[Case]:
    """Noise of level 25, clipped and rounded as files are."""
    generator = Generator().manual_seed(0)
    cases = []
    for picture in pictures:
        clean = as_tensor(centre(picture))
        noise = torch.randn(clean.shape, generator=generator)
        noisy = ((clean + SIGMA * noise).clamp(0, 1) * 255).round() / 255
        counted = torch.ones_like(clean, dtype=torch.bool)
        cases.append(Case(noisy, (torch.full((1, 1, 1, 1), SIGMA),), clean, counted))
    return cases


def code_cases(pictures: list[np.ndarray]) -> list[Case]:
    """The pictures as they are: what a code keeps of them."""
    crops = [as_tensor(centre(picture)) for picture in pictures]
    return [Case(crop, (), crop, torch.ones_like(crop, dtype=torch.bool)) for crop in crops]


def camera_cases(pictures: list[np.ndarray]) -> list[Case]:
    """Each picture with three fates, as training draws them."""
    generator = Generator().manual_seed(0)
    corruption = CameraNoise()
    cases = []
    for picture in pictures:
        for _ in range(3):
            made = corruption(as_tensor(centre(picture)), generator)
            counted = torch.ones_like(made.clean, dtype=torch.bool)
            cases.append(Case(made.noisy, (made.quantisation, made.iso), made.clean, counted))
    return cases


def inpainting_cases(pictures: list[np.ndarray]) -> list[Case]:
    """Masks as they are trained on; PSNR is over the holes."""
    generator = Generator().manual_seed(0)
    masks = HoleBank(seed=1)
    cases = []
    for picture in pictures:
        clean = as_tensor(centre(picture))
        mask = torch.zeros_like(clean[:, :1], dtype=torch.bool)
        while not mask.any():
            mask = masks.draw(1, SIDE, generator)[:, :, : clean.shape[2], : clean.shape[3]]
        cases.append(
            Case(clean.masked_fill(mask, 0), (mask.float(),), clean, mask.expand_as(clean))
        )
    return cases


def centre(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    top, left = max(0, height - SIDE) // 2, max(0, width - SIDE) // 2
    return picture[top : top + SIDE, left : left + SIDE]


def as_tensor(picture: np.ndarray) -> Tensor:
    return torch.tensor(picture).permute(2, 0, 1)[None].float() / 255
