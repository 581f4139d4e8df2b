"""DNG files of a scene, and how it looks when it is developed."""

import numpy as np
import tifffile

XYZ_TO_SRGB = [
    [3.2404542, -1.5371385, -0.4985314],
    [-0.9692660, 1.8760108, 0.0415560],
    [0.0556434, -0.2040259, 1.0572252],
]
"""The colours of a camera that sees as sRGB does."""
CFA, LINEAR = 32803, 34892
BAYER = (0, 1, 1, 2)


def light(height=48, width=64):
    """A smooth scene in linear light, (H, W, 3) on [0, 1]."""
    y, x = np.mgrid[:height, :width]
    planes = [(np.sin(x / 19 + k) + np.cos(y / 17 - k)) / 4 + 0.5 for k in range(3)]
    return np.stack(planes, 2)


def srgb(values):
    values = np.clip(values, 0, 1)
    return np.where(values <= 0.0031308, 12.92 * values, 1.055 * values ** (1 / 2.4) - 0.055)


def mosaic(rgb, pattern=BAYER):
    out = np.empty(rgb.shape[:2])
    for k, colour in enumerate(pattern):
        out[k // 2 :: 2, k % 2 :: 2] = rgb[k // 2 :: 2, k % 2 :: 2, colour]
    return out


def ratios(values, unit=10000):
    return tuple(number for value in values for number in (round(value * unit), unit))


def write(
    path,
    rgb,
    *,
    linear=False,
    pattern=BAYER,
    levels=(1000, 15000),
    neutral=(1, 1, 1),
    orientation=1,
    stops=None,
    preview=True,
    byteorder="<",
    tags=(),
    sensor_tags=(),
    **options,
):
    """Write a DNG with a preview that looks otherwise, or without one.

    levels: of black and white. pattern: of the mosaic; None says nothing of it. neutral: what is
    white, or None. stops: its BaselineExposure. tags, sensor_tags, options: as tifffile has them.
    """
    black, white = levels
    samples = 3 if linear else 1
    main = [
        (50706, 1, 4, bytes([1, 4, 0, 0]), True),
        (50708, 2, 0, "Imgae Test", True),
        (271, 2, 0, "Imgae", True),
        (272, 2, 0, "Test", True),
        (274, 3, 1, orientation, True),
        (50721, 10, 9, ratios(np.ravel(XYZ_TO_SRGB)), True),
        (50778, 3, 1, 21, True),
        *tags,
    ]
    if neutral is not None:
        main.append((50728, 5, 3, ratios(neutral), True))
    if stops is not None:
        main.append((50730, 10, 1, ratios([stops]), True))
    of_sensor = [
        (50714, 4, samples, black if samples == 1 else (black,) * 3, True),
        (50717, 4, samples, white if samples == 1 else (white,) * 3, True),
        *sensor_tags,
    ]
    if not linear:
        of_sensor.append((33421, 3, 2, (2, 2), True))
        if pattern:
            of_sensor.append((33422, 1, 4, bytes(pattern), True))
    data = np.rint((rgb if linear else mosaic(rgb, pattern or BAYER)) * (white - black) + black)
    common = {"metadata": None, "software": False}
    with tifffile.TiffWriter(path, byteorder=byteorder) as file:
        if preview:
            small = np.zeros((12, 16, 3), np.uint8)
            file.write(small, photometric="rgb", subfiletype=1, subifds=1, extratags=main, **common)
            main = []
        file.write(
            data.astype(np.uint16),
            photometric=LINEAR if linear else CFA,
            planarconfig="contig" if linear else None,
            extratags=main + of_sensor,
            **common,
            **options,
        )
    return path
