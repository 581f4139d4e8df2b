"""Denoisers measured on folders of pictures, beside each other: quality, time and memory.

Protocol for made noise: picture i of the name-sorted folder gets
`numpy.random.default_rng(i).normal(0, sigma/255, (H, W, C))`, neither clipped nor rounded
("float"), or clipped and rounded as files are ("8bit"). Outputs are clipped and rounded to 8 bits;
PSNR and SSIM are over all pixels and channels, and their means over the pictures.
"""

import json
import math
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError, OptionError
from imgae.evaluate.baselines import DENOISERS
from imgae.io import files
from imgae.picture.metrics import psnr, ssim
from imgae.picture.noise import estimate_noise
from imgae.picture.pixels import to_float, to_uint8
from imgae.restore.denoise import Denoiser

PAIR_ENDINGS: Final = ("_real", "_mean", "_noisy", "_clean")


@dataclass(frozen=True, eq=False)
class Case:
    """A noisy picture, (H, W, C), float or uint8, and its reference."""

    name: str
    noisy: NDArray[Any]
    clean: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Trial:
    """Cases at one level, and the level that methods are told.

    sigma: of the noise, or told for real noise, in 8-bit levels; None: real, and estimated.
    level: told to the methods, on [0, 1]; None: estimated from each picture.
    """

    cases: Sequence[Case]
    sigma: float | None
    level: float | None


@dataclass(frozen=True)
class Method:
    """A denoiser under a name: called with pixels (H, W, C) and sigma, returns (H, W, C).

    sigma is on [0, 1]; None: found by the method, or estimated for it.
    """

    name: str
    run: Callable[[NDArray[Any], float | None], NDArray[Any]]
    kmac_per_pixel: float | None = None


@dataclass(frozen=True)
class Result:
    """What one method reached at one level; per-picture PSNR in the order of the names."""

    method: str
    sigma: float | None  # as in Trial
    psnr: float
    ssim: float
    seconds_per_megapixel: float
    kmac_per_pixel: float | None
    peak_mib: float | None
    pictures: dict[str, float] = field(default_factory=dict)


def methods(
    models: Sequence[str], against: Sequence[str], threads: int | None, device: str = "auto"
) -> list[Method]:
    """Build the methods to compare; "auto" is what no options do.

    Raises OptionError if a peer is unknown.
    """
    found = []
    for name in models:
        denoiser = Denoiser(None if name == "auto" else name, threads=threads, device=device)
        card = denoiser.model.card
        run = denoiser if "sigma" in card.inputs else partial(without_level, denoiser)
        found.append(Method(Path(name).stem, run, card.macs_per_pixel / 1000))
    for name in against:
        if name not in DENOISERS:
            raise OptionError(f"no peer is called {name!r}; there are: {', '.join(DENOISERS)}")
        found.append(Method(name, peer_on_any_pixels(name)))
    return found


def without_level(denoiser: Denoiser, pixels: NDArray[Any], _: float | None) -> NDArray[Any]:
    return denoiser(pixels)


def peer_on_any_pixels(name: str) -> Callable[[NDArray[Any], float | None], NDArray[Any]]:
    def run(pixels: NDArray[Any], sigma: float | None) -> NDArray[Any]:
        if sigma is None:
            sigma = estimate_noise(pixels).sigma
        floats = pixels if pixels.dtype.kind == "f" else to_float(pixels)
        return DENOISERS[name](floats.astype(np.float64), sigma)

    return run


def made_trial(
    clean: Sequence[tuple[str, NDArray[np.uint8]]], sigma: float, noise: str, estimated: bool
) -> Trial:
    """Add noise of a level, in 8-bit levels, to clean pictures."""
    cases = []
    for i, (name, picture) in enumerate(clean):
        noisy = picture / 255 + np.random.default_rng(i).normal(0, sigma / 255, picture.shape)
        cases.append(Case(name, to_uint8(noisy) if noise == "8bit" else noisy, picture))
    return Trial(cases, sigma, None if estimated else sigma / 255)


def paired_cases(noisy_folder: Path, clean_folder: Path) -> list[Case]:
    """Match pictures of two folders, which may be one, by name without _real, _mean and so on."""
    clean = {stem_of(path): path for path in pictures_in(clean_folder) if not is_noisy(path)}
    noisy = {stem_of(path): path for path in pictures_in(noisy_folder) if not is_clean(path)}
    common = sorted(clean.keys() & noisy.keys())
    if not common:
        raise ImageError(f"{noisy_folder} and {clean_folder}: no pictures of one name in both")
    cases = []
    for stem in common:
        a, b = read_8_bit(noisy[stem]), read_8_bit(clean[stem])
        if a.shape != b.shape:
            raise ImageError(f"{noisy[stem]} is {a.shape}, but {clean[stem]} is {b.shape}")
        cases.append(Case(stem, a, b))
    return cases


def clean_pictures(folder: Path, limit: int | None = None) -> list[tuple[str, NDArray[np.uint8]]]:
    return [(path.stem, read_8_bit(path)) for path in pictures_in(folder)[:limit]]


def pictures_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ImageError(f"{folder}: not a folder")
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in files.EXTENSIONS)
    if not found:
        raise ImageError(f"{folder}: holds no PNG, JPEG, TIFF or WebP")
    return found


def read_8_bit(path: Path) -> NDArray[np.uint8]:
    return to_uint8(files.read_image(path).pixels)


def stem_of(path: Path) -> str:
    for ending in PAIR_ENDINGS:
        if path.stem.endswith(ending):
            return path.stem.removesuffix(ending)
    return path.stem


def is_noisy(path: Path) -> bool:
    return path.stem.endswith(("_real", "_noisy"))


def is_clean(path: Path) -> bool:
    return path.stem.endswith(("_mean", "_clean"))


def run_on(method: Method, case: Case, level: float | None) -> NDArray[np.uint8]:
    """Restore a case. level: on [0, 1]; None leaves it to the method."""
    return to_uint8(method.run(case.noisy, level))


def run_method(method: Method, trial: "Trial", peak_mib: float | None = None) -> Result:
    """Run a method over the cases of a trial; the first is run once more, for what loads late."""
    run_on(method, trial.cases[0], trial.level)
    scores, likeness, seconds, pixels = {}, [], 0.0, 0
    for case in trial.cases:
        started = time.perf_counter()
        restored = run_on(method, case, trial.level)
        seconds += time.perf_counter() - started
        pixels += case.clean.shape[0] * case.clean.shape[1]
        scores[case.name] = psnr(restored, case.clean, 255)
        likeness.append(ssim(restored, case.clean))
    return Result(
        method.name,
        trial.sigma,
        float(np.mean(list(scores.values()))),
        float(np.mean(likeness)),
        seconds / pixels * 1e6,
        method.kmac_per_pixel,
        peak_mib,
        scores,
    )


def peak_memory(name: str, is_model: bool, threads: int | None) -> float:
    """Return the peak memory, in MiB, of a fresh process that denoises 1 MP in 8 bits."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return float(pool.apply(denoise_a_megapixel, (name, is_model, threads)))


def denoise_a_megapixel(name: str, is_model: bool, threads: int | None) -> float:
    picture = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3)).astype(np.uint8)
    (method,) = methods([name], [], threads) if is_model else methods([], [name], threads)
    method.run(picture, 25 / 255)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def table(results: Sequence[Result]) -> str:
    """Lay results out as a Markdown table, a row a method, columns by level."""
    sigmas = list(dict.fromkeys(result.sigma for result in results))
    heads = ["real" if sigma is None else f"{sigma:g}" for sigma in sigmas]
    lines = [
        "| method | "
        + " | ".join(f"PSNR {head}" for head in heads)
        + " | "
        + " | ".join(f"SSIM {head}" for head in heads)
        + " | s/MP | peak MiB | kMAC/px |",
        "|---" * (2 * len(sigmas) + 4) + "|",
    ]
    for name in dict.fromkeys(result.method for result in results):
        own = {result.sigma: result for result in results if result.method == name}
        last = own[sigmas[-1]]
        cells = [name]
        cells += [f"{own[sigma].psnr:.2f}" for sigma in sigmas]
        cells += [f"{own[sigma].ssim:.4f}" for sigma in sigmas]
        cells.append(f"{np.median([r.seconds_per_megapixel for r in own.values()]):.3g}")
        cells.append("" if last.peak_mib is None else f"{last.peak_mib:.0f}")
        cells.append("" if last.kmac_per_pixel is None else f"{last.kmac_per_pixel:.1f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def to_json(results: Sequence[Any], about: dict[str, Any]) -> str:
    """Lay results, which are dataclasses, out as JSON, with what they are about."""
    rows = [{key: finite(value) for key, value in asdict(row).items()} for row in results]
    return json.dumps({**about, "results": rows}, indent=1, allow_nan=False)


def finite(value: Any) -> Any:
    """Return a value as JSON has it: infinity, the PSNR of equal pictures, becomes None."""
    if isinstance(value, dict):
        return {key: finite(entry) for key, entry in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
