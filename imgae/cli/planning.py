"""What a command does with pictures, and where their results go."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgae.cli.files import Use, refuse_clashes
from imgae.cli.tasks import OptionsTask
from imgae.io.formats.table import extensions
from imgae.io.remote import Keys, is_folder, is_remote, place_of
from imgae.restore.batches import outputs
from imgae.restore.batches.engine import STANDARD
from imgae.restore.batches.inputs import Found, list_named
from imgae.restore.batches.journal import Journal
from imgae.restore.batches.masks import MaskFolder
from imgae.restore.batches.outputs import Planned

if TYPE_CHECKING:
    from imgae.restore.memory import Task as Kind


def just_that(target: Path) -> list[Path]:
    """Return an output as planned, as the only file that is written."""
    return [target]


@dataclass(frozen=True)
class Command:
    """What a command does with pictures.

    word: what stands before the extension of results, as in photo.denoised.png. kind: of work, as
    which it needs memory. ending: their
    extension, if it is not that of the picture. task: what is done. summary: the line about one.
    role: what messages call a result. places: the files that are written for an output.
    replaces: whether a result may be written over its own picture. reads, writes: what else is read
    and written. masks: the folder that holds a mask for each picture. rehearses: whether the task
    does itself what --dry-run asks for.
    """

    word: str
    kind: "Kind"
    task: OptionsTask
    summary: Callable[[dict[str, Any]], str]
    ending: str = ""
    role: str = "the result"
    places: Callable[[Path], list[Path]] = just_that
    replaces: bool = True
    reads: Sequence[Use] = ()
    writes: Sequence[Use] = ()
    masks: MaskFolder | None = None
    rehearses: bool = False


def check_together(options: argparse.Namespace) -> None:
    """End the program for options that do not go together, as two uses of standard output."""
    error = options.parser.error
    if options.workers and options.engine != "ray":
        error("--workers is for --engine ray; on this machine each picture uses all CPUs")
    if options.engine == "ray" and "-" in (*options.inputs, options.output):
        error("- is for --engine local; workers elsewhere have not this standard input and output")
    if "-" in options.inputs and len(options.inputs) > 1:
        error("- is one picture on standard input; give it alone")
    if "-" in options.inputs and options.output is None:
        options.output = "-"
    if options.output != "-":
        return
    if options.json:
        error("--json prints on standard output, where the picture goes; name a file with -o")
    if sys.stdout is not None and sys.stdout.isatty() and not options.dry_run:
        error("standard output is a terminal; send the picture to a file or another program")


def folder_named(output: str | None) -> Path | None:
    if output in (None, "-"):
        return None
    place = place_of(output)
    return place if is_remote(place) else Path(os.path.realpath(place))


def namer(options: argparse.Namespace, command: Command) -> outputs.Name:
    """Return what says the name of a picture's result, in its two parts."""

    def name(path: Path) -> tuple[str, str]:
        word = f".{command.word}" if options.suffix is None else options.suffix
        return path.stem, f"{word}{command.ending or outputs.suffix_for(path, options.format)}"

    return name


def pictures_of(
    options: argparse.Namespace, command: Command, found: Sequence[Found]
) -> list[Found]:
    """Leave out what was found, and not named, but is read as a mask."""
    kept = list(found)
    if command.masks:
        kept = command.masks.without(kept, options.inputs)
    if command.reads:
        keys = Keys()
        read = {keys.of(use.path) for use in command.reads}
        kept = [each for each in kept if each.named or keys.of(each.text) not in read]
    return kept


def plan(
    options: argparse.Namespace,
    command: Command,
    found: Sequence[Found],
    journal: Journal,
    *,
    alone: bool,
) -> tuple[list[Planned], Path | None]:
    """Return where results go, and the folder that -o names, if they go to one."""
    planned = partial(
        outputs.plan,
        found,
        name=namer(options, command),
        places=command.places,
        replaces=command.replaces,
        journal=journal,
        keeps=[use.path for use in others(options, command)],
    )
    output: str | None = options.output
    if output is None:
        return planned(folder=None), None
    if alone and not output.endswith(("/", os.sep)) and not is_folder(place_of(output)):
        return [outputs.Planned(found[0], output)], None
    if output == "-":
        options.parser.error("standard output takes one picture, and several were given")
    if any(each.path == STANDARD for each in found):
        options.parser.error(f"a picture on standard input has no name; name a file in {output}")
    folder = place_of(output)
    if folder.suffix.lower() in extensions() and not is_folder(folder):
        options.parser.error(
            f"-o {output} names one picture, and several were given; name a folder"
        )
    return planned(folder=folder), folder


def as_expected(planned: Sequence[Planned], name: outputs.Name) -> list[Planned]:
    """Return those that were named themselves, with the names that one expects of their results."""
    return [
        Planned(each.found, str(each.target.with_name("".join(name(each.found.path)))))
        for each in planned
        if each.found.named
    ]


def refuse(
    options: argparse.Namespace,
    command: Command,
    planned: Sequence[Planned],
    *,
    one_file: bool = False,
) -> None:
    """Refuse what would be written over another file that the command reads or writes.

    Of pictures, only those that were named count. one_file: whether -o names the file for the
    result; otherwise results count as if they had the names that one expects.
    """
    if not one_file:
        planned = as_expected(planned, namer(options, command))
    if two := outputs.clash(planned):
        one, other, target = two
        options.parser.error(
            f"{target} would be both {command.role} of {one} and {command.role} of {other}; name "
            "another file for one of them, or put a pattern in quotes, which leaves results out"
        )
    read = [Use(each.found.path, "an input") for each in planned]
    read += others(options, command)
    results = [
        Use(place, f"{command.role} of {each.found.path}")
        for each in planned
        for place in command.places(each.target)
        if str(place) != "-"
    ]
    also = [Use(Path(options.report), "--report")] if options.report else []
    also += command.writes
    if not command.replaces:
        results, also = [], [*results, *also]
    refuse_clashes(options, read, results, also)


def others(options: argparse.Namespace, command: Command) -> list[Use]:
    """Return what a command reads besides pictures."""
    read = [
        Use(Path(name), "a list of pictures") for name in map(list_named, options.inputs) if name
    ]
    if getattr(options, "model", None) and os.path.isfile(options.model):  # noqa: PTH113 - is_file raises for long names
        read.append(Use(Path(options.model), "the model"))
    return [*read, *command.reads]
