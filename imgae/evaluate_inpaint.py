"""Fills measured on seeded holes, beside each other: quality in the holes, and time.

Masks are those of `holes.benchmark_mask`, by kind and number of the picture in its folder.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import OptionError
from imgae.fills import FILLS
from imgae.holes import BENCHMARK, benchmark_mask
from imgae.inpaint import Inpainter
from imgae.metrics import detail_ratio, patch_distance, psnr, seam_ratio, ssim

Fill = Callable[[NDArray[np.uint8], NDArray[np.bool_]], NDArray[np.uint8]]
LARGE: Final = ("box96",)
"""Kinds whose holes are wide enough for the measures of texture."""


@dataclass(frozen=True)
class FillResult:
    """What one method reached on one kind of hole; means over the pictures.

    hole_psnr: over the pixels of the holes; psnr, ssim: over the picture.
    gain: of hole_psnr over the best classical fill for each picture of the same run.
    patch_distance, detail_ratio, seam_ratio: see metrics; for large holes only.
    pictures: hole_psnr by picture.
    """

    method: str
    kind: str
    hole_psnr: float
    gain: float | None
    psnr: float
    ssim: float
    seconds_per_megapixel: float
    patch_distance: float | None = None
    detail_ratio: float | None = None
    seam_ratio: float | None = None
    pictures: dict[str, float] = field(default_factory=dict)


def fills(models: Sequence[str], against: Sequence[str], threads: int | None) -> dict[str, Fill]:
    """Build the methods to compare. Raises OptionError if a classical one is unknown."""
    found: dict[str, Fill] = {}
    for name in models:
        inpainter = Inpainter(name, threads=threads)
        found[inpainter.model.card.name] = inpainter
    for name in against:
        if name not in FILLS:
            raise OptionError(f"no fill is called {name!r}; there are: {', '.join(FILLS)}")
        found[name] = FILLS[name]
    return found


def run_kind(
    methods: dict[str, Fill], pictures: Sequence[tuple[str, NDArray[np.uint8]]], kind: str
) -> list[FillResult]:
    """Fill holes of one kind in all pictures, (H, W, 3), by every method and by the truth."""
    if kind not in BENCHMARK:
        raise OptionError(f"no kind of hole is called {kind!r}; there are: {', '.join(BENCHMARK)}")
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in methods}
    for number, (name, clean) in enumerate(pictures):
        holed, mask = with_holes(clean, kind, number)
        for method, fill in methods.items():
            started = time.perf_counter()
            filled = fill(holed, mask)
            seconds = time.perf_counter() - started
            row = measure(filled, clean, mask, texture=kind in LARGE)
            rows[method].append({"name": name, "seconds": seconds, "pixels": mask.size, **row})
    classical = [name for name in methods if name in FILLS]
    best = [max((rows[name][i]["hole"] for name in classical), default=np.nan)
            for i in range(len(pictures))]  # fmt: skip
    return [summarise(method, kind, rows[method], best) for method in methods]


def with_holes(
    clean: NDArray[np.uint8], kind: str, number: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return picture `number` of a folder, black in the holes of a kind, and their mask."""
    mask = benchmark_mask(kind, number, *clean.shape[:2])
    return np.where(mask[:, :, None], np.uint8(0), clean), mask


def measure(
    filled: NDArray[np.uint8], clean: NDArray[np.uint8], mask: NDArray[np.bool_], texture: bool
) -> dict[str, float]:
    row = {
        "hole": psnr(filled[mask], clean[mask], 255),
        "psnr": psnr(filled, clean, 255),
        "ssim": ssim(filled, clean),
    }
    if texture:
        row["patch_distance"] = patch_distance(filled, mask)
        row["detail_ratio"] = detail_ratio(filled, mask)
        row["seam_ratio"] = seam_ratio(filled, mask)
    return row


def summarise(method: str, kind: str, rows: list[dict[str, Any]], best: list[float]) -> FillResult:
    def mean(key: str) -> float | None:
        return float(np.mean([row[key] for row in rows])) if key in rows[0] else None

    gain = float(np.mean([row["hole"] - top for row, top in zip(rows, best, strict=True)]))
    own, whole, likeness = mean("hole"), mean("psnr"), mean("ssim")
    assert own is not None
    assert whole is not None
    assert likeness is not None
    return FillResult(
        method,
        kind,
        own,
        None if np.isnan(gain) else gain,
        whole,
        likeness,
        sum(row["seconds"] for row in rows) / sum(row["pixels"] for row in rows) * 1e6,
        mean("patch_distance"),
        mean("detail_ratio"),
        mean("seam_ratio"),
        {row["name"]: row["hole"] for row in rows},
    )


def table(results: Sequence[FillResult]) -> str:
    """Lay results out as a Markdown table for each kind of hole."""
    lines: list[str] = []
    for kind in dict.fromkeys(result.kind for result in results):
        own = [result for result in results if result.kind == kind]
        texture = own[0].patch_distance is not None
        heads = ["PSNR in holes", "over best classical", "PSNR", "SSIM", "s/MP"]
        heads += ["patch distance", "detail", "seam"] if texture else []
        lines += ["", f"| {kind} | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
        for result in own:
            gain = "" if result.gain is None else f"{result.gain:+.2f}"
            cells = [result.method, f"{result.hole_psnr:.2f}", gain, f"{result.psnr:.2f}"]
            cells += [f"{result.ssim:.4f}", f"{result.seconds_per_megapixel:.3g}"]
            if texture:
                cells += [f"{result.patch_distance:.2f}", f"{result.detail_ratio:.2f}",
                          f"{result.seam_ratio:.2f}"]  # fmt: skip
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines[1:])
