"""Training pictures: a bank of decoded pixels, and random crops from it.

Crops are cut by index arithmetic on the bank's device, so the same code feeds a CPU and a GPU,
and a batch depends on nothing but its generator.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Generator, Tensor

from imgae.errors import TrainingError
from imgae.io.formats.table import listed, looks_like_picture
from imgae.training.depth import FULL, Pixels, Values, as_type, common_type, floats_of, read_pages
from imgae.training.reading import read_ahead

Item = TypeVar("Item")


@dataclass(frozen=True)
class PictureBank:
    """Decoded pictures, end to end in one tensor.

    pixels: (sum of H*W*C,) uint8, uint16 or float32, white at 255, 65535 or 1. starts, heights,
    widths: int64, one entry a picture. channels: C, 3 for pictures and 6 for pairs of them.
    """

    pixels: Tensor
    starts: Tensor
    heights: Tensor
    widths: Tensor
    channels: int = 3

    def __len__(self) -> int:
        return len(self.starts)

    @classmethod
    def of(cls, pictures: list[np.ndarray], device: torch.device | str = "cpu") -> "PictureBank":
        """Build a bank from arrays (H, W, C), and empty the list while doing so.

        So that the pictures are hardly ever held twice. All get the type of the widest.
        """
        heights = [picture.shape[0] for picture in pictures]
        widths = [picture.shape[1] for picture in pictures]
        ends = np.cumsum([picture.size for picture in pictures])
        kind, channels = common_type(pictures), pictures[0].shape[2]
        flat = np.empty(ends[-1], kind)  # memory is taken where it is written, below
        for end in ends[::-1]:
            picture = pictures.pop()
            flat[end - picture.size : end] = as_type(picture, kind).reshape(-1)
        return cls(
            torch.from_numpy(flat).to(device),
            torch.as_tensor(np.concatenate([[0], ends[:-1]]), device=device),
            torch.tensor(heights, device=device),
            torch.tensor(widths, device=device),
            channels,
        )

    def crops(self, count: int, size: int, generator: Generator) -> Tensor:
        """Draw random crops, flipped and turned: (count, C, size, size) float32.

        White is at 1. A picture is drawn in proportion to its number of possible crops; the bank
        holds none smaller than `size`.
        """
        device = self.pixels.device

        def draw(high: Tensor) -> Tensor:  # integers in [0, high), one per crop
            unit = torch.rand(count, generator=generator, device=device, dtype=torch.float64)
            return (unit * high).long()

        positions = (self.heights - size + 1) * (self.widths - size + 1)
        ends = positions.cumsum(0)
        which = torch.searchsorted(ends, draw(ends[-1]), right=True)
        top = draw(self.heights[which] - size + 1)
        left = draw(self.widths[which] - size + 1)
        turn = draw(torch.tensor(8, device=device)).view(-1, 1, 1)

        up = torch.arange(size, device=device)
        rows, columns = up.view(1, -1, 1), up.view(1, 1, -1)
        rows, columns = torch.where(turn >= 4, columns, rows), torch.where(turn >= 4, rows, columns)
        rows = torch.where(turn % 2 == 1, size - 1 - rows, rows) + top.view(-1, 1, 1)
        columns = torch.where(turn // 2 % 2 == 1, size - 1 - columns, columns) + left.view(-1, 1, 1)
        offsets = self.starts[which].view(-1, 1, 1) + self.channels * (
            rows * self.widths[which].view(-1, 1, 1) + columns
        )
        channels = torch.arange(self.channels, device=device).view(1, -1, 1, 1)
        return self.values(offsets[:, None] + channels)

    def values(self, places: Tensor) -> Tensor:
        """Return values as float32, white at 1; places: int64, of any shape."""
        if self.pixels.dtype != torch.uint16:
            return floats_of(self.pixels[places])
        bits = self.pixels.view(torch.int16)[places]  # torch can do little with uint16
        return (bits.int() & FULL).float() / FULL


@dataclass(frozen=True)
class Folders:
    """What reading the training folders gave."""

    training: list[Pixels]
    validation: list[Pixels]
    unreadable: list[str]  # one sentence each
    too_small: int
    left_out: int  # files of which not all did fit into the memory allowed
    kinds: frozenset[str] = frozenset()  # types of noisy files, where pairs are of the wider type

    @property
    def passed_over(self) -> int:
        return len(self.unreadable) + self.too_small + self.left_out


def read_folders(
    folders: Sequence[Path],
    crop: int,
    memory_bytes: int,
    seed: int,
    validation_share: float = 0.02,
    values: Values = "shown",
) -> Folders:
    """Read every picture under the folders, recursively, as RGB in its own depth.

    values: what of the pictures is kept (`depth`). Each page of a file is a picture. Pictures under
    `crop` pixels on a side are passed over; files that cannot be read or used are listed, such
    as floats with NaN; when `memory_bytes` would be passed the rest is left out. The order is
    drawn from the seed, so what is left out is a fair sample, the same however many threads read.
    Of what was read, one in fifty, at most 12, is kept for validation.
    Raises TrainingError if nothing is left to train on.
    """
    paths = sorted({path for folder in folders for path in list_pictures(folder)})
    if not paths:
        names = ", ".join(str(folder) for folder in folders)
        raise TrainingError(
            f"{names}: no pictures found; name a folder that holds {listed('or')} files"
        )
    order = np.random.default_rng(seed).permutation(len(paths))
    found = gathered(
        lambda path: read_pages(path, values), [paths[index] for index in order], crop, memory_bytes
    )
    return parted(found, len(paths), crop, validation_share)


def gathered(
    read: Callable[[Item], list[Pixels] | str],
    items: Sequence[Item],
    crop: int,
    memory_bytes: int,
) -> Folders:
    """Read items, in their order, until the memory is full; all is for training.

    read: returns the pictures of an item, or a sentence that says why it cannot be used.
    """
    room = Room(memory_bytes)
    pictures: list[Pixels] = []
    unreadable: list[str] = []
    too_small = left_out = 0
    found = read_ahead(read, items, room.files)
    for place, pages in enumerate(found):
        if isinstance(pages, str):
            unreadable.append(pages)
            continue
        room.see(pages)
        large = [page for page in pages if min(page.shape[:2]) >= crop]
        too_small += len(pages) - len(large)
        taken = sum(1 for page in large if room.take(page))
        pictures += large[:taken]
        if taken < len(large):
            left_out = len(items) - place
            break
    found.close()
    return Folders(pictures, [], unreadable, too_small, left_out)


def parted(found: Folders, files: int, crop: int, validation_share: float) -> Folders:
    """Keep the first of what was read for validation. files: how many there were.

    Raises TrainingError if too little was read.
    """
    pictures = found.training
    if len(pictures) < 2:
        raise TrainingError(
            f"{files} files found, but only {len(pictures)} usable for training: "
            f"{len(found.unreadable)} could not be read, {found.too_small} are under "
            f"{crop}x{crop}, {found.left_out} did not fit in memory; at least two pictures are "
            "needed" + (" (a smaller --crop may help)" if found.too_small else "")
        )
    held = min(12, max(1, round(len(pictures) * validation_share)))
    return replace(found, training=pictures[held:], validation=pictures[:held])


class Room:
    """The memory that pictures may take, once all are of the type of the widest."""

    def __init__(self, memory_bytes: int) -> None:
        self.memory = memory_bytes
        self.used = 0  # values
        self.bytes = 1  # of a value
        self.largest = memory_bytes  # bytes of a file; until one is read, as large as can be
        self.seen = 0
        self.full = False

    def see(self, pages: Sequence[Pixels]) -> None:
        """Learn how large files are."""
        self.seen = max(self.seen, sum(page.nbytes for page in pages))
        self.largest = max(1, self.seen)

    def take(self, page: Pixels) -> bool:
        """Take a picture if there is room for it, and for none after it otherwise."""
        width = max(self.bytes, page.itemsize)
        self.full = self.full or (self.used + page.size) * width > self.memory
        if not self.full:
            self.used, self.bytes = self.used + page.size, width
        return not self.full

    def files(self) -> int:
        """Return how many more files there is room for."""
        return (self.memory - self.used * self.bytes) // self.largest


def list_pictures(folder: Path, option: str = "--data") -> Iterable[Path]:
    """Yield the pictures under a folder. option: what named it."""
    if not folder.is_dir():
        raise TrainingError(f"{folder}: not a folder; {option} takes folders of pictures")
    for root, _, names in os.walk(folder):
        yield from (Path(root, name) for name in names if looks_like_picture(name))
