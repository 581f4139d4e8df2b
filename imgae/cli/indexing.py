"""What `imgae index` does, action by action."""

import argparse
import contextlib
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self

from imgae.cli.files import SOME_FAILED
from imgae.cli.output import CONTROLS, note, one_line, result, say
from imgae.cli.progress import batch_progress
from imgae.errors import SearchError, named, reason
from imgae.io import atomic, files, places
from imgae.io.formats.table import looks_like_picture
from imgae.io.remote import SCHEME, place_of
from imgae.restore.batches import work
from imgae.restore.batches.record import DONE, FAILED, Record
from imgae.restore.search import reading, sheet
from imgae.restore.search.describe import Describer
from imgae.restore.search.finding import find
from imgae.restore.search.gather import Told
from imgae.restore.search.index import Hit, Index, part_file, reused

LOCK: Final = ".lock"
"""What follows an index's name in that of the file that is locked while a command changes it."""
ESCAPES: Final = {"\t": r"\t", "\n": r"\n", "\r": r"\r", "'": r"\'", "\\": r"\\"}
STRANGE: Final = re.compile(r"[\t\n]|[\ud800-\udfff]")


class Telling:
    """Tells of each picture as it is settled: a bar, and a sentence for one that is left out."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.hidden = options.quiet
        self.stack = ExitStack()
        self.advance: Callable[[Record], None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def __call__(self, told: Told) -> None:
        if self.advance is None:
            self.advance = self.stack.enter_context(batch_progress(told.total, self.hidden))
        if told.error:
            say(f"imgae: {one_line(told.error)}", sys.stderr)
        status = FAILED if told.error else DONE
        self.advance(Record(told.path, None, status, details={"pixels": told.pixels}))


@contextlib.contextmanager
def alone(place: Path) -> Iterator[None]:
    """Let no other command change an index while the block runs. Raises SearchError if one does."""
    lock = Path(os.path.realpath(place) + LOCK)
    with ExitStack() as stack:
        try:
            ours = stack.enter_context(atomic.held(lock))
        except OSError as error:
            raise SearchError(f"{place}: the index cannot be written: {reason(error)}") from error
        if not ours:
            raise SearchError(
                f"{place}: another command is changing this index; try again when it has ended"
            )
        yield


def check_words(options: argparse.Namespace) -> None:
    if "-" in options.inputs:
        options.parser.error("- is one picture on standard input; an index is made of files")


def build(options: argparse.Namespace) -> int:
    check_words(options)
    place = Path(options.output)
    if looks_like_picture(place.name):
        options.parser.error(f"{place}: an index is no picture; name it as in photos.index")
    places.check_place(place, overwrite=True, error=SearchError)
    with alone(place):
        return built(options, place)


def built(options: argparse.Namespace, place: Path) -> int:
    started = time.monotonic()
    found = find(options.inputs)
    old = reused(place, found)

    def made(tell: Telling) -> Index:
        describer = Describer(options.model, device=options.device, threads=options.threads)
        index = Index.renewed(found, old, place, describer, tell)
        if old and old.made.model != index.model:
            note(
                f"{place} was made by the model {old.made.model}, so all pictures were described "
                "anew"
            )
        return index

    return gathered(options, place, found.problems, made, started)


def add(options: argparse.Namespace) -> int:
    check_words(options)
    place = Path(options.index)
    places.check_place(place, overwrite=True, error=SearchError)
    with alone(place):
        return added(options, place)


def added(options: argparse.Namespace, place: Path) -> int:
    started = time.monotonic()
    index = opened(options)
    found = find(options.inputs)

    def made(tell: Telling) -> Index:
        index.add(found, told=tell)
        return index

    return gathered(options, place, found.problems, made, started)


def gathered(
    options: argparse.Namespace,
    place: Path,
    problems: Sequence[str],
    made: Callable[[Telling], Index],
    started: float,
) -> int:
    """Describe pictures, write the index, say what it holds, and return the exit code."""
    for problem in problems:
        say(f"imgae: {one_line(problem)}", sys.stderr)
    try:
        with Telling(options) as tell:
            index = made(tell)
    except KeyboardInterrupt:
        if part_file(place).exists():
            note(f"{part_file(place)} keeps what is done; the same command goes on from there")
        raise
    index.save(place)
    counts = {
        "index": str(place),
        "pictures": len(index),
        "described": index.described,
        "dropped": index.dropped,
        "left_out": index.left_out,
        "seconds": round(time.monotonic() - started, 3),
    }
    if options.json:
        result(json.dumps(counts))
    elif not options.quiet:
        what = "picture" if len(index) == 1 else "pictures"
        new = f" ({index.described} new or changed)" if index.described < len(index) else ""
        gone = f"{index.dropped} dropped, " if index.dropped else ""
        line = f"{place}: {len(index)} {what}{new}, {gone}{index.left_out} left out"
        result(one_line(f"{line}, {counts['seconds']:.1f} s"))
    return SOME_FAILED if index.left_out or problems else 0


def remove(options: argparse.Namespace) -> int:
    place = Path(options.index)
    places.check_place(place, overwrite=True, error=SearchError)
    with alone(place):
        index = Index.open(place)
        count = index.remove(options.inputs)
        index.save()
    if not options.quiet:
        result(one_line(f"{place}: {count} taken out, {len(index)} left"))
    return 0


def search(options: argparse.Namespace) -> int:
    index = opened(options)
    check_sheet(options, index, options.picture)
    describer = index.describer()
    data, name = work.bytes_of(place_of(options.picture))
    seen = reading.read(data, name)
    with named(name):
        hits = index.like(describer.of_small(seen.pixels), options.k)
    for hit in hits:
        result(json.dumps(record_of(hit)) if options.json else line_of(hit))
    tell_of_missing(hits)
    if options.sheet:
        query = sheet.Entry(data, "searched for", Path(name).name, marked=True)
        draw(options, [[query, *map(entry_of, hits)]])
    return 0


def duplicates(options: argparse.Namespace) -> int:
    index = Index.open(options.index)
    check_sheet(options, index)
    groups = index.duplicates(options.threshold)
    for number, group in enumerate(groups, 1):
        if options.json:
            pictures = [record_of(hit) for hit in group]
            result(json.dumps({"group": number, "pictures": pictures}))
            continue
        if number > 1:
            result("")
        for hit in group:
            result(line_of(hit))
    tell_of_missing([hit for group in groups for hit in group])
    if not groups and not options.json:
        note(f"no two pictures have a score of {options.threshold:g} or more")
    if options.sheet and groups:
        draw(options, [[entry_of(hit) for hit in group] for group in groups])
    return 0


def opened(options: argparse.Namespace) -> Index:
    return Index.open(options.index, options.model, device=options.device, threads=options.threads)


def check_sheet(options: argparse.Namespace, index: Index, *used: str) -> None:
    """Raise ImgaeError if the sheet could not be written, or would replace a picture of the index
    or a file that is used.
    """
    if not options.sheet:
        return
    place = Path(options.sheet)
    files.check_writable(place, options.overwrite)
    real = os.path.realpath(place)
    near = [path for path in index.paths if os.path.basename(path) in (place.name, Path(real).name)]  # noqa: PTH119
    if any(os.path.realpath(path) == real for path in (options.index, *used, *near)):
        raise SearchError(f"{place}: would be both a file that is read and the sheet; name another")


def tell_of_missing(hits: Sequence[Hit]) -> None:
    """Say how many files of hits are not there."""
    gone = sum(SCHEME not in hit.path and not os.path.lexists(hit.path) for hit in hits)
    if gone:
        note(
            f"of {len(hits)} pictures found, {gone} are not where the index says; if they were "
            "moved, build the index again, or move it with them"
        )


def draw(options: argparse.Namespace, groups: Sequence[Sequence[sheet.Entry]]) -> None:
    """Write a sheet of groups of pictures, of as many as it holds."""
    kept: list[Sequence[sheet.Entry]] = []
    left = sheet.MOST
    for group in groups:
        if left > 0:
            kept.append(group[:left])
            left -= len(group)
    every, shown_there = sum(map(len, groups)), sum(map(len, kept))
    if shown_there < every:
        note(f"{options.sheet} shows the first {shown_there} of {every} pictures")
    files.write_image(sheet.drawn(kept), options.sheet, options.overwrite)


def entry_of(hit: Hit) -> sheet.Entry:
    return sheet.Entry(hit.path, f"{hit.score:.4f}", Path(hit.path).name)


def record_of(hit: Hit) -> dict[str, Any]:
    return {"score": round(hit.score, 4), "path": from_here(hit.path)}


def line_of(hit: Hit) -> str:
    return f"{hit.score:.4f}\t{quoted(from_here(hit.path))}"


def from_here(path: str) -> str:
    """Return a path as the working directory sees it, if it lies below."""
    here = Path.cwd()
    if SCHEME in path or not Path(path).is_relative_to(here):
        return path
    inner = str(Path(path).relative_to(here))
    return f"./{inner}" if inner.startswith("-") else inner


def quoted(path: str) -> str:
    """Return a path as it is, or as a shell reads it if it holds control characters."""
    if not (CONTROLS.search(path) or STRANGE.search(path)):
        return path
    signs = []
    for sign in path:
        if sign in ESCAPES:
            signs.append(ESCAPES[sign])
        elif CONTROLS.match(sign) or STRANGE.match(sign):
            signs += [f"\\x{byte:02x}" for byte in os.fsencode(sign)]
        else:
            signs.append(sign)
    return f"$'{''.join(signs)}'"


ACTIONS: Final = {
    "build": build,
    "add": add,
    "remove": remove,
    "search": search,
    "duplicates": duplicates,
}
