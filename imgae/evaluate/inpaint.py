"""Fills measured on seeded holes, beside each other: quality in the holes, and time.

Masks are those of `holes.benchmark_mask`, by kind and number of the picture in its folder.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgae.errors import ImageError, OptionError, warn
from imgae.evaluate.baselines import FILLS
from imgae.picture.metrics import detail_ratio, patch_distance, psnr, seam_ratio, ssim
from imgae.restore.inpaint import Inpainter
from imgae.synthetic.masks import BENCHMARK, benchmark_mask

Fill = Callable[[NDArray[np.uint8], NDArray[np.bool_]], NDArray[np.uint8]]
LARGE: Final = ("box96",)
"""Kinds whose holes are wide enough for the measures of texture."""
SMALLEST: Final = 7
"""Pixels on a side that SSIM needs."""

COLUMNS: Final = (
    ("PSNR in holes", "hole_psnr", ".2f"),
    ("over best classical", "gain", "+.2f"),
    ("PSNR", "psnr", ".2f"),
    ("SSIM", "ssim", ".4f"),
    ("s/MP", "seconds_per_megapixel", ".3g"),
    ("patch distance", "patch_distance", ".2f"),
    ("detail", "detail_ratio", ".2f"),
    ("seam", "seam_ratio", ".2f"),
)
"""Of the table: head, what of a FillResult, format; the last three for large holes only."""


@dataclass(frozen=True)
class FillResult:
    """What one method reached on one kind of hole; means over the pictures.

    hole_psnr: over the pixels of the holes; psnr, ssim: over the picture.
    gain: of hole_psnr over the best classical fill for each picture of the same run.
    seconds_per_megapixel: of the whole picture.
    patch_distance, detail_ratio, seam_ratio: see metrics; for large holes only.
    pictures: hole_psnr by picture.
    What does not apply is None; of the method "truth", all but the measures of texture.
    """

    method: str
    kind: str
    hole_psnr: float | None = None
    gain: float | None = None
    psnr: float | None = None
    ssim: float | None = None
    seconds_per_megapixel: float | None = None
    patch_distance: float | None = None
    detail_ratio: float | None = None
    seam_ratio: float | None = None
    pictures: dict[str, float] = field(default_factory=dict)


def fills(
    models: Sequence[str], against: Sequence[str], threads: int | None, device: str = "auto"
) -> dict[str, Fill]:
    """Build the methods to compare. Raises OptionError if a classical one is unknown."""
    found: dict[str, Fill] = {}
    for name in models:
        found[Path(name).stem] = Inpainter(name, threads=threads, device=device)
    for name in against:
        if name not in FILLS:
            raise OptionError(f"no fill is called {name!r}; there are: {', '.join(FILLS)}")
        found[name] = FILLS[name]
    return found


def check_kinds(kinds: Sequence[str]) -> None:
    """Raise OptionError unless all are kinds of holes."""
    for kind in kinds:
        if kind not in BENCHMARK:
            known = ", ".join(BENCHMARK)
            raise OptionError(f"no kind of hole is called {kind!r}; there are: {known}")


def run_kind(
    methods: dict[str, Fill], pictures: Sequence[tuple[str, NDArray[np.uint8]]], kind: str
) -> list[FillResult]:
    """Fill holes of one kind in all pictures, (H, W, 3), by every method.

    For large holes, models are also measured without the texture stage, and the truth itself is.
    Pictures too small for the kind are left out, with an ImgaeWarning. Raises ImageError if none
    is left.
    """
    check_kinds([kind])
    large = kind in LARGE
    if large:
        methods = {**methods, **without_texture(methods)}
    cases = list(cases_of(pictures, kind))
    if not cases:
        raise ImageError(f"no picture is large enough for holes of the kind {kind}")
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in methods}
    for fill in methods.values():
        fill(*cases[0][2:])  # what loads at first is not to be timed
    for name, clean, holed, mask in cases:
        for method, fill in methods.items():
            started = time.perf_counter()
            filled = fill(holed, mask)
            seconds = time.perf_counter() - started
            row = measure(filled, clean, mask)
            if large:
                row |= measure_texture(filled, mask)
            rows[method].append({"name": name, "seconds": seconds, "pixels": mask.size, **row})
    classical = [name for name in methods if name in FILLS]
    best = [max((rows[name][i]["hole_psnr"] for name in classical), default=np.nan)
            for i in range(len(cases))]  # fmt: skip
    results = [summarise(method, kind, rows[method], best) for method in methods]
    if large:
        texture = [measure_texture(clean, mask) for _, clean, _, mask in cases]
        means: dict[str, Any] = {key: mean_of(texture, key) for key in texture[0]}
        results.append(FillResult("truth", kind, **means))
    return results


def cases_of(
    pictures: Sequence[tuple[str, NDArray[np.uint8]]], kind: str
) -> Iterator[tuple[str, NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_]]]:
    """Yield name, picture, picture with holes, and their mask, of all pictures that can hold it."""
    for number, (name, clean) in enumerate(pictures):
        holed, mask = with_holes(clean, kind, number)
        if min(clean.shape[:2]) < SMALLEST or mask.all() or not mask.any():
            warn(f"{name}: too small for holes of the kind {kind}; left out")
        else:
            yield name, clean, holed, mask


def without_texture(methods: dict[str, Fill]) -> dict[str, Fill]:
    return {
        f"{name}, smooth": partial(fill, texture=False)
        for name, fill in methods.items()
        if isinstance(fill, Inpainter)
    }


def with_holes(
    clean: NDArray[np.uint8], kind: str, number: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return picture `number` of a folder, black in the holes of a kind, and their mask."""
    mask = benchmark_mask(kind, number, *clean.shape[:2])
    return np.where(mask[:, :, None], np.uint8(0), clean), mask


def measure(
    filled: NDArray[np.uint8], clean: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> dict[str, float]:
    return {
        "hole_psnr": psnr(filled[mask], clean[mask], 255),
        "psnr": psnr(filled, clean, 255),
        "ssim": ssim(filled, clean),
    }


def measure_texture(filled: NDArray[np.uint8], mask: NDArray[np.bool_]) -> dict[str, float]:
    return {
        "patch_distance": patch_distance(filled, mask),
        "detail_ratio": detail_ratio(filled, mask),
        "seam_ratio": seam_ratio(filled, mask),
    }


def mean_of(rows: Sequence[dict[str, Any]], key: str) -> float:
    return float(np.mean([row[key] for row in rows]))


def summarise(method: str, kind: str, rows: list[dict[str, Any]], best: list[float]) -> FillResult:
    means: dict[str, Any] = {
        key: mean_of(rows, key) for key in rows[0] if key not in ("name", "seconds", "pixels")
    }
    gain = np.mean([row["hole_psnr"] - top for row, top in zip(rows, best, strict=True)])
    return FillResult(
        method,
        kind,
        gain=None if np.isnan(gain) else float(gain),
        seconds_per_megapixel=mean_of(rows, "seconds") / mean_of(rows, "pixels") * 1e6,
        pictures={row["name"]: row["hole_psnr"] for row in rows},
        **means,
    )


def table(results: Sequence[FillResult]) -> str:
    """Lay results out as a Markdown table for each kind of hole."""
    lines: list[str] = []
    for kind in dict.fromkeys(result.kind for result in results):
        own = [result for result in results if result.kind == kind]
        texture = own[0].patch_distance is not None
        columns = COLUMNS if texture else COLUMNS[:5]
        heads = [head for head, _, _ in columns]
        lines += ["", f"| {kind} | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
        for result in own:
            values = [(getattr(result, name), form) for _, name, form in columns]
            cells = ["" if value is None else format(value, form) for value, form in values]
            lines.append("| " + " | ".join([result.method, *cells]) + " |")
    return "\n".join(lines[1:])
