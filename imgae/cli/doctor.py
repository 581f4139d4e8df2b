"""`imgae doctor`."""

import argparse
import json
import platform
import time
from typing import Any

import imgae
from imgae.cli.options import Commands, add_device, new_parser
from imgae.cli.output import note, result
from imgae.model import registry

PARTS = ("numpy", "pillow", "opencv-python-headless", "onnxruntime", "imagecodecs", "torch")
RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino")


SUMMARY = "Run the default model on a test picture; print versions, device and speed."


def add_parser(commands: Commands) -> None:
    parser = new_parser(commands, "doctor", SUMMARY)
    add_device(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    import numpy as np

    from imgae.model.machine import has_vnni
    from imgae.model.session import PROVIDERS, load
    from imgae.restore.denoise import camera_model, default_model

    name, why = default_model(options.device)
    path = registry.find(name)
    started = time.monotonic()
    model = load(path, task="denoise", device=options.device, threads=options.threads)
    loaded = time.monotonic() - started
    picture = np.full((1, 3, 512, 512), 0.5, np.float32)
    level = np.full((1, 1, 1, 1), 0.1, np.float32)
    times = []
    for _ in range(3):
        started = time.monotonic()
        model(image=picture, sigma=level)
        times.append(time.monotonic() - started)
    runtimes = [name for name in RUNTIMES if installed(name)]
    record: dict[str, Any] = {
        "imgae": imgae.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        **{name: installed(name) for name in PARTS},
        "vnni": has_vnni(),
        "model": model.card.name,
        "model_because": why,
        "camera_model": camera_model(options.device),
        "model_path": str(path),
        "device": model.device,
        "provider": PROVIDERS[model.device],
        "threads": model.threads,
        "load_seconds": round(loaded, 3),
        "megapixels_per_second": round(512 * 512 / 1e6 / min(times), 2),
    }
    if options.json:
        result(json.dumps(record))
    else:
        rows = rows_of(record)
        width = max(map(len, rows))
        for label, text in rows.items():
            result(f"{label:{width}}  {text}")
    if len(runtimes) > 1:
        note(
            f"{' and '.join(runtimes)} are all installed, and overwrite each other's files; "
            "uninstall all of them, then install one"
        )
    return 0


def rows_of(record: dict[str, Any]) -> dict[str, str]:
    """Return the report in words, by label."""
    missing = {"torch": "not installed; only training needs it"}
    threads = "1 thread" if record["threads"] == 1 else f"{record['threads']} threads"
    place = f"the CPU, {threads}" if record["device"] == "cpu" else "the GPU"
    vnni = "yes: this processor is fast with 8-bit models" if record["vnni"] else "none found"
    return {
        "imgae": record["imgae"],
        "Python": record["python"],
        "system": record["platform"],
        **{part: record[part] or missing.get(part, "not installed") for part in PARTS},
        "VNNI": vnni,
        "model for white noise": f"{record['model']}: {record['model_because']}",
        "model for other noise": record["camera_model"],
        "model's file": record["model_path"],
        "runs on": f"{place} ({record['provider']})",
        "time to load": f"{record['load_seconds']} seconds",
        "speed": f"{record['megapixels_per_second']} megapixels a second",
    }


def installed(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None
