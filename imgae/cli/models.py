"""`imgae models`."""

import json
import sys
from typing import Annotated, Any

import typer

from imgae import weights
from imgae.errors import ModelError


def models(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a model.")] = False,
) -> None:
    """List the models at hand: shipped, and in the folders that IMGAE_MODELS names."""
    from imgae.session import load

    found = weights.available()
    if not found:
        raise ModelError("no models found; set IMGAE_MODELS to a folder that holds some")
    for name, path in found.items():
        try:
            card = load(path, device="cpu", threads=1).card
        except ModelError as error:
            print(f"imgae: note: {error}", file=sys.stderr)
            continue
        record: dict[str, Any] = {
            "name": name,
            "default": name == weights.DEFAULT_DENOISER,
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
        if as_json:
            print(json.dumps(record))
        else:
            print(describe(record))


def describe(record: dict[str, Any]) -> str:
    default = " (default)" if record["default"] else ""
    lines = [
        f"{record['name']}{default}: {record['task']}, {record['mib']} MiB",
        f"  {record['kmac_per_pixel']} kMAC/px, halo {record['halo']} px",
        f"  {record['summary']}",
        *(f"  {s['value']} {s['unit']}: {s['what']}" for s in record["scores"]),
        f"  {record['path']}",
    ]
    return "\n".join(lines)
