"""The mask that the options of mask_options make of a picture, and what there is to say of it."""

import argparse
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgae.cli.loaded import Loaded
from imgae.cli.mask_options import ALPHA, TOLERANCE
from imgae.errors import MaskError
from imgae.model.machine import check_stopped
from imgae.picture import masks
from imgae.picture.image import Image
from imgae.restore.batches.engine import Job
from imgae.restore.batches.mask_file import MaskFile
from imgae.restore.batches.masks import only_mask

if TYPE_CHECKING:
    from imgae.restore.detect import Detector

Mask = NDArray[np.bool_]
Drawing = Callable[[Image, Mask], None]
"""What draws by hand on what is marked of a picture, in place."""

MOST = 0.5
"""Masks that mark a larger share of a picture are unusual."""
MARGINS = {"scratches": 1, "dust": 1, "dead-pixels": 0, "stamp": 3, "text": 2}
"""How many pixels around each defect are filled with it, since its soft rim, its glow or its trace
in a JPEG would show as a ghost."""


class Part(NamedTuple):
    """What one option marks, bool (H, W).

    why: returns why it marks nothing. too_much: what to do if it marks too much, the end of a
    sentence.
    """

    mask: Mask
    why: Callable[[], str] = str
    too_much: str = ""


class Marks(NamedTuple):
    """What of a picture is marked, bool (H, W).

    nothing: why something that should mark marks nothing, a clause for each. most: what to do if
    that is too much, the end of a sentence or "".
    """

    mask: Mask
    nothing: tuple[str, ...]
    most: str

    def notes(self) -> list[str]:
        """Return what to tell of a mask that is not empty."""
        said = list(self.nothing)
        if (share := self.mask.mean()) > MOST:
            said.append(f"the mask marks {share:.1%} of the picture{self.most}")
        return said

    def why_nothing(self) -> str:
        """Return what to tell of a mask that is empty."""
        return f"the mask marks nothing: {', and '.join(self.nothing)}"

    def all_of_it(self) -> MaskError:
        """Return the error of a mask that leaves nothing to fill from."""
        return MaskError(
            f"the mask marks the whole picture{self.most}; nothing is left to fill it from"
        )


class Marker:
    """Makes the mask of one picture after another. Loads what it needs: masks, and the detector.

    margins: whether what --detect finds grows by MARGINS. drawing: what is drawn on what the
    options mark, before it is dilated and limited; None for nothing.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        loaded: Loaded,
        *,
        margins: bool,
        drawing: Drawing | None = None,
    ) -> None:
        self.options, self.margins, self.drawing = options, margins, drawing
        self.detector = loaded.detector(options) if options.detect else None
        self.file: MaskFile | None = None
        self.protected = self.avoided = None
        most = options.max_pixels
        self.by_folder = options.mask not in (None, ALPHA) and os.path.isdir(options.mask)
        if options.mask not in (None, ALPHA) and not self.by_folder:
            self.file = self.mask_file(Path(options.mask))
        if options.protect:
            self.protected = MaskFile("--protect", Path(options.protect), most)
        if getattr(options, "avoid", None):
            self.avoided = MaskFile("--avoid", Path(options.avoid), most)

    def mask_file(self, path: Path) -> MaskFile:
        options = self.options
        return MaskFile(
            "--mask",
            path,
            options.max_pixels,
            invert=options.invert_mask,
            threshold=options.threshold,
            labels=options.label,
        )

    def __call__(self, image: Image, of: Job) -> Marks:
        """Return what of a picture the options mark. Raises MaskError if a part does not fit.

        of: the job that the picture is of, which names its mask if --mask is a folder.
        """
        file = self.file
        if self.by_folder:
            file = self.mask_file(only_mask(self.options.mask, of))
        marked = np.zeros((image.height, image.width), bool)
        nothing, most, too_much = [], 0, ""
        for part in self.parts(image, file):  # one in memory at a time
            check_stopped()
            marked |= part.mask
            count = int(part.mask.sum())
            if not count:
                nothing.append(part.why())
            if count > most:
                most, too_much = count, part.too_much
        if self.drawing:
            self.drawing(image, marked)
            nothing += [] if marked.any() else ["nothing is drawn"]
        marked = masks.dilate(marked, self.options.dilate)
        for limit, why in self.limits(image):
            before = marked.any()
            marked = marked & limit
            if before and not marked.any():
                nothing.append(why)
        return Marks(marked, tuple(nothing), too_much)

    def parts(self, image: Image, file: MaskFile | None) -> Iterator[Part]:
        """Yield what each option marks."""
        options = self.options
        if options.mask == ALPHA:
            yield Part(masks.from_alpha(image), lambda: "all of the picture is opaque")
        if file:
            yield Part(file.on(image), file.nothing, file.too_much())
        for each in options.box:
            yield Part(masks.box(image, *each))
        for points in options.polygon:
            yield Part(masks.polygon(image, points))
        if options.color:
            yield self.of_color(image)
        if self.detector:
            yield self.of_defects(self.detector, image)

    def of_color(self, image: Image) -> Part:
        options = self.options
        tolerance = TOLERANCE if options.tolerance is None else options.tolerance

        def why() -> str:
            nearest = masks.distance_to(image, options.color).min()
            return (
                f"no pixel is within {tolerance} levels of {bytes(options.color).hex()}; the "
                f"nearest is {nearest} away (--tolerance)"
            )

        marked = masks.color(image, options.color, tolerance)
        return Part(marked, why, "; --within limits a --color to a place")

    def of_defects(self, detector: "Detector", image: Image) -> Part:
        options = self.options
        more: dict[str, Any] = {}
        if options.sensitivity is not None:
            more["sensitivity"] = options.sensitivity
        names = " or ".join(dict.fromkeys(options.detect))
        found = with_margins(detector.find_each(image, options.detect, **more), self.margins)
        return Part(
            found, lambda: f"--detect finds no {names}", "; a lower --sensitivity finds less"
        )

    def limits(self, image: Image) -> list[tuple[Mask, str]]:
        """Return where something may be filled, and what to say if nothing is left to fill."""
        found = []
        if self.options.within:
            where = boxes(image, self.options.within, "--within")
            found.append((where, "all that is marked lies outside of --within"))
        if self.protected:
            why = f"{self.protected.path}, which --protect names, covers all that is marked"
            found.append((~self.protected.on(image), why))
        return found

    def texture(self, image: Image, hole: Mask) -> dict[str, Mask]:
        """Return where texture for a hole is to be taken from, as Inpainter.run takes it.

        Raises MaskError if --from-box and --avoid leave nothing.
        """
        found = {}
        usable = ~hole
        if self.options.from_box:
            found["source"] = boxes(image, self.options.from_box, "--from-box")
            usable &= found["source"]
        if self.avoided:
            found["avoid"] = self.avoided.on(image)
            usable &= ~found["avoid"]
        if not usable.any() and hole.any():
            raise MaskError(
                "nothing is left to take texture from; all that --from-box and --avoid leave is to "
                "be filled itself"
            )
        return found


def with_margins(each: Mapping[str, Mask], margins: bool = True) -> Mask:
    """Return all defects, of which there is one or more, by their names; grown if wanted."""
    grown = (
        masks.dilate(marked, MARGINS[name]) if margins else marked for name, marked in each.items()
    )
    return np.asarray(np.logical_or.reduce([*grown]), np.bool_)


def boxes(image: Image, corners: list[tuple[int, int, int, int]], option: str) -> Mask:
    """Return what lies in any of some rectangles. Raises MaskError if one is all outside."""
    inside = np.zeros((image.height, image.width), bool)
    for each in corners:
        try:
            inside |= masks.box(image, *each)
        except MaskError as error:
            raise MaskError(f"{option}: {error}") from error
    return inside


def picture_of(mask: Mask) -> Image:
    """Return a mask as it lies on the upright picture, as a black picture, white where it marks."""
    return Image(np.where(mask[:, :, None], 255, 0).astype(np.uint8))
