"""What denoises files for `imgae denoise`, by its options."""

import argparse
from dataclasses import fields

from imgae.cli import pictures
from imgae.cli.files import level_of
from imgae.cli.progress import tile_progress
from imgae.cli.tasks import limit_of
from imgae.model.machine import limit_memory
from imgae.restore.batches.denoising import Denoising
from imgae.restore.controls import Controls
from imgae.restore.denoise import Denoiser


def worker_of(options: argparse.Namespace) -> Denoising:
    """Load the models, and set the limit on memory."""
    limit_memory(limit_of(options))
    denoiser = Denoiser(
        options.model, device=options.device, threads=options.threads, tile=options.tile
    )
    controls = {each.name: getattr(options, each.name) for each in fields(Controls)}
    return Denoising(
        denoiser,
        pictures.writing_of(options),
        level_of(options),
        Controls(**controls),
        options.max_pixels,
        lambda name: tile_progress(name, hidden=options.quiet),
    )
