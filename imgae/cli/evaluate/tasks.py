"""The command `imgae evaluate`, and the list of its tasks."""

from imgae.cli.evaluate import (
    anomaly,
    auto,
    camera,
    code,
    denoise,
    detect,
    harm,
    inpaint,
    objects,
    search,
)
from imgae.cli.options import Commands, new_parser

MORE = """\
Each task measures models on a folder of pictures, most of them beside classical methods (the
baselines). It prints a table; --json writes all figures, and --write-card puts the scores of one
model into its card, which `imgae models` shows.
"""


def add_parser(commands: Commands) -> None:
    evaluate = new_parser(commands, "evaluate", "Measure models beside classical methods.", MORE)
    tasks = evaluate.add_subparsers(metavar="TASK", required=True)
    for module in (denoise, auto, camera, harm, inpaint, objects, detect, code, search, anomaly):
        module.add_parser(tasks)
