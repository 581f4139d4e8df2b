"""What the tasks of `imgae evaluate` share: options, checks before the work, output after it."""

import argparse
import os
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from imgae.cli.files import identity
from imgae.cli.options import add_device, whole
from imgae.cli.output import result, say, warnings_as_notes
from imgae.errors import OptionError, needs_extra
from imgae.io.formats.table import looks_like_picture
from imgae.io.places import check_place

if TYPE_CHECKING:
    from imgae.model.card import Score

OUTPUTS = ("json", "plot", "sheet")
"""Options that name a file to write."""


def add_folder(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help=what)


def add_models(parser: argparse.ArgumentParser, default: list[str] | None, which: str) -> None:
    parser.add_argument(
        "--models",
        type=names,
        default=default,
        metavar="A,B",
        help=f"models, by name or file (default: {which})",
    )


def add_fonts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fonts",
        type=names,
        default=[],
        metavar="DIR,DIR",
        help="folders with fonts for drawn pages; half of the families, by name, as the others are "
        "for training (default: Pillow's own font alone)",
    )


def add_shared(
    parser: argparse.ArgumentParser,
    measure: Callable[[argparse.Namespace], None],
    limit: str | None = "use only the first N pictures",
    *,
    card: bool = True,
) -> None:
    """Add the options that all tasks have.

    measure: what the task does. limit: what --limit does; None leaves it out.
    """
    add = parser.add_argument
    if limit:
        add("--limit", type=whole(1), metavar="N", help=limit)
    add("--json", type=Path, metavar="FILE", help="write all figures, also those of each picture")
    if card:
        add(
            "--write-card",
            action="store_true",
            help="write the scores into the card of the one model that --models names, in place of "
            "all scores that are in it; needs all pictures, so no --limit",
        )
        add("--name", metavar="TEXT", help="what the card calls DIR (default: its name)")
    add_device(parser)
    parser.set_defaults(run=lambda options: run(measure, options), parser=parser)


def run(measure: Callable[[argparse.Namespace], None], options: argparse.Namespace) -> int:
    """Run a task: check first what can be checked, and print warnings as notes."""
    from imgae.io.libraries import prepare_libraries  # loads Pillow

    check_outputs(options)
    check_card(options)
    prepare_libraries()
    with warnings_as_notes():
        measure(options)
    return 0


def names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def numbers(text: str) -> list[float]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if not values or not all(0 <= value <= 255 for value in values):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of levels, such as 15,25,50")
    return list(dict.fromkeys(values))


def need_bench(options: argparse.Namespace) -> None:
    """Tell of a missing extra before the work, not after."""
    with needs_extra("bench", "this evaluation"):
        import skimage.metrics  # noqa: F401
    if getattr(options, "plot", None):
        with needs_extra("bench", "--plot"):
            import matplotlib.figure  # noqa: F401


def tell(condition: object) -> None:
    """Say on a terminal what is measured now, as a task may take minutes."""
    if sys.stderr is not None and sys.stderr.isatty():
        say(f"imgae: measuring {condition}", sys.stderr)


def check_outputs(options: argparse.Namespace) -> None:
    """Raise OptionError or ImageError for a file that may not or could not be written."""
    from imgae.evaluate.figures import PLOTS
    from imgae.io.files import check_writable

    wanted = {name: path for name in OUTPUTS if (path := getattr(options, name, None))}
    for name, path in wanted.items():
        if name == "sheet":
            check_writable(path, overwrite=True)
        if name == "plot" and path.suffix.lower() not in PLOTS:
            known = ", ".join(PLOTS)
            raise OptionError(f"{path}: a plot cannot be written so; end the name in {known}")
        check_place(path, overwrite=True, error=OptionError)
    for path, count in Counter(map(os.path.abspath, wanted.values())).items():
        if count > 1:
            raise OptionError(f"{path}: named for two outputs; name a file for each")
    there = [path for path in wanted.values() if path.exists()]
    if there:
        read = {identity(path): path for path in files_read(options)}
        for path in there:
            if same := read.get(identity(path)):
                raise OptionError(
                    f"{path}: would be written over {same}, which this evaluation reads; name "
                    "another file"
                )


def files_read(options: argparse.Namespace) -> Iterator[Path]:
    """Yield the models that a task may use, and the pictures of the folders that it reads."""
    from imgae.model import registry

    yield from registry.available().values()
    named = [*(getattr(options, "models", None) or []), *(getattr(options, "codes", None) or [])]
    for name in [*named, getattr(options, "model", None) or ""]:
        if name.endswith(".onnx") or os.sep in name:
            yield Path(name)
    folders: list[Path | None] = []
    for name in ("folder", "folders", "pairs", "others"):  # one folder, or several
        given = getattr(options, name, None)
        folders += given if isinstance(given, list) else [given]
    for folder in folders:
        if folder and folder.is_dir():
            yield from (path for path in folder.iterdir() if is_picture(path))
    for name in getattr(options, "stored", None) or []:
        yield from (path for path in Path(name).glob("*") if is_picture(path))
    if getattr(options, "holes", None):
        yield options.holes
    if getattr(options, "nested", False):
        yield from (path for path in options.folder.glob("*/*") if is_picture(path))
    for name in getattr(options, "train", None) or []:
        yield from (path for path in Path(name).rglob("*") if is_picture(path))


def is_picture(path: Path) -> bool:
    """Return whether a file's name is one of those that folders of pictures are searched for."""
    return looks_like_picture(path.name)


def check_card(options: argparse.Namespace) -> None:
    """Raise OptionError if --write-card is asked for and there is no one card to write into."""
    if not getattr(options, "write_card", False):
        return
    with needs_extra("verify", "--write-card"):
        import onnx  # noqa: F401
    from imgae.model import registry

    models = options.models or []
    if len(models) != 1 or models == ["auto"]:
        raise OptionError("--write-card writes into one model's card; name it with --models")
    if options.limit:
        raise OptionError("--write-card measures all pictures; leave --limit out")
    options.card = registry.find(models[0])
    check_place(options.card, overwrite=True, error=OptionError)


def write_json(options: argparse.Namespace, text: str) -> None:
    """Write what --json asks for, if it does."""
    if options.json:
        from imgae.io.atomic import write_whole

        write_whole(options.json, f"{text}\n".encode())


def write_card(options: argparse.Namespace, scores: "list[Score]") -> None:
    """Print scores, and write them into the model's card.

    Raises OptionError if there are none.
    """
    from imgae.model.scores import write_scores

    if not scores:
        raise OptionError(
            f"{options.card}: not changed, as no score is a finite number; measure on photographs"
        )
    for score in scores:
        result(f"{score.value:8.3f} {score.unit}  {score.what}")
    old = write_scores(options.card, scores)
    count = f"{len(scores)} score{'s' if len(scores) > 1 else ''}"
    instead = f", in place of the {len(old)} that were there" if old else ""
    result(f"{options.card}: {count} written into its card{instead}")


def name_of(options: argparse.Namespace) -> str:
    """Return what a card calls the folder."""
    return str(options.name or folder_name(options.folder))


def folder_name(folder: Path) -> str:
    return folder.resolve().name


def command_of(options: argparse.Namespace, task: str, *words: str) -> str:
    """Return the command line that gives a score; folders and files by their names alone."""
    model = Path(options.models[0]).name
    folder = f"{folder_name(options.folder)}/"
    return shlex.join(["imgae", "evaluate", task, folder, "--models", model, *words])
