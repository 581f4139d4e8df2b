"""A training run from its configuration: pictures, network, objective and loop put together."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from imgae.errors import TrainingError
from imgae.model.machine import usable_cpus
from imgae.synthetic import drawings
from imgae.synthetic.masks import draw_dust, draw_film_scratches
from imgae.training import quantisation
from imgae.training.checkpoint import Run
from imgae.training.config import TrainingConfig
from imgae.training.corruptions.defects import Defects
from imgae.training.corruptions.holes import Holes
from imgae.training.data import Folders, PictureBank, read_folders
from imgae.training.export import DENOISERS, start_from
from imgae.training.loop import Objective, Outcome, Trainer, Validation, choose_pace, train
from imgae.training.mask_bank import SIDE as MASK_SIDE
from imgae.training.mask_bank import DrawnBank, HoleBank
from imgae.training.networks.build import build_known
from imgae.training.networks.code import CodeAutoencoder
from imgae.training.networks.pca import start_at_pca
from imgae.training.objectives.camera import CameraDenoising
from imgae.training.objectives.code import DEFAULT_WEIGHTS, Coding
from imgae.training.objectives.contractive import ContractiveDenoising
from imgae.training.objectives.denoise import Denoising
from imgae.training.objectives.detect import Detecting
from imgae.training.objectives.inpaint import Inpainting
from imgae.training.validate import (
    Detection,
    Restoration,
    camera_cases,
    code_cases,
    denoising_cases,
    inpainting_cases,
)

DRAWN_SHARE: Final = 0.10  # of the pixels
DRAWN_SIDE: Final = 1024
CODE_CHANNELS: Final = 32
RESTORING: Final = ("contractive", "spectral", "jittered")
"""Objectives of a denoiser that is trained on to be less sensitive, and of the control."""
PCA_CROPS: Final = 256
PCA_SIDE: Final = 128
"""Crops, and pixels on a side, that a code's first filters are found on."""

Note = Callable[[str], None]
Report = Callable[[dict[str, Any]], None]


def start(
    config: TrainingConfig,
    minutes: float | None,
    folder: Path,
    device: str,
    threads: int | None,
    note: Note,
    report: Report,
) -> Outcome:
    """Begin a run. With `minutes`, the number of steps is fixed once, from a timed warm-up."""
    config = replace(config, threads=threads or usable_cpus())
    place = prepare(device, config.threads)
    if config.task in ("inpaint", "detect") and config.crop > MASK_SIDE:
        raise TrainingError(f"crops of {config.crop}; {config.task} takes {MASK_SIDE} at most")
    run = Run(folder)
    run.check_new()
    torch.manual_seed(config.seed)
    if config.int8 and config.task not in DENOISERS:
        raise TrainingError(f"a run of {config.task}; only denoisers can be trained in int8")
    config = settled(config)
    net = build_known(config.variant, config.task, config.code)
    if config.start is not None:
        start_from(net, Path(config.start), config.variant)
    pictures = read_pictures(config, note)
    run.create()
    bank = bank_of(config, pictures, place)
    objective = objective_of(config, place)
    if isinstance(net, CodeAutoencoder) and config.start is None:
        generator = torch.Generator(place).manual_seed(config.seed)
        start_at_pca(net, bank.crops(PCA_CROPS, min(config.crop, PCA_SIDE), generator).cpu())
    if config.int8:
        quantisation.prepare(net, quantisation.noisy_batches(bank, config, place))
    with told_when_out_of_memory():
        config, pace = choose_pace(net, objective, bank, config, place)
    if minutes is not None:
        config = replace(config, steps=max(1, round(minutes * 60 / pace)))
    note(
        f"{config.variant} on {place.type}, {'bf16' if config.bf16 else 'fp32'}"
        f"{', channels last' if config.channels_last else ''}: {config.steps} steps of "
        f"{pace * 1000:.0f} ms"
    )
    run.save_config(config)
    trainer = Trainer(net, objective, bank, config, place)
    with told_when_out_of_memory():
        return train(trainer, run, validation_of(config, pictures, place), report)


def resume(
    folder: Path,
    device: str,
    threads: int | None,
    note: Note,
    report: Report,
    task: str | None = None,
) -> Outcome:
    """Continue a run from its last checkpoint, to the same losses as without the stop.

    task: what it must be of; any by default.
    """
    run = Run(folder)
    config = run.load_config()
    if task not in (None, config.task):
        raise TrainingError(f"{folder}: a run of {config.task}; name that in place of {task}")
    state = run.load_checkpoint()
    place = prepare(device, threads or config.threads or usable_cpus())
    pictures = read_pictures(config, note)
    bank = bank_of(config, pictures, place)
    trainer = Trainer(quantisation.build(config), objective_of(config, place), bank, config, place)
    try:
        trainer.load_state_dict(state)
    except (KeyError, RuntimeError, ValueError) as error:
        raise TrainingError(
            f"{run.checkpoint_path}: does not fit a {config.variant} network"
        ) from error
    run.rewind_log(trainer.step)
    note(f"going on from step {trainer.step} of {config.steps}")
    with told_when_out_of_memory():
        return train(trainer, run, validation_of(config, pictures, place), report)


def bank_of(config: TrainingConfig, pictures: Folders, device: torch.device) -> PictureBank:
    """Return the pictures to train on; for camera noise, with drawn ones among them."""
    if config.task == "camera":
        pixels = sum(picture.size for picture in pictures.training) // 3
        count = round(DRAWN_SHARE / (1 - DRAWN_SHARE) * pixels / DRAWN_SIDE**2)
        draw = np.random.default_rng(config.seed)
        kinds = list(drawings.KINDS)
        pictures.training.extend(
            drawings.draw(kinds[number % len(kinds)], DRAWN_SIDE, draw)
            for number in range(max(count, len(kinds)))
        )
    return PictureBank.of(pictures.training, device)


def settled(config: TrainingConfig) -> TrainingConfig:
    """Give a code's run what it was not given: an objective, channels, and a weight."""
    if config.task != "code":
        return config
    objective = config.objective or "undercomplete"
    weight = DEFAULT_WEIGHTS.get(objective) if config.weight is None else config.weight
    channels = config.code_channels or CODE_CHANNELS
    return replace(config, objective=objective, weight=weight, code_channels=channels)


def objective_of(config: TrainingConfig, device: torch.device) -> Objective:
    if config.task == "code":
        return Coding(config.objective, config.weight or 0.0, config.rate, config.sigma)
    if config.task == "inpaint":
        return Inpainting(Holes(HoleBank(device, seed=config.seed)))
    if config.task == "detect":
        return Detecting(defects(device, config.seed + 2))
    if config.task == "camera":
        return CameraDenoising()
    if config.objective in RESTORING:
        return ContractiveDenoising(config.objective, config.weight or 0.0)
    return Denoising()


def validation_of(config: TrainingConfig, pictures: Folders, device: torch.device) -> Validation:
    if config.task == "inpaint":
        return Restoration(inpainting_cases(pictures.validation), device)
    if config.task == "detect":
        return Detection(pictures.validation, defects(device, seed=1), device)
    if config.task == "code":
        return Restoration(code_cases(pictures.validation), device)
    if config.task == "camera":
        return Restoration(camera_cases(pictures.validation), device)
    return Restoration(denoising_cases(pictures.validation), device)


def defects(device: torch.device, seed: int) -> Defects:
    scratches = DrawnBank([(1.0, draw_film_scratches)], device, seed=seed)
    return Defects(scratches, DrawnBank([(1.0, draw_dust)], device, seed=seed))


@contextlib.contextmanager
def told_when_out_of_memory() -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        text = str(error).lower()
        if isinstance(error, MemoryError) or "memory" in text or "alloc" in text:
            raise TrainingError(
                "out of memory; lower --batch or --crop, or --memory for the pictures"
            ) from error
        raise


def prepare(device: str, threads: int) -> torch.device:
    if device not in ("auto", "cpu", "cuda"):
        raise TrainingError(f"no device is called {device!r}; there are: auto, cpu, cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("CUDA was asked for, but this torch has none; use --device cpu")
    torch.set_num_threads(threads)
    return torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")


def read_pictures(config: TrainingConfig, note: Note) -> Folders:
    pictures = read_folders(
        [Path(folder) for folder in config.data], config.crop, config.memory, config.seed
    )
    for sentence in pictures.unreadable[:10]:
        note(f"passed over: {sentence}")
    if len(pictures.unreadable) > 10:
        note(f"passed over: {len(pictures.unreadable) - 10} more that cannot be read")
    if pictures.too_small:
        note(f"passed over: {pictures.too_small} pictures under {config.crop} pixels on a side")
    if pictures.left_out:
        note(
            f"left out: {pictures.left_out} pictures beyond {config.memory / 2**30:g} GiB decoded; "
            "--memory takes more"
        )
    note(f"{len(pictures.training)} pictures to train on, {len(pictures.validation)} to validate")
    return pictures
