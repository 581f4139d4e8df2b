#!/usr/bin/env python3
"""Store the output that `imgae verify` compares with, in model files that have none or another.

Only for files that are trusted to be right: what they give here is what they must give from now on.
"""

import argparse
import sys
from pathlib import Path

from imgae.model.session import first_line
from imgae.model.verify.reference import add_reference

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("models", nargs="+", type=Path, metavar="FILE.onnx")
for path in parser.parse_args().models:
    try:
        add_reference(path)
    except Exception as error:  # a strange file can make anything fail
        sys.exit(f"{path}: {first_line(error).removeprefix(f'{path}: ')}")
