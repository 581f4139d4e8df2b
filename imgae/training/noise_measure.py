import numpy as np
from imgae.training.noise_model import NoiseModel
def measure(pictures, kind="auto"):
    sig = [np.median(np.abs(np.diff(p, axis=0)[:, 1:] - np.diff(p, axis=0)[:, :-1])) / 0.6745 / 2 for p in pictures]
    return NoiseModel.gaussian(float(np.median(sig)))
