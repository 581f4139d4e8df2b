"""Many pictures in Python: imgae.batch."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import imgae
from imgae.errors import ImageError, OptionError
from imgae.io import files, places
from imgae.io.format import MOST_PIXELS, Encoding
from imgae.io.formats import table
from imgae.io.libraries import prepare_libraries
from imgae.io.remote import is_remote, place_of
from imgae.model import registry
from imgae.model.machine import default_limit, limit_memory
from imgae.picture.image import Frames, Image
from imgae.restore import denoise
from imgae.restore.batches.denoising import Denoising
from imgae.restore.batches.engine import Engine, Job, Local
from imgae.restore.batches.inputs import Found, Search
from imgae.restore.batches.journal import Journal, hash_of, hash_of_file
from imgae.restore.batches.mask_file import MaskFile
from imgae.restore.batches.masks import MaskFolder, only_mask
from imgae.restore.batches.outputs import Planned, plan, suffix_for
from imgae.restore.batches.record import FAILED, Record, check_report, write_report
from imgae.restore.batches.room import is_tiled, room_for
from imgae.restore.batches.run import Jobs, Rules, Run
from imgae.restore.batches.work import (
    Writing,
    check_place,
    each,
    read,
    recorded,
    target_of,
    write,
)
from imgae.restore.denoise import Denoiser
from imgae.restore.inpaint import Inpainter
from imgae.restore.memory import Task as Kind

ENGINES: Final = ("local", "ray")
Restorer = Callable[..., Image]


def batch(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    output: str | os.PathLike[str] | None = None,
    restorer: Restorer | None = None,
    *,
    masks: str | os.PathLike[str] | None = None,
    recursive: bool = False,
    suffix: str | None = None,
    format: str | None = None,  # noqa: A002 - the name of the command's option
    quality: int | None = None,
    strip_metadata: bool = False,
    overwrite: bool = False,
    resume: bool = False,
    skip_existing: bool = False,
    report: str | os.PathLike[str] | None = None,
    max_memory: int | None = None,
    max_pixels: int = MOST_PIXELS,
    engine: str = "local",
    workers: int | None = None,
    key: str = "",
) -> Iterator[Record]:
    """Restore many pictures, and yield a record of each as soon as it is settled.

    paths: a file, a folder, a pattern such as "a/**/*.jpg", or several of these.
    output: the folder for results, which is made; the tree of a folder is kept below it. None puts
        each result beside its picture.
    restorer: an imgae.Denoiser, an imgae.Inpainter with `masks`, or anything else that takes an
        imgae.Image, and with `masks` a bool array (H, W) too, and returns an imgae.Image. None is
        an imgae.Denoiser. For engine "ray" it has to be one that can be pickled.
    masks: a folder that holds a mask for each picture, of the same name or with _mask after it,
        white where to fill.
    recursive: take folders in folders too. suffix: what follows a picture's name in that of its
        result; ".denoised", ".inpainted" or ".restored" by default. format: the ending of results,
        as "png"; None keeps each picture's. quality: 1 to 100, of lossy formats.
    strip_metadata: leave out camera data, place, captions and comments.
    overwrite, resume, skip_existing: what to do where a result is there, as the options of
        `imgae denoise` of these names; by default that picture fails.
    report: a .json or .csv file to write at the end, also if the iterator is closed before.
    max_memory: bytes that this process may use in all; None is a quarter of what is free.
    max_pixels: how many pixels a file may have.
    engine: "local", or "ray" for a cluster with so many `workers`.
    key: another text makes `resume` do all again, as when your own restorer changes.

    A picture that fails is a record whose `status` is "failed" and whose `message` says why.
    Raises ImgaeError if nothing can be done at all, as when no picture is found.

    >>> for record in imgae.batch("photos", "clean", recursive=True):
    ...     print(record.input, record.status, record.message)
    """
    words = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    options = Settings(
        None if output is None else place_of(output),
        None if masks is None else MaskFolder(Path(masks)),
        suffix,
        None if format is None else table.written_ending(format),
        Rules(overwrite, resume, skip_existing),
        None if report is None else Path(report),
        engine_of(engine, workers, max_memory, kind_of(masks), tiled=is_tiled(restorer)),
    )
    files.check_quality(quality)
    if isinstance(restorer, Inpainter) and masks is None:
        raise OptionError("an Inpainter fills what masks mark; name their folder with masks=...")
    writing = Writing(options.ending, Encoding(quality), strip_metadata)
    task = Restoring(restorer or Denoiser(), writing, max_pixels, max_memory, key, options.mask)
    out = options.output if options.output is None else options.output.resolve()
    search = Search(recursive, out)
    names = [str(word) if is_remote(word) else os.fspath(word) for word in words]
    found = search.find(names)
    if options.masks:
        found = options.masks.without(found, names)
    return run(found, search, task, options)


@dataclass(frozen=True)
class Settings:
    """What a batch is told of its files."""

    output: Path | None
    masks: MaskFolder | None
    suffix: str | None
    ending: str | None
    rules: Rules
    report: Path | None
    engine: Engine

    @property
    def mask(self) -> str:
        """The folder of masks, "" for none."""
        return str(self.masks.folder) if self.masks else ""

    def job(self, number: int, planned: Planned) -> Job:
        found, target = planned.found, planned.target
        also = self.masks.of(found) if self.masks else ()
        makes = self.output is not None
        return Job(number, found.path, target, (target,), makes=makes, also=also)


def run(
    found: Sequence[Found], search: Search, task: "Restoring", options: Settings
) -> Iterator[Record]:
    """Yield the records of a batch, and write its report."""
    prepare_libraries()
    if options.report:
        check_report(options.report)
        places.check_place(options.report, overwrite=True)
    if options.output:
        places.check_folder(options.output)
    if not found and search.problems:
        raise search.problems[0][1]
    word = task.word if options.suffix is None else options.suffix
    journal = Journal()
    planned = plan(
        [each._replace(named=False) for each in found],
        options.output,
        lambda path: (path.stem, f"{word}{suffix_for(path, options.ending)}"),
        journal=journal,
    )
    jobs = Jobs(planned, options.job)
    work = Run(jobs, task, options.engine, options.rules, journal, check)
    records = [Record(name, None, FAILED, str(error)) for name, error in search.problems]
    try:
        yield from list(records)
        for record, _ in work.records():
            records.append(record)
            yield record
    finally:
        limit_memory(None)
        if options.report:
            rest = [record for record in work.rest() if record not in records[-1:]]
            write_report(options.report, [*records, *rest])


def check(job: Job) -> None:
    """Raise ImgaeError if a picture is none, or its result cannot be written."""
    files.check_source(job.source)
    (place,) = job.places
    check_place(place, overwrite=job.overwrite, makes=job.makes)


def engine_of(
    name: str, workers: int | None, max_memory: int | None, kind: Kind, *, tiled: bool
) -> Engine:
    """Return an engine by its name. Raises OptionError if there is none."""
    if name not in ENGINES:
        raise OptionError(f"no engine is called {name!r}; there are: {', '.join(ENGINES)}")
    if name == "ray":
        from imgae.restore.batches.cluster import Ray  # loads where it is used

        return Ray(workers)

    return Local(*room_for(kind, max_memory or default_limit(), tiled=tiled))


@dataclass(frozen=True)
class Restoring:
    """What a restorer does with files. masks: the folder of masks, "" for none."""

    restorer: Restorer
    writing: Writing
    max_pixels: int
    max_memory: int | None
    own: str
    masks: str

    @property
    def word(self) -> str:
        """What follows a picture's name in that of its result."""
        kinds = {Denoiser: ".denoised", Inpainter: ".inpainted"}
        return kinds.get(type(self.restorer), ".restored")

    @cached_property
    def key(self) -> str:
        said = [imgae.__version__, self.own, repr(self.writing), name_of(self.restorer)]
        said += [hash_of_file(path) for path in models_of(self.restorer)]
        return hash_of("\0".join(said).encode())

    def load(self) -> "Worker | Denoising":
        limit_memory(self.max_memory or default_limit())
        if isinstance(self.restorer, Denoiser):
            return Denoising(self.restorer, self.writing, max_pixels=self.max_pixels)
        return Worker(self)


@dataclass(frozen=True)
class Work:
    """A picture at work. target: what its result is encoded for."""

    frames: Frames
    target: Path
    input_hash: str


class Worker:
    """Restores files by what takes and returns pictures, one after another."""

    def __init__(self, task: Restoring) -> None:
        self.task = task

    def read(self, job: Job) -> Work:
        task = self.task
        tiled = is_tiled(task.restorer)
        found = read(job.source, kind_of(task.masks), task.max_pixels, tiled=tiled)
        return Work(found.frames, target_of(job, found, task.writing), found.input_hash)

    def restore(self, job: Job, work: Work) -> Work:
        mask = None
        if self.task.masks:
            mask = MaskFile("masks", only_mask(self.task.masks, job), self.task.max_pixels)

        def restored(image: Image) -> Image:
            done = self.task.restorer(image, *([mask.on(image)] if mask else []))
            if not isinstance(done, Image):
                kind = type(done).__name__
                raise ImageError(f"the restorer returned {kind}; expected an imgae.Image")
            return done

        return replace(work, frames=each(work.frames, restored, job.source))

    def write(self, job: Job, work: Work) -> dict[str, Any]:
        (place,) = job.places
        written = write(job, place, work.frames, work.target, self.task.writing)
        return recorded(work.frames, work.input_hash, [written])


def kind_of(masks: object) -> Kind:
    """Return what is done to pictures, as far as memory goes. masks: false if there are none."""
    return "inpaint" if masks else "denoise"


def name_of(restorer: Restorer) -> str:
    """Return the name of a function, or of an object's class, with its module."""
    kind = restorer if hasattr(restorer, "__qualname__") else type(restorer)
    return f"{kind.__module__}.{kind.__qualname__}"


def models_of(restorer: Restorer) -> list[Path]:
    """Return the files of the models that a restorer of imgae uses."""
    if isinstance(restorer, Inpainter):
        return [restorer.model.path]
    if isinstance(restorer, Denoiser):
        others = (denoise.camera_model(restorer.device), denoise.ESTIMATE)
        return [restorer.path, *(registry.find(name) for name in others)]
    return []
