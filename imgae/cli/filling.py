"""What `imgae inpaint` does with one file: mark, fill, write."""

import argparse
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from imgae.cli import pictures
from imgae.cli.files import level_of
from imgae.cli.marking import Marker, Marks, Mask, write_mask
from imgae.cli.mask_options import ALPHA
from imgae.cli.progress import tile_progress
from imgae.io import files
from imgae.picture.image import Frames, Image
from imgae.picture.masks import drawn_over
from imgae.picture.pixels import scale_of
from imgae.restore.clean_and_fill import clean_and_fill
from imgae.restore.denoise import Denoised, Denoiser
from imgae.restore.inpaint import Inpainter

EXTRA_STAYS = "its further samples, such as infrared, are not filled and show what was there"
UNSEEN = (
    "most of what is filled is transparent and stays so; with --mask alpha it would become opaque"
)


class Tools:
    """What is loaded once for all pictures: no models for filling if nothing is to be filled."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.marker = Marker(options, margins=True)
        self.inpainter: Inpainter | None = None
        self.denoiser: Denoiser | None = None
        if options.dry_run:
            return
        settings = {"device": options.device, "threads": options.threads, "tile": options.tile}
        self.inpainter = Inpainter(options.model, **settings)
        if options.denoise:
            self.denoiser = Denoiser(**settings)


@dataclass(frozen=True)
class Work:
    """A file: its frames, what of each is marked, and where texture is taken from."""

    source: Path
    frames: Frames
    marks: list[Marks]
    textures: list[dict[str, Mask]]

    @property
    def pixels(self) -> int:
        return sum(image.width * image.height for image in self.frames)

    @property
    def filled(self) -> int:
        return sum(int(marks.mask.sum()) for marks in self.marks)


def mark(tools: Tools, source: Path, target: Path) -> Work:
    """Read a picture, find what to fill, and write what --save-mask and --preview ask for."""
    options, textures = tools.options, []
    frames = pictures.read(source, target, options)
    if options.save_mask or options.preview:
        pictures.single(frames, source, "--save-mask or --preview")

    def marks_of(image: Image) -> Marks:
        marks = tools.marker(image)
        if marks.mask.all():
            raise marks.all_of_it()
        textures.append(tools.marker.texture(image, marks.mask))
        return marks

    marks = pictures.of_each(frames, marks_of, source)
    if options.save_mask:
        write_mask(marks[0].mask, options.save_mask, options.overwrite)
    if options.preview:
        seen = Image(drawn_over(frames[0], marks[0].mask))
        files.write_image(seen, options.preview, options.overwrite)
    return Work(source, frames, marks, textures)


def fill(tools: Tools, work: Work, seed: int) -> tuple[Frames, list[Denoised]]:
    """Return the frames with their holes filled, and what the denoiser did, if there is one."""
    options = tools.options
    waiting = zip(work.marks, work.textures, strict=True)
    denoised: list[Denoised] = []

    def fill_one(image: Image) -> Image:
        marks, texture = next(waiting)
        settings = {
            "feather": options.feather,
            "texture": not options.no_texture,
            "grain": not options.no_grain,
            "seed": seed,
            **texture,
        }
        with tile_progress(work.source.name, hidden=options.quiet) as progress:
            settings["progress"] = progress
            done = fill_frame(tools, image, marks.mask, denoised, settings)
        return (
            opaque(done, marks.mask) if options.mask == ALPHA and not options.keep_alpha else done
        )

    return pictures.each(work.frames, fill_one, work.source), denoised


def fill_frame(
    tools: Tools, image: Image, hole: Mask, denoised: list[Denoised], settings: dict[str, Any]
) -> Image:
    """Fill one picture, and denoise it if there is a denoiser; `denoised` gets what that did.

    settings: keyword arguments of Inpainter.run.
    """
    assert tools.inpainter
    if tools.denoiser:
        sigma = level_of(tools.options)
        done = clean_and_fill(tools.inpainter, tools.denoiser, image, hole, sigma=sigma, **settings)
        denoised.append(done)
        return done.image
    return tools.inpainter.run(image, hole, **settings) if hole.any() else image


def fingerprint(frames: Frames) -> bytes:
    """Return what is the same, of two fills of a file, only if all their pixels are."""
    digest = hashlib.blake2b()
    for image in frames:
        digest.update(np.ascontiguousarray(image.pixels).data)
    return digest.digest()


def opaque(image: Image, hole: Mask) -> Image:
    """Return a picture that is opaque where it was filled."""
    if image.alpha is None:
        return image
    alpha = image.alpha.copy()
    alpha[hole] = scale_of(alpha.dtype)
    return replace(image, alpha=alpha)


def write(
    frames: Frames, work: Work, place: Path, options: argparse.Namespace, changed: bool
) -> None:
    """Write a result; where nothing is filled or changed, the file as it was."""
    same_format = files.format_of(work.source) == files.format_of(place)
    if changed or work.filled or options.strip_metadata or options.quality or not same_format:
        pictures.write(frames, place, options)
    else:
        files.write_file(place, files.read_bytes(work.source), options.overwrite)


def notes_on(work: Work, options: argparse.Namespace) -> list[str]:
    """Return what there is to say of the masks of a file."""
    if not work.filled:
        rest = "only noise was removed" if options.denoise else "the picture is written as it was"
        if options.dry_run:
            rest = "nothing would be filled"
        return [f"{why}; {rest}" for why in dict.fromkeys(one.why_nothing() for one in work.marks)]
    found = list(dict.fromkeys(sentence for marks in work.marks for sentence in marks.notes()))
    if any(image.extra is not None for image in work.frames):
        found.append(EXTRA_STAYS)
    if options.mask != ALPHA and mostly_unseen(work):
        found.append(UNSEEN)
    return found


def mostly_unseen(work: Work) -> bool:
    """Return whether most of what is filled is wholly transparent."""
    pairs = zip(work.frames, work.marks, strict=True)
    unseen = sum(
        int((image.alpha[marks.mask] == 0).sum())
        for image, marks in pairs
        if image.alpha is not None
    )
    return unseen > work.filled / 2
