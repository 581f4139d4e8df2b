"""What is done with a picture that was uploaded, by the commands' own workers."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from imgae.cli import inpaint
from imgae.cli.denoising import controls_of, worker_of
from imgae.cli.files import level_of
from imgae.cli.loaded import Loaded
from imgae.cli.models import defaults_of, record_of
from imgae.cli.output import note
from imgae.cli.server import fields, shown
from imgae.cli.server.detecting import Remembering
from imgae.cli.server.ending import finished
from imgae.cli.server.fields import told_of
from imgae.cli.server.first import FirstMask
from imgae.cli.server.found import found_in
from imgae.cli.server.pictures import Recent, check_whole, row_of
from imgae.cli.server.steps import Steps
from imgae.cli.server.strokes import Strokes, strokes_of
from imgae.cli.tasks import limit_of
from imgae.errors import ModelError, OptionError, caught_warnings
from imgae.io.formats import table
from imgae.io.libraries import prepare_libraries
from imgae.io.measure import size_of
from imgae.model import registry, session
from imgae.model.machine import limited_memory
from imgae.model.stitch import Progress, release
from imgae.picture.tiling import Box
from imgae.restore.batches.engine import Job, Step, Worker
from imgae.restore.batches.outputs import suffix_for
from imgae.restore.batches.record import DONE, Record

WORDS: Final = {"denoise": "denoised", "inpaint": "inpainted", "mask": "mask"}
"""What stands before the ending of a result."""
PRIVATE: Final = ("input", "output", "outputs", "status")
"""What a record says of files, which a client has under other names."""
SHARE_HELD: Final = 8
"""One part in so many of the memory is for pictures that were read."""
TOLD: Final = (
    "name", "task", "default", "precision", "summary", "mib", "kmac_per_pixel", "scores", "licence",
)  # fmt: skip
"""What clients are told of a model."""


@dataclass(frozen=True)
class Done:
    """A result: where it lies, what to call it, its media type, and what there is to say of it."""

    path: Path
    name: str
    type: str
    record: dict[str, Any]


@dataclass(frozen=True)
class Planned:
    """Work whose fields are right.

    run: does it, for a picture's file, a folder for the result, what the picture is called, and
    what is told of how much is done, and of all. Raises ImgaeError, which names fields and never
    files. quick: whether it is soon done, as a part or marks are. part: whether it is a part, to
    look at.
    """

    run: Callable[[Path, Path, str, Progress], Done]
    quick: bool = False
    part: bool = False


@dataclass
class Works:
    """Does the work of a server, with models that are loaded once.

    options: device, threads, max_pixels and max_memory of `imgae serve`.
    """

    options: argparse.Namespace
    loaded: Loaded = field(default_factory=partial(Loaded, Remembering))
    told: list[dict[str, Any]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        prepare_libraries()
        self.memory = limited_memory() or limit_of(self.options)
        self.recent = Recent(self.options.max_pixels, self.memory // SHARE_HELD)

    def warm(self) -> None:
        """Load the models that are used if none is named."""
        options = self.settings(argparse.Namespace(model=None))
        denoiser = self.loaded.denoiser(options)
        for name in ("model", "camera", "looking"):
            getattr(denoiser, name)
        self.loaded.inpainter(options)
        self.loaded.detector(options)
        self.models()

    def models(self) -> list[dict[str, Any]]:
        """Return what is told of each model; one that cannot be loaded is told on the terminal."""
        if self.told:
            return self.told
        defaults = {**defaults_of(self.options.device), registry.DEFAULT_DETECTOR: ""}
        found = []
        for name, path in registry.available().items():
            try:
                card = session.load(path, device="cpu", threads=1).card
            except ModelError as error:
                note(str(error))
                continue
            record = record_of(path, card, defaults.get(name))
            found.append({key: record[key] for key in TOLD})
        self.told = found
        return found

    def settings(self, options: argparse.Namespace) -> argparse.Namespace:
        """Set those options that are the server's, and not a client's."""
        own = self.options
        options.device, options.threads, options.tile = own.device, own.threads, "auto"
        options.max_memory = self.memory
        options.max_pixels = min(getattr(options, "max_pixels", own.max_pixels), own.max_pixels)
        return options

    def looked(self, source: Path, name: str) -> dict[str, Any]:
        """Return what a picture is. Raises NoPictureError if it is none, and ImageError."""
        with told_of({source: name}) as in_words:
            about = self.recent.about(source, name)
            return {**about, "notes": [*map(in_words, about["notes"])]}

    def view(self, source: Path, target: Path, like: Path | None = None) -> tuple[str, bool]:
        """Write what browsers show of a picture, if they do not show its own file.

        like: the picture that it is to be compared with, so that black and white are the same in
        both. Returns the media type, and whether the file was written.
        """
        with told_of({source: "the picture"}), caught_warnings():
            picture = self.recent.once(source)
            if picture.shows_itself:
                return shown.type_of(picture.row), False
            scale = picture.scale
            if like is not None and picture.first.pixels.dtype == np.float32:
                scale = self.recent.once(like).scale
            target.write_bytes(shown.png_of(shown.preview_of(picture.seen, scale)))
            return "image/png", True

    def tidy(self) -> None:
        """Give up what is remembered of pictures that are deleted."""
        self.recent.tidy()

    def plan(self, kind: str, given: fields.Given, files: Mapping[str, Path]) -> Planned:
        """Check what a request asks for, and return what does it.

        kind: "denoise", "inpaint" or "mask". given: fields; files: masks, by the field's name.
        Raises OptionError and MaskError.
        """
        names = {path: name for name, path in files.items()}
        with told_of(names):
            texts = fields.plain(given)
            drawn = "strokes" in texts
            options = self.settings(fields.options_of(kind, texts, files, drawn=drawn))
            self.check_model(kind, getattr(options, "model", None))
            if "crop" in texts:
                crop = fields.crop_of(texts["crop"][0])
                draft = fields.is_true("draft", texts.get("draft", ["false"]))
                run = partial(self.part, options, crop, draft)
                return Planned(run, quick=True, part=True)
            drawing, strokes = None, []
            if drawn:
                strokes = strokes_of(texts["strokes"][0])
                drawing = Strokes(strokes, partial(self.loaded.detector, options))
        looks = "detect" in texts or any(stroke.tool == "detect" for stroke in strokes)
        run = partial(self.whole, kind, options, drawing, names)
        return Planned(run, quick=kind == "mask" and not looks)

    def check_model(self, kind: str, name: str | None) -> None:
        """Raise OptionError unless a model of that name does what is asked for."""
        names = [one["name"] for one in self.models() if one["task"] == kind]
        if name is not None and name not in names:
            raise OptionError(
                f"model: no model to {kind} is called so; there are: {', '.join(names)}"
            )

    def whole(
        self,
        kind: str,
        options: argparse.Namespace,
        drawing: Strokes | None,
        names: Mapping[Path, str],
        source: Path,
        folder: Path,
        name: str,
        progress: Progress,
    ) -> Done:
        """Restore a whole picture, as the command line does."""
        with told_of({source: name}):
            target = self.target_of(kind, options, source, name)
        place = folder / f"result{target.suffix}"
        job = Job(0, source, target, (place,))
        with told_of({**names, source: name, place: target.name}) as in_words:
            frames = size.frames if (size := size_of(source)) else 1
            worker = self.worker_of(kind, options, drawing, Steps(progress, frames))
            step = Step(job)
            step.read(worker)
            step.restore(worker)
            more = {}
            if kind == "inpaint" and step.trouble is None:
                from imgae.cli.filling import varies

                more["varies"] = varies(step.work, options)
            step.write(worker)
            self.forget(kind, options)
            outcome = step.outcome()
            if outcome.trouble:
                raise outcome.trouble
        record = Record(name, target.name, DONE, "", outcome.seconds, outcome.fields).printed()
        told = {key: value for key, value in record.items() if key not in PRIVATE}
        told |= {"notes": list(told.get("notes", ())), "warnings": [*map(in_words, outcome.notes)]}
        return Done(place, target.name, shown.type_of(table.of_name(target)), {**told, **more})

    def forget(self, kind: str, options: argparse.Namespace) -> None:
        """Have a model that was named give back the memory of its tiles: others come after it."""
        if kind != "mask" and options.model is not None:
            if kind == "inpaint":
                release([self.loaded.inpainter(options).model])
            else:
                release([self.loaded.denoiser(options, options.model).model])

    def worker_of(
        self, kind: str, options: argparse.Namespace, drawing: Strokes | None, steps: Steps
    ) -> Worker:
        if kind == "denoise":
            return worker_of(options, self.loaded, steps)
        if kind == "inpaint":
            return inpaint.Worker(options, loaded=self.loaded, shows=steps, drawing=drawing)
        return FirstMask(options, self.loaded, drawing)

    def target_of(self, kind: str, options: argparse.Namespace, source: Path, name: str) -> Path:
        """Return the name that the command line would give a result. Raises NoPictureError.

        A picture whose name does not tell a format has that of its content.
        """
        path, row = Path(name), row_of(source)
        if table.of_name(path) is None:
            path = Path(f"{name}{row.extensions[0]}")
        ending = ".png" if kind == "mask" else suffix_for(path, options.format)
        return Path(f"{path.stem}.{WORDS[kind]}{ending}")

    def part(
        self,
        options: argparse.Namespace,
        crop: Box,
        draft: bool,
        source: Path,
        folder: Path,
        name: str,
        progress: Progress,
    ) -> Done:
        """Denoise a part of a picture, to look at.

        draft: whether what is near it is looked at alone, if the whole was not yet.
        """
        del progress  # it is quick
        place = folder / "part.png"
        with told_of({source: name}), caught_warnings():
            picture = self.recent.of(source)
            check_whole(picture, name)
            height, width = picture.first.height, picture.first.width
            box = Box(crop.top, crop.left, min(crop.bottom, height), min(crop.right, width))
            if box.top >= box.bottom or box.left >= box.right:
                raise OptionError(f"crop: lies outside the picture of {width}x{height} pixels")
            denoiser = self.loaded.denoiser(options, options.model)
            settings = denoiser, box, level_of(options), controls_of(options)
            with finished():  # else sliders that move would end each look
                looked = picture.looked(self.loaded.denoiser(options))
                draft = draft and options.sigma == "auto" and looked.found is None
                if options.sigma == "auto" and not draft:
                    looked.look(self.loaded.denoiser(options))
            if draft:
                done = looked.draft(*settings)
                image, model = done.image, done.model
            else:
                part = looked.part(*settings)
                image, model = part.image, part.course.model
            place.write_bytes(shown.png_of(shown.eight_bits(image, picture.scale)))
        found = None if looked.found is None else found_in(looked.found)
        record = {"found": found, "model": model, "crop": [*rectangle(box)], "draft": draft}
        return Done(place, f"{Path(name).stem}.part.png", "image/png", record)


def rectangle(box: Box) -> tuple[int, int, int, int]:
    """Return left, top, width and height."""
    return box.left, box.top, box.right - box.left, box.bottom - box.top
