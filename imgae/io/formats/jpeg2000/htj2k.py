"""JPEG 2000 of high throughput (HTJ2K) in JPH files, which are read as JP2 files are."""

from typing import Final

from imgae.io.format import Format
from imgae.io.formats.jpeg2000 import format as jpeg2000

FORMAT: Final = Format(jpeg2000.read, None)
