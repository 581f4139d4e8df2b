"""A mask from a file: how it is read, and what there is to say of it."""

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imgae.errors import MaskError, warn
from imgae.io.labels import palettes_may_lack_colours, read_labels
from imgae.picture import masks
from imgae.picture.image import Image
from imgae.picture.mask_values import looks_like_photograph, soft_pixels, white_of
from imgae.restore.batches.work import read, single

Mask = NDArray[np.bool_]

DOES = {"--protect": "protected", "--avoid": "avoided"}
"""What happens to what a mask marks that says not what to fill."""
MANY_SOFT = 0.05
"""A note says so where soft pixels are a larger share of those that a mask marks."""
MOST_LABELS = 12
"""As many labels are named in a sentence; a picture with more has shades."""


class MaskFile:
    """A mask's file, read once for all pictures. Notes about it are told once, as warnings.

    option: what names it, as in "--mask". invert, threshold, labels: how it is read.
    """

    def __init__(
        self,
        option: str,
        path: Path,
        max_pixels: int,
        *,
        invert: bool = False,
        threshold: float | None = None,
        labels: list[int] | None = None,
    ) -> None:
        self.option, self.path, self.max_pixels = option, path, max_pixels
        self.invert, self.threshold, self.labels = invert, threshold, labels or []

    @cached_property
    def picture(self) -> Image:
        with palettes_may_lack_colours():
            found = read(self.path, "mask", self.max_pixels)
        return single(found.frames, self.path, self.option)

    @cached_property
    def marked(self) -> Mask:
        """What the file marks, as it lies in the file, upright. Raises MaskError."""
        try:
            marked = self.of_labels() if self.labels else self.of_grays()
        except MaskError as error:
            raise MaskError(f"{self.path}: {error}") from error
        return ~marked if self.invert else marked

    def of_labels(self) -> Mask:
        return np.isin(read_labels(self.path, self.picture), self.labels)

    def of_grays(self) -> Mask:
        try:
            marked, remark = white_of(self.picture, self.threshold)
        except MaskError as error:
            ways = "; ".join(["--threshold takes other grays", *self.way_by_labels()])
            more = f" ({ways})" if self.option == "--mask" else ""
            raise MaskError(f"{error}{more}") from error
        if remark:
            self.tell(remark)
        self.tell_doubts(marked)
        return marked

    def tell_doubts(self, marked: Mask) -> None:
        """Tell what about the file is unlike a mask."""
        if self.option in DOES and not marked.any():
            self.tell(f"black all over, so nothing is {DOES[self.option]}")
        if looks_like_photograph(self.picture):
            self.tell(
                "looks like a photograph rather than a mask; what is bright in it counts as white"
            )
        elif marked.any() and self.threshold is None:
            soft = soft_pixels(self.picture)
            if soft > MANY_SOFT * marked.sum():
                way = "; --threshold takes another gray" if self.option == "--mask" else ""
                self.tell(
                    f"{soft} pixels lie between black and white; those from half on count as "
                    f"white{way}"
                )

    def way_by_labels(self) -> list[str]:
        """Return that labels may be named, and which there are, if there are few."""
        found = self.labels_found()
        if not 1 < len(found) <= MOST_LABELS:
            return []
        return [f"if its pixels are labels, --label takes one of {', '.join(map(str, found))}"]

    def labels_found(self) -> list[int]:
        try:
            found = np.unique(read_labels(self.path, self.picture))
        except MaskError:
            return []
        return [int(label) for label in found if float(label).is_integer()]

    def nothing(self) -> str:
        """Return why the file marks nothing."""
        if self.labels:
            wanted = " or ".join(map(str, self.labels))
            found = self.labels_found()
            held = ", ".join(map(str, found[:MOST_LABELS]))
            more = " and others" if len(found) > MOST_LABELS else ""
            return f"{self.path} has no label {wanted}; it has {held}{more}"
        if self.invert:
            return f"{self.path} is white all over, and --invert-mask fills what is black"
        if self.threshold is not None:
            return f"{self.path} has no gray from {self.threshold:g} up"
        ways = "".join(f"; {way}" for way in self.way_by_labels())
        return f"{self.path} is black all over, and white is what is filled{ways}"

    def too_much(self) -> str:
        """Return what to do if the file marks too much, the end of a sentence."""
        if self.labels:
            return ""
        if self.invert:
            return f"; if what is white in {self.path} is to be filled, leave out --invert-mask"
        return f"; if what is black in {self.path} is to be filled, add --invert-mask"

    def on(self, image: Image) -> Mask:
        """Lay the mask on a picture. Raises MaskError if it does not fit."""
        try:
            return masks.lying_on(image, self.marked, self.picture.turned, str(self.path))
        except MaskError as error:
            start = "" if str(error).startswith(f"{self.path}: ") else f"{self.path}: "
            raise MaskError(f"{start}{error}") from error

    def tell(self, sentence: str) -> None:
        warn(f"{self.path}: {sentence}")
