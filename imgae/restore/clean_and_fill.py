"""Removing noise and filling holes in one picture, as old scans need it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from imgae.model.stitch import Progress
from imgae.picture.image import Image
from imgae.restore.denoise import Denoised, Denoiser
from imgae.restore.inpaint import Inpainter, Mask
from imgae.restore.levels import Given

SHARES: Final = (0.1, 0.7, 0.2)
"""Of the time, about: the first fill, the noise, the second fill."""
PARTS: Final = 1000
"""The steps of progress."""


def clean_and_fill(
    inpainter: Inpainter,
    denoiser: Denoiser,
    image: Image,
    hole: Mask,
    *,
    sigma: Given = None,
    progress: Progress | None = None,
    **filling: Any,
) -> Denoised:
    """Remove the noise of the whole picture, and fill its holes from what is clean.

    The holes are filled twice: first so that they do not spoil the pixels around them when the
    noise is removed, and then again, from those pixels. The first fill has noise like the rest,
    even if the second is to have none: smooth fills would make the picture look cleaner than it is,
    and less noise would be removed.
    sigma: as for Denoiser. hole: as for Inpainter. progress: of all three. filling: further keyword
    arguments of Inpainter.run for the second fill, such as feather, texture and seed.
    Returns what the denoiser did, its image the filled one.
    """
    if not hole.any():
        return denoiser.run(image, sigma, progress=progress)
    first, second, third = parts_of(progress, SHARES)
    draft = inpainter.run(image, hole, texture=False, progress=first)
    # The draft is no JPEG any more, but most of its pixels still are one's.
    cleaned = denoiser.run(replace(draft, quantisation=image.quantisation), sigma, progress=second)
    filled = inpainter.run(cleaned.image, hole, progress=third, before=image, **filling)
    return replace(cleaned, image=filled)


def parts_of(progress: Progress | None, shares: Sequence[float]) -> list[Progress | None]:
    """Return what tells of each part of the work as a share of the whole."""
    if progress is None:
        return [None for _ in shares]

    def part(begin: float, share: float) -> Progress:
        def step(done: int, count: int) -> None:
            progress(round(PARTS * (begin + share * done / max(1, count))), PARTS)

        return step

    return [part(sum(shares[:number]), share) for number, share in enumerate(shares)]
