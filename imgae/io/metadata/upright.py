"""Pictures turned upright with their metadata, and pictures without it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from imgae.io.metadata.exif import fresh_exif
from imgae.io.metadata.xmp import fresh_xmp
from imgae.picture.image import Frames, Image
from imgae.picture.orientation import TURNS, turn

COLOUR_KEYS: Final = frozenset({"gamma", "primaries", "colour tags"})
"""Private belongings that say what the pixels mean, and stay when metadata is stripped."""


def upright(image: Image, orientation: int) -> Image:
    """Turn a picture upright from its EXIF orientation, and bring its metadata up to date.

    EXIF and XMP then say that the picture is upright, and how large it is; what they held as a
    smaller copy of it is taken out, since it would show what is changed later.
    """
    turned = turn(image, orientation) if orientation in TURNS else image
    return renewed(turned, (turned.width, turned.height), orientation)


def renewed(image: Image, size: tuple[int, int], orientation: int) -> Image:
    """Bring up to date what a picture's metadata says, once its pixels have been turned.

    size: its width and height.
    """
    return replace(
        image,
        exif=None if image.exif is None else fresh_exif(image.exif, size, orientation),
        xmp=None if image.xmp is None else fresh_xmp(image.xmp, size),
        turned=orientation if orientation in TURNS else image.turned,
    )


def stripped(frames: Frames) -> Frames:
    """Return pictures without what their file says in words, of the camera, the place and people.

    What the pixels mean is kept: the colour profile and description, and the timing.
    """

    def colours(private: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in private.items() if key in COLOUR_KEYS}

    images = tuple(
        replace(
            image,
            exif=None,
            xmp=None,
            iptc=None,
            text=(),
            dpi=None,
            private=colours(image.private),
        )
        for image in frames
    )
    return replace(frames, images=images, private=colours(frames.private))
