"""Training pictures: a bank of decoded pixels, and random crops from it.

Crops are cut by index arithmetic on the bank's device, so the same code feeds a CPU and a GPU,
and a batch depends on nothing but its generator.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor

from imgae.errors import ImgaeError, TrainingError
from imgae.io import files
from imgae.io.formats.table import listed, looks_like_picture
from imgae.picture.arrays import check_for_8_bits
from imgae.picture.pixels import to_uint8_rgb
from imgae.training.reading import read_ahead


@dataclass(frozen=True)
class PictureBank:
    """Decoded uint8 RGB pictures, end to end in one tensor.

    pixels: (sum of H*W*3,) uint8. starts, heights, widths: int64, one entry a picture.
    """

    pixels: Tensor
    starts: Tensor
    heights: Tensor
    widths: Tensor

    def __len__(self) -> int:
        return len(self.starts)

    @classmethod
    def of(cls, pictures: list[np.ndarray], device: torch.device | str = "cpu") -> "PictureBank":
        """Build a bank from (H, W, 3) uint8 arrays, and empty the list while doing so.

        So that the pictures are hardly ever held twice.
        """
        heights = [picture.shape[0] for picture in pictures]
        widths = [picture.shape[1] for picture in pictures]
        ends = np.cumsum([picture.size for picture in pictures])
        flat = np.empty(ends[-1], np.uint8)  # memory is taken where it is written, below
        for end in ends[::-1]:
            picture = pictures.pop()
            flat[end - picture.size : end] = picture.reshape(-1)
        return cls(
            torch.from_numpy(flat).to(device),
            torch.as_tensor(np.concatenate([[0], ends[:-1]]), device=device),
            torch.tensor(heights, device=device),
            torch.tensor(widths, device=device),
        )

    def crops(self, count: int, size: int, generator: Generator) -> Tensor:
        """Draw random crops, flipped and turned: (count, 3, size, size) float32 in [0, 1].

        A picture is drawn in proportion to its number of possible crops; the bank holds none
        smaller than `size`.
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
        offsets = self.starts[which].view(-1, 1, 1) + 3 * (
            rows * self.widths[which].view(-1, 1, 1) + columns
        )
        channels = torch.arange(3, device=device).view(1, 3, 1, 1)
        return self.pixels[offsets[:, None] + channels].float() / 255


@dataclass(frozen=True)
class Folders:
    """What reading the training folders gave."""

    training: list[np.ndarray]
    validation: list[np.ndarray]
    unreadable: list[str]  # one sentence each
    too_small: int
    left_out: int  # did not fit into the memory allowed

    @property
    def passed_over(self) -> int:
        return len(self.unreadable) + self.too_small + self.left_out


def read_folders(
    folders: Sequence[Path], crop: int, memory_bytes: int, seed: int, validation_share: float = 0.02
) -> Folders:
    """Read every picture under the folders, recursively, as uint8 RGB.

    Pictures under `crop` pixels on a side are passed over, unreadable ones are listed, and so are
    floats with NaN, with infinity or with many values outside [0, 1]; when
    `memory_bytes` would be passed the rest is left out; the order is drawn from the seed, so
    what is left out is a fair sample, the same however many threads read. Of what was read, one
    in fifty, at most 12, is kept for validation.
    Raises TrainingError if nothing is left to train on.
    """
    paths = sorted({path for folder in folders for path in list_pictures(folder)})
    if not paths:
        names = ", ".join(str(folder) for folder in folders)
        raise TrainingError(
            f"{names}: no pictures found; name a folder that holds {listed('or')} files"
        )
    order = np.random.default_rng(seed).permutation(len(paths))
    pictures: list[np.ndarray] = []
    unreadable: list[str] = []
    too_small = left_out = used = 0
    largest = 1  # values of a picture

    def room() -> int:
        return (memory_bytes - used) // largest

    found = read_ahead(read_picture, (paths[index] for index in order), room)
    for place, picture in enumerate(found):
        if isinstance(picture, str):
            unreadable.append(picture)
            continue
        largest = max(largest, picture.size)
        if min(picture.shape[:2]) < crop:
            too_small += 1
            continue
        if used + picture.size > memory_bytes:
            left_out = len(order) - place
            break
        pictures.append(picture)
        used += picture.size
    found.close()
    if len(pictures) < 2:
        raise TrainingError(
            f"{len(paths)} files found, but only {len(pictures)} usable for training: "
            f"{len(unreadable)} could not be read, {too_small} are under {crop}x{crop}, "
            f"{left_out} did not fit in memory; at least two pictures are needed"
            + (" (a smaller --crop may help)" if too_small else "")
        )
    held = min(12, max(1, round(len(pictures) * validation_share)))
    return Folders(pictures[held:], pictures[:held], unreadable, too_small, left_out)


def read_picture(path: Path) -> np.ndarray | str:
    """Return a picture as (H, W, 3) uint8, or a sentence that says why it cannot be used."""
    try:
        image = files.read_image(path)
    except ImgaeError as error:
        return str(error)
    try:
        check_for_8_bits(image)
    except ImgaeError as error:
        return f"{path}: {error}"
    return to_uint8_rgb(image.pixels)


def list_pictures(folder: Path) -> Iterable[Path]:
    if not folder.is_dir():
        raise TrainingError(f"{folder}: not a folder; --data takes folders of pictures")
    for root, _, names in os.walk(folder):
        yield from (Path(root, name) for name in names if looks_like_picture(name))
