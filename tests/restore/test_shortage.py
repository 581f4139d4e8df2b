"""Where memory runs out, tiles get smaller."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import resource
import sys

import cv2
import numpy as np

import imgae
from imgae.model.session import OnnxModel

room = int(sys.argv[1]) << 20
pixels = np.random.default_rng(0).integers(0, 256, (700, 900, 3)).astype(np.uint8)
denoise = imgae.Denoiser("denoise-fast", threads=1, tile=0)
expected = denoise(pixels, 0.1)
run, sizes = OnnxModel.outputs, []


def outputs(model, **inputs):
    sizes.append(inputs["image"].shape[2:])
    return run(model, **inputs)


OnnxModel.outputs = outputs
denoise.model.release()
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + room
resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
found = denoise(pixels, 0.1)
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(len(sizes) > 2, np.abs(found.astype(int) - expected).max() <= 1)
"""


def told(room):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(room)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no ulimit -v")
def test_a_limit_of_the_address_space_makes_tiles_smaller():
    assert told(40) == "True True"
