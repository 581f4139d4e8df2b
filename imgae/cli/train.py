"""`imgae train`: the options of each task are made from its settings."""

import argparse
import textwrap
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgae.cli import report
from imgae.cli.live import LiveLine
from imgae.cli.options import Commands, add_device, filled, new_parser
from imgae.cli.output import result
from imgae.errors import TrainingError, needs_extra
from imgae.training.tasks.table import TASKS

if TYPE_CHECKING:
    from imgae.training.checks import Check, Option
    from imgae.training.loop import Outcome
    from imgae.training.settings import Settings
    from imgae.training.tasks.task import Task

INTERRUPTED = 130
LIST = "\n".join(
    textwrap.fill(sentence, 78, initial_indent=f"  {name:<10} ", subsequent_indent=" " * 13)
    for name, sentence in TASKS.items()
)
ABOUT = f"""\
Train a network on your own pictures.

Tasks:
{LIST}

A task needs -o, --data, and --steps or --minutes:
  imgae train denoise --data PICTURES/ --minutes 60 -o RUN/

`imgae train TASK --help` shows the options of a task. Like training, it needs
torch: pip install 'imgae[train]'

A page of a run, or of several side by side, with curves and previews:
  imgae train report RUN/
"""
MORE = """\
The folder RUN/ then holds config.json (the settings), checkpoint.pt (to continue from), log.jsonl
and log.csv (the losses), preview.png and previews/ (examples), and about.json (what `imgae train
report RUN/` tells besides). `imgae export RUN/ -o FILE.onnx` makes a model of it. Ctrl-C saves the
run; `imgae train TASK --resume -o RUN/` continues it.
"""
USAGE = """\
imgae train {0} --data DIR -o RUN/ (--steps N | --minutes M) [options]
       imgae train {0} --resume -o RUN/ [options]"""


def add_parser(commands: Commands) -> None:
    parser = new_parser(commands, "train", "Train a network on your own pictures.")
    parser.description = ABOUT
    parser.usage = "imgae train TASK [options]\n       imgae train report RUN/..."
    parser.add_argument(
        "task",
        metavar="TASK",
        choices=(*TASKS, report.NAME),
        help="what to train; or report, for a page of a run",
    )
    rest = parser.add_argument(
        "rest", nargs=argparse.REMAINDER, action=TaskOptions, metavar="...", help=argparse.SUPPRESS
    )
    rest.required = False  # or argparse names it, too, where TASK is missing
    parser.set_defaults(run=run)


class TaskOptions(argparse.Action):
    """Parses what follows the task's name, once the name is known.

    A task's options come from its module, which imports torch: only the task that a command line
    names is loaded.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Add the task's options to the namespace."""
        del option_string
        words = [str(word) for word in values or ()]
        if namespace.task == report.NAME:
            report.parser(type(parser)).parse_intermixed_args(words, namespace)
            return
        with needs_extra("train", "training"):
            from imgae.training.tasks import lookup
        inner = task_parser(type(parser), lookup.load(namespace.task))
        inner.parse_args(words, namespace)
        if namespace.output is None:
            refuse_missing(namespace)


def task_parser(kind: type[argparse.ArgumentParser], task: "Task[Any]") -> argparse.ArgumentParser:
    """Return the parser of what follows a task's name."""
    parser = kind(
        prog=f"imgae train {task.name}",
        usage=USAGE.format(task.name),
        description=filled(f"{TASKS[task.name]}\n\n{MORE}"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--debug", action="store_true", help="tracebacks, for a bug report")
    add(
        "-o",
        "--output",
        type=Path,
        metavar="RUN/",
        help="the folder of the run; it is made if it does not exist",
    )
    add("--resume", action="store_true", help="continue the run in RUN/, with its settings")
    own = parser.add_argument_group(task.settings.group) if task.settings.group else parser
    for name, option, check in task.settings.options():
        add_setting(own if name in task.settings.own() else parser, name, option, check)
    add(
        "--log",
        nargs="+",
        choices=("csv", "tensorboard", "none"),
        metavar="csv|tensorboard|none",
        help="what to write beside log.jsonl: csv, log.csv for spreadsheets; tensorboard, curves "
        "and previews in tensorboard/; or none (default: csv; beside --resume, what the run has)",
    )
    add(
        "--compare",
        default="",
        metavar="NAME|FILE.onnx",
        help="score this model, too, on the pictures of the validation",
    )
    add_device(parser, "torch")
    add("--quiet", action="store_true", help="show no progress")
    parser.set_defaults(parser=parser, sources=task.settings.sources)
    return parser


def add_setting(
    parser: "argparse._ActionsContainer",
    name: str,
    option: "Option",
    check: "Check",
) -> None:
    """Add the option that sets a field; it is None where it is not given."""
    from imgae.training.checks import Choice, Flag, Folders

    more: dict[str, Any] = {"dest": name, "help": option.help.replace("%", "%%")}
    if isinstance(check, Flag):
        more |= {"action": "store_const", "const": True}
    elif isinstance(check, Choice):
        more |= {"choices": [word for word in check.words if word]}
    elif isinstance(check, Folders):
        more |= {"nargs": "+", "type": check.read, "metavar": option.metavar}
    else:
        more |= {"type": typed(check), "metavar": option.metavar or None}
    parser.add_argument(option.name, **more)


def typed(check: "Check") -> Callable[[str], Any]:
    """Return what reads an option's value and checks it."""

    def read(text: str) -> Any:
        try:
            value = check.read(text)
        except ValueError:
            value = None
        if not check.accepts(value):
            raise argparse.ArgumentTypeError(f"{text!r} is not {check.typed}")
        return value

    return read


def run(options: argparse.Namespace) -> int:
    if options.task == report.NAME:
        return report.run(options)
    from imgae.training.tasks import lookup

    task = lookup.load(options.task)
    settings = None if resumed(options, task) else settings_of(options, task)
    with needs_extra("train", "training"):
        import imgae.training.runs  # noqa: F401 - told before anything else happens
    from imgae.io.libraries import prepare_libraries

    prepare_libraries()
    working = lookup.of_run(options.output)[0] if settings is None else task.of(settings)
    line = LiveLine(working.measure, hidden=options.quiet)
    with warnings.catch_warnings():
        warnings.showwarning = line.below(warnings.showwarning)
        try:
            outcome = start_or_resume(task, settings, options, line)
        finally:
            line.close()
    return conclude(outcome, options, line.rival)


def resumed(options: argparse.Namespace, task: "Task[Any]") -> bool:
    """Return whether a run is to be continued; refuse settings beside --resume."""
    if not options.resume:
        return False
    given = [
        option.name
        for name, option, _ in task.settings.options()
        if getattr(options, name) is not None
    ]
    if given:
        options.parser.error(
            f"--resume continues with the settings in RUN/config.json; remove {', '.join(given)}"
        )
    return True


def missing(options: argparse.Namespace) -> list[str]:
    """Return the options that a run needs and that are not given."""
    needed = {"-o RUN/": options.output}
    if not options.resume:
        length = options.minutes if options.steps is None else options.steps
        first, *others = (f"--{name}" for name in options.sources)
        source = f"{first} DIR" + (f" (or {' or '.join(others)})" if others else "")
        given = [found for name in options.sources if (found := getattr(options, name))]
        needed |= {source: given or None, "--steps N (or --minutes M)": length}
    return [name for name, value in needed.items() if value is None]


def refuse_missing(options: argparse.Namespace) -> None:
    """End the program if options are missing, in one sentence that names them all."""
    from imgae.training.checks import listed

    if names := missing(options):
        are = "is" if len(names) == 1 else "are"
        options.parser.error(f"{listed(names)} {are} missing")


def settings_of(options: argparse.Namespace, task: "Task[Any]") -> "Settings":
    """Return the settings that a command line gives; refuse what it shows to be wrong."""
    given = {name: getattr(options, name) for name, *_ in task.settings.options()}
    given = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in given.items()
        if value is not None
    }
    refuse_missing(options)
    if options.steps == 0:
        options.parser.error("--steps is 0; train for one step or more")
    if options.steps and options.minutes is not None:
        options.parser.error("give one of --steps and --minutes, not both")
    try:
        settings: Settings = task.settings(**task.settings.completed(given))
    except TrainingError as error:
        options.parser.error(str(error))
    return settings


def start_or_resume(
    task: "Task[Any]",
    settings: "Settings | None",
    options: argparse.Namespace,
    line: "LiveLine",
) -> "Outcome":
    from imgae.training import runs
    from imgae.training.watch import Watch

    watch = Watch(logs_of(options), options.compare)
    place = (options.output, options.device, options.threads, line.note, line.update)
    if settings is None:
        return runs.resume(*place, task=task.name, watch=watch)
    return runs.start(settings, *place, watch=watch)


def logs_of(options: argparse.Namespace) -> list[str] | None:
    """Return what --log asks for; None where a run is to go on with what it has."""
    if options.log is None:
        return None if options.resume else ["csv"]
    if "none" in options.log and len(set(options.log)) > 1:
        options.parser.error("--log none stands alone")
    return [kind for kind in options.log if kind != "none"]


def conclude(outcome: "Outcome", options: argparse.Namespace, rival: str) -> int:
    from imgae.training import processes

    output = options.output
    if not processes.team().first:
        return 0 if outcome.finished else INTERRUPTED
    if not outcome.finished:
        result(
            f"stopped and saved at {outcome.said}; continue with: "
            f"imgae train {options.task} --resume -o {output}"
        )
        return INTERRUPTED
    shown = "" if outcome.score is None else outcome.measure.shown(outcome.score)
    score = (f", validation {shown}" if shown else "") + rival
    result(
        f"{outcome.step} steps in {outcome.seconds:.0f} s{score}; next: "
        f"imgae export {output} -o MODEL.onnx"
    )
    return 0
