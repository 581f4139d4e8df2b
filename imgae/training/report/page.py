"""A page of runs: one HTML file without scripts, fonts or pictures from elsewhere."""

import base64
import io
import json
import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Final

import PIL.Image

import imgae
from imgae.training.report import reading
from imgae.training.report.charts import COLOURS, Series, chart
from imgae.training.report.reading import RunSeen
from imgae.training.report.style import STYLE

MOST_SHEETS: Final = 8
"""Previews of a run on the page; beside other runs, two: the first and the newest."""
QUALITY: Final = 88
"""Of the previews as WebP on the page; the files in previews/ lose nothing."""
MOST_LETTERS: Final = 200
"""Of a setting."""
FRAME: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="imgae {version}">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
<footer>Written by <code>imgae train report</code>, imgae {version}.</footer>
</body>
</html>
"""


def of(runs: Sequence[RunSeen]) -> str:
    """Return the page of one run, or of several: a table, their curves together, and each."""
    if len(runs) == 1:
        title, body = runs[0].name, about(runs[0], MOST_SHEETS, "h2")
    else:
        title = f"{len(runs)} runs"
        each = (
            f"<section><h2>{escape(one.name)}</h2>{about(one, 2, 'h3')}</section>" for one in runs
        )
        body = "\n".join([table(runs), warned(runs), legend(runs), together(runs), *each])
    return FRAME.format(
        title=escape(title), version=escape(imgae.__version__), style=STYLE, body=body
    )


def about(run: RunSeen, most_sheets: int, heading: str) -> str:
    """Return all of one run. heading: the element of what its parts are called."""
    words = " failed" if run.state in ("failed", "silent") else " quiet"
    parts = [f'<p class="state{words}">{escape(run.sentence)}</p>', facts(run)]
    if run.command:
        parts.append(f"<pre>{escape(run.command)}</pre>")
    if run.lost:
        parts.append(f'<p class="failed">{escape(run.lost)}.</p>')
    parts.append(curves(run))
    parts.append(sheets(run, most_sheets, heading))
    parts.append(data(run, heading))
    parts.append(numbers(run))
    return "\n".join(filter(None, parts))


def facts(run: RunSeen) -> str:
    """Return the figures that people ask for first."""
    best = run.best
    cells = [("task", run.task, f"variant {run.variant}")]
    if run.last is not None:
        cells.append((f"last {name_of(run)}", run.shown(run.last), ""))
    if best is not None:
        cells.append((f"best {name_of(run)}", run.shown(best[1]), f"at step {best[0]:,}"))
    if run.rival is not None:
        cells.append((f"{run.rival[0]}", run.shown(run.rival[1]), "on the same pictures"))
    losses = run.curve("loss")
    if losses:
        cells.append(("loss", f"{losses[-1][1]:.4g}", f"first {losses[0][1]:.4g}"))
    of_all = f"of {run.steps:,}" if run.steps else ""
    cells.append(("steps", f"{run.step:,}", of_all))
    if run.minutes is not None:
        cells.append(("minutes", f"{run.minutes:.1f}", ""))
    if run.pace is not None:
        cells.append(("images a second", f"{run.pace:,.0f}", "the median"))
    items = (
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(more)}</small></dd></div>"
        for name, value, more in cells
    )
    return f'<dl class="facts">{"".join(items)}</dl>'


def name_of(run: RunSeen) -> str:
    name = run.measure[0]
    return "PSNR" if name == "psnr" else name


def curves(run: RunSeen) -> str:
    """Return the charts of one run: validation, loss and its terms, rate, pace."""
    rivals, form = levels([run]), run.measure[1]
    scores = [Series(name_of(run), run.scores, dots=True), *rivals]
    drawn = [chart(title_of(f"validation, {name_of(run)}", rivals), scores, form=form)]
    drawn += [chart(term.replace("_", " "), [Series(term, run.curve(term), noisy=True)]) for term in
              run.terms]  # fmt: skip
    drawn.append(chart("learning rate", [Series("rate", run.curve("rate"), 2)]))
    pace = [Series("images a second", run.curve("images_per_second"), 3, noisy=True)]
    drawn.append(chart("images a second", pace))
    found = "\n".join(filter(None, drawn))
    return f'<div class="charts">{found}</div>' if found else ""


def title_of(title: str, rivals: Sequence[Series]) -> str:
    names = dict.fromkeys(one.name for one in rivals)
    return f"{title}; dashed: {', '.join(names)}" if names else title


def together(runs: Sequence[RunSeen]) -> str:
    """Return the runs' curves side by side: those that can be compared share a chart."""
    drawn = []
    for group in groups(runs):
        task, form = group[0][1].task, group[0][1].measure[1]
        title = f"{task}: validation, {name_of(group[0][1])}"
        rivals = levels(one for _, one in group)
        scores = [Series(one.name, one.scores, number, dots=True) for number, one in group]
        drawn.append(chart(title_of(title, rivals), [*scores, *rivals], form=form))
        if len(group) > 1:
            timed = [Series(one.name, by_minutes(one), number, dots=True) for number, one in group]
            drawn.append(chart(f"{title}, by time", timed, "minutes", form))
        losses = [Series(one.name, one.curve("loss"), number, noisy=True) for number, one in group]
        drawn.append(chart(f"{task}: loss", losses))
    found = "\n".join(filter(None, drawn))
    return f'<div class="charts">{found}</div>' if found else ""


def groups(runs: Sequence[RunSeen]) -> list[list[tuple[int, RunSeen]]]:
    """Return the runs, with their numbers, in groups of one task and one kind of score."""
    found: dict[tuple[str, str], list[tuple[int, RunSeen]]] = {}
    for number, one in enumerate(runs):
        found.setdefault((one.task, one.measure[0]), []).append((number, one))
    return list(found.values())


def levels(runs: Iterable[RunSeen]) -> list[Series]:
    """Return a line for each model, at its score, that runs are compared with."""
    seen = [(one.rival, one.scores) for one in runs]
    found = {rival: scores for rival, scores in seen if rival is not None and scores}
    return [
        Series(name, (scores[0], scores[-1]), COLOURS - 1, level=score)
        for (name, score), scores in found.items()
    ]


def by_minutes(run: RunSeen) -> list[tuple[float, float]]:
    """Return the scores over minutes, of lines that have both."""
    minutes = dict(run.curve("seconds"))
    return [(minutes[step] / 60, score) for step, score in run.scores if step in minutes]


def warned(runs: Sequence[RunSeen]) -> str:
    said = reading.incomparable(runs)
    return f'<p class="failed">{escape(said)}</p>' if said else ""


def legend(runs: Sequence[RunSeen]) -> str:
    items = (
        f'<li><svg viewBox="0 0 26 8" aria-hidden="true"><path class="line c{number % COLOURS} '
        f'd{number // COLOURS % 3}" d="M0 4H26"/></svg>{escape(one.name)}</li>'
        for number, one in enumerate(runs)
    )
    return f'<ul class="legend">{"".join(items)}</ul>'


def table(runs: Sequence[RunSeen]) -> str:
    """Return a row a run."""
    rows = []
    for run in runs:
        best = run.best
        rows.append([
            run.name,
            run.task,
            run.variant,
            f"{run.step:,}" + (f" of {run.steps:,}" if run.steps else ""),
            "-" if run.minutes is None else f"{run.minutes:.1f}",
            run.shown(run.last),
            f"{run.shown(best[1])} at {best[0]:,}" if best else "-",
            f"{run.shown(run.rival[1])} ({run.rival[0]})" if run.rival else "-",
            "-" if run.pace is None else f"{run.pace:,.0f}",
            run.state,
        ])  # fmt: skip
    heads = ("run", "task", "variant", "steps", "minutes", "last", "best", "compared with",
             "images a second", "state")  # fmt: skip
    return tabulated("all runs", heads, rows)


def tabulated(label: str, heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; label: what it is, for those who do not see it."""
    top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}"><table>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def sheets(run: RunSeen, most: int, heading: str) -> str:
    """Return previews at even distances, the first and the newest among them."""
    found = []
    third = "removed" if run.measure[0] == "gain" else "wanted"
    for step, path in spread(run.previews, most):
        source = picture(path)
        if source:
            found.append(
                f'<figure><img src="{source}" alt="Preview at step {step}: a row a picture, given, '
                f'made and {third}"><figcaption>step {step:,}</figcaption></figure>'
            )
    if not found:
        return ""
    return (
        f'<{heading} class="part">Previews <span class="quiet">of the validation: given, made by '
        f'the network, {third}</span></{heading}><div class="sheets">{"".join(found)}</div>'
    )


def spread(items: list[tuple[int, Path]], most: int) -> list[tuple[int, Path]]:
    """Return at most so many items, evenly spread, the first and the last among them."""
    if len(items) <= most:
        return items
    places = {round(number * (len(items) - 1) / (most - 1)) for number in range(most)}
    return [items[place] for place in sorted(places)]


def picture(path: Path) -> str:
    """Return a picture as a data URL; "" if it cannot be read."""
    data = io.BytesIO()
    try:
        with PIL.Image.open(path) as opened:
            opened.convert("RGB").save(data, "WEBP", quality=QUALITY)
    except Exception:  # a file cut short; Pillow's errors have no common base
        return ""
    return "data:image/webp;base64," + base64.b64encode(data.getvalue()).decode()


def data(run: RunSeen, heading: str) -> str:
    """Return what the run is trained on, and where."""
    words = [f"folders: {', '.join(run.folders)}"] if run.folders else []
    pictures = run.about.get("pictures")
    if isinstance(pictures, dict):
        words += [f"{value:,} {name.replace('_', ' ')}" for name, value in pictures.items()
                  if isinstance(value, int)]  # fmt: skip
    sessions = run.about.get("sessions")
    told = sessions if isinstance(sessions, list) else []
    rows = [list(map(cell_of, one.values())) for one in told if isinstance(one, dict)]
    text = ""
    if words:
        text = f'<{heading} class="part">Pictures</{heading}><p>{escape("; ".join(words))}</p>'
    if rows:
        heads = ("begun", "at step", "device", "threads", "format", "torch")
        text += f'<{heading} class="part">Sessions</{heading}>'
        text += tabulated(f"sessions of {run.name}", heads, rows)
    return text


def cell_of(value: object) -> str:
    """Return a value as text; times of UTC to the minute."""
    text = str(value)
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d\+00:00", text)
    return f"{found[1]} {found[2]} UTC" if found else text


def numbers(run: RunSeen) -> str:
    """Return the validations and the settings, folded away."""
    parts = []
    if run.scores:
        rows = [[f"{step:,}", run.shown(score)] for step, score in run.scores]
        table = tabulated(f"validations of {run.name}", ("step", name_of(run)), rows)
        parts.append(f"<details><summary>Every validation</summary>{table}</details>")
    rows = [[name, setting_of(value)] for name, value in run.config.items()]
    table = tabulated(f"settings of {run.name}", ("setting", "value"), rows)
    parts.append(f"<details><summary>All settings</summary>{table}</details>")
    return "".join(parts)


def setting_of(value: object) -> str:
    """Return a setting as text, not too long; folders and files by name only."""
    if isinstance(value, list):
        return ", ".join(map(setting_of, value))
    if isinstance(value, str):
        return Path(value).name or "-"
    text = json.dumps(value)
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]} ..."
