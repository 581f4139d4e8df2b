"""The table of tasks: a row each, its name and the sentence that --help shows.

The module of the same name in this package defines the task; it is imported, and torch with it,
only when the task is asked for (`lookup.load`).
"""

from typing import Final

TASKS: Final = {
    "denoise": "Train a denoiser that is told the level of the noise, on clean pictures.",
    "camera": "Train a denoiser of camera noise and JPEG that finds the level itself.",
    "estimate": "Train a network that says what noise a picture has, for denoisers to be told.",
    "inpaint": "Train a network that fills holes, on pictures without holes.",
    "detect": "Train a network that finds defects, date stamps and type, on clean pictures.",
    "search": "Train a network that describes pictures, so that copies of one are found.",
    "features": "Train features that tell flaws from what is normal, on clean pictures.",
    "code": "Train an autoencoder with a small code, for search and anomaly scores.",
}
