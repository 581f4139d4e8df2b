"""Folders of runs, written as training writes them, for tests of reports; no torch is needed."""

import json
import os
import time

import numpy as np

from imgae import Image, write_image


def lines(steps, last, start=28.0, rival=None):
    """The lines of a log, one each 50 steps, with a validation at every second."""
    for step in range(50, last + 1, 50):
        line = {
            "step": step, "steps": steps, "loss": 2 / step, "images_per_second": 100.0 + step % 100,
            "rate": 0.001, "seconds": step * 0.6, "seconds_left": 60,
        }  # fmt: skip
        if step % 100 == 0:
            line["psnr"] = start + step / 1000
            if rival:
                line |= {"compare_model": rival[0], "compare": rival[1]}
        yield line


def write(folder, task="denoise", last=400, steps=400, age=0.0, rival=None, about=None, **config):
    """Write a run; age: seconds since its last line. about: what about.json holds besides."""
    (folder / "previews").mkdir(parents=True)
    settings = {"task": task, "variant": "tiny", "data": ["/home/me/photos"], "steps": steps}
    (folder / "config.json").write_text(json.dumps(settings | config))
    facts = {
        "command": f"imgae train {task} --data photos --variant tiny --steps {steps}",
        "measure": {"name": "psnr", "form": "{:.2f} dB"},
        "pictures": {"training": 4120, "validation": 12, "passed_over": 3},
        "sessions": [{"time": "2026-03-01T10:20:30+00:00", "step": 0, "device": "CPU"}],
    }
    (folder / "about.json").write_text(json.dumps(facts | (about or {})))
    text = "".join(f"{json.dumps(line)}\n" for line in lines(steps, last, rival=rival))
    (folder / "log.jsonl").write_text(text)
    os.utime(folder / "log.jsonl", (time.time() - age,) * 2)
    (folder / "checkpoint.pt").write_bytes(b"")
    for step in range(100, last + 1, 100):
        pixels = np.full((24, 36, 3), step % 255, np.uint8)
        write_image(Image(pixels), folder / "previews" / f"{step:06}.png")
    return folder
