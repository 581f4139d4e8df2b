"""Estimating of noise, by a network that stands beside the denoisers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Generator, Tensor, nn

from imgae.errors import TrainingError, warn
from imgae.model import registry, session
from imgae.synthetic import drawings, fonts
from imgae.training.checks import Folders, Model, Option, Whole, setting
from imgae.training.corruptions.mixture import Mixture
from imgae.training.data import PictureBank, read_folders
from imgae.training.loop import Measure, Objective
from imgae.training.networks.estimate import WIDTHS, NoiseEstimator
from imgae.training.objectives.estimate import Camera, Denoise, Estimating, Tried
from imgae.training.settings import Settings
from imgae.training.tasks.task import Task
from imgae.training.validate import SIDE, as_tensor, centre, write_sheet
from imgae.training.warmstart import load_weights, network_of

DRAWN_SHARE: Final = 0.3  # of the pixels
DRAWN_SIDE: Final = 640
FRESH: Final = 1_000_003
"""Seeds of prepared batches are this far apart."""


@dataclass(frozen=True)
class EstimateSettings(Settings):
    """Those of all tasks, and what the estimator is to stand beside."""

    task = "estimate"
    group = "options of the estimator"

    batches: int = setting(
        600,
        Whole(1),
        Option(
            "--batches",
            "how many batches to prepare; training draws from them again and again (default: 600)",
            "N",
        ),
    )
    grainy: tuple[str, ...] = setting(
        (),
        Folders(),
        Option(
            "--grainy",
            "folders of pictures that have grain of their own; they get white noise only",
            "DIR",
        ),
    )
    fonts: tuple[str, ...] = setting(
        (),
        Folders(),
        Option("--fonts", "folders of font files, for drawn pages (default: the system's)", "DIR"),
    )
    camera: str = setting(
        "denoise-camera",
        Model(),
        Option("--camera", "the model for camera noise (default: denoise-camera)", "NAME|FILE"),
    )
    denoiser: str = setting(
        "denoise-fast",
        Model(),
        Option("--denoiser", "the model for white noise (default: denoise-fast)", "NAME|FILE"),
    )


class Estimation:
    """Fixed crops with fixed noise; scored by what they gain, in dB."""

    measure = Measure("gain", "{:+.2f} dB")

    def __init__(
        self,
        objective: Estimating,
        pictures: list[np.ndarray],
        side: int,
        device: torch.device,
    ) -> None:
        self.objective = objective
        generator = Generator(device).manual_seed(0)
        side = min(side, SIDE)
        crops = [as_tensor(centre(picture)) for picture in pictures]
        crops = [crop[:, :, :side, :side] for crop in crops]
        clean = torch.cat([crop for crop in crops if crop.shape[2:] == (side, side)] * 2).to(device)
        with torch.no_grad():
            self.tried: Tried = objective.tried(objective.mixture(clean, generator))

    @torch.no_grad()
    def score(self, net: nn.Module) -> float:
        _, terms = self.objective.loss(net.see(self.tried.sample.noisy), self.tried)  # type: ignore[operator]
        return float(terms["gain"])

    @torch.no_grad()
    def write_preview(self, net: nn.Module, path: Path) -> None:
        """Write a sheet: noisy and clean crops, and how much is done where."""
        noisy, clean = self.tried.sample.noisy, self.tried.sample.clean
        effort = net.see(noisy).effort  # type: ignore[operator]
        shown = torch.nn.functional.interpolate(effort / 4, scale_factor=8.0).clamp(0, 1)
        rows = [
            (noisy[i : i + 1].clamp(0, 1), shown[i : i + 1].expand(-1, 3, -1, -1), clean[i : i + 1])
            for i in range(0, len(noisy), max(1, len(noisy) // 4))
        ]
        write_sheet([(a.cpu(), b.cpu(), c.cpu()) for a, b, c in rows], path)


class EstimateTask(Task[EstimateSettings]):
    """Clean pictures get noise of every kind; frozen denoisers show what each level makes of it."""

    name = "estimate"
    settings = EstimateSettings
    kind = NoiseEstimator
    batches = (12, 12)
    card_task = "estimate"
    values = "eight"  # drawings show parts of the pictures
    summary = (
        "Says for each 8x8 pixels of an RGB picture whether its noise is white, of what level it "
        "is, and how much the denoisers should do there; a convolutional network."
    )
    measure = Estimation.measure

    def network(self, settings: EstimateSettings) -> NoiseEstimator:
        if settings.variant not in WIDTHS:
            names = ", ".join(WIDTHS)
            raise TrainingError(f"no estimator is called {settings.variant!r}; there are: {names}")
        return NoiseEstimator(WIDTHS[settings.variant])

    def rival(self, path: Path, settings: EstimateSettings) -> nn.Module:
        """Return it as a network, which is asked what it sees."""
        del settings
        card, weights = load_weights(path)
        net = network_of(card)
        net.load_state_dict(weights)
        return net.eval()

    def objective(self, settings: EstimateSettings, device: torch.device) -> Estimating:
        del device
        camera, denoise = frozen(settings)
        return Estimating(camera, denoise)

    def prepare(self, objective: Objective, bank: PictureBank, settings: EstimateSettings) -> None:
        assert isinstance(objective, Estimating)
        objective.prepare(batches(bank, grainy_bank(settings, bank), settings))

    def more_pictures(
        self, settings: EstimateSettings, pictures: list[np.ndarray]
    ) -> list[np.ndarray]:
        """Return pages, screens, maps and drawings, and the photographs at half their size."""
        halves = [half(picture) for picture in pictures]
        halves = [small for small in halves if min(small.shape[:2]) >= settings.crop]
        pixels = sum(picture.size for picture in [*pictures, *halves]) // 3
        count = round(DRAWN_SHARE / (1 - DRAWN_SHARE) * pixels / DRAWN_SIDE**2)
        draw = np.random.default_rng(settings.seed)
        faces = fonts.for_training(fonts.found(settings.fonts or None))
        kinds, shares = list(drawings.SHARES), list(drawings.SHARES.values())
        drawn = [
            drawings.draw(str(kind), DRAWN_SIDE, draw, faces, pictures)
            for kind in draw.choice(kinds, max(count, len(kinds)), p=shares)
        ]
        return halves + drawn

    def validation(
        self, settings: EstimateSettings, pictures: list[np.ndarray], device: torch.device
    ) -> Estimation:
        camera, denoise = frozen(settings)
        return Estimation(Estimating(camera, denoise), pictures, settings.crop, device)


def half(picture: np.ndarray) -> np.ndarray:
    """Return a picture at half its size: sharper, pixel by pixel."""
    height, width = (side // 2 * 2 for side in picture.shape[:2])
    blocks = picture[:height, :width].reshape(height // 2, 2, width // 2, 2, 3)
    small: np.ndarray = (blocks.mean((1, 3)) + 0.5).astype(np.uint8)
    return small


def grainy_bank(settings: EstimateSettings, bank: PictureBank) -> PictureBank:
    """Return the pictures for white noise alone; the others where there are none."""
    if not settings.grainy:
        return bank
    folders = [Path(folder) for folder in settings.grainy]
    found = read_folders(folders, settings.crop, settings.memory, settings.seed, values="eight")
    for sentence in found.unreadable:
        warn(f"passed over: {sentence}")
    return PictureBank.of(found.training, bank.pixels.device)


def batches(
    bank: PictureBank, grainy: PictureBank, settings: EstimateSettings
) -> Iterator[tuple[Tensor, Generator]]:
    """Yield clean crops to prepare, half of those for white noise from `grainy`."""
    own = round(settings.batch * Mixture().shares[0]) // 2
    for place in range(settings.batches):
        generator = Generator(bank.pixels.device).manual_seed(settings.seed + FRESH * (place + 1))
        crops = bank.crops(settings.batch - own, settings.crop, generator)
        yield torch.cat([grainy.crops(own, settings.crop, generator), crops]), generator


def frozen(settings: EstimateSettings) -> tuple[Camera, Denoise]:
    """Return the denoisers that the estimator stands beside; they run in onnxruntime."""
    threads = settings.threads or None
    camera, denoiser = (
        session.load(registry.find(name), task="denoise", device="cpu", threads=threads)
        for name in (settings.camera, settings.denoiser)
    )

    def seen(noisy: Tensor) -> Tensor:
        return torch.from_numpy(camera(image=noisy.cpu().numpy())).to(noisy.device)

    def denoised(noisy: Tensor, level: float) -> Tensor:
        sigma = np.full((1, 1, 1, 1), level, np.float32)
        restored = denoiser(image=noisy.cpu().numpy(), sigma=sigma)
        return torch.from_numpy(restored).to(noisy.device)

    return seen, denoised


TASK = EstimateTask()
