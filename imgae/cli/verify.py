"""`imgae verify`."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from imgae.cli.options import Commands, new_parser
from imgae.cli.output import result, say
from imgae.errors import WeightsError, needs_extra
from imgae.model import registry

if TYPE_CHECKING:
    from imgae.model.verify.report import Check

MORE = """\
A file is judged before it is run, in a process of its own: files beside it, custom operators,
absurd sizes are refused. Then its card, its hash, stride and halo, tiles against the whole picture,
level 0, flat pictures, and the output stored in it when it was made. What a card says of training,
data, licence and scores is taken on trust. The exit code is 1 if anything fails.
"""


def add_parser(commands: Commands) -> None:
    parser = new_parser(commands, "verify", "Check that model files do what their cards say.", MORE)
    add = parser.add_argument
    add("models", nargs="+", metavar="MODEL", help="what `imgae models` lists, or .onnx files")
    add("--json", action="store_true", help="one JSON object a file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from imgae.model.verify.report import Check, printable
    from imgae.model.verify.worker import verify

    with needs_extra("verify", "verifying"):
        import onnx  # noqa: F401 - told before a process is started for it
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
