"""What the commands that restore files share: where results go, what is checked first, the loop."""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from imgae.cli.options import Options, auto_or, between, whole
from imgae.cli.output import one_line, result, say, short_of_memory
from imgae.cli.pictures import add_reading, add_writing, check_format, suffix_for
from imgae.errors import ImageError, ImgaeError
from imgae.io.formats.table import extensions, listed
from imgae.io.places import check_folder

ALL_FAILED, SOME_FAILED = 1, 3
EXIT_CODES = """\
Exit codes:
  0    all done
  1    the one picture failed, or all did, or the work could not start
  2    the command line is wrong
  3    some of several pictures failed
  130  interrupted
"""
SOURCES = {
    "given": "given",
    "estimated": "estimated",
    "removed": "measured from what was removed",
}
"""What the printed line says of a noise level, by `sigma_source`."""

Restore = Callable[[Path, Path], dict[str, Any]]
"""From an input to its output; returns the record that --json prints."""
Places = Callable[[Path], list[Path]]
"""From an output as planned to the files that are written for it."""


class Use(NamedTuple):
    """A file that a command reads or writes, and as what, as in "the result of a.png"."""

    path: Path
    role: str


def named(text: str) -> Path:
    """Read the name of a file."""
    if not text:
        raise argparse.ArgumentTypeError("a file's name is empty")
    return Path(text)


def add_places(parser: argparse.ArgumentParser, ending: str) -> None:
    """Add the inputs, and where results go; ending: what follows NAME by default."""
    add = parser.add_argument
    add("inputs", nargs="+", type=named, metavar="PICTURE", help=f"a {listed('or')} file")
    add(
        "-o",
        "--output",
        type=lambda text: text if named(text) else None,
        metavar="PATH",
        help="where to write: a folder if PATH is one, ends in / or there are several pictures; "
        "otherwise a file, whose extension sets the format (default: beside the picture, as "
        f"NAME.{ending})",
    )
    add("--overwrite", action="store_true", help="replace files that exist")


def add_files(parser: argparse.ArgumentParser, word: str) -> None:
    """Add the inputs, and the options about files that are read and written."""
    add_places(parser, f"{word}.EXT")
    add_writing(parser)
    add_reading(parser)
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="the model to use: a name that `imgae models` lists, or an .onnx file",
    )


def add_tile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tile",
        type=auto_or(whole(0)),
        default="auto",
        metavar="auto|PX|0",
        help="how to cut large pictures: auto fits them into memory, PX is the side of a tile in "
        "pixels, 0 takes the whole picture at once; the result is the same, but tiles under "
        "128 pixels are slow (default: auto)",
    )


def add_sigma(parser: Options) -> None:
    parser.add_argument(
        "--sigma",
        type=auto_or(between(0, 255)),
        default="auto",
        metavar="auto|LEVEL",
        help="the noise level: its standard deviation in 8-bit levels, from 0 to 255; auto finds "
        "it (default: auto)",
    )


def add_printing(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--json", action="store_true", help="print one JSON object for each picture")
    add("--quiet", action="store_true", help="print no progress and no summary")


def level_of(options: argparse.Namespace) -> float | None:
    """Return the level that --sigma gives, on [0, 1]; None is to be found."""
    return None if options.sigma == "auto" else options.sigma / 255


def mean_level(sigmas: Sequence[float]) -> float:
    """Return the mean of levels on [0, 1] in 8-bit levels, without figures that say nothing."""
    level = sum(sigmas) / len(sigmas) * 255
    return round(level, 2) if level >= 1 else float(f"{level:.3g}")


def noise_level(record: dict[str, Any]) -> str:
    """Return what a summary says of the noise level."""
    caution = f"; {record['caution']}" if record["caution"] else ""
    return f"noise level {record['sigma']:.3g} ({SOURCES[record['sigma_source']]}{caution})"


def size_of(record: dict[str, Any]) -> str:
    """Return what a summary says of the size."""
    frames = f", {record['frames']} pictures" if record["frames"] > 1 else ""
    return f"{record['width']}x{record['height']}{frames}"


def just_that(target: Path) -> list[Path]:
    """Return an output as planned, as the only file that is written."""
    return [target]


def restore_each(
    options: argparse.Namespace,
    outputs: list[Path],
    load: Callable[[], Restore],
    summary: Callable[[dict[str, Any]], str],
    also: Sequence[Path] = (),
    places: Places = just_that,
) -> int:
    """Restore one input after another, and return the exit code.

    load: loads the models, once it is known that something can be written, and returns what
    restores a picture. also: what else is written, besides outputs. places: which files are written
    for an output, which may be none.
    """
    from imgae.io.libraries import prepare_libraries

    prepare_libraries()
    folder = folder_to_make(options.output, outputs) if places(outputs[0]) else None
    if folder:
        check_folder(folder)
    for path in also:
        check_place(path, options.overwrite, folder)
    inputs: list[Path] = options.inputs
    jobs = []
    for source, target in zip(inputs, outputs, strict=True):
        with told(source, options) as failed:
            check_output(source, target, places(target), options, folder)
        if not failed:
            jobs.append((source, target))
    done = restore_jobs(options, jobs, load, summary, folder) if jobs else 0
    if done == len(inputs):
        return 0
    return SOME_FAILED if done else ALL_FAILED


def restore_jobs(
    options: argparse.Namespace,
    jobs: list[tuple[Path, Path]],
    load: Callable[[], Restore],
    summary: Callable[[dict[str, Any]], str],
    folder: Path | None,
) -> int:
    """Restore from inputs to outputs, and return how many came out."""
    restore = load()
    done = 0
    with made(folder):
        for source, target in jobs:
            with told(source, options) as failed:
                record = restore(source, target)
            if failed:
                continue
            done += 1
            if options.json:
                result(json.dumps(record))
            elif not options.quiet:
                result(one_line(summary(record)))
    return done


@contextlib.contextmanager
def told(source: Path, options: argparse.Namespace) -> Iterator[list[Exception]]:
    """Tell what fails inside of one of several inputs, and go on; yields a list that gets it."""
    failed: list[Exception] = []
    try:
        yield failed
    except Exception as error:
        if options.debug or len(options.inputs) == 1:
            raise
        if isinstance(error, ImgaeError):
            sentence = str(error)
        else:
            sentence = f"{source}: {short_of_memory(error) or f'unexpected error: {error}'}"
        say(f"imgae: {one_line(sentence)}", sys.stderr)
        failed.append(error)


def plan_outputs(options: argparse.Namespace, word: str, suffix: str = "") -> list[Path]:
    """Return where each input's result goes.

    word: what stands before the extension by default, as in photo.denoised.png. suffix: the
    extension by default, if it is not that of the picture.
    Ends the program if several pictures would go into one.
    """
    inputs: list[Path] = options.inputs
    output: str | None = options.output
    check_format(options)
    names = [f"{path.stem}.{word}{suffix or suffix_for(path, options)}" for path in inputs]
    if output is None:
        return [path.parent / name for path, name in zip(inputs, names, strict=True)]
    if output.endswith(("/", os.sep)) or os.path.isdir(output):
        return [Path(output, name) for name in names]
    if len(inputs) > 1:
        if Path(output).suffix.lower() in extensions():
            options.parser.error(
                f"-o {output} names one picture, but there are {len(inputs)}; name a folder"
            )
        return [Path(output, name) for name in names]
    return [Path(output)]


def files_read(options: argparse.Namespace) -> list[Use]:
    """Return the inputs, in their order, and the file of the model if --model names one."""
    read = [Use(path, "an input") for path in options.inputs]
    if options.model and os.path.isfile(options.model):  # noqa: PTH113 - is_file raises for long names
        read.append(Use(Path(options.model), "the model"))
    return read


def refuse_clashes(
    options: argparse.Namespace, read: Sequence[Use], results: Sequence[Use], also: Sequence[Use]
) -> None:
    """Refuse a file that a command would write over another that it reads or writes.

    read: what it reads. results: what it makes of the first of these, in their order; one may
    replace its own input, if it is named the same. also: what else it writes.
    The same file under another name, through a link or in other letters, is seen as well.
    Ends the program where names alone show it; raises ImageError where the files do.
    """
    taken: dict[object, Use] = {}
    for use in read:
        taken.setdefault(identity(use.path), use)
    own = [use.path for use in read[: len(results)]]
    for number, use in enumerate([*results, *also]):
        same = taken.setdefault(identity(use.path), use)
        if same is use:
            continue
        named_same = same.path.absolute() == use.path.absolute()
        if named_same and number < len(own) and same.path is own[number]:
            continue
        if named_same:
            options.parser.error(
                f"{use.path} would be both {same.role} and {use.role}; name another file for one "
                "of them"
            )
        raise ImageError(
            f"{use.path}: {use.role} would be written over {same.path}, {same.role}, which is the "
            "same file; name another"
        )


def identity(path: Path) -> object:
    """Return what is equal for all names of one file, whether it exists or not."""
    with contextlib.suppress(OSError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return os.path.normcase(os.path.realpath(path))


def check_output(
    source: Path,
    target: Path,
    places: Sequence[Path],
    options: argparse.Namespace,
    folder: Path | None,
) -> None:
    """Raise ImageError if an input is none, or its result cannot be written, as far as is known
    before.

    places: the files to write for the output as planned.
    """
    from imgae.io.files import check_source

    check_source(source)
    named = options.output is not None and target == Path(options.output)
    if places and not named and target.suffix.lower() not in extensions():
        kind = source.suffix[1:].upper()
        what = f"imgae does not read {kind} files" if kind else "its name has no extension"
        raise ImageError(
            f"{source}: {what}; it reads {listed()}; convert the file, or if only its name is "
            "wrong, name the output with -o or its format with --format"
        )
    for place in places:
        check_place(place, options.overwrite, folder)


def check_place(path: Path, overwrite: bool, folder: Path | None) -> None:
    """Raise ImageError if a picture could not be written there.

    folder: one that will be made for this run, or None.
    """
    from imgae.io.files import EXTENSIONS, check_writable

    if folder is None or path.parent != folder or path.suffix.lower() not in EXTENSIONS:
        check_writable(path, overwrite)


def folder_to_make(output: str | None, outputs: list[Path]) -> Path | None:
    """Return the folder that -o names, if it is not there yet."""
    if output is None or outputs == [Path(output)] or os.path.isdir(output):
        return None
    return Path(output)


@contextlib.contextmanager
def made(folder: Path | None) -> Iterator[None]:
    """Make a folder, and those above it, if one is given; take them away if they stay empty."""
    if folder is None:
        yield
        return
    above = [place for place in folder.parents if not place.exists()]
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise ImageError(f"{folder}: cannot be made a folder: {error.strerror}") from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # it holds something
            for place in (folder, *above):
                place.rmdir()
