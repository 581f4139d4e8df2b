"""`imgae train`."""

import argparse
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgae.cli.options import Commands, add_device, between, new_parser, whole
from imgae.cli.output import result, say
from imgae.errors import needs_extra

if TYPE_CHECKING:
    from imgae.training.loop import Outcome

INTERRUPTED = 130
CODE_SETTINGS = ("objective", "weight", "code_channels", "rate", "sigma")
SETTINGS = (*CODE_SETTINGS, "variant", "steps", "minutes", "start", "batch", "crop",
            "learning_rate", "decay", "seed", "memory")  # fmt: skip

OBJECTIVES = (
    "undercomplete", "denoising", "sparse-l1", "sparse-kl", "contractive", "contractive-h"
)  # fmt: skip
MEASURES = {"psnr": "{:.2f} dB", "dice": "Dice {:.3f}"}
TASKS = {
    "denoise": "Train a denoiser on clean pictures.",
    "camera": "Train a denoiser of camera noise and JPEG, which finds the level itself.",
    "inpaint": "Train a network that fills holes, on whole pictures.",
    "detect": "Train a network that finds scratches, dust and dead pixels, on clean pictures.",
    "code": "Train an autoencoder with a small code, for retrieval and anomaly scores.",
}
MORE = """\
RUN/ then holds config.json, checkpoint.pt, log.jsonl and preview.png (given, restored and clean
crops); `imgae export RUN/ -o FILE.onnx` makes a model of it. Ctrl-C saves, and --resume goes on.
"""


def add_parser(commands: Commands) -> None:
    train = new_parser(commands, "train", "Train a network on your own pictures.")
    tasks = train.add_subparsers(metavar="TASK", required=True)
    for task, summary in TASKS.items():
        parser = new_parser(tasks, task, summary, MORE)
        add_options(parser)
        parser.set_defaults(**dict.fromkeys(CODE_SETTINGS))
        if task == "code":
            add_code_options(parser)
        if task == "denoise":
            add_contraction_options(parser)
        parser.set_defaults(run=run, parser=parser, task=task)


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("-o", "--output", type=Path, metavar="RUN/", required=True, help="the folder of the run")
    add(
        "--data",
        nargs="+",
        type=Path,
        default=[],
        metavar="DIR",
        help="folders of clean pictures, searched through",
    )
    add("--variant", help="fast, deep, balanced, best, or tiny to try things out (default: fast)")
    add("--steps", type=whole(1), metavar="N", help="how long, in steps; or --minutes")
    add(
        "--minutes",
        type=between(0.01, 1e5),
        metavar="M",
        help="how long, as the steps that fit into so many minutes",
    )
    add(
        "--from",
        dest="start",
        type=Path,
        metavar="FILE.onnx",
        help="start from these weights, of this variant or a smaller one, of any task (a code: of "
        "a code)",
    )
    add(
        "--int8",
        action="store_true",
        help="train on in 8-bit integers, from a denoiser that --from names",
    )
    add("--resume", action="store_true", help="continue the run in RUN/")
    add("--batch", type=whole(1), metavar="N", help="crops a step (default: 12)")
    add(
        "--crop", type=whole(8), metavar="PX", help="side of a crop, a multiple of 8 (default: 128)"
    )
    add("--learning-rate", type=between(1e-9, 1), metavar="R", help="highest (default: 0.001)")
    add(
        "--decay",
        type=between(0, 1),
        metavar="SHARE",
        help="of the steps, in which the rate falls to zero at the end (default: 0.3)",
    )
    add("--seed", type=whole(0), metavar="N", help="of everything random (default: 0)")
    add(
        "--memory",
        type=between(0.001, 1e6),
        metavar="GIB",
        help="of decoded pictures, at most (default: 2)",
    )
    add_device(parser)
    add("--quiet", action="store_true", help="no live line")


def add_code_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("the code").add_argument
    add(
        "--objective",
        choices=OBJECTIVES,
        help="what keeps it from copying, besides its size (default: undercomplete)",
    )
    add(
        "--lambda",
        dest="weight",
        type=between(0, 1e6),
        metavar="L",
        help="what the objective's penalty is multiplied by (default: sparse-l1 0.01, sparse-kl "
        "0.02, contractive and contractive-h 1e-06)",
    )
    add(
        "--code-channels",
        type=whole(1),
        metavar="C",
        help="numbers a block of 8x8 pixels (default: 32)",
    )
    add(
        "--rate",
        type=between(1e-4, 0.9999),
        metavar="R",
        help="target of sparse-kl: the mean activation of each channel (default: 0.05)",
    )
    add(
        "--sigma",
        type=between(0, 255),
        metavar="LEVEL",
        help="noise of the objective denoising (default: 25)",
    )


def add_contraction_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("to make it less sensitive").add_argument
    add(
        "--objective",
        choices=("contractive", "spectral", "jittered"),
        help="add the Jacobian's Frobenius norm, or its largest singular value over 1; or, for "
        "comparison, noise of L levels that it is not told of",
    )
    add(
        "--lambda",
        dest="weight",
        type=between(0, 1e6),
        metavar="L",
        help="what the penalty is multiplied by",
    )


def run(options: argparse.Namespace) -> int:
    check(options)
    with needs_extra("train", "training"):
        import imgae.training.runs  # noqa: F401 - told before anything else happens
    line = LiveLine(hidden=options.quiet)
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: line.note(str(message))
        try:
            outcome = start_or_resume(options, line)
        finally:
            line.close()
    return conclude(outcome, options)


def start_or_resume(options: argparse.Namespace, line: "LiveLine") -> "Outcome":
    from imgae.training import runs
    from imgae.training.config import TrainingConfig

    place = (options.output, options.device, options.threads, line.note, line.update)
    if options.resume:
        return runs.resume(*place, task=options.task)
    given = {
        "task": options.task,
        "variant": options.variant,
        "data": tuple(str(folder.resolve()) for folder in options.data),
        "start": None if options.start is None else str(options.start.resolve()),
        "int8": options.int8,
        "objective": options.objective,
        "weight": options.weight,
        "code_channels": options.code_channels,
        "rate": options.rate,
        "sigma": None if options.sigma is None else options.sigma / 255,
        "steps": options.steps,
        "batch": options.batch,
        "crop": options.crop,
        "learning_rate": options.learning_rate,
        "decay": options.decay,
        "seed": options.seed,
        "memory": None if options.memory is None else round(options.memory * 2**30),
    }
    config = TrainingConfig(**{key: value for key, value in given.items() if value is not None})
    return runs.start(config, options.minutes, *place)


def check(options: argparse.Namespace) -> None:
    """Refuse what the command line alone shows to be wrong."""
    error = options.parser.error
    if options.resume:
        if options.data or any(getattr(options, name) is not None for name in SETTINGS):
            error("--resume takes its settings from RUN/config.json; leave the others away")
        return
    if not options.data:
        error("--data is missing: name a folder of clean pictures")
    if (options.steps is None) == (options.minutes is None):
        error("give one of --steps and --minutes")
    if options.task == "code":
        check_code(options)
    if options.task == "denoise" and (options.objective is None) != (options.weight is None):
        error("--objective and --lambda go together")
    if options.int8 and options.start is None:
        error("--int8 trains a denoiser on: name its file with --from")
    if options.crop is not None and options.crop % 8:
        error(f"--crop {options.crop} is no multiple of 8")


def check_code(options: argparse.Namespace) -> None:
    """Refuse settings that the objective would not look at."""
    objective = options.objective or OBJECTIVES[0]
    for setting, name, users in (
        (options.weight, "--lambda", OBJECTIVES[2:]),
        (options.rate, "--rate", ("sparse-kl",)),
        (options.sigma, "--sigma", ("denoising",)),
    ):
        if setting is not None and objective not in users:
            options.parser.error(f"{name} is for {', '.join(users)}, not for {objective}")


def conclude(outcome: "Outcome", options: argparse.Namespace) -> int:
    output = options.output
    if not outcome.finished:
        result(
            f"stopped and saved at step {outcome.step} of {outcome.steps}; go on with: "
            f"imgae train {options.task} --resume -o {output}"
        )
        return INTERRUPTED
    score = f", validation {shown(outcome.measure, outcome.score)}" if outcome.score else ""
    result(
        f"{outcome.steps} steps in {outcome.seconds:.0f} s{score}; next: "
        f"imgae export {output} -o MODEL.onnx"
    )
    return 0


def shown(measure: str, score: float) -> str:
    return MEASURES[measure].format(score)


class LiveLine:
    """One line that rewrites itself on a terminal; elsewhere a line each time PSNR is measured."""

    def __init__(self, hidden: bool) -> None:
        self.hidden = hidden
        self.live = sys.stderr is not None and sys.stderr.isatty()
        self.begun = False
        self.score = ""

    def note(self, message: str) -> None:
        self.close()
        say(message, sys.stderr)

    def update(self, record: dict[str, Any]) -> None:
        scored = [shown(measure, record[measure]) for measure in MEASURES if measure in record]
        self.score = f"  validation {scored[0]}" if scored else self.score
        if self.hidden or not (self.live or scored):
            return
        minutes, seconds = divmod(record["seconds_left"], 60)
        line = (
            f"step {record['step']}/{record['steps']}  {minutes}:{seconds:02d} left  "
            f"loss {record['loss']:.4f}  {record['images_per_second']:.0f} images/s" + self.score
        )
        if self.live:
            print(f"\r{line}\033[K", end="", file=sys.stderr, flush=True)
            self.begun = True
        else:
            say(line, sys.stderr)

    def close(self) -> None:
        """End the line that rewrites itself, so that others can follow."""
        if self.begun:
            print(file=sys.stderr)
            self.begun = False
