#!/usr/bin/env python3
"""Time how long imgae takes to start, beside the bare imports of what it cannot do without.

In turn, so that other load meets all alike, each in a process of its own, median of the rounds:
`import imgae`; the imports of numpy, Pillow and onnxruntime; `imgae denoise` on a picture of
128x128 pixels, level given. The last line is the ratio of the last two; above 2.6 it ends with 1.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import imgae

MOST = 2.6
BARE = "import numpy, PIL.Image, onnxruntime"


def commands(picture):
    output = picture.with_name("out.png")
    return {
        "python -c pass": ["-c", "pass"],
        "import imgae": ["-c", "import imgae"],
        BARE: ["-c", BARE],
        "imgae denoise": ["-m", "imgae", "denoise", picture, "--sigma", "25", "-o", output,
                          "--overwrite", "--quiet"],
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="runs of each (default: 15)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "noisy.png"
        noise = np.random.default_rng(0).normal(120, 25, (128, 128, 3))
        imgae.write_image(imgae.Image(noise.clip(0, 255).astype(np.uint8)), picture)
        times = {name: [] for name in commands(picture)}
        for name, words in list(commands(picture).items()) * (options.rounds + 1):
            started = time.perf_counter()
            subprocess.run([sys.executable, *map(str, words)], check=True)  # noqa: S603 - our own
            times[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    for name, median in medians.items():
        print(f"{median * 1000:7.0f} ms  {name}")
    ratio = medians["imgae denoise"] / medians[BARE]
    print(f"{ratio:7.2f} times the bare imports; at most {MOST}")
    sys.exit(ratio > MOST)


if __name__ == "__main__":
    main()
