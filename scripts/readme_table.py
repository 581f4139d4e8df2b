#!/usr/bin/env python3
"""Put the table of weights/benchmark.json into README.md, between its two markers."""

import re
from pathlib import Path

from imgae.evaluate.denoise import table
from imgae.evaluate.report import from_json

ROOT = Path(__file__).resolve().parent.parent
BETWEEN = re.compile(r"(?<=<!-- benchmark -->\n).*?(?=<!-- end -->)", re.DOTALL)


def stored_table():
    return table(from_json((ROOT / "weights" / "benchmark.json").read_text(), "sigma"))


def main():
    readme = ROOT / "README.md"
    text = BETWEEN.sub(lambda _: stored_table() + "\n", readme.read_text())
    readme.write_text(text)


if __name__ == "__main__":
    main()
