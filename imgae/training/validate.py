"""Validation on pictures kept out of training: PSNR, and a sheet of crops to look at."""

from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor, nn

from imgae import files
from imgae.image import Image
from imgae.metrics import psnr
from imgae.training.vision import make_grid

SIDE = 256
SIGMA = 25 / 255


class DenoisingValidation:
    """Fixed crops with fixed noise, clipped and rounded as files are, at level 25."""

    def __init__(self, pictures: list[np.ndarray], device: torch.device) -> None:
        generator = Generator().manual_seed(0)
        self.clean: list[Tensor] = []
        self.noisy: list[Tensor] = []
        for picture in pictures:
            clean = torch.tensor(centre(picture)).permute(2, 0, 1)[None].float() / 255
            noise = torch.randn(clean.shape, generator=generator)
            noisy = ((clean + SIGMA * noise).clamp(0, 1) * 255).round() / 255
            self.clean.append(clean)
            self.noisy.append(noisy.to(device))
        self.sigma = torch.full((1, 1, 1, 1), SIGMA, device=device)

    @torch.no_grad()
    def restore(self, net: nn.Module) -> list[Tensor]:
        return [net(noisy, self.sigma).clamp(0, 1).cpu() for noisy in self.noisy]

    def score(self, net: nn.Module) -> float:
        """Mean PSNR over the pictures, in dB."""
        pairs = zip(self.restore(net), self.clean, strict=True)
        return float(np.mean([psnr(out.numpy(), clean.numpy()) for out, clean in pairs]))

    def write_preview(self, net: nn.Module, path: Path) -> None:
        """Write a sheet: noisy, restored and clean crops, one row a picture, four at most."""
        rows = zip(self.noisy, self.restore(net), self.clean, strict=True)
        crops = [t.cpu()[0, :, :128, :128] for row in list(rows)[:4] for t in row]
        crops = [c for c in crops if c.shape == crops[0].shape]
        sheet = make_grid(torch.stack(crops), nrow=3, padding=4, pad_value=1.0)
        pixels = (sheet.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
        files.write_image(Image(pixels), path, overwrite=True)


def centre(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    top, left = max(0, height - SIDE) // 2, max(0, width - SIDE) // 2
    return picture[top : top + SIDE, left : left + SIDE]
