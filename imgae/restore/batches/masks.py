"""Masks in a folder, one for each picture: of the same name, or with _mask or .mask after it."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from imgae.errors import MaskError
from imgae.io.formats.table import looks_like_picture
from imgae.io.remote import Keys, Place, is_same, key_of
from imgae.restore.batches.engine import Job
from imgae.restore.batches.inputs import Found

MARKS = "_mask", ".mask"
"""What stands after a picture's name in that of its mask; the latter as `imgae mask` writes it."""


class MaskFolder:
    """A folder of masks, with the same folders in it as the pictures are in, or without them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[Path, dict[str, list[Path]]] = {}
        self.pictures: Counter[str] = Counter()
        """How many pictures have a name, without its ending."""

    def of(self, found: Found) -> tuple[Path, ...]:
        """Return the masks of a picture: one, none, or several that could be it.

        A mask outside of the picture's folders is its own only if no other picture has its name.
        """
        stem = found.path.stem
        alone = self.pictures[stem] < 2
        for below in dict.fromkeys((found.below, Path()) if alone else (found.below,)):
            names = self.in_folder(self.folder / below)
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

    def forget(self) -> None:
        """Look again at folders, since masks may have come."""
        self.names.clear()

    def holds(self, path: Place) -> bool:
        """Return whether a file is a mask beside its picture, by its name."""
        return path.stem.endswith(MARKS) and is_same(path.parent, self.folder)

    def without(self, found: Sequence[Found], words: Sequence[str]) -> list[Found]:
        """Leave out the masks of this folder; those that were named stay.

        words: what pictures were found by. A folder of masks that lies in one of these holds no
        pictures; one that is named itself also holds them.
        """
        no_pictures = not any(lies_in(key_of(word), key_of(self.folder)) for word in words)
        keys = Keys()
        kept = [
            each
            for each in found
            if each.named
            or not (self.holds(each.path) or (no_pictures and self.has(each.text, keys)))
        ]
        self.pictures = Counter(each.path.stem for each in kept)
        return kept

    def has(self, path: Place | str, keys: Keys) -> bool:
        """Return whether a file lies in this folder."""
        return lies_in(keys.of(path, follow=False), key_of(self.folder))


def lies_in(key: str, folder: str) -> bool:
    """Return whether a file or folder is a folder, or lies in it; both as Keys gives them."""
    return key == folder or key.startswith(folder.rstrip(os.sep) + os.sep)


def only_mask(folder: str, job: Job) -> Path:
    """Return the mask of a job. Raises MaskError if there is none, or if several could be it."""
    stem = job.source.stem
    if not job.also:
        raise MaskError(
            f"{job.source}: no mask for it in {folder}; expected {stem}_mask.png or {stem}.png, "
            "or another format, in the same folders as the picture if others have its name"
        )
    if len(job.also) > 1:
        names = " and ".join(path.name for path in job.also)
        raise MaskError(f"{job.source}: {names} in {folder} could both be its mask; leave one")
    return job.also[0]
