"""`imgae evaluate anomaly`."""

import argparse
import tempfile
from pathlib import Path

from imgae.cli.evaluate.common import add_shared, tell, write_json
from imgae.cli.options import Commands, new_parser, whole
from imgae.cli.output import result
from imgae.errors import needs_extra

MORE = """\
Models are fitted to good pictures and then look for flaws in others: scratches, stains, missing
and foreign texture, wrong colours, all drawn by seed. Without folders, the pictures are of ten
drawn materials; each folder is one kind of pictures.

The table has the model that `imgae anomaly fit` makes, each of the two things it looks at alone,
the members of the family, and three baselines: the difference to the mean picture, principal
components of blocks, and a memory of the encoder's features.

Examples:
  imgae evaluate anomaly
  imgae evaluate anomaly birds/ cars/ --codes sparse.onnx
  imgae evaluate anomaly --alone --good 200 --false-alarms 0.01,0.05

It needs the extra `verify`. Ten materials take about ten minutes on two CPU cores.
"""


def add_parser(tasks: Commands) -> None:
    parser = new_parser(tasks, "anomaly", "Measure what finds flaws in pictures.", MORE)
    add = parser.add_argument
    add("folders", nargs="*", type=Path, metavar="FOLDER", help="pictures without flaws")
    add(
        "--fitted",
        type=whole(5),
        default=30,
        metavar="N",
        help="pictures of each kind to learn from (default: 30); a folder with fewer than are "
        "asked for in all is parted in proportion",
    )
    add(
        "--good",
        type=whole(1),
        default=20,
        metavar="N",
        help="pictures that stay good (default: 20)",
    )
    add(
        "--flawed",
        type=whole(1),
        default=25,
        metavar="N",
        help="pictures that get a flaw each (default: 25)",
    )
    add(
        "--side",
        type=whole(64),
        default=256,
        metavar="PX",
        help="pixels on a side; larger pictures are cut to a square in their middle (default: 256)",
    )
    add(
        "--false-alarms",
        type=shares,
        default=(0.01,),
        metavar="A,B",
        help="the shares of good pictures that may be called anomalous (default: 0.01)",
    )
    add(
        "--codes",
        nargs="+",
        default=[],
        metavar="MODEL",
        help="other models of codes to measure beside `code`, by name or file",
    )
    add(
        "--model",
        metavar="NAME",
        help="the features that are looked at, by name or file (default: features)",
    )
    add("--alone", action="store_true", help="measure the fitted model alone")
    add("--seed", type=whole(0), default=0, metavar="N", help="of what is drawn (default: 0)")
    add_shared(parser, measure, None, card=False)


def shares(text: str) -> tuple[float, ...]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if not values or not all(0.0001 <= value <= 0.5 for value in values):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of shares from 0.0001 to 0.5, such as 0.01,0.05"
        )
    return tuple(dict.fromkeys(values))


def measure(options: argparse.Namespace) -> None:
    with needs_extra("verify", "this evaluation"):
        import onnx  # noqa: F401
    from imgae.evaluate import anomaly, anomaly_kinds, report
    from imgae.evaluate.anomaly_cells import Where
    from imgae.evaluate.anomaly_fitted import Fitting
    from imgae.restore.anomaly.normal import CELL

    counts = anomaly_kinds.Counts(options.fitted, options.good, options.flawed)
    side = options.side // CELL * CELL
    where = Where(options.device, options.threads)
    fitting = Fitting(options.false_alarms, where, options.model, options.seed)
    if options.folders:
        kinds = anomaly_kinds.in_folders(options.folders, counts, side, options.seed)
    else:
        kinds = anomaly_kinds.drawn(counts, side, options.seed)
    with tempfile.TemporaryDirectory(prefix="imgae-") as folder:
        others = None
        if not options.alone:
            others = anomaly.family(fitting, options.codes, Path(folder))
        results = anomaly.run(kinds, fitting, others, tell)
    result(anomaly.table(results))
    result("")
    result(anomaly.alarms(results, fitting.rates))
    about = {
        "folders": [folder.name for folder in options.folders],
        "fitted": counts.learnt,
        "good": counts.good,
        "flawed": counts.flawed,
        "side": side,
        "seed": options.seed,
    }
    write_json(options, report.to_json(results, about, "kind"))
