"""`imgae watch`."""

import argparse
import itertools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from imgae.cli import denoise, inpaint, mask
from imgae.cli.batch import Batch
from imgae.cli.options import Commands, filled
from imgae.cli.output import say
from imgae.cli.pictures import check_format
from imgae.cli.planning import Command, namer, others, pictures_of, refuse
from imgae.errors import ImageError, MaskError
from imgae.io.formats.table import looks_like_picture
from imgae.io.libraries import prepare_libraries
from imgae.io.remote import SCHEME, key_of, place_of
from imgae.restore.batches.engine import InTurn, Job, Outcome
from imgae.restore.batches.inputs import Found, Search
from imgae.restore.batches.journal import Journal
from imgae.restore.batches.masks import lies_in
from imgae.restore.batches.outputs import Names, Planned
from imgae.restore.batches.record import FAILED, Record
from imgae.restore.batches.run import Rules, Run
from imgae.restore.batches.watch import Patience, arrivals

WORKS = {"denoise": denoise, "inpaint": inpaint, "mask": mask}
SUMMARY = "Restore pictures as they arrive in a folder."
MORE = """\
Takes each picture once it is whole, those that are there first, and again when
it is replaced, until Ctrl-C ends it. Options are those of `imgae denoise`, or of
the command that stands before the folder. What is done and current is skipped, as
with --resume; --recursive also watches folders in the folder.

Examples:
  imgae watch inbox/ -o clean/
  imgae watch inbox/ -o clean/ --recursive --report today.csv
  imgae watch inpaint scans/ --detect dust -o repaired/
"""


def add_parser(commands: Commands) -> None:
    parser = commands.add_parser(
        "watch",
        help=SUMMARY,
        description=filled(f"{SUMMARY}\n\n{MORE}"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    works = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in WORKS.values():
        watched = module.add_parser(works)
        for action in watched._actions:  # noqa: SLF001 - argparse gives no other way to them
            if action.dest == "inputs":
                action.metavar, action.help = "FOLDER", "the folder to watch"
        watched.set_defaults(run=partial(watch_folder, module.command_of))


def with_command(words: list[str]) -> list[str]:
    """Return a command line with the command that `imgae watch` has by default.

    A folder may have the name of a command; it is meant if no other word may be the folder.
    """
    if words[:1] != ["watch"] or words[1:2] in (["-h"], ["--help"]):
        return words
    if words[1:2] and words[1] in WORKS:
        pairs = itertools.pairwise(words[1:])
        more = (word for before, word in pairs if before not in ("-o", "--output"))
        if not os.path.isdir(words[1]) or any(map(os.path.isdir, more)):
            return words
    return ["watch", "denoise", *words[1:]]


def watch_folder(
    command_of: Callable[[argparse.Namespace], Command], options: argparse.Namespace
) -> int:
    """Do what a command does with the pictures that arrive, until Ctrl-C."""
    prepare_libraries()
    check_format(options)
    command = command_of(options)
    error = options.parser.error
    if len(options.inputs) != 1:
        error("imgae watch takes one folder")
    if options.output is None or options.output == "-":
        error("name the folder for the results with -o")
    if options.engine == "ray" or options.dry_run or options.skip_existing:
        error("--engine ray, --dry-run and --skip-existing are not for imgae watch")
    if command.writes:
        error("--save-mask and --preview write one file, and a watch takes many pictures")
    if SCHEME in options.inputs[0]:
        error(f"{options.inputs[0]}: only folders of this machine can be watched")
    folder = Path(options.inputs[0])
    if not folder.is_dir():
        raise ImageError(f"{folder}: no such folder to watch")
    if key_of(place_of(options.output)) == key_of(folder):
        error(f"{options.output} is the folder that is watched; name another with -o")
    refuse(options, command, [])
    _ = command.task.key, command.task.load()  # fails now for a model that cannot be used
    return Watched(options, command, folder).run()


class Watched(Batch):
    """A run over the pictures that arrive in a folder."""

    def __init__(self, options: argparse.Namespace, command: Command, folder: Path) -> None:
        self.output = place_of(options.output)
        super().__init__(options, command, [], self.output, Search(), alone=False)
        self.watched, self.named = folder, False
        self.results = key_of(self.output)
        self.journal = Journal()
        self.names = Names(
            self.output,
            namer(options, command),
            places=command.places,
            replaces=command.replaces,
            journal=self.journal,
        )
        for use in others(options, command):
            self.names.keeps(use.path)
        self.patience: Patience[tuple[Record, Outcome]] = Patience(parts=self.masks_of)
        self.work: Run | None = None

    def go(self) -> None:
        rules = Rules(self.options.overwrite, resume=True)
        task = self.command.task
        if sys.stderr is not None and sys.stderr.isatty() and not self.options.quiet:
            say(f"imgae: watching {self.watched}; Ctrl-C ends it", sys.stderr)
        self.work = Run(self.arriving(), task, InTurn(), rules, self.journal, self.check)
        try:
            for record, outcome in self.work.records():
                self.settle(record, outcome)
        except KeyboardInterrupt:  # how a watch ends
            pass
        finally:
            for record, outcome in self.patience.rest():
                self.tell(record, outcome)

    def settle(self, record: Record, outcome: Outcome | None) -> None:
        """Tell what became of a picture; a failure is kept back, since it may not be whole yet."""
        source = Path(record.input)
        if (
            record.status == FAILED
            and outcome
            and isinstance(outcome.trouble, (ImageError, MaskError))
        ):
            self.patience.hold(source, (record, outcome))
            return
        self.patience.forget(source)
        self.tell(record, outcome)

    def found(self, path: Path) -> Found:
        return Found(str(path), path.parent.relative_to(self.watched))

    def masks_of(self, path: Path) -> tuple[Path, ...]:
        return self.command.masks.of(self.found(path)) if self.command.masks else ()

    def accept(self, path: Path) -> bool:
        """Return whether a file in the folder is a picture by its name, and no result or mask."""
        if not looks_like_picture(path.name):
            return False
        each = self.found(path)
        if lies_in(self.names.keys.of(path, follow=False), self.results):
            return False
        return bool(pictures_of(self.options, self.command, [each]))

    def arriving(self) -> Iterator[Job]:
        found = arrivals(
            self.watched,
            recursive=self.options.recursive,
            accept=self.accept,
            parts=self.masks_of,
            stop=threading.Event(),
            patience=self.patience,
            idle=self.tell_due,
        )
        for number, path in enumerate(found):
            each = self.found(path)
            self.names.reads(path)
            yield self.job(number, Planned(each, str(self.names.of(each))))

    def tell_due(self) -> None:
        """Tell what is settled without work, and which pictures stay broken."""
        if self.command.masks:
            self.command.masks.forget()
        if self.work:
            for record, _ in self.work.drained():
                self.tell(record, None)
        for record, outcome in self.patience.due():
            self.tell(record, outcome)
