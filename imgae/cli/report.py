"""`imgae train report`."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from imgae.cli.options import filled
from imgae.cli.output import note, result
from imgae.errors import OptionError, TrainingError

if TYPE_CHECKING:
    from imgae.training.report.reading import RunSeen

NAME: Final = "report"
PAGE: Final = "report.html"
ABOUT: Final = """\
Make a page of a run, or of several: their curves, previews, commands and pictures, in one HTML file
that needs no network. A table of the runs is printed as well. Runs that are going on can be
reported, too.

Of one run, the page is RUN/report.html, which is made anew each time; of several, it is report.html
in the current folder. -o names another place.

  imgae train report RUN/
  imgae train report runs/a runs/b -o both.html
"""
HEADINGS: Final = (
    "run", "task", "variant", "step", "minutes", "last", "best", "compared", "images/s", "state"
)  # fmt: skip


def parser(kind: type[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Return the parser of what follows `imgae train report`."""
    made = kind(
        prog=f"imgae train {NAME}",
        usage=f"imgae train {NAME} RUN/ [RUN/ ...] [options]",
        description=filled(ABOUT),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = made.add_argument
    add("runs", nargs="+", type=Path, metavar="RUN/", help="folders of runs")
    add("-o", "--output", type=Path, metavar="FILE.html", help="where to write the page")
    add("--overwrite", action="store_true", help="replace an existing file")
    add(
        "--json",
        action="store_true",
        help="print one JSON object a run instead of the table; a page is written only with -o",
    )
    add("--debug", action="store_true", help="print a traceback if something fails")
    made.set_defaults(parser=made)
    return made


def run(options: argparse.Namespace) -> int:
    from imgae.io.files import write_file
    from imgae.io.places import check_place
    from imgae.training.report import page, reading

    place = place_of(options)
    own = options.output is None and len(options.runs) == 1
    runs = reading.seen(options.runs)
    if place is not None:
        check_place(place, options.overwrite or own, TrainingError)
    for one in runs:
        if one.lost:
            note(f"{one.folder}: {one.lost}")
    if said := reading.incomparable(runs):
        note(said)
    if options.json:
        for one in runs:
            result(json.dumps(one.as_json()))
    else:
        show_table(runs)
    if place is not None:
        write_file(place, page.of(runs).encode("utf-8", "backslashreplace"), overwrite=True)
        if not options.json:
            result(f"page: {place}")
    return 0


def place_of(options: argparse.Namespace) -> Path | None:
    """Return where the page belongs; None if none is asked for."""
    given: Path | None = options.output
    if given is not None:
        if given.suffix.lower() not in (".html", ".htm"):
            raise OptionError(f"{given}: a page is an HTML file; name it so, as in {PAGE}")
        return given
    if options.json:
        return None
    folder: Path = options.runs[0]
    return folder / PAGE if len(options.runs) == 1 else Path(PAGE)


def show_table(runs: "list[RunSeen]") -> None:
    """Print a line a run, its columns aligned; those that no run fills are left out."""
    lines = [list(HEADINGS), *map(cells_of, runs)]
    columns = [list(column) for column in zip(*lines, strict=True)]
    columns = [column for column in columns if set(column[1:]) != {"-"}]
    widths = [max(map(len, column)) for column in columns]
    for line in zip(*columns, strict=True):
        result("  ".join(map(str.ljust, line, widths)).rstrip())


def cells_of(run: "RunSeen") -> list[str]:
    """Return the cells of a run's row, "-" for what is not known."""
    best = run.best
    return [
        run.name,
        run.task,
        run.variant,
        f"{run.step}/{run.steps}" if run.steps else str(run.step),
        "-" if run.minutes is None else f"{run.minutes:.1f}",
        run.shown(run.last),
        f"{run.shown(best[1])} at {best[0]}" if best else "-",
        f"{run.shown(run.rival[1])} ({run.rival[0]})" if run.rival else "-",
        "-" if run.pace is None else f"{run.pace:.0f}",
        run.state,
    ]
