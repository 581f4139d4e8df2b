"""`imgae anomaly`: its two commands, and `imgae anomaly fit`."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from imgae.cli import scoring
from imgae.cli.files import Use, named, refuse_clashes
from imgae.cli.options import Commands, add_device, between, new_parser, whole
from imgae.cli.output import note, one_line, result, say
from imgae.cli.pictures import add_reading
from imgae.cli.progress import tile_progress
from imgae.errors import ModelError, needs_extra

if TYPE_CHECKING:
    from imgae.restore.anomaly.fit import Fitted

MORE = """\
Fit a model to pictures of what is good, as of parts without a flaw. Then score others: each gets
a number, how unlike the good ones its most unusual place is, and is anomalous above the threshold
in the model.

Examples:
  imgae anomaly fit good/ -o part.onnx
  imgae anomaly score new/*.png --model part.onnx --heatmap maps/
"""
FIT = """\
The pictures should show the same kind of thing in the same size and light as those that will be
scored, and no flaws. At least 5 are needed; from 50 on, the threshold can be relied on. Pictures
that cannot be read, and those that are there twice, are named and left out.

Each picture is also scored by a model that has not learnt from it. The threshold is set so that
good pictures are expected above it at the rate of --false-alarms. A picture whose score stands out
is named: if it has a flaw, leave it out, or the threshold is too high.

Examples:
  imgae anomaly fit good/ -o part.onnx
  imgae anomaly fit good/ more/ -o part.onnx --false-alarms 0.001
"""
AFTER_FIT = """\
Keys of --json:
  output
  pictures      how many were learnt from
  left_out      a list of the others: input, message
  threshold     scores above it are anomalous
  false_alarms  the share of good pictures that is expected above it
  least, most   the true share lies between, in 9 of 10 cases or more
  scores        a list of the pictures learnt from: input, and score, by a model
                that has not learnt from it

Exit codes:
  0    the model is written
  1    it could not be fitted or written; a file that was there is unharmed
  2    the command line is wrong
  130  interrupted
"""
SMALL: Final = 32
"""Pixels a side, below which a picture has hardly a place that is not at its border."""
MOST_NAMED: Final = 5
"""Good pictures that are named since they are unlike the others."""


def add_parser(commands: Commands) -> None:
    summary = "Find what differs from good pictures."
    parser = new_parser(commands, "anomaly", summary, MORE)
    parts = parser.add_subparsers(metavar="COMMAND", required=True)
    add_fit(parts)
    scoring.add_score(parts)


def add_fit(commands: Commands) -> None:
    parser = new_parser(commands, "fit", "Fit a model to good pictures.", FIT, AFTER_FIT)
    add = parser.add_argument
    add(
        "inputs",
        nargs="+",
        type=named,
        metavar="FOLDER",
        help="a folder of good pictures; or a picture, a pattern as 'a/**/*.jpg', or @LIST",
    )
    add("-o", "--output", required=True, type=named, metavar="FILE", help="the .onnx file to write")
    add("--overwrite", action="store_true", help="replace a file that exists")
    add("--recursive", "-r", action="store_true", help="also take folders in folders")
    add(
        "--false-alarms",
        type=between(0.0001, 0.5),
        default=0.01,
        metavar="SHARE",
        help="the share of good pictures that may be called anomalous, from 0.0001 to 0.5 "
        "(default: 0.01)",
    )
    add(
        "--model",
        metavar="FILE",
        help="the .onnx file of features of your own, of `imgae train features`; without it, those "
        "that ship",
    )
    add("--seed", type=whole(0), default=0, metavar="N", help="of what is drawn (default: 0)")
    add_reading(parser)
    add_device(parser)
    add("--json", action="store_true", help="print one JSON object")
    add("--quiet", action="store_true", help="print no progress and no summary")
    parser.set_defaults(run=run_fit, parser=parser)


def run_fit(options: argparse.Namespace) -> int:
    from imgae.io.libraries import prepare_libraries
    from imgae.io.places import check_place
    from imgae.restore.batches.inputs import Search

    output = Path(options.output)
    if output.suffix != ".onnx":
        options.parser.error(f"-o {output}: a model's name ends in .onnx")
    with needs_extra("verify", "`imgae anomaly fit`"):
        import onnx  # noqa: F401
    prepare_libraries()
    check_place(output, options.overwrite, ModelError)
    search = Search(options.recursive)
    found = search.find(options.inputs)
    for _, error in search.problems:
        raise error
    if any(each.text == "-" for each in found):
        options.parser.error("- is one picture on standard input; a fit takes several")
    read = [Use(each.path, "an input") for each in found]
    if options.model and Path(options.model).suffix == ".onnx":
        read.append(Use(Path(options.model), "the model"))
    refuse_clashes(options, read, [], [Use(output, "the fitted model")])
    fitted = fitted_to([each.path for each in found], options)
    write(fitted, output, options.overwrite)
    tell(fitted, options)
    tell_unlike(fitted)
    if (least := fitted.card.sides[0]) < SMALL:
        note(
            f"the smallest side of the good pictures is {least:.0f} pixels; those below {SMALL} "
            "tell little of what is usual in larger ones"
        )
    return 0


def fitted_to(paths: list[Any], options: argparse.Namespace) -> "Fitted":
    from imgae.restore.anomaly.fit import Options, fit

    how = Options(
        options.false_alarms,
        options.model,
        options.seed,
        options.device,
        options.threads,
        options.max_pixels,
    )
    recipe = f"imgae anomaly fit {len(paths)} pictures --false-alarms {options.false_alarms:g}"
    name = Path(options.output).stem

    def leave_out(sentence: str) -> None:
        say(f"imgae: {one_line(sentence)}", sys.stderr)

    with tile_progress(name, hidden=options.quiet) as progress:
        return fit(paths, how, name=name, recipe=recipe, progress=progress, tell=leave_out)


def write(fitted: "Fitted", path: Path, overwrite: bool) -> None:
    """Write a model whole or not at all. Raises ModelError."""
    from imgae.io.atomic import write_whole
    from imgae.io.places import EXISTS

    try:
        write_whole(path, fitted.model, overwrite=overwrite)
    except FileExistsError as error:
        raise ModelError(EXISTS.format(path)) from error
    except OSError as error:
        raise ModelError(f"{path}: cannot be written: {error.strerror}") from error


def tell(fitted: "Fitted", options: argparse.Namespace) -> None:
    """Print what was learnt."""
    threshold = fitted.threshold
    if options.json:
        record = {
            "output": options.output,
            "pictures": len(fitted.pictures),
            "left_out": [{"input": name, "message": text} for name, text in fitted.left_out],
            "threshold": threshold.value,
            "false_alarms": threshold.false_alarms,
            "least": threshold.least,
            "most": threshold.most,
            "scores": [
                {"input": name, "score": score}
                for name, score in zip(fitted.pictures, fitted.scores, strict=True)
            ],
        }
        result(json.dumps(record))
        return
    if options.quiet:
        return
    above = sum(score > threshold.value for score in fitted.scores)
    left = f", {len(fitted.left_out)} left out" if fitted.left_out else ""
    result(one_line(f"{options.output}: learnt from {len(fitted.pictures)} pictures{left}"))
    result(
        f"scores of pictures not learnt from: {min(fitted.scores):.3g} to "
        f"{max(fitted.scores):.3g}, {above} above the threshold"
    )
    result(
        f"threshold {threshold.value:.4g}: {percent(threshold.false_alarms)} of good pictures are "
        f"expected above it; by {threshold.count} pictures, the true share is known to lie between "
        f"{percent(threshold.least)} and {percent(threshold.most)}"
    )
    if threshold.continued:
        needed = round(1 / threshold.false_alarms)
        note(
            f"so low a rate shows itself only in {needed} pictures or more; the threshold was "
            "continued from the largest scores"
        )


def tell_unlike(fitted: "Fitted") -> None:
    """Name the good pictures whose scores stand out."""
    from imgae.restore.anomaly.calibrate import standing_out

    unlike = standing_out(fitted.scores)
    others = max(score for number, score in enumerate(fitted.scores) if number not in set(unlike))
    for number in unlike[:MOST_NAMED]:
        note(
            f"{fitted.pictures[number]} is unlike the other good pictures (score "
            f"{fitted.scores[number]:.3g}, the others up to {others:.3g}): look at it, and leave "
            "it out if it has a flaw"
        )
    if (more := len(unlike) - MOST_NAMED) > 0:
        note(f"{more} more good pictures are unlike the others")


def percent(share: float) -> str:
    return f"{share * 100:.2g} %" if share >= 1e-4 else "0 %"
