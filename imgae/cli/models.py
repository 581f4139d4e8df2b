"""`imgae models`."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from imgae.cli.files import ALL_FAILED, SOME_FAILED
from imgae.cli.options import Commands, new_parser
from imgae.cli.output import note, result
from imgae.errors import ModelError
from imgae.model import registry

if TYPE_CHECKING:
    from imgae.model.card import ModelCard

MORE = """\
Lists the models that ship with imgae, and those in the folders that IMGAE_MODELS names: name, task,
size, speed on this computer, and what each is for. A name, or --verbose, tells more.
"""
GRADES: Final = (80_000, 300_000)
"""Multiply-accumulates a pixel, above which a model is of the next grade."""
SPEEDS: Final = ("fast", "medium", "slow")
QUALITIES: Final = ("quick", "better quality", "best quality")
"""By grade: of all models, and of denoisers for white noise."""
INTEGER_GAIN: Final = 3
"""How many times faster 8-bit integers are where the processor has instructions for them."""
PURPOSES: Final = {
    "inpaint": "fills holes that a mask marks",
    "detect": "finds scratches, dust, dead pixels, dates, type",
    "anomaly": "finds what differs from good pictures",
    "code": "makes short codes, to compare and restore",
    "search": "describes pictures, to find copies and the like",
    "features": "looks at pictures, for `imgae anomaly fit`",
    "estimate": "tells what noise there is, and where",
}
"""By task; denoisers differ more."""


def add_parser(commands: Commands) -> None:
    parser = new_parser(commands, "models", "List the models, and what each is for.", MORE)
    add = parser.add_argument
    add("models", nargs="*", metavar="MODEL", help="tell all about these names or .onnx files")
    add("-v", "--verbose", action="store_true", help="tell all about every model")
    add("--json", action="store_true", help="one JSON object a model")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from imgae.model.machine import has_vnni
    from imgae.model.session import load

    known = registry.available()
    defaults = {known.get(name): why for name, why in defaults_of("auto").items()}
    for folder in registry.folders()[2:]:  # those that the user named
        if not folder.is_dir():
            note(f"{folder}, named by {registry.FOLDERS_VARIABLE}, is no folder")
    paths = [registry.find(model) for model in options.models] or list(known.values())
    if not paths:
        raise ModelError("no models found; set IMGAE_MODELS to a folder that holds some")
    lines: list[list[str]] = []
    unreadable = 0
    for path in paths:
        try:
            card = load(path, device="cpu", threads=1).card
        except ModelError as error:
            note(str(error))
            unreadable += 1
            continue
        record = record_of(path, card, defaults.get(path))
        if options.json:
            result(json.dumps(record))
        elif options.verbose or options.models:
            result(described(record))
        else:
            lines.append(cells_of(record, card, integers_are_fast=has_vnni()))
    show_table(lines)
    if not (options.models and unreadable):
        return 0
    return ALL_FAILED if unreadable == len(paths) else SOME_FAILED


def defaults_of(device: str) -> dict[str, str]:
    """Return the names of the models that are used if none is named, and why."""
    from imgae.restore import denoise, inpaint

    return dict(
        [
            denoise.default_model(device),
            (denoise.camera_model(device), denoise.CAMERA_BECAUSE),
            (denoise.ESTIMATE, denoise.ESTIMATE_BECAUSE),
            inpaint.default_model(device),
        ]
    )


def show_table(lines: list[list[str]]) -> None:
    """Print a line a model, its columns aligned."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        result(" ".join(map(str.ljust, line, widths)).rstrip())
    if any(line[0] for line in lines):
        note("* what imgae uses if you name none; `imgae models MODEL` tells more")


def record_of(path: Path, card: "ModelCard", because: str | None) -> dict[str, Any]:
    """Return what is told of a model. because: why it is used if none is named; None if not."""
    return {
        "name": path.stem,
        "default": because is not None,
        "default_because": because,
        "precision": card.precision,
        "task": card.task,
        "version": card.version,
        "summary": card.summary,
        "mib": round(path.stat().st_size / 2**20, 2),
        "kmac_per_pixel": round(card.macs_per_pixel / 1e3, 1),
        "halo": card.halo,
        "scores": [{"what": s.what, "value": s.value, "unit": s.unit} for s in card.scores],
        "licence": card.licence,
        "path": str(path),
    }


def cells_of(record: dict[str, Any], card: "ModelCard", integers_are_fast: bool) -> list[str]:
    """Return a model's row: a mark of a default, name, task, size, speed, purpose."""
    from imgae.model.verify.report import printable

    work = card.macs_per_pixel
    if card.precision == "int8" and integers_are_fast:
        work //= INTEGER_GAIN
    speed = SPEEDS[grade_of(work)]
    mark = "*" if record["default"] else ""
    size = f"{record['mib']:5.1f} MiB"
    cells = [mark, record["name"], card.task, size, speed, purpose_of(card)]
    return [printable(cell, 80) for cell in cells]


STEADY: Final = ("adversarial", "contractive", "spectral")
"""Objectives of training that keep changes from growing."""


def purpose_of(card: "ModelCard") -> str:
    """Return in a few words what a model is for."""
    integers = ", 8-bit" if card.precision == "int8" else ""
    if card.task != "denoise":
        return PURPOSES.get(card.task, card.summary.split(". ")[0]) + integers
    if card.noise is not None:
        return f"removes the noise of the pictures it learnt from{integers}"
    if "sigma" not in card.inputs:
        return f"removes camera noise and JPEG marks{integers}"
    if card.objective in STEADY:
        return f"removes white noise: steady, as a prior{integers}"
    return f"removes white noise: {QUALITIES[grade_of(card.macs_per_pixel)]}{integers}"


def grade_of(work: int) -> int:
    return sum(work > limit for limit in GRADES)


def described(record: dict[str, Any]) -> str:
    from imgae.model.verify.report import printable

    default = f" (default: {record['default_because']})" if record["default"] else ""
    lines = [
        f"{record['name']}{default}: {record['task']}, {record['precision']}, {record['mib']} MiB",
        f"  {record['kmac_per_pixel']} kMAC/px, halo {record['halo']} px",
        f"  {record['summary']}",
        *(f"  {s['value']} {s['unit']}: {s['what']}" for s in record["scores"]),
        f"  {record['path']}",
    ]
    return "\n".join(printable(line, 1000) for line in lines)
