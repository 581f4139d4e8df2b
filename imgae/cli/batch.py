"""A run of a command over its pictures: find, plan, restore, tell."""

import argparse
import errno
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from imgae.cli.files import ALL_FAILED, SOME_FAILED
from imgae.cli.output import note, one_line, result, say
from imgae.cli.pictures import check_format
from imgae.cli.planning import (
    Command,
    check_together,
    folder_named,
    pictures_of,
    plan,
    refuse,
)
from imgae.cli.progress import batch_progress
from imgae.cli.tasks import limit_of
from imgae.errors import ImageError
from imgae.io import places
from imgae.io.formats.table import extensions, listed
from imgae.io.remote import is_folder, place_of
from imgae.model.machine import limit_memory
from imgae.restore.batches.engine import STANDARD, Engine, Job, Local, Outcome
from imgae.restore.batches.inputs import Search
from imgae.restore.batches.journal import Journal
from imgae.restore.batches.outputs import Planned
from imgae.restore.batches.record import (
    DONE,
    FAILED,
    SKIPPED,
    Record,
    Tally,
    check_report,
    earlier,
    write_report,
)
from imgae.restore.batches.rehearsal import Rehearsal
from imgae.restore.batches.run import CURRENT, WOULD, WOULD_REPLACE, Jobs, Rules, Run

FULL = "the run ends, since the disk is full; make room, and go on with --resume"
MANY = 10
"""From so many pictures on, a table follows."""


def restore_all(options: argparse.Namespace, command: Command) -> int:
    """Do what a command does with all its inputs, and return the exit code."""
    from imgae.io.libraries import prepare_libraries

    prepare_libraries()
    check_format(options)
    check_together(options)
    search = Search(options.recursive, leave_out=folder_named(options.output))
    found = search.find(options.inputs)
    count = len(found)
    found = pictures_of(options, command, found)
    alone = len(found) == 1 and found[0].named and not search.problems
    if command.writes and not alone:
        options.parser.error("--save-mask and --preview write one file, and take one picture")
    journal = Journal(writes=not options.dry_run)
    planned, folder = plan(options, command, found, journal, alone=alone)
    search.left_out = count - len(planned)
    refuse(options, command, planned, one_file=alone and folder is None and bool(options.output))
    return Batch(options, command, planned, folder, search, alone=alone).run()


class Batch:
    """A run of a command over pictures.

    search: how they were found. alone: whether it is one that was named, whose failure is the
    program's. folder: the one that -o names for results. looks: whether the one is only looked at,
    and its result may be there already.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        command: Command,
        planned: Sequence[Planned],
        folder: Path | None,
        search: Search,
        *,
        alone: bool,
    ) -> None:
        self.options, self.command, self.search, self.alone = options, command, search, alone
        self.folder = folder if folder and not is_folder(folder) else None
        self.makes = folder is not None
        self.named = all(each.found.named for each in planned)
        self.jobs = Jobs(planned, self.job)
        self.records: list[Record] = []
        self.tally, self.began = Tally(), time.monotonic()
        self.would: list[Job] = []
        going_on = options.resume or options.skip_existing
        self.looks = alone and options.dry_run and command.rehearses and not going_on
        self.last: Record | None = None
        self.earlier: dict[str, dict[str, Any]] = {}

    def job(self, number: int, planned: Planned) -> Job:
        found, target = planned.found, planned.target
        return Job(
            number,
            found.path,
            target,
            () if self.looks else tuple(self.command.places(target)),
            makes=self.makes,
            also=self.command.masks.of(found) if self.command.masks else (),
        )

    def run(self) -> int:
        """Restore all, print what becomes of each, write the report, and return the exit code."""
        self.check_places()
        for name, error in self.search.problems:
            self.tell(Record(name, None, FAILED, str(error)), None)
        began = False
        try:
            with places.made(self.folder if self.jobs and not self.options.dry_run else None):
                try:
                    self.go()
                    began = True
                finally:
                    began = began or bool(self.tally.counts)
                    if self.options.report and began:
                        write_report(Path(self.options.report), self.records)
        finally:
            limit_memory(None)
            if began:
                self.print_table()
        counts = self.tally.counts
        if not counts[FAILED]:
            return 0
        return SOME_FAILED if counts[DONE] or counts[SKIPPED] else ALL_FAILED

    def check_places(self) -> None:
        """Raise ImageError if what is for all pictures cannot be written."""
        from imgae.restore.batches.work import check_place  # loads numpy

        options = self.options
        if self.folder:
            places.check_folder(self.folder)
        self.check_memory()
        for use in self.command.writes:
            makes = use.path.parent == self.folder
            check_place(use.path, overwrite=options.overwrite, makes=makes)
        if options.report:
            check_report(Path(options.report))
            self.earlier = earlier(Path(options.report)) if not self.alone else {}
            made_then = self.folder if self.jobs and not options.dry_run else None
            if Path(options.report).parent != made_then:
                places.check_place(Path(options.report), overwrite=True)

    def check_memory(self) -> None:
        """Raise ImageError if --max-memory is less than a small picture takes."""
        from imgae.io.measure import Size
        from imgae.restore.memory import needed, size_in_words

        least = needed(Size(1000, 1000, 1, 3, 1), self.command.kind)
        if self.options.max_memory != "auto" and self.options.max_memory < least:
            raise ImageError(
                f"--max-memory {size_in_words(self.options.max_memory)} is too little for a "
                f"picture of a megapixel; give {(least >> 20) + 1}M or more"
            )

    def go(self) -> None:
        """Take all pictures through the run."""
        options = self.options
        rules = Rules(options.overwrite, options.resume, options.skip_existing)
        remembers = not self.alone or options.resume
        journal = Journal(writes=not options.dry_run) if remembers else None
        run = Run(
            self.jobs,
            self.command.task,
            self.engine(),
            rules,
            journal,
            self.check,
            several=not self.alone,
        )
        hidden = options.quiet or self.alone
        try:
            with batch_progress(len(self.jobs), hidden=hidden) as advance:

                def told(record: Record) -> None:
                    self.tell(record, None)
                    advance(record)

                run.told = told
                for record, outcome in run.records():
                    self.tell(record, outcome)
                    advance(record)
                    if outcome and is_full(outcome.trouble):
                        say(f"imgae: {FULL}", sys.stderr)
                        self.keep_rest(run)
                        break
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and not (self.alone or options.quiet):
                note("the same command with --resume goes on from here")
            if self.last or isinstance(error, KeyboardInterrupt):  # not if nothing could start
                self.keep_rest(run)
            raise
        if journal and journal.problem:
            note(f"{journal.problem}, so --resume will not know what this run did")

    def engine(self) -> Engine:
        """Return where the work is done."""
        options = self.options
        if options.dry_run and not self.command.rehearses:
            return Rehearsal()
        from imgae.restore.batches.room import (  # loads numpy, and only where it is used
            is_tiled,
            room_for,
        )

        if options.engine == "ray":
            from imgae.restore.batches.cluster import Ray

            return Ray(options.workers, options.threads, debug=options.debug)
        return Local(*room_for(self.command.kind, limit_of(options), tiled=is_tiled(options)))

    def check(self, job: Job) -> None:
        """Raise ImageError if a picture is none, or its result cannot be written."""
        from imgae.io.files import check_source
        from imgae.restore.batches.work import check_place

        if job.source != STANDARD:
            check_source(job.source)
        named = self.options.output is not None and job.target == place_of(self.options.output)
        if job.places and not named and job.target.suffix.lower() not in extensions():
            kind = job.source.suffix[1:].upper()
            what = f"imgae does not read {kind} files" if kind else "its name has no extension"
            raise ImageError(
                f"{job.source}: {what}; it reads {listed()}; convert the file, or if only its name "
                "is wrong, name the output with -o or its format with --format"
            )
        if self.alone and named and not job.target.suffix and job.target != STANDARD:
            raise ImageError(
                f"{job.target}: neither a folder that is there nor a name with the ending of a "
                "format; end it in / for a new folder"
            )
        for place in job.places:
            if place != STANDARD:
                check_place(place, overwrite=job.overwrite, makes=job.makes)

    def tell(self, record: Record, outcome: Outcome | None) -> None:
        """Print what became of a picture, and keep it for the report and the table."""
        self.keep(record, outcome)
        options = self.options
        if outcome:
            for sentence in outcome.notes:
                note(sentence)
        if record.status == FAILED:
            if self.alone or options.debug:
                raise (outcome and outcome.trouble) or ImageError(record.message)
            say(f"imgae: {one_line(record.message)}", sys.stderr)
        told = bool(outcome) and (record.status == DONE or self.command.rehearses)
        if told and record.status != FAILED:
            self.print_done(record)
        elif options.json:
            result(json.dumps(record.as_dict()))
        elif (
            record.status == SKIPPED
            and not options.quiet
            and (self.alone or record.message in (WOULD, WOULD_REPLACE))
        ):
            say(one_line(f"{record.input} -> {record.output}: {record.message}"), self.lines)

    def print_done(self, record: Record) -> None:
        options, fields = self.options, record.printed()
        if record.status != DONE:
            fields |= {"output": None, "message": record.message}
        if options.json:
            result(json.dumps(fields))
        elif not options.quiet:
            for key, name in (("input", "standard input"), ("output", "standard output")):
                fields[key] = name if fields[key] == "-" else fields[key]
            line = one_line(self.command.summary(fields))
            say(line, sys.stderr if record.output == "-" else sys.stdout)

    def keep(self, kept: Record, outcome: Outcome | None = None) -> None:
        record = kept
        self.tally.add(record)
        if outcome and record.status != FAILED and self.options.dry_run:
            self.would.append(outcome.job)
        if self.options.report:
            if record.message == CURRENT and (row := self.earlier.get(record.input)):
                record = replace(record, details=row)
            self.records.append(record)
        self.last = kept

    def keep_rest(self, run: Run) -> None:
        for record in run.rest():
            if record is not self.last:  # it was kept before the run was interrupted
                self.keep(record)

    def print_table(self) -> None:
        """Print how many are done, skipped and failed, where there are many or not all are done."""
        counts, options = self.tally.counts, self.options
        several = counts.total() >= MANY or not self.named or counts[SKIPPED]
        several = several or self.search.left_out
        if options.quiet or self.alone or not several:
            return
        seconds = time.monotonic() - self.began
        say(self.tally.table(self.search.ignored, seconds), self.lines)
        if left := self.search.left_out:
            say(f"left out as results or masks of other pictures: {left}", self.lines)
        if options.dry_run:
            self.print_estimate()

    @property
    def lines(self) -> TextIO | None:
        """Where lines for people go: not among the objects of --json."""
        return sys.stderr if self.options.json else sys.stdout

    def print_estimate(self) -> None:
        """Print about how long the run would take, by a picture that is restored for it."""
        from imgae.restore.batches.rehearsal import estimate

        options = argparse.Namespace(**{**vars(self.command.task.options), "dry_run": False})
        task = replace(self.command.task, options=options)
        try:
            if found := estimate(task, self.would, options.max_pixels):
                say(found, self.lines)
        finally:
            limit_memory(None)  # which loading the models has set again


def is_full(error: BaseException | None) -> bool:
    """Return whether an error comes from a disk without room."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__
    return False
