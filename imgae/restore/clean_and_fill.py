"""Removing noise and filling holes in one picture, as old scans need it."""

from dataclasses import replace
from typing import Any

from imgae.model.stitch import Progress
from imgae.picture.image import Image
from imgae.restore.denoise import Denoised, Denoiser
from imgae.restore.inpaint import Inpainter, Mask
from imgae.restore.levels import Given


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
    sigma: as for Denoiser. hole: as for Inpainter. progress: of the second fill. filling: further
    keyword arguments of Inpainter.run for it, such as feather, texture and seed.
    Returns what the denoiser did, its image the filled one.
    """
    if not hole.any():
        return denoiser.run(image, sigma)
    draft = inpainter.run(image, hole, texture=False)
    # The draft is no JPEG any more, but most of its pixels still are one's.
    cleaned = denoiser.run(replace(draft, quantisation=image.quantisation), sigma)
    filled = inpainter.run(cleaned.image, hole, progress=progress, before=image, **filling)
    return replace(cleaned, image=filled)
