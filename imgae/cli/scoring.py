"""`imgae anomaly score`."""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgae.cli.files import (
    ALL_FAILED,
    SOME_FAILED,
    Use,
    add_inputs,
    add_tile,
    named,
    refuse_clashes,
)
from imgae.cli.options import Commands, add_device, new_parser
from imgae.cli.output import note, one_line, result, say
from imgae.cli.pictures import add_reading
from imgae.cli.progress import batch_progress, tile_progress
from imgae.errors import ImageError, ImgaeError, caught_warnings
from imgae.errors import named as naming
from imgae.io import places
from imgae.io.remote import Place, is_folder, place_of

if TYPE_CHECKING:
    from imgae.model.stitch import Progress
    from imgae.restore.anomaly.scorer import Anomaly, AnomalyScorer
    from imgae.restore.batches.inputs import Found, Search

ANOMALOUS = 4
"""The exit code of --fail-on-anomaly."""
MORE = """\
Prints a line for each picture, its parts separated by tabs: the score, the threshold, `ok` or
`ANOMALOUS`, and the path. The score is how unlike the good pictures the most unusual place is;
the picture is anomalous if it is above the threshold, which is in the model.

A heat map is the picture, tinted from half of the threshold on, in strong colours above it, with a
line where the threshold is passed, and boxes with their scores. It is written to the file that
--heatmap names, or to its folder, as NAME.heatmap.png.

Examples:
  imgae anomaly score part.png --model part.onnx --heatmap map.png
  imgae anomaly score new/ --model part.onnx --json --fail-on-anomaly
"""
AFTER = """\
Keys of --json:
  input
  status        "done", or "failed", with a message in place of what follows
  score, threshold
  anomalous     whether the score is above the threshold
  boxes         a list, the largest score first: x, y, width, height, score; in
                pixels from the top left
  heatmap       the file written, or null
  seconds

Exit codes:
  0    all scored, whether anomalous or not
  1    the one picture failed, or all did, or the work could not start
  2    the command line is wrong
  3    some of several pictures failed
  4    with --fail-on-anomaly: one or more are anomalous; others may have failed
  130  interrupted
"""


def add_score(commands: Commands) -> None:
    parser = new_parser(commands, "score", "Score pictures by a fitted model.", MORE, AFTER)
    add_inputs(parser)
    add = parser.add_argument
    add(
        "--model",
        required=True,
        metavar="FILE",
        help="the .onnx file that `imgae anomaly fit` wrote",
    )
    add(
        "--heatmap",
        type=named,
        metavar="FILE|DIR",
        help="write heat maps: to a folder if it is one, ends in / or there are several pictures",
    )
    add("--overwrite", action="store_true", help="replace heat maps that exist")
    add("--recursive", "-r", action="store_true", help="also take folders in folders")
    add(
        "--fail-on-anomaly",
        action="store_true",
        help=f"end with exit code {ANOMALOUS} if a picture is anomalous",
    )
    add_reading(parser)
    add_tile(parser)
    add_device(parser)
    add("--json", action="store_true", help="print one JSON object for each picture")
    add("--quiet", action="store_true", help="print no progress")
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    from imgae.io.libraries import prepare_libraries
    from imgae.restore.anomaly.scorer import AnomalyScorer
    from imgae.restore.batches.inputs import Search

    prepare_libraries()
    search = Search(options.recursive, leave_out=folder_of(options))
    found = search.find(options.inputs)
    if any(each.text == "-" for each in found) and len(found) > 1:
        options.parser.error("- is one picture on standard input; give it alone")
    planned, folder = plan(options, found)
    score = AnomalyScorer(
        options.model, device=options.device, threads=options.threads, tile=options.tile
    )
    with places.made(folder if planned else None):
        return Scoring(options, score, search).all_of(planned)


def folder_of(options: argparse.Namespace) -> Place | None:
    """Return the place of heat maps, which is not searched for pictures."""
    return Path(os.path.realpath(options.heatmap)) if options.heatmap else None


@dataclass(frozen=True)
class Planned:
    """A picture, and where its heat map goes, if there is to be one."""

    source: Place
    heatmap: Place | None


def plan(
    options: argparse.Namespace, found: Sequence["Found"]
) -> tuple[list[Planned], Path | None]:
    """Return where heat maps go, and the folder that is for all; check first what can be."""
    from imgae.io.files import check_writable
    from imgae.restore.batches import outputs

    output = options.heatmap
    read = [Use(each.path, "an input") for each in found if each.named]
    read.append(Use(Path(options.model), "the model"))
    if output is None:
        return [Planned(each.path, None) for each in found], None
    alone = len(found) == 1 and found[0].named
    if alone and not output.endswith(("/", os.sep)) and not is_folder(place_of(output)):
        target = Path(output)
        check_ending(options, target)
        refuse_clashes(options, read, [], [Use(target, f"the heat map of {found[0].text}")])
        check_writable(target, options.overwrite)
        return [Planned(found[0].path, target)], None
    folder = Path(output)
    if folder.suffix and not folder.is_dir() and not output.endswith(("/", os.sep)):
        options.parser.error(
            f"--heatmap {output} names one file, and several pictures were given; name a folder"
        )
    places.check_folder(folder)
    targets = outputs.plan(found, folder, lambda path: (path.stem, ".heatmap.png"))
    also = [Use(each.target, f"the heat map of {each.found.text}") for each in targets]
    refuse_clashes(options, read, [], also)
    for each in targets:
        if folder.is_dir() and each.found.named:
            places.check_place(each.target, options.overwrite)
    return [Planned(each.found.path, each.target) for each in targets], folder


def check_ending(options: argparse.Namespace, path: Path) -> None:
    """End with exit code 2 if a name ends in nothing that can be written."""
    from imgae.io.files import writer_for

    try:
        writer_for(path)
    except ImageError as error:
        options.parser.error(f"--heatmap {error}")


class Scoring:
    """Scores pictures, one after another, and prints what becomes of each."""

    def __init__(
        self, options: argparse.Namespace, score: "AnomalyScorer", search: "Search"
    ) -> None:
        self.options, self.score, self.search = options, score, search
        self.failed = self.anomalous = 0
        self.far: list[str] = []

    def all_of(self, planned: Sequence[Planned]) -> int:
        """Score pictures, and return the exit code."""
        for name, error in self.search.problems:
            self.fail(name, error)
        done = 0
        for each, progress in self.progressing(planned):
            began = time.monotonic()
            try:
                found = self.one(each, progress)
            except ImgaeError as error:
                if self.options.debug:
                    raise
                self.fail(str(each.source), error)
                continue
            done += 1
            self.anomalous += found.anomalous
            self.tell(each, found, time.monotonic() - began)
            if self.score.far_in_size(*found.map.shape):
                self.far.append(str(each.source))
        self.tell_far()
        if self.anomalous and self.options.fail_on_anomaly:
            return ANOMALOUS
        if self.failed:
            return SOME_FAILED if done else ALL_FAILED
        return 0

    def tell_far(self) -> None:
        """Name what is of another size than the good pictures were."""
        if not self.far:
            return
        least, most = self.score.model.card.sides
        sides = f"{least:.0f}" if least == most else f"{least:.0f} to {most:.0f}"
        others = f" and {len(self.far) - 1} more are" if len(self.far) > 1 else " is"
        note(
            f"{self.far[0]}{others} less than half or more than twice the size of the good "
            f"pictures, whose sides are {sides} pixels; the threshold may not hold for such sizes"
        )

    def progressing(
        self, planned: Sequence[Planned]
    ) -> "Iterator[tuple[Planned, Progress | None]]":
        """Yield pictures; of one a bar shows the tiles, of several the pictures."""
        from imgae.restore.batches.record import DONE, FAILED, Record

        hidden = self.options.quiet
        if len(planned) == 1:
            with tile_progress(str(planned[0].source), hidden=hidden) as progress:
                yield planned[0], progress
            return
        with batch_progress(len(planned), hidden=hidden) as advance:
            for each in planned:
                before = self.failed
                yield each, None
                status = FAILED if self.failed > before else DONE
                advance(Record(str(each.source), None, status))

    def one(self, planned: Planned, progress: "Progress | None") -> "Anomaly":
        """Score a picture, and write its heat map."""
        from imgae.io import files
        from imgae.restore.batches import work

        if planned.heatmap:
            work.check_place(planned.heatmap, overwrite=self.options.overwrite, makes=True)
        with caught_warnings():  # of what a copy would lose
            data, name = work.bytes_of(planned.source)
            frames = files.frames_of(data, name, self.options.max_pixels)
            image = work.single(frames, Path(name), "imgae anomaly score")
            with naming(name):
                found = self.score.run(image, progress)
                if planned.heatmap:
                    self.draw(planned.heatmap, image, found)
        return found

    def draw(self, target: Place, image: Any, found: "Anomaly") -> None:
        from imgae.io.files import write_image
        from imgae.restore.anomaly.heat import heat_map

        places.make_folder(target.parent)
        write_image(heat_map(image, found), target, self.options.overwrite)

    def fail(self, name: str, error: ImgaeError) -> None:
        self.failed += 1
        say(f"imgae: {one_line(error)}", sys.stderr)
        if self.options.json:
            result(json.dumps({"input": name, "status": "failed", "message": str(error)}))

    def tell(self, planned: Planned, found: "Anomaly", seconds: float) -> None:
        if self.options.json:
            result(json.dumps(record_of(planned, found, seconds)))
            return
        word = "ANOMALOUS" if found.anomalous else "ok"
        line = f"{found.score:.4g}\t{found.threshold:.4g}\t{word}\t{planned.source}"
        result(one_line(line))


def record_of(planned: Planned, found: "Anomaly", seconds: float) -> dict[str, Any]:
    """Return what --json prints of a picture."""
    return {
        "input": str(planned.source),
        "status": "done",
        "score": found.score,
        "threshold": found.threshold,
        "anomalous": found.anomalous,
        "boxes": [box._asdict() for box in found.boxes],
        "heatmap": str(planned.heatmap) if planned.heatmap else None,
        "seconds": round(seconds, 3),
    }
