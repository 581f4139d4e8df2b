#!/usr/bin/env python3
"""Put the table of weights/benchmark.json into README.md, between its two markers."""

import json
import re
from pathlib import Path

from imgae.evaluate.denoise import Result, table

ROOT = Path(__file__).resolve().parent.parent
BETWEEN = re.compile(r"(?<=<!-- benchmark -->\n).*?(?=<!-- end -->)", re.DOTALL)


def stored_table():
    stored = json.loads((ROOT / "weights" / "benchmark.json").read_text())
    return table([Result(**result) for result in stored["results"]])


def main():
    readme = ROOT / "README.md"
    text = BETWEEN.sub(lambda _: stored_table() + "\n", readme.read_text())
    readme.write_text(text)


if __name__ == "__main__":
    main()
