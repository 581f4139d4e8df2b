"""Colours outside sRGB stay where they were: models see stored values, and none is converted."""

import numpy as np
import pytest

from imgae import Denoiser, Image, read_image, write_image

RNG = np.random.default_rng(3)
P3 = np.array([[0.4866, 0.2657, 0.1982], [0.2290, 0.6917, 0.0793], [0.0, 0.0451, 1.0439]])
"""Linear Display P3 to XYZ (D65), by SMPTE EG 432-1."""
SRGB = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
"""XYZ to linear sRGB, by IEC 61966-2-1."""
VIVID = np.array([[0.05, 0.95, 0.08], [0.95, 0.06, 0.05], [0.1, 0.9, 0.85]])
"""In Display P3; outside sRGB."""
PATCHES = VIVID[None].repeat(48, 0).repeat(40, 1)


def linear(values):
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def inner(pixels):
    """The patches without their rims."""
    values = pixels.astype(np.float64)
    return np.stack([values[8:-8, 40 * k + 8 : 40 * k + 32] for k in range(3)])


def means(pixels):
    return inner(pixels).mean((1, 2))


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_vivid_colours_of_display_p3_come_back_from_a_file(tmp_path, ending):
    noisy = PATCHES + RNG.normal(0, 8 / 255, PATCHES.shape)
    stored = np.rint(noisy.clip(0, 1) * 65535).astype(np.uint16)
    profile = (
        b"\0\0\0\x80".ljust(16, b"\0") + b"RGB ".ljust(20) + b"acsp".ljust(92)
    )  # that nobody needs to understand
    source = tmp_path / f"p3.{ending}"
    write_image(Image(stored, icc=profile), source)
    denoised = Denoiser("denoise-fast", threads=1).run(read_image(source), 8 / 255).image
    write_image(denoised, tmp_path / f"out.{ending}")
    back = read_image(tmp_path / f"out.{ending}")
    assert back.icc == profile
    assert np.abs(means(back.pixels / 65535) - means(stored / 65535)).max() < 1 / 255
    in_srgb = linear(means(back.pixels / 65535)) @ P3.T @ SRGB.T
    assert (in_srgb.min(1) < -0.02).all()  # an sRGB file could not hold them


def test_negative_values_of_scrgb_come_back(tmp_path):
    clean = linear(PATCHES) @ P3.T @ SRGB.T
    values = (clean + RNG.normal(0, 4 / 255, clean.shape)).astype(np.float32)
    assert means(values).min() < -0.15
    for level in (4 / 255, None):
        out = Denoiser("denoise-fast", threads=1).run(Image(values), level).image.pixels
        shift = np.abs(means(out) - means(values))
        assert shift.max() < 2.5 / 255
        assert shift.mean() < 1 / 255
        spread = [inner(each - clean).std() for each in (out, values)]
        assert spread[0] < 0.8 * spread[1]
