"""Results as Markdown tables and as JSON."""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from imgae.evaluate.protocol import Result, finite


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay cells out as a Markdown table."""
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def cell(value: float | None, form: str) -> str:
    """Return a figure in a format; nothing where it was not measured."""
    return "" if value is None or math.isnan(value) else format(value, form)


def to_json(
    results: Sequence[Result],
    about: dict[str, Any],
    condition: str = "condition",
    pictures: str = "pictures",
) -> str:
    """Lay results out as JSON, with what they are about.

    condition, pictures: the keys that these fields of a Result have in a row.
    """
    rows = [
        {
            "method": result.method,
            condition: result.condition,
            **{name: finite(value) for name, value in result.figures.items()},
            pictures: {name: finite(value) for name, value in result.pictures.items()},
        }
        for result in results
    ]
    return json.dumps({**about, "results": rows}, indent=1, allow_nan=False)


def from_json(text: str, condition: str = "condition", pictures: str = "pictures") -> list[Result]:
    """Return the results of what `to_json` wrote."""
    found = []
    for row in json.loads(text)["results"]:
        method, common, by_picture = (row.pop(key) for key in ("method", condition, pictures))
        found.append(Result(method, common, row, by_picture))
    return found
