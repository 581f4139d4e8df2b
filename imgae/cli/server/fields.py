"""The fields of a request as the options of a command, checked by the command's own parser.

A field has the name of its option, without the dashes in front of it.
"""

import argparse
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NoReturn

from imgae.cli import denoise, inpaint, mask
from imgae.cli.mask_options import ALPHA, CORNERS, SOURCES, check_mask
from imgae.cli.server.quoting import quoted, shortened
from imgae.errors import ImgaeError, OptionError
from imgae.picture.tiling import Box

Given = Mapping[str, str | Sequence[str]]
"""What a request says: a text by the name of its field, or several."""

PARSERS: Final = {
    "denoise": denoise.add_parser,
    "inpaint": inpaint.add_parser,
    "mask": mask.add_parser,
}
MARKING: Final = (
    "mask", "invert-mask", "threshold", "label", "box", "polygon", "color", "tolerance", "detect",
    "sensitivity", "within", "dilate",
)  # fmt: skip
WRITING: Final = ("format", "quality", "cmyk", "strip-metadata", "max-pixels")
FIELDS: Final = {
    "denoise": (
        "model", "sigma", "strength", "luma", "chroma", "detail", "grain", *WRITING,
    ),
    "inpaint": (
        *MARKING, "feather", "no-texture", "no-grain", "from-box", "seed", "keep-alpha", "denoise",
        "sigma", "model", *WRITING,
    ),
    "mask": (*MARKING, "max-pixels"),
}  # fmt: skip
"""Those that are options of the command, by the kind of request."""
OTHERS: Final = {"denoise": ("crop", "draft"), "inpaint": ("strokes",), "mask": ("strokes",)}
"""Fields that are no options."""
FILES: Final = {"denoise": (), "inpaint": ("mask", "protect", "avoid"), "mask": ("mask", "protect")}
MOST_CROP: Final = 1024
"""Pixels of a side of a part."""
MOST_TIMES: Final = 100
"""How often a field is given."""


class Strict(argparse.ArgumentParser):
    """Raises an OptionError where another parser would end the program."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(in_words(message))


@lru_cache
def parser_of(kind: str) -> argparse.ArgumentParser:
    """Return the parser of a command."""
    commands: Any = Strict(add_help=False).add_subparsers()
    return PARSERS[kind](commands)


def actions_of(kind: str, names: Sequence[str] | None = None) -> dict[str, argparse.Action]:
    """Return options of a command by their names: those of these names, or all that are fields."""
    known = {
        option.removeprefix("--"): action
        for action in parser_of(kind)._actions  # noqa: SLF001 - argparse has no other way
        for option in action.option_strings
    }
    return {name: known[name] for name in (FIELDS[kind] if names is None else names)}


def takes_several(action: argparse.Action) -> bool:
    """Return whether a field may be given several times."""
    return isinstance(action.default, list)


def is_switch(action: argparse.Action) -> bool:
    return action.nargs == 0


def plain(given: Given) -> dict[str, list[str]]:
    """Return fields by the names of options; an underscore counts as a hyphen."""
    found: dict[str, list[str]] = {}
    for name, value in given.items():
        texts = [value] if isinstance(value, str) else list(value)
        found.setdefault(name.replace("_", "-"), []).extend(texts)
    return found


def options_of(
    kind: str, given: Mapping[str, Sequence[str]], files: Mapping[str, Path], *, drawn: bool = False
) -> argparse.Namespace:
    """Return the options that a command line with these fields would have.

    given: as `plain` returns them. files: masks, by the name of the field. drawn: whether there are
    strokes. Raises OptionError for a field that there is not, or a value that is none of its own.
    """
    actions = actions_of(kind)
    check_names(kind, given, files)
    words = ["picture"]
    for name, texts in given.items():
        if name in actions:
            words += words_of(name, texts, actions[name])
    words += [f"--{name}={path}" for name, path in files.items()]
    options = parser_of(kind).parse_args(words)
    options.quiet = True
    if kind != "denoise":
        check_marking(options, drawn)
    if kind == "inpaint":
        inpaint.check_filling(options)
    return options


def check_names(kind: str, given: Mapping[str, Sequence[str]], files: Mapping[str, Path]) -> None:
    """Raise OptionError for fields that there are not, and for what is given twice."""
    known, actions = (*FIELDS[kind], *OTHERS[kind]), actions_of(kind)
    for name, texts in given.items():
        if name not in known:
            more = "is a file" if name in FILES[kind] else "is no field of this request"
            raise OptionError(f"{quoted(name)} {more}; the fields are: {', '.join(known)}")
        if len(texts) > 1 and not (name in actions and takes_several(actions[name])):
            raise OptionError(f"{name}: is given {len(texts)} times; give it once")
        if len(texts) > MOST_TIMES:
            raise OptionError(f"{name}: is given {len(texts)} times; {MOST_TIMES} is the most")
    for name in files:
        if name not in FILES[kind]:
            raise OptionError(f"{quoted(name)} is no file that this request takes")
        if name in given:
            raise OptionError(f"{name}: is given as a file and as a text; leave one out")


def words_of(name: str, texts: Sequence[str], action: argparse.Action) -> list[str]:
    """Return the words of a command line for a field. Raises OptionError for a wrong switch."""
    if name == "mask" and list(texts) != [ALPHA]:
        raise OptionError(f"mask: is a file, or the word {ALPHA}, for what is not opaque")
    if is_switch(action):
        return [f"--{name}"] if is_true(name, texts) else []
    if name == "polygon":
        texts = [CORNERS.join(text.replace(CORNERS, " ").split()) for text in texts]
    return [f"--{name}={text}" for text in texts]


def is_true(name: str, texts: Sequence[str]) -> bool:
    """Read a switch. Raises OptionError."""
    if texts[0] not in ("true", "false"):
        raise OptionError(f"{name}: {quoted(texts[0])} is neither true nor false")
    return texts[0] == "true"


def check_marking(options: argparse.Namespace, drawn: bool) -> None:
    """Raise OptionError if nothing marks anything, or what does so does not go together."""
    if not (drawn or any(getattr(options, name) for name in SOURCES)):
        raise OptionError(
            "nothing says what to mark: give mask, strokes, box, polygon, color or detect"
        )
    check_mask(options, drawn=drawn)


def crop_of(text: str) -> Box:
    """Read a part of a picture. Raises OptionError."""
    found = re.fullmatch(r"(\d{1,9}),(\d{1,9}),(\d{1,9}),(\d{1,9})", text, re.ASCII)
    if not found:
        raise OptionError(f"crop: {quoted(text)} is not left, top, width and height")
    left, top, width, height = map(int, found.groups())
    if not (1 <= width <= MOST_CROP and 1 <= height <= MOST_CROP):
        raise OptionError(f"crop: is {width}x{height}; it may be 1 to {MOST_CROP} pixels a side")
    return Box(top, left, top + height, left + width)


def in_words(sentence: str, names: Mapping[str, str] | None = None) -> str:
    """Return a sentence of the command line as one about fields.

    names: what to call the files in it, by their paths.
    """
    for path in sorted(names or {}, key=len, reverse=True):
        sentence = sentence.replace(path, (names or {})[path])
    sentence = re.sub(r"^argument (\S+): ", r"\1: ", sentence)
    sentence = re.sub(r" \([a-z_]+=\.\.\.\)", "", sentence)
    sentence = re.sub(r"; allow more with --max-(pixels|memory)", "; make it smaller", sentence)
    sentence = re.sub(r"(?<![\w-])--(?=[a-z])", "", sentence)
    return shortened(sentence)


@contextmanager
def told_of(names: Mapping[Path, str]) -> Iterator[Callable[[str], str]]:
    """Have an ImgaeError inside speak of fields; yield what does so with other sentences.

    names: what to call files, by where they lie.
    """
    known = {str(path): name for path, name in names.items()}
    try:
        yield lambda sentence: in_words(sentence, known)
    except ImgaeError as error:
        raise type(error)(in_words(str(error), known)) from error
