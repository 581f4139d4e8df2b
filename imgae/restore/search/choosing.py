"""Which pictures of an index a word names: by path, folder, or pattern."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from imgae.io.remote import SCHEME
from imgae.restore.batches.inputs import PATTERN

SIGNS: Final = re.compile(r"\[!?[^\]^][^\]]*\]|.", re.DOTALL)
"""A part of a pattern: letters in brackets, or one sign."""
ANY: Final = {"*": "[^/]*", "?": "[^/]"}


def chosen(paths: Sequence[str], word: str, folder: Path) -> set[str]:
    """Return the paths that a word names; of a folder, those below it.

    paths: absolute. word: as seen from the working directory, or else from the folder of the index,
    as paths are stored in it.
    """
    for base in (Path.cwd(), folder):
        name = word if SCHEME in word else os.path.normpath(base / word)
        if found := below(paths, name) or matching(paths, name):
            return found
    return set()


def below(paths: Sequence[str], name: str) -> set[str]:
    start = name if name.endswith("/") else f"{name}{os.sep if SCHEME not in name else '/'}"
    return {path for path in paths if path == name or path.startswith(start)}


def matching(paths: Sequence[str], pattern: str) -> set[str]:
    if not PATTERN.search(pattern):
        return set()
    try:
        fits = re.compile(expression_of(pattern)).fullmatch
    except re.error:  # letters in the wrong order
        return set()
    return {path for path in paths if fits(path.replace(os.sep, "/"))}


def expression_of(pattern: str) -> str:
    """Return a pattern of paths as a regular expression: * stays in a folder, ** goes into all."""
    parts = pattern.replace(os.sep, "/").split("/")
    if parts[-1] == "**":
        parts.append("*")
    inner = ["(?:[^/]+/)*" if part == "**" else f"{expression_of_name(part)}/" for part in parts]
    return "".join(inner).removesuffix("/")


def expression_of_name(pattern: str) -> str:
    """Return a pattern of names as a regular expression."""
    found = []
    for sign in SIGNS.findall(pattern):
        if sign in ANY:
            found.append(ANY[sign])
        elif len(sign) > 1:
            inside = sign[1:-1].replace("\\", "\\\\").replace("[", "\\[")
            found.append(f"[{'^' if inside[0] == '!' else ''}{inside.removeprefix('!')}]")
        else:
            found.append(re.escape(sign))
    return "".join(found)
