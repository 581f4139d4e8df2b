"""Pictures with all that can travel in them, for tests of files."""

import random
import warnings
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageCms

from imgae import Image, ImageError, read_frames, write_image

RNG = np.random.default_rng(0)
ICC = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf note="here"/></x:xmpmeta>'
LARGEST = {np.uint8: 255, np.uint16: 65535, np.float32: 1}


def picture(dtype, channels, alpha, **kept):
    def draw(*shape):
        if dtype == np.float32:
            return RNG.random(shape, np.float32)
        return RNG.integers(0, LARGEST[dtype], shape, dtype, endpoint=True)

    return Image(draw(13, 17, channels), draw(13, 17) if alpha else None, **kept)


def write_picture(path, seed=0):
    """Write a small colour picture, and its folder, without what is black or white."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    pixels = rng.integers(60, 200, (20, 30, 3)).astype(np.uint8)
    write_image(Image(pixels), path, overwrite=True)


def exif(orientation=1):
    data = PIL.Image.Exif()
    data[0x010F] = "Maker"
    data[0x0112] = orientation
    data.get_ifd(0x8769)[0x9003] = "2026:01:02 03:04:05"
    return data.tobytes().removeprefix(b"Exif\0\0")


def same(image, other):
    assert image.pixels.dtype == other.pixels.dtype
    assert np.array_equal(image.pixels, other.pixels)
    assert (image.alpha is None) == (other.alpha is None)
    assert image.alpha is None or np.array_equal(image.alpha, other.alpha)


def read_or_refused(originals, head):
    """Change bytes of files 300 times, most within the first `head`; each is read or an ImageError.

    What else a reader raises fails the test, and so do more pixels than were allowed.
    """
    chance = random.Random(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for at in range(300):
            data = bytearray(originals[at % len(originals)])
            for _ in range(chance.randint(1, 5)):
                place = chance.randrange(head if chance.random() < 0.6 else len(data))
                data[place % len(data)] = chance.choice((0, 1, 127, 255, chance.randrange(256)))
            if chance.random() < 0.2:
                del data[chance.randrange(len(data)) :]
            try:
                for image in read_frames(bytes(data), max_pixels=10**6) if data else ():
                    assert image.pixels.size <= 3 * 10**6
            except ImageError:
                pass
