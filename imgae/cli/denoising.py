"""What denoises files for `imgae denoise`, by its options."""

import argparse
from dataclasses import fields

from imgae.cli import pictures
from imgae.cli.files import level_of
from imgae.cli.loaded import Loaded
from imgae.cli.progress import Shows, shown_by
from imgae.cli.tasks import limit_of
from imgae.model.machine import limit_memory
from imgae.restore.batches.denoising import Denoising
from imgae.restore.controls import Controls


def worker_of(
    options: argparse.Namespace, loaded: Loaded | None = None, shows: Shows | None = None
) -> Denoising:
    """Load the models that are not loaded yet, and set the limit on memory.

    shows: what shows the progress of a file; None for a bar.
    """
    limit_memory(limit_of(options))
    return Denoising(
        (loaded or Loaded()).denoiser(options, options.model),
        pictures.writing_of(options),
        level_of(options),
        controls_of(options),
        options.max_pixels,
        shows or shown_by(options),
    )


def controls_of(options: argparse.Namespace) -> Controls:
    """Return how much of the effect the options ask for."""
    return Controls(**{each.name: getattr(options, each.name) for each in fields(Controls)})
