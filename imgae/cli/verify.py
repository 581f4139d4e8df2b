"""`imgae verify`."""

import argparse
import json
import sys
from dataclasses import asdict

from imgae import weights
from imgae.cli.options import Commands, new_parser
from imgae.cli.output import result, say
from imgae.errors import TrainingUnavailable, WeightsError

MORE = """\
A file is judged before it is run: files beside it, custom operators, absurd sizes are refused.
Then its card, its hash, stride and halo, tiles against the whole picture, level 0, flat pictures,
and the output stored in it when it was made. The exit code is 1 if anything fails.
"""


def add_parser(commands: Commands) -> None:
    parser = new_parser(commands, "verify", "Prove that model files do what their cards say.", MORE)
    add = parser.add_argument
    add("models", nargs="+", metavar="MODEL", help="what `imgae models` lists, or .onnx files")
    add("--json", action="store_true", help="one JSON object a file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    try:
        from imgae.verify import verify
    except ImportError as error:
        raise TrainingUnavailable(
            f"verifying needs {error.name}; install it with: pip install '.[train]'"
        ) from error
    failed = False
    for model in options.models:
        try:
            path = weights.find(model)
        except WeightsError as error:
            say(f"imgae: {error}", sys.stderr)
            failed = True
            continue
        checks = verify(path)
        good = all(check.passed for check in checks)
        failed = failed or not good
        if options.json:
            record = {"path": str(path), "passed": good, "checks": [asdict(c) for c in checks]}
            result(json.dumps(record))
            continue
        result(f"{path}: {'passes' if good else 'FAILS'}")
        width = max(len(check.name) for check in checks)
        for check in checks:
            word = {True: "pass", False: "FAIL", None: "-"}[check.passed]
            result(f"  {check.name:{width}}  {word:4}  {check.finding}")
    return int(failed)
