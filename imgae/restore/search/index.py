"""imgae.Index: vectors of pictures, to be searched."""

import contextlib
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import PIL.Image
from numpy.typing import NDArray

from imgae.errors import ModelError, OptionError, SearchError, WeightsError
from imgae.io.files import Source
from imgae.picture.image import Image
from imgae.restore.search import store
from imgae.restore.search.choosing import chosen
from imgae.restore.search.describe import Describer, Floats
from imgae.restore.search.finding import Found, check_kept, find, not_by_another_name
from imgae.restore.search.gather import PART, Gathering, Tell, part_of, warn_of
from imgae.restore.search.groups import groups_of
from imgae.restore.search.nearest import Nearest, checked_count
from imgae.restore.search.reading import vector_of
from imgae.restore.search.rows import Rows, rows_of
from imgae.restore.search.threshold import THRESHOLD

Name = str | os.PathLike[str]
Names = Name | Iterable[Name]
AGAIN: Final = "build the index again"


class Hit(NamedTuple):
    """A picture that was found.

    score: the cosine between its vector and the one it was compared with, from -1 to 1, where 1 is
    the same. path: of its file, absolute.
    """

    score: float
    path: str


class Old(NamedTuple):
    """What the file of an index holds."""

    rows: Rows
    made: store.Made


class Index:
    """Pictures that can be found by pictures. Make one with `Index.build` or `Index.open`.

    len() is how many pictures it holds; `index.paths` their paths, `index.model` the name of the
    model that made their vectors. Searches may run in several threads, also while another thread
    adds or removes: each sees the pictures as they were when it began.

    After `build` and `add`, `described` is how many pictures were described, `left_out` how many
    could not be read, and `dropped` how many that were in the index are no longer in it.

    Example:
        index = imgae.Index.build("photos"); index.save("photos.index")
        hits = imgae.Index.open("photos.index").search("query.jpg")

    """

    def __init__(
        self,
        rows: Rows,
        made: store.Made,
        path: Path | None = None,
        describer: Describer | None = None,
        settings: dict[str, Any] | None = None,
    ) -> None:
        """Hold rows that are there already.

        rows: of the pictures. made: by what model. path: the file that `save` writes, and beside
        which an interrupted run keeps what it has done; None for none. describer: of that model;
        None loads it when it is first needed. settings: model, device and threads for that, as
        `Index.open` takes them.
        """
        self.made, self.path = made, path
        self.settings = settings or {}
        self.loaded, self.built = describer, describer is not None
        self.lock, self.loading = threading.RLock(), threading.Lock()
        self.left_out = self.described = self.dropped = 0
        self.state = (rows, Nearest(rows.vectors))

    @classmethod
    def build(
        cls,
        paths: Names,
        model: Name | None = None,
        *,
        reuse: Name | None = None,
        device: str = "auto",
        threads: int | None = None,
        told: Tell | None = None,
    ) -> "Index":
        """Return an index of pictures. It is not written to a file; see `save`.

        paths: a folder, which is searched with all folders in it, a file, a pattern such as
            "a/**/*.jpg", or several of these.
        model: the name of a shipped model, the path of an .onnx file, or None for the default.
        reuse: the file of an index of the same model, which need not be there. The vectors of files
            whose size and time, or content, are unchanged are taken from it. If the work is
            interrupted, what is done is kept in a file beside it, of the same name and .part, and
            is taken up the next time.
        device, threads: as for imgae.Denoiser.
        told: called after each picture with an object that has path, error, pixels, done and total;
            error is "" or says why the picture is left out. None warns of such pictures.
        Of animations and files with pages, the first picture counts. Of links to one file, and of
        several names of it, one counts.
        Raises SearchError if there are no pictures, none can be read, the file to reuse is no
        index, or it holds pictures below a folder where none are found now; WeightsError,
        ModelError and OptionError as imgae.Denoiser does.
        """
        found = find(paths)
        place = None if reuse is None else Path(reuse)
        old = reused(place, found)
        describer = Describer(model, device=device, threads=threads)
        return cls.renewed(found, old, place, describer, told or warn_of)

    @classmethod
    def renewed(
        cls, found: Found, old: Old | None, place: Path | None, describer: Describer, told: Tell
    ) -> "Index":
        """Do what `build` does, with what is found and read already. old: what `place` holds."""
        made = made_by(describer)
        known = old.rows if old and old.made == made else rows_of((), made.dimension)
        index = cls(known, made, place, describer)
        index.gather(found, tell=told, keeps=False)
        index.dropped = len(set(old.rows.paths).difference(index.paths)) if old else 0
        return index

    @classmethod
    def open(
        cls,
        path: Name,
        model: Name | None = None,
        *,
        device: str = "auto",
        threads: int | None = None,
    ) -> "Index":
        """Return the index that a file holds.

        model: what it was made with, if that is not found by its name. It is loaded when it is
            first needed, and at once if it is given.
        device, threads: as for imgae.Denoiser.
        Raises SearchError if there is no such file, or it is no index or is damaged; ModelError if
        the index was made by another model.
        """
        place = Path(path)
        rows, made = store.read(place)
        settings = {"model": model, "device": device, "threads": threads}
        index = cls(rows, made, place, settings=settings)
        if model is not None:
            index.describer()
        return index

    def __len__(self) -> int:
        return len(self.state[0])

    def __repr__(self) -> str:
        return f"Index({len(self)} pictures, by {self.model})"

    @property
    def model(self) -> str:
        """The name of the model that made the vectors."""
        return self.made.model

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of all pictures, absolute."""
        return self.state[0].paths

    def add(self, paths: Names | Found, *, told: Tell | None = None) -> int:
        """Add pictures, and return how many were described; unchanged ones are left as they are.

        paths, told, errors: as for `build`. A file that has changed is described anew; one that can
        no longer be read is taken out. A link to a file that is in the index is not added. Call
        `save` to write the index.
        """
        with self.lock:
            found = paths if isinstance(paths, Found) else find(paths)
            self.gather(found, tell=told or warn_of, keeps=True)
            return self.described

    def remove(self, paths: Names) -> int:
        """Take pictures out, and return how many. Call `save` to write the index.

        paths: a path, a folder, a pattern such as "a/**/*.jpg", or several of these. The files need
            not be there. What does not lead to a picture from the working directory is looked for
            as the index stores it: from the folder of its file.
        Raises SearchError if one of them names no picture of the index; then nothing is changed.
        """
        single = isinstance(paths, (str, os.PathLike))
        words = [str(word) for word in ([paths] if single else paths)]  # type: ignore[union-attr]
        with self.lock:
            rows = self.state[0]
            folder = Path.cwd() if self.path is None else self.path.absolute().parent
            gone: set[str] = set()
            for word in words:
                named = chosen(rows.paths, word, folder)
                if not named:
                    raise SearchError(f"{word}: no picture of the index has this path")
                gone |= named
            self.change(rows.without(gone))
            return len(gone)

    def save(self, path: Name | None = None) -> None:
        """Write the index to a file, whole or not at all; a file that is there is replaced.

        path: None for the file that it was opened from, or that `reuse` named. Paths of pictures
            below the file's folder are stored relative to it, so that both may be moved together.
        Raises SearchError if it cannot be written; OptionError if there is no path.
        """
        place = Path(path) if path is not None else self.path
        if place is None:
            raise OptionError("an index that was built needs a path to be saved to")
        with self.lock:
            store.write(place, self.state[0], self.made)
            self.path = place
            self.drop_part(part_file(place))

    def drop_part(self, part: Path) -> None:
        """Delete what an interrupted run left, unless pictures of it may yet be asked for."""
        with contextlib.suppress(SearchError, OSError):
            rows, made = store.read(part)
            known = made == self.made and set(rows.paths) <= set(self.paths)
            if self.built or known:
                part.unlink()

    def search(
        self, picture: Source | Image | PIL.Image.Image | NDArray[Any], k: int = 10
    ) -> list[Hit]:
        """Return the pictures that look most like one, the best first.

        picture: the path of a file, its bytes, or an open file; or a picture as imgae.Denoiser
            takes it. Of animations and files with pages, the first picture counts.
        k: how many to return, from 1; an index with fewer returns all.
        Each is a Hit with `score`, the cosine of the vectors, from -1 to 1, and `path`. The picture
        itself is found too, with a score of 1, if it is in the index.
        Raises ImageError if the picture cannot be read, ModelError if the index was made by another
        model, OptionError for another k. Warns with ImgaeWarning once if the index is large and
        faiss is not installed.
        """
        count = checked_count(k)
        return self.like(vector_of(picture, self.describer()), count)

    def like(self, vector: Floats, k: int) -> list[Hit]:
        """Return the pictures whose vectors are the nearest to one, the best first.

        vector: float32 (dimension,), of length 1, as what `describer` returns makes it. k: how many
        to return, from 1; an index with fewer returns all. Of equal scores, the picture that comes
        first in the index is first.
        """
        rows, nearest = self.state
        numbers, scores = nearest(vector, k)
        pairs = zip(numbers.tolist(), scores.tolist(), strict=True)
        return [Hit(score, rows.paths[number]) for number, score in pairs]

    def duplicates(self, threshold: float = THRESHOLD) -> list[list[Hit]]:
        """Return groups of pictures that are nearly the same, each of two or more.

        threshold: the least cosine of a picture to the first of its group, above 0 up to 1.
        The first of a group is its largest picture, of equal ones the one whose file has the most
        bytes, with a score of 1. The others follow, the best
        first, with their cosines to the first. No picture is in two groups.
        Raises OptionError for another threshold.
        """
        if not 0 < threshold <= 1:
            raise OptionError(f"the threshold is {threshold!r}; expected a number above 0 up to 1")
        rows = self.state[0]
        groups = groups_of(rows, threshold)
        return [[Hit(score, rows.paths[number]) for number, score in group] for group in groups]

    def describer(self) -> Describer:
        """Return what describes pictures as those of the index, and load it at the first call.

        Raises ModelError if the index was made by another model; WeightsError if the model that was
        named is not there; OptionError for other values of threads.
        """
        with self.loading:
            if self.loaded is None:
                self.loaded = self.load()
            return self.loaded

    def load(self) -> Describer:
        settings = {**self.settings, "model": self.settings.get("model") or self.model}
        name = f"{self.path}: the index" if self.path else "the index"
        try:
            found = Describer(**settings)
        except WeightsError as error:
            if self.settings.get("model"):
                raise
            raise ModelError(
                f"{name} was made by the model {self.model!r}, which is not found here; name its "
                f"file with --model (model=...), or {AGAIN}"
            ) from error
        if made_by(found) == self.made:
            return found
        other = f"by the model {self.model!r}, not by {found.name!r}"
        if found.name == self.model:
            other = f"by another version of the model {self.model!r}"
        raise ModelError(f"{name} was made {other}, so vectors cannot be compared; {AGAIN}")

    def gather(self, found: Found, *, tell: Tell, keeps: bool) -> None:
        """Describe pictures that are new or changed, and take them into the index.

        tell: called for each picture that is described or cannot be read. keeps: whether pictures
        of the index that are not among those found stay. What is done is kept beside the index's
        file if the work is interrupted. Raises SearchError if no picture is left, and ModelError as
        `describer` does.
        """
        describer = self.describer()
        known = self.state[0]
        keep = part_file(self.path) if self.path else None
        part = part_of(keep, self.made) if keep else None
        every = known.joined(part) if part else known
        run = Gathering(describer, every, self.made, keep, part, tell)
        paths = not_by_another_name(found.paths, known) if keeps else found.paths
        rows = run.run(paths)
        if not len(rows) and not keeps:
            raise SearchError("none of the pictures can be read, so no index was made")
        self.left_out, self.described = run.left_out, len(run.new)
        changed = known.without(paths).followed_by(rows) if keeps else rows
        self.dropped = len(set(known.paths).difference(changed.paths))
        self.change(changed)

    def change(self, rows: Rows) -> None:
        self.state = (rows, Nearest(rows.vectors))


def reused(place: Path | None, found: Found) -> Old | None:
    """Return what the file of an index holds, None if there is none.

    Raises SearchError if it is no index, or holds pictures where none are found now.
    """
    if place is None or not os.path.lexists(place):
        return None
    old = Old(*store.read(place))
    check_kept(found, old.rows, place)
    return old


def made_by(describer: Describer) -> store.Made:
    return store.Made(describer.name, describer.sha256, describer.dimension)


def part_file(path: Path) -> Path:
    """Return the file for what an interrupted run of an index has done."""
    return path.with_name(path.name + PART)
