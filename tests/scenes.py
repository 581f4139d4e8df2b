"""Pictures to test on, drawn from formulas."""

import numpy as np


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Return something like a photograph, (H, W, 3) float64 in [0, 1]: shades, edges, texture."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / 64
    picture = np.stack([0.5 + 0.2 * np.sin(x + c) * np.cos(0.7 * y - c) for c in range(3)], 2)
    for _ in range(12):  # disks and half planes of other colours
        cy, cx, r = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(5, 40)
        inside = (y * 64 - cy) ** 2 + (x * 64 - cx) ** 2 < r**2
        picture[inside] = 0.7 * picture[inside] + 0.3 * rng.uniform(0.1, 0.9, 3)
    stripes = 0.08 * np.sign(np.sin(40 * x + 9 * y)) * (x + y > 3)
    return (picture + stripes[:, :, None]).clip(0.02, 0.98)


HOLE = np.s_[60:130, 50:120]


def grainy(dtype=np.uint8, channels=3):
    """A ramp with grain, (190, 180, C), and the same with its hole filled by the ramp alone."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0.3, 0.7, 180)[None, :, None] * np.ones((190, 1, channels))
    hole = np.zeros((190, 180), bool)
    hole[HOLE] = True
    grain = np.where(hole[:, :, None], 0, rng.normal(0, 0.05, ramp.shape))
    filled = (ramp + grain).clip(0, 1)
    if np.dtype(dtype).kind != "f":
        filled = np.rint(filled * np.iinfo(dtype).max)
    return filled.astype(dtype), hole
