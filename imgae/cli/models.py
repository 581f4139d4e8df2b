"""`imgae models`."""

import argparse
import json
from typing import Any

from imgae.cli.options import Commands, new_parser
from imgae.cli.output import note, result
from imgae.errors import ModelError
from imgae.model import registry

MORE = "Shipped ones, and those in the folders that IMGAE_MODELS names."


def add_parser(commands: Commands) -> None:
    parser = new_parser(commands, "models", "List the models at hand.", MORE)
    parser.add_argument("--json", action="store_true", help="one JSON object a model")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from imgae.model.session import load
    from imgae.restore.denoise import CAMERA, CAMERA_BECAUSE, default_model

    defaults = dict([default_model(), (CAMERA, CAMERA_BECAUSE)])
    for folder in registry.folders()[2:]:  # those that the user named
        if not folder.is_dir():
            note(f"{folder}, named by {registry.FOLDERS_VARIABLE}, is no folder")
    found = registry.available()
    if not found:
        raise ModelError("no models found; set IMGAE_MODELS to a folder that holds some")
    for name, path in found.items():
        try:
            card = load(path, device="cpu", threads=1).card
        except ModelError as error:
            note(str(error))
            continue
        record: dict[str, Any] = {
            "name": name,
            "default": name in defaults,
            "default_because": defaults.get(name),
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
        if options.json:
            result(json.dumps(record))
        else:
            result(describe(record))
    return 0


def describe(record: dict[str, Any]) -> str:
    default = f" (default: {record['default_because']})" if record["default"] else ""
    lines = [
        f"{record['name']}{default}: {record['task']}, {record['precision']}, {record['mib']} MiB",
        f"  {record['kmac_per_pixel']} kMAC/px, halo {record['halo']} px",
        f"  {record['summary']}",
        *(f"  {s['value']} {s['unit']}: {s['what']}" for s in record["scores"]),
        f"  {record['path']}",
    ]
    return "\n".join(lines)
