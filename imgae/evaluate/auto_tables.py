"""The tables of `imgae evaluate auto`."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from imgae.evaluate import camera
from imgae.evaluate.camera import CLEAN
from imgae.evaluate.protocol import Result
from imgae.evaluate.report import markdown

VISIBLE: Final = 45.0
"""dB: an error of 1.4 8-bit levels. `camera` counts up to 42."""
GONE: Final = 10
"""8-bit levels from the reference at which an impulse counts as gone."""
AUTO: Final = "no options"
TOLD: Final = "level given"


def changes(results: Sequence[Result], *, totals: bool = True) -> str:
    """Lay changes out: a row a condition, and with totals a row for all of its group.

    for white: how many were taken for pictures with white noise. to told: by how much the change
    without options differs from that with the level given, mean and worst.
    """
    heads = ["pictures", "n", "in", "out, no limit", "change", "worst", "made worse", "for white"]
    rows = []
    auto = [result for result in results if result.method == AUTO]
    told = {result.condition: result for result in results if result.method == TOLD}
    heads += ["to told", "worst"] if told else []
    groups = list(dict.fromkeys(group_of(result) for result in auto))
    for group in groups:
        own = [result for result in auto if group_of(result) == group]
        rows += [row_of(str(result.condition), [result], told) for result in own]
        if totals:
            rows.append(row_of(f"{group}: all", own, told))
    return markdown(heads, rows) + f"\n\nPSNR counts up to {VISIBLE:g} dB, except in out, no limit"


def drawn_pictures(results: Sequence[Result]) -> str:
    """Lay changes out, and say what became of the clean pictures."""
    clean = [result for result in results if group_of(result) == CLEAN]
    count = sum(len(result.pictures) for result in clean)
    worse = sum(map(camera.harmed, clean))
    white = sum(round(result.value("white") * len(result.pictures)) for result in clean)
    return (
        f"{changes(results)}\n\n{worse} of {count} clean pictures ({worse / count:.1%}) are made "
        f"worse by more than {camera.HARM:g} dB, {white} are taken for pictures with white noise"
    )


def group_of(result: Result) -> str:
    return str(result.condition).partition(": ")[0]


def row_of(name: str, own: Sequence[Result], told: dict[Any, Result]) -> list[str]:
    """Return the cells of results without options together, beside those of the level given."""
    counts = [len(result.pictures) for result in own]
    found = [change for result in own for change in result.pictures.values()]
    before, out, white = (
        np.average([result.value(key) for result in own], weights=counts)
        for key in ("before", "psnr", "white")
    )
    row = [name, str(sum(counts)), f"{before:.2f}", f"{out:.2f}" if np.isfinite(out) else "same"]
    row += [f"{np.mean(found):+.2f}", f"{min(found):+.2f}"]
    row += [str(sum(map(camera.harmed, own))), str(round(white * sum(counts)))]
    differences = [
        change - told[result.condition].pictures[picture]
        for result in own
        if result.condition in told
        for picture, change in result.pictures.items()
    ]
    if differences:
        row += [f"{np.mean(differences):+.2f}", f"{min(differences):+.2f}"]
    elif told:
        row += ["", ""]
    return row


def impulses(results: Sequence[Result]) -> str:
    gone = "\n".join(
        f"{result.condition}: {result.value('gone'):.1%} of them within {GONE} levels of what was "
        f"there" + (f", {light:.3f} of a star's light left" if light is not None else "")
        for result in results
        for light in [result.figures.get("light")]
    )
    return f"{changes(results, totals=False)}\n\n{gone}"


def means(results: Sequence[Result]) -> str:
    heads = ["pictures", "n", "shift of means, levels", "largest"]
    rows = [
        [
            str(result.condition),
            str(len(result.pictures)),
            f"{result.mean:.3f}",
            f"{max(result.pictures.values()):.3f}",
        ]
        for result in results
    ]
    return markdown(heads, rows)


def strengths(results: Sequence[Result]) -> str:
    """Lay strengths out: what they remove, and from how many pictures more than the one before."""
    rows = []
    for number, result in enumerate(results):
        before = results[number - 1].pictures if number else {}
        more = sum(removed > before[name] for name, removed in result.pictures.items() if before)
        rows.append(
            [
                result.method,
                f"{result.value('change'):+.2f}",
                f"{result.mean:.2f}",
                f"{more} of {len(result.pictures)}" if number else "",
            ]
        )
    return markdown(["strength", "change", "removed, levels", "more than before"], rows)
