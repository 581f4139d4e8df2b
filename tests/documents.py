"""The documents as data: pages, code blocks, command lines, links. Tests share it."""

import itertools
import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
GUIDES = sorted((ROOT / "docs").rglob("*.md"))
CARDS = [ROOT / "weights" / name for name in ("README.md", "CONTRACT.md", "FAMILY.md")]
OTHERS = [ROOT / name for name in ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md")]
PAGES = [README, *GUIDES, *CARDS, ROOT / "examples" / "README.md", *OTHERS]
"""Every page but the ledger, weights/EXPERIMENTS.md, which is a record of its time."""
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name_of(page):
    return str(page.relative_to(ROOT))


def blocks(page, language):
    return [text for kind, text in FENCED.findall(page.read_text()) if kind == language]


def prose(page):
    """The page without its fenced blocks."""
    return FENCED.sub("", page.read_text())


def inline_code(page):
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose(page))]


STANDS_FOR = {"TASK": "denoise", "PICTURE": "picture.png", "LEVEL": "25", "NAME": "denoise-fast"}
"""Words in capitals, and what a reader might put there."""


def commands(page):
    """Every imgae command line of a page, as words; `a|b` in a command's name is two commands."""
    lines = [line for text in blocks(page, "") for line in text.splitlines()]
    lines += inline_code(page)
    found = set()
    for line in lines:
        if line.startswith("imgae ") and "->" not in line:
            words = [STANDS_FOR.get(w, w) for w in shlex.split(line, comments=True)[1:]]
            choices = [
                word.split("|") if re.fullmatch(r"[a-z|]+", word) else [word] for word in words
            ]
            found |= set(itertools.product(*choices))
    return sorted(found)


def links(page):
    """The targets of every link and picture of a page."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))


def anchors(page):
    """What a link may name after #: headings, lower case, with hyphens."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def first_cells(page):
    """The first cell of every row of every table of a page."""
    return re.findall(r"^\| *(.*?) *(?<!\\)\|", prose(page), re.MULTILINE)


def rows(page):
    """Every row of every table of a page, as cells."""
    lines = re.findall(r"^\|(.*)\|$", prose(page), re.MULTILINE)
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)] for line in lines]
