"""The memory that a denoiser needs, measured in a process of its own."""

import multiprocessing
import sys

import numpy as np

from imgae.errors import warn
from imgae.evaluate.denoise import denoisers
from imgae.evaluate.protocol import Sample


def peak_memory(name: str, is_model: bool, threads: int | None) -> float | None:
    """Return the peak memory, in MiB, of a fresh process that denoises 1 MP in 8 bits.

    name: of a model, or of a baseline. None, with an ImgaeWarning, where the system does not tell.
    """
    try:
        import resource  # noqa: F401 - POSIX alone has it
    except ImportError:
        warn("this system does not tell a process's peak memory, so it is not measured")
        return None
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return float(pool.apply(denoise_a_megapixel, (name, is_model, threads)))


def denoise_a_megapixel(name: str, is_model: bool, threads: int | None) -> float:
    import resource

    picture = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3)).astype(np.uint8)
    (method,) = denoisers([name], [], threads) if is_model else denoisers([], [name], threads)
    method.run(Sample("noise", picture, picture, 25 / 255))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
