"""`imgae verify`."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from imgae.cli.options import Commands, new_parser
from imgae.cli.output import result, say
from imgae.errors import WeightsError, needs_extra
from imgae.model import registry

if TYPE_CHECKING:
    from imgae.model.verify.report import Check

MORE = """\
First the file is judged without running it: it may need no other file, use no custom operators and
have no absurd sizes. Then it is run, in a process of its own, and its card, hash, stride, halo and
tiles are checked, what it does to flat pictures, and whether it repeats the output that was stored
at export. What a card says of training, data, licence and scores is taken on trust.
The exit code is 1 if any check fails.
"""


def add_parser(commands: Commands) -> None:
    parser = new_parser(
        commands, "verify", "Check that model files are safe, and do what their cards say.", MORE
    )
    add = parser.add_argument
    add(
        "models",
        nargs="+",
        metavar="MODEL",
        help="a name that `imgae models` lists, or an .onnx file",
    )
    add("--json", action="store_true", help="one JSON object a file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from imgae.model.verify.report import Check, printable
    from imgae.model.verify.worker import verify

    with needs_extra("verify", "verifying"):
        if find_spec("onnx") is None:  # the worker loads it, which takes a second
            raise ModuleNotFoundError(name="onnx")
    failed = False
    for model in options.models:
        try:
            path, missing = registry.find(model), ""
        except WeightsError as error:
            path, missing = Path(model), printable(str(error))
        checks = [Check("file", passed=False, finding=missing)] if missing else verify(path)
        good = all(check.passed for check in checks)
        failed = failed or not good
        if options.json:
            record = {"path": str(path), "passed": good, "checks": [asdict(c) for c in checks]}
            result(json.dumps(record))
        elif missing:
            say(f"imgae: {missing}", sys.stderr)
        else:
            show(printable(str(path)), checks, good)
    return int(failed)


def show(path: str, checks: Sequence["Check"], good: bool) -> None:
    result(f"{path}: {'passes' if good else 'FAILS'}")
    width = max(len(check.name) for check in checks)
    for check in checks:
        word = {True: "pass", False: "FAIL", None: "-"}[check.passed]
        result(f"  {check.name:{width}}  {word:4}  {check.finding}")
