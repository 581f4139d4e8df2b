"""Masks in a folder, one for each picture: of the same name, or with _mask or .mask after it."""

import os
from pathlib import Path

from imgae.errors import MaskError
from imgae.io.remote import Place, key_of
from imgae.restore.batches.engine import Job
from imgae.restore.batches.inputs import Found, looks_like_picture

MARKS = "_mask", ".mask"
"""What stands after a picture's name in that of its mask; the latter as `imgae mask` writes it."""


class MaskFolder:
    """A folder of masks, with the same folders in it as the pictures are in, or without them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[Path, dict[str, list[Path]]] = {}

    def of(self, found: Found) -> tuple[Path, ...]:
        """Return the masks of a picture: one, none, or several that could be it."""
        for below in dict.fromkeys((found.below, Path())):
            names = self.in_folder(self.folder / below)
            stem = found.path.stem
            same = [path for path in names.get(stem, []) if not is_same(path, found.path)]
            exact = [path for path in same if path.name == found.path.name]
            marked = [names.get(stem + mark, []) for mark in MARKS]
            for masks in (*marked, exact, same):
                if masks:
                    return tuple(masks)
        return ()

    def in_folder(self, folder: Path) -> dict[str, list[Path]]:
        """Return the pictures of a folder by their names without endings; read once."""
        if folder not in self.names:
            stems: dict[str, list[Path]] = {}
            for path in sorted(folder.iterdir()) if os.path.isdir(folder) else []:
                if looks_like_picture(path.name):
                    stems.setdefault(path.stem, []).append(path)
            self.names[folder] = stems
        return self.names[folder]

    def holds(self, path: Path) -> bool:
        """Return whether a file is a mask of this folder by its name."""
        return path.stem.endswith(MARKS) and is_same(path.parent, self.folder)


def is_same(one: Place, other: Place) -> bool:
    return key_of(one) == key_of(other)


def only_mask(folder: str, job: Job) -> Path:
    """Return the mask of a job. Raises MaskError if there is none, or if several could be it."""
    stem = job.source.stem
    if not job.also:
        raise MaskError(
            f"{job.source}: no mask for it in {folder}; expected {stem}_mask.png or {stem}.png, "
            "or another format"
        )
    if len(job.also) > 1:
        names = " and ".join(path.name for path in job.also)
        raise MaskError(f"{job.source}: {names} in {folder} could both be its mask; leave one")
    return job.also[0]
