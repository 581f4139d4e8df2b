"""Denoising of camera noise and JPEG, by a network that finds the level itself."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Generator, Tensor

from imgae.synthetic import drawings
from imgae.training.corruptions.camera import CameraNoise
from imgae.training.networks.body import variant_named
from imgae.training.networks.camera import CameraDenoisingAutoencoder
from imgae.training.objectives.camera import CameraDenoising
from imgae.training.quantisation.rounding import Example
from imgae.training.settings import Settings, int8_setting
from imgae.training.tasks.task import Task
from imgae.training.validate import Case, Restoration, as_tensor, centre

DRAWN_SHARE: Final = 0.10  # of the pixels
DRAWN_SIDE: Final = 1024


@dataclass(frozen=True)
class CameraSettings(Settings):
    """Those of all tasks."""

    task = "camera"

    int8: bool = int8_setting()


class CameraTask(Task[CameraSettings]):
    """Clean pictures get what sensors, cameras and JPEG do to them."""

    name = "camera"
    settings = CameraSettings
    kind = CameraDenoisingAutoencoder
    batches = (12, 48)
    card_task = "denoise"
    summary = (
        "Removes what sensors, cameras and JPEG left in RGB pictures, of a strength that it "
        "finds itself; a residual convolutional denoising autoencoder told by a map of levels."
    )
    optional_summary = (
        " It may be told the means of a JPEG file's tables of luma and chroma (over 255), and the "
        "ISO sensitivity."
    )

    def network(self, settings: CameraSettings) -> CameraDenoisingAutoencoder:
        return CameraDenoisingAutoencoder(variant_named(settings.variant))

    def objective(self, settings: CameraSettings, device: torch.device) -> CameraDenoising:
        del settings, device
        return CameraDenoising()

    def more_pictures(
        self, settings: CameraSettings, pictures: list[np.ndarray]
    ) -> list[np.ndarray]:
        """Return screens, charts and drawings, which photographs are no example of."""
        pixels = sum(picture.size for picture in pictures) // 3
        count = round(DRAWN_SHARE / (1 - DRAWN_SHARE) * pixels / DRAWN_SIDE**2)
        draw = np.random.default_rng(settings.seed)
        kinds = drawings.SIMPLE
        return [
            drawings.draw(kinds[number % len(kinds)], DRAWN_SIDE, draw)
            for number in range(max(count, len(kinds)))
        ]

    def validation(
        self, settings: CameraSettings, pictures: list[np.ndarray], device: torch.device
    ) -> Restoration:
        """Each picture with three fates, as training draws them."""
        del settings
        generator = Generator().manual_seed(0)
        corruption = CameraNoise()
        cases = []
        for picture in pictures:
            for _ in range(3):
                degraded = corruption(as_tensor(centre(picture)), generator)
                told = (degraded.quantisation, degraded.iso)
                cases.append(Case.whole(degraded.noisy, told, degraded.clean))
        return Restoration(cases, device)

    def example(self, clean: Tensor, generator: Generator) -> Example:
        degraded = CameraNoise()(clean, generator)
        level = (degraded.noisy - degraded.clean).square().mean((1, 2, 3), keepdim=True).sqrt()
        inputs = (degraded.noisy.cpu(), degraded.quantisation.cpu(), degraded.iso.cpu())
        return Example(inputs, (level + 1 / 255).sqrt().cpu())


TASK = CameraTask()
