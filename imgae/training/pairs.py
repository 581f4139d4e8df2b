"""Pairs to train on: noisy pictures, and the same pictures without noise, matched by name."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgae.errors import TrainingError
from imgae.io.formats.table import listed
from imgae.training.alignment import fault
from imgae.training.data import Folders, gathered, list_pictures, parted
from imgae.training.depth import Pixels, as_type, common_type, read_pages


class Pair(NamedTuple):
    """Two files of one name."""

    noisy: Path
    clean: Path


def read_pairs(
    noisy: Path,
    clean: Path,
    crop: int,
    memory_bytes: int,
    seed: int,
    validation_share: float = 0.02,
) -> Folders:
    """Read pairs of files, in their own values, as arrays (H, W, 6): the noisy one's channels, then
    the clean one's, in the type of the deeper; `kinds` has the types of the noisy ones.

    Files are matched by their place in the folder and their name up to its last point; the pages of
    one file by their number. What is read, kept for validation and left out is as in
    `read_folders`; a pair of which one file cannot be read is listed.
    Raises TrainingError, which names the file, for a file without a partner or with two, for pairs
    of different sizes, and for such as are not aligned to half a pixel, are turned or mirrored, or
    are not of one exposure.
    """
    pairs = matched(noisy, clean)
    order = np.random.default_rng(seed).permutation(len(pairs))
    drawn = [pairs[index] for index in order]
    types: dict[Pair, set[str]] = {}
    found = gathered(lambda pair: read_pair(pair, types), drawn, crop, memory_bytes)
    looked_at = drawn[: len(drawn) - found.left_out + 1]
    kinds = frozenset().union(*(types.get(pair, set()) for pair in looked_at))
    return replace(parted(found, len(pairs), crop, validation_share), kinds=kinds)


def matched(noisy: Path, clean: Path) -> list[Pair]:
    """Return the pairs of two folders, in the order of their names."""
    firsts, seconds = by_name(noisy), by_name(clean)
    for names, others, where in ((firsts, seconds, clean), (seconds, firsts, noisy)):
        if alone := sorted(names.keys() - others.keys()):
            more = f", nor for {len(alone) - 1} more" if len(alone) > 1 else ""
            raise TrainingError(
                f"{names[alone[0]]}: {where} holds no picture of that name{more}; --pairs takes "
                "two folders that hold the same names"
            )
    return [Pair(firsts[name], seconds[name]) for name in sorted(firsts)]


def by_name(folder: Path) -> dict[str, Path]:
    """Return the pictures of a folder by their place in it, without what follows the last point."""
    found: dict[str, Path] = {}
    for path in sorted(list_pictures(folder, "--pairs")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise TrainingError(
                f"{path}: {found[name].name} has the same name; rename one of them, so that it is "
                "clear which is the partner"
            )
        found[name] = path
    if not found:
        raise TrainingError(
            f"{folder}: no pictures found; name a folder that holds {listed('or')} files"
        )
    return found


def read_pair(pair: Pair, types: dict[Pair, set[str]]) -> list[Pixels] | str:
    """Return a pair's pages as (H, W, 6), or a sentence that says why one cannot be read.

    types: gets the types of the noisy pages.
    """
    noisy, clean = (read_pages(path, "own") for path in pair)
    for pages in (noisy, clean):
        if isinstance(pages, str):
            return pages
    assert not isinstance(noisy, str)
    assert not isinstance(clean, str)
    if len(noisy) != len(clean):
        raise TrainingError(f"{pair.noisy}: {len(noisy)} pages, but {len(clean)} in {pair.clean}")
    types[pair] = {page.dtype.name for page in noisy}
    return [
        joined(pair, f" page {number}:" if len(noisy) > 1 else "", pages)
        for number, pages in enumerate(zip(noisy, clean, strict=True), 1)
    ]


def joined(pair: Pair, page: str, pages: Sequence[Pixels]) -> NDArray[np.generic]:
    """Return a noisy and a clean page as one array. page: what messages call it.

    Raises TrainingError if they do not belong together.
    """
    noisy, clean = pages
    if noisy.shape != clean.shape:
        sizes = (f"{page.shape[1]}x{page.shape[0]}" for page in pages)
        raise TrainingError(
            f"{pair.noisy}:{page} its size is {' and that of its clean picture '.join(sizes)}"
        )
    kind = common_type(pages)
    both = [as_type(page, kind) for page in pages]
    if wrong := fault(*both):
        raise TrainingError(
            f"{pair.noisy}:{page} {wrong} (the clean picture is {pair.clean}; pairs have to match "
            "pixel by pixel)"
        )
    return np.concatenate(both, 2)
