"""`imgae doctor`."""

import json
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer

import imgae
from imgae import weights

PARTS = ("numpy", "pillow", "opencv-python-headless", "onnxruntime", "tifffile", "torch")
RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino")


def doctor(
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="Where to run.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Run the default model once, and say what is really in use."""
    import numpy as np

    from imgae.session import PROVIDERS, load

    path = weights.find(weights.DEFAULT_DENOISER)
    started = time.monotonic()
    model = load(path, task="denoise", device=device, threads=threads)
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
        "model": model.card.name,
        "model_path": str(path),
        "device": model.device,
        "provider": PROVIDERS[model.device],
        "threads": model.threads,
        "load_seconds": round(loaded, 3),
        "megapixels_per_second": round(512 * 512 / 1e6 / min(times), 2),
    }
    if as_json:
        print(json.dumps(record))
    else:
        width = max(map(len, record))
        for key, value in record.items():
            print(f"{key:{width}}  {'not installed' if value is None else value}")
    if len(runtimes) > 1:
        print(
            f"imgae: note: {' and '.join(runtimes)} are installed together and overwrite each "
            "other's files; uninstall all, then install one",
            file=sys.stderr,
        )


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
