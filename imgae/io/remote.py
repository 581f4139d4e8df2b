"""Places that are no files of this machine: buckets and servers, by universal-pathlib."""

from pathlib import Path
from typing import Any, TypeAlias

Place: TypeAlias = Path | Any
