"""What `imgae inpaint` does with one file: mark, fill, write."""

import argparse
import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from imgae.cli import pictures
from imgae.cli.files import level_of
from imgae.cli.loaded import Loaded
from imgae.cli.marking import Drawing, Marker, Marks, Mask, picture_of
from imgae.cli.mask_options import ALPHA
from imgae.cli.progress import Shows, shown_by
from imgae.errors import ImageError
from imgae.io import files
from imgae.io.formats import table
from imgae.picture.image import Frames, Image
from imgae.picture.masks import drawn_over
from imgae.picture.pixels import scale_of
from imgae.restore.batches import work
from imgae.restore.batches.denoising import notes_of
from imgae.restore.batches.engine import Job
from imgae.restore.batches.journal import hash_of
from imgae.restore.batches.room import is_tiled
from imgae.restore.clean_and_fill import clean_and_fill
from imgae.restore.denoise import Denoised, Denoiser
from imgae.restore.holes import depth_of
from imgae.restore.inpaint import Inpainter
from imgae.restore.synthesis.holes import wide_parts

EXTRA_STAYS = "its further samples, such as infrared, are not filled and show what was there"
EQUAL = "the variants are equal: no hole is wide enough for texture"
UNSEEN = (
    "most of what is filled is transparent and stays so; with --mask alpha it would become opaque"
)


class Tools:
    """What is loaded once for all pictures: no models for filling if nothing is to be filled.

    loaded: the models that are loaded already. shows: what shows progress; None for a bar.
    drawing: as for Marker.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        loaded: Loaded | None = None,
        shows: Shows | None = None,
        drawing: Drawing | None = None,
    ) -> None:
        loaded = loaded or Loaded()
        self.options, self.shows = options, shows or shown_by(options)
        self.marker = Marker(options, loaded, margins=True, drawing=drawing)
        self.writing = pictures.writing_of(options)
        self.inpainter: Inpainter | None = None
        self.denoiser: Denoiser | None = None
        if options.dry_run:
            return
        self.inpainter = loaded.inpainter(options)
        if options.denoise:
            self.denoiser = loaded.denoiser(options)


@dataclass
class Work:
    """A file at work: what was read of it, what of each frame is marked, and what came out.

    target: what results are encoded for. textures: where texture is taken from. result: what is to
    be written. written: the hashes of what is written. denoised: what the denoiser did, with the
    last seed. equal: whether several seeds gave the same.
    """

    job: Job
    found: work.Read
    target: Path
    marks: list[Marks] = field(default_factory=list)
    textures: list[dict[str, Mask]] = field(default_factory=list)
    result: Frames | None = None
    written: list[str] = field(default_factory=list)
    denoised: list[Denoised] = field(default_factory=list)
    equal: bool = False

    @property
    def frames(self) -> Frames:
        return self.found.frames

    @property
    def pixels(self) -> int:
        return sum(image.width * image.height for image in self.frames)

    @property
    def filled(self) -> int:
        return sum(int(marks.mask.sum()) for marks in self.marks)


def read(tools: Tools, job: Job) -> Work:
    """Read a picture."""
    options = tools.options
    found = work.read(job.source, "inpaint", options.max_pixels, tiled=is_tiled(options))
    if options.save_mask or options.preview:
        work.single(found.frames, job.source, "--save-mask or --preview")
    return Work(job, found, work.target_of(job, found, tools.writing))


def mark(tools: Tools, at_work: Work) -> None:
    """Find what to fill, and write what --save-mask and --preview ask for."""
    options = tools.options

    def marks_of(image: Image) -> Marks:
        marks = tools.marker(image, at_work.job)
        if marks.mask.all():
            raise marks.all_of_it()
        at_work.textures.append(tools.marker.texture(image, marks.mask))
        return marks

    at_work.marks = work.of_each(at_work.frames, marks_of, at_work.job.source)
    mask = at_work.marks[0].mask
    if options.save_mask:
        files.write_image(picture_of(mask), options.save_mask, options.overwrite)
    if options.preview:
        seen = Image(drawn_over(at_work.frames[0], mask))
        files.write_image(seen, options.preview, options.overwrite)


def fill_all(tools: Tools, at_work: Work) -> None:
    """Fill the holes, once for each variant; of several, each is written before the next is filled,
    so that memory holds one.
    """
    options, places = tools.options, at_work.job.places
    if options.variants == 1:
        at_work.result = fill(tools, at_work, options.seed)
        return
    seen = set()
    for number in range(options.variants):
        frames = fill(tools, at_work, options.seed + number)
        seen.add(fingerprint(frames))
        if places:
            at_work.written.append(write_one(tools, at_work, places[number], frames))
    at_work.equal = len(seen) == 1


def fill(tools: Tools, at_work: Work, seed: int) -> Frames:
    """Return the frames with their holes filled."""
    options, job = tools.options, at_work.job
    waiting = zip(at_work.marks, at_work.textures, strict=True)
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
        with tools.shows(job.source.name) as progress:
            settings["progress"] = progress
            done = fill_frame(tools, image, marks.mask, denoised, settings)
        return (
            opaque(done, marks.mask) if options.mask == ALPHA and not options.keep_alpha else done
        )

    frames = work.each(at_work.frames, fill_one, job.source)
    at_work.denoised = denoised
    return frames


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


def write(tools: Tools, at_work: Work) -> list[str]:
    """Write the result, if there is one that is not written, and return the hashes of all."""
    if at_work.result:
        (place,) = at_work.job.places
        at_work.written.append(write_one(tools, at_work, place, at_work.result))
    return at_work.written


def write_one(tools: Tools, at_work: Work, place: Path, frames: Frames) -> str:
    """Write a result, and return its hash.

    Where nothing is filled or changed, the file stays as it was, byte by byte.
    """
    job, options = at_work.job, tools.options
    unchanged = not (at_work.filled or at_work.denoised)
    same_format = at_work.found.format == table.of_name(at_work.target)
    if unchanged and same_format and not (options.strip_metadata or options.quality):
        data = at_work.found.data
        if data is None:
            data, _ = work.bytes_of(job.source)
            if hash_of(data) != at_work.found.input_hash:
                raise ImageError(f"{job.source}: changed while it was read; try again")
        return work.put(job, place, data)
    return work.write(job, place, frames, at_work.target, tools.writing)


def notes_on(at_work: Work, options: argparse.Namespace) -> list[str]:
    """Return what there is to say of a file: of its masks, and of its noise."""
    marks = at_work.marks
    noise = notes_of(at_work.denoised)
    if not at_work.filled:
        rest = "only noise was removed" if options.denoise else "the picture is written as it was"
        if options.dry_run:
            rest = "nothing would be filled"
        reasons = dict.fromkeys(one.why_nothing() for one in marks)
        return [*(f"{why}; {rest}" for why in reasons), *noise]
    found = list(dict.fromkeys(sentence for one in marks for sentence in one.notes()))
    if any(image.extra is not None for image in at_work.frames):
        found.append(EXTRA_STAYS)
    if options.mask != ALPHA and mostly_unseen(at_work):
        found.append(UNSEEN)
    if at_work.equal:
        found.append(EQUAL)
    return [*found, *noise]


def mostly_unseen(at_work: Work) -> bool:
    """Return whether most of what is filled is wholly transparent."""
    pairs = zip(at_work.frames, at_work.marks, strict=True)
    unseen = sum(
        int((image.alpha[marks.mask] == 0).sum())
        for image, marks in pairs
        if image.alpha is not None
    )
    return unseen > at_work.filled / 2


def varies(at_work: Work, options: argparse.Namespace) -> bool:
    """Return whether another seed gives another texture."""
    return not options.no_texture and any(
        wide_parts(marks.mask, depth_of(marks.mask)).any() for marks in at_work.marks
    )
