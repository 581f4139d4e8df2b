"""The picture that was read last, which is looked at again and again."""

import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from imgae.cli.server import shown
from imgae.errors import ImageError, caught_warnings
from imgae.io import files
from imgae.io.formats import table
from imgae.io.formats.table import Row
from imgae.io.large import open_large
from imgae.picture.image import Frames, Image
from imgae.restore.batches import work


class NoPictureError(ImageError):
    """A file that is none of the formats that are read."""
