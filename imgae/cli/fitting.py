"""`imgae denoise --fit`: a denoiser trained on the file alone, and then used for it."""

import argparse
import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imgae.cli.denoising import controls_of
from imgae.cli.fit_options import MINUTES
from imgae.cli.loaded import Loaded, settings_of
from imgae.cli.pictures import writing_of
from imgae.cli.progress import shown_by
from imgae.cli.tasks import limit_of
from imgae.errors import ImageError, needs_extra
from imgae.io.large import Large
from imgae.io.places import check_place
from imgae.model.machine import limit_memory
from imgae.picture.arrays import check_finite
from imgae.picture.image import Frames, Image
from imgae.restore.batches.denoising import Denoising, Work
from imgae.restore.batches.engine import Job
from imgae.restore.denoise import Denoiser
from imgae.restore.unseen import without_hidden

if TYPE_CHECKING:
    from imgae.training.fit import Fitted, Rival

Floats = NDArray[np.float32]

GAINED = 0.1  # dB; what is less is chance


def fitting_worker(options: argparse.Namespace) -> Denoising:
    """Return what fits a model to a file and denoises the file with it."""
    with needs_extra("train", "--fit"):
        import imgae.training.fit  # noqa: F401 - told before anything else happens
    if options.save_model is not None:
        check_place(options.save_model, overwrite=options.overwrite)
    limit_memory(limit_of(options))
    return Fitting(
        Loaded().denoiser(options),
        writing_of(options),
        None,
        controls_of(options),
        options.max_pixels,
        shown_by(options),
        options,
    )


@dataclass
class Fitting(Denoising):
    """Denoises a file with a model that was trained on it, if that gained anything."""

    options: argparse.Namespace = field(default_factory=argparse.Namespace)

    def opened(self, job: Job) -> Large | None:
        """Return None: all pages are learnt from at once."""
        del job
        return None

    def whole(self, job: Job, work: Work) -> Work:
        pages = pages_of(work.frames)
        with tempfile.TemporaryDirectory(prefix="imgae-fit-") as folder:
            path = self.options.save_model or Path(folder, f"fitted-to-{job.source.stem}.onnx")
            found = self.fitted(job, pages, path)
            better = not found.doubt and found.gain > found.rival + GAINED
            if better:
                usual, self.denoiser = self.denoiser, Denoiser(path, **settings_of(self.options))
                self.denoiser.beside = usual
        work = super().whole(job, work)
        first, saved = work.done[0], self.options.save_model
        said = sentence_of(found, better) + ("" if saved is None else kept_of(found, better, saved))
        work.done[0] = replace(first, notes=(said, *first.notes))
        return work

    def fitted(self, job: Job, pages: list[NDArray[Any]], path: Path) -> "Fitted":
        from imgae.training.fit import fit

        options, minutes = self.options, self.options.minutes or MINUTES
        with self.progress(f"learning from {job.source.name}") as progress:

            def report(record: dict[str, Any]) -> None:
                if progress:
                    progress(
                        min(round(record["seconds"]), round(60 * minutes)), round(60 * minutes)
                    )

            return fit(
                pages,
                path,
                minutes,
                self.usual,
                name=job.source.name,
                recipe=recipe_of(job.source.name, path.name, minutes),
                device=options.device,
                threads=options.threads,
                report=report,
            )

    def usual(self, pages: Sequence[Floats]) -> "Rival":
        """Return the usual way, which sees in all of a part what it finds in whole pages."""
        halves = [half for page in pages for half in np.array_split(page, 2)]
        common = self.denoiser.common_to([Image(half) for half in halves])

        def rival(pixels: Floats) -> Floats:
            found = self.denoiser.run(Image(pixels), common=common)
            return np.asarray(found.image.pixels, np.float32)

        return rival


def recipe_of(source: str, model: str, minutes: float) -> str:
    """Return the command that makes such a model again; files by name only."""
    words = ["imgae", "denoise", source, "--fit", "--minutes", f"{minutes:g}"]
    return shlex.join([*words, "--save-model", model])


def pages_of(frames: Frames) -> list[NDArray[Any]]:
    """Return the pages to learn from. Raises ImageError for what is no file of noisy pictures."""
    if frames.kind == "animation":
        raise ImageError("--fit learns from pictures and stacks, and this is an animation")
    if len({image.pixels.dtype.name for image in frames.images}) > 1:
        raise ImageError("its pages have different numbers of bits, so their noise is not the same")
    for image in frames.images:
        check_finite(image)
        if without_hidden(image)[1] is not None:
            raise ImageError("--fit cannot learn from pictures that are transparent in places")
    return [image.pixels for image in frames.images]


def kept_of(found: "Fitted", better: bool, path: Path) -> str:
    """Say what became of the file that --save-model names."""
    if found.doubt:
        return f"; {path} was not written"
    return f"; the model is saved in {path}{'' if better else ' all the same'}"


def sentence_of(found: "Fitted", better: bool) -> str:
    """Say what a fitted model gained, and whose result is kept."""
    if found.doubt:
        return (
            f"no model was trained, because {found.doubt}; the result is the usual one (more "
            "pictures of the same source may tell: `imgae train denoise --noisy`)"
        )
    kept = "its result is kept" if better else "which is no more, so the usual result is kept"
    what = f"trained on this file alone for {found.steps} steps"
    if not found.steps:
        what = "told what noise this file has, which training on it did not improve,"
    return (
        f"a model {what} lowers the error by {found.gain:.2f} dB, the usual way by "
        f"{found.rival:.2f} dB, estimated on parts that were kept out of training; {kept} "
        f"({found.noise}; {found.seconds:.0f} s)"
    )
