"""Training on one file alone: a denoiser for the noise of its pages, made within minutes."""

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imgae.errors import TrainingError
from imgae.model.registry import find
from imgae.picture.pixels import to_float
from imgae.training.checkpoint import Run
from imgae.training.data import Folders, PictureBank
from imgae.training.export import Provenance, export_run
from imgae.training.loop import Trainer, train
from imgae.training.noise.model import NoiseModel
from imgae.training.pace import choose_pace
from imgae.training.runs import torch_device
from imgae.training.tasks.denoise_settings import OWN_RATE, DenoiseSettings
from imgae.training.tasks.own_noise import OwnNoiseTask, noise_of
from imgae.training.validate import centre
from imgae.training.warmstart import start_from

Note = Callable[[str], None]
Floats = NDArray[np.float32]
Report = Callable[[dict[str, Any]], None]
Rival = Callable[[Floats], Floats]
"""What a fitted network is compared with: from (H, W, 3) on [0, 1] to the same without noise."""
Usual = Callable[[Sequence[Floats]], Rival]
"""What finds out about whole pages, (H, W, 3) each, and returns the rival that goes by that."""

LEAST: Final = 96
"""Pixels on the shortest side of a file that something can be learnt from."""
VARIANT: Final = "fast"
CROP: Final = 96
BATCH: Final = 12
BAND: Final = 384
"""Rows of which a block is kept out of training."""
BLOCK: Final = 192
"""The side of such a block, and at most a third of the page."""
MOST_BLOCKS: Final = 12
JUDGED: Final = 512
"""The side of the part on which a measurement is checked."""
QUIET: Final = 0.25
"""Of a part's pixels, those with the least noise by the measurement, whose level is compared."""
MOST_LEVEL: Final = 1.45
MOST_SMOOTH_LEVEL: Final = 1.25
MOST_APART: Final = 0.25
"""Of measured noise and what the usual way takes away: how many times the level, in the quietest
pixels, and by how much neighbours may correlate more. Noise whose neighbours correlate by more than
that is as smooth as texture, so only its level can tell. Fur, texture all over, with eight of nine
kinds and levels of noise was beyond one of these; the ninth, Gaussian 40, had 1.25 and 0.05. Five
photographs with four kinds had up to 1.40, or 1.11 if smooth, and 0.17, but for three of these
twenty with smooth noise, of 1.31 to 1.59. Two of these, trained on, ended 1.4 and 0.7 dB behind the
usual way, though 1.1 and 1.6 dB ahead by the estimate. Drawn cells with the noise of few photons
had 1.27 and 0.07, and 2.1 over all pixels: the usual way cleans the bright ones too little."""
LOOKED_AT: Final = 8
"""Pages in which the usual way looks for what noise they have."""


@dataclass(frozen=True)
class Fitted:
    """What came of training on one file.

    gain, rival: by how many dB the error of the noisy pages falls by the fitted network and by
    what it was compared with; estimated on parts that were kept out of training. noise: what was
    measured, in words. steps, seconds: what it took; 0 steps where training improved nothing.
    doubt: why nothing was trained, or "".
    """

    gain: float
    rival: float
    noise: str
    steps: int
    seconds: float
    doubt: str = ""


class Restores(nn.Module):
    """A rival as a network."""

    def __init__(self, rival: Rival) -> None:
        super().__init__()
        self.rival = rival

    def forward(self, image: Tensor) -> Tensor:
        """Restore (1, 3, H, W)."""
        pixels = np.ascontiguousarray(image[0].permute(1, 2, 0).cpu().numpy())
        return torch.tensor(self.rival(pixels)).permute(2, 0, 1)[None].to(image.device)


def fit(
    pages: Sequence[NDArray[Any]],
    path: Path,
    minutes: float,
    usual: Usual,
    *,
    name: str,
    recipe: str,
    device: str = "auto",
    threads: int | None = None,
    note: Note = lambda _: None,
    report: Report = lambda _: None,
) -> Fitted:
    """Train a denoiser on the pages of one file, and write it to `path`, an .onnx file.

    pages: (H, W, C), C 1 or 3, of one type. minutes: of training, by the clock; measuring the noise
    and the export take some seconds more. usual: what to compare with. name, recipe: of the
    file, and the command, for the card. note: is told what is found. report: gets the lines of the
    run's log.
    Raises TrainingError for pages that are too small, or have no noise that could be measured;
    KeyboardInterrupt, nothing being written, if it is interrupted.
    """
    began = time.monotonic()
    check_size(pages)
    task = OwnNoiseTask()
    settings = task.settled(
        DenoiseSettings(
            noisy=(name,),
            variant=VARIANT,
            minutes=minutes,
            crop=crop_of(pages),
            batch=BATCH,
            learning_rate=OWN_RATE,
        )
    )
    settings = replace(settings, threads=threads or torch.get_num_threads())
    place = torch_device(device, settings.threads)
    whole = Folders(within(pages, settings.memory), [], [], 0, 0)
    settings = task.measured(settings, whole, note)
    noise = noise_of(settings)
    some = whole.training[:: -(-len(whole.training) // LOOKED_AT)]
    rival = usual([to_float(page) for page in some])
    judged = to_float(centre(whole.training[0], JUDGED))
    if doubt := doubt_of(noise, judged, rival(judged)):
        return Fitted(0.0, 0.0, noise.sentence(), 0, time.monotonic() - began, doubt)
    pictures = parts_of(whole.training, settings.crop)
    with tempfile.TemporaryDirectory(prefix="imgae-fit-") as folder:
        run = Run(Path(folder))
        net, steps = trained(task, settings, pictures, place, run, (note, report))
        provenance = Provenance(path.stem, "unstated", (name,), recipe=recipe)
        export_run(Path(folder), path, provenance, overwrite=True)
    judge = task.validation(settings, pictures.validation, place)
    gain, other = judge.score(net), judge.score(Restores(rival))
    return Fitted(gain, other, noise.sentence(), steps, time.monotonic() - began)


def doubt_of(noise: NoiseModel, page: Floats, restored: Floats) -> str:
    """Say why what was measured cannot be the noise of a page (H, W, 3); "" if it can.

    restored: the same by a network that found the noise itself. What it took away has about the
    level of the noise where there is least of it, even if it took too little of what is stronger
    elsewhere, and the noise's correlation. Texture that was taken for noise makes the noise
    stronger everywhere, or smooth.
    """
    removed = page - restored
    signal = torch.tensor(restored).permute(2, 0, 1)[None]
    expected = noise.sigma(signal).square()[0].mean(0).numpy()
    inside = ((page > page.min()) & (page < page.max())).all(2)  # what is cut off has no noise
    expected = np.where(inside, expected, np.inf) if inside.any() else expected
    quiet = expected <= np.quantile(expected[np.isfinite(expected)], QUIET)
    level = math.sqrt(float(expected[quiet].mean()))
    power = float(np.square(removed[quiet]).mean())
    beside = (removed[:, 1:] * removed[:, :-1]).mean(), (removed[1:] * removed[:-1]).mean()
    common = max(map(float, beside), key=abs) / max(float(np.square(removed).mean()), 1e-12)
    near = noise.correlation()
    most = MOST_LEVEL if near <= MOST_APART else MOST_SMOOTH_LEVEL
    if level <= most * math.sqrt(power) and near - common <= MOST_APART:
        return ""
    return "its texture cannot be told from its noise"


def crop_of(pages: Sequence[NDArray[Any]]) -> int:
    """Return the side of the crops that all pages have beside the block that is kept out."""
    side: int = min(min(page.shape[:2]) for page in pages)
    return min(CROP, side - side // 3)


def check_size(pages: Sequence[NDArray[Any]]) -> None:
    side = min(min(page.shape[:2]) for page in pages)
    if side < LEAST:
        raise TrainingError(
            f"it has only {side} pixels on its shortest side, and {LEAST} are the least from which "
            "a network learns"
        )


def within(pages: Sequence[NDArray[Any]], most: int) -> list[NDArray[Any]]:
    """Return so many pages, evenly spread, that they take `most` bytes as colours."""
    step = sum(3 * page.nbytes // page.shape[2] for page in pages) / most
    return list(pages[:: max(1, math.ceil(step))])


def trained(
    task: OwnNoiseTask,
    settings: DenoiseSettings,
    pictures: Folders,
    place: torch.device,
    run: Run,
    tell: tuple[Note, Report],
) -> tuple[nn.Module, int]:
    """Train, leaving what an export needs in the run's folder; return the network and the steps.

    Where it is better as it was before, it stays so, and the steps are 0.
    """
    note, report = tell
    torch.manual_seed(settings.seed)
    net = task.network(settings)
    if settings.weights is not None:
        start_from(net, find(settings.weights), settings.variant)
    bank = PictureBank.of(list(pictures.training), place)
    objective = task.objective(settings, place)
    task.begin(net, bank, settings)
    chosen, _ = choose_pace(net, objective, bank, settings, place, note)
    run.save_config(chosen)
    trainer = Trainer(net, objective, bank, chosen, place)
    validation = task.validation(settings, pictures.validation, place)
    before = deepcopy(trainer.ema.module)
    if not train(trainer, run, validation, report).finished:
        raise KeyboardInterrupt
    if validation.score(before) < validation.score(trainer.ema.module):
        return trainer.ema.module, trainer.step
    trainer.ema.module.load_state_dict(before.state_dict())  # it was told the noise: that remains
    run.save_checkpoint(trainer.state_dict())
    return before, 0


def parts_of(pages: Sequence[NDArray[Any]], crop: int) -> Folders:
    """Cut pages, (H, W, 3) each, into parts to train on and blocks that are kept out of training.

    Each page, or each band of rows of a tall one, keeps out one block, anywhere or, of small ones,
    in a corner, until there are enough; what is around it is trained on, in crops of `crop` pixels.
    """
    bands = [band for page in pages for band in np.array_split(page, max(1, page.shape[0] // BAND))]
    draw = np.random.default_rng(0)
    chosen = set(draw.permutation(len(bands))[:MOST_BLOCKS].tolist())
    training, kept = [], []
    for number, band in enumerate(bands):
        if number not in chosen:
            training.append(band)
            continue
        block, around = without_block(band, draw, crop)
        kept.append(block)
        training += around
    return Folders(training, kept, [], 0, 0)


def without_block(
    band: NDArray[Any], draw: np.random.Generator, crop: int
) -> tuple[NDArray[Any], list[NDArray[Any]]]:
    """Return a block of a page, and of the parts around it those that are as large as a crop."""
    height, width = band.shape[:2]
    side = min(BLOCK, min(height, width) // 3)
    top, left = (int(draw.integers(0, size - side + 1)) for size in (height, width))
    if max(top, left, height - top - side, width - left - side) < crop:
        top = left = 0
    bottom, right = top + side, left + side
    around = [band[:top], band[bottom:], band[top:bottom, :left], band[top:bottom, right:]]
    large = [part for part in around if min(part.shape[:2]) >= crop]
    return band[top:bottom, left:right], large
