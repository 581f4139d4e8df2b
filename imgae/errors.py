"""Every error a user can meet.

ImgaeError
├── ImageError            a picture that cannot be read, written or processed
├── MaskError             a mask that does not fit its picture
├── ModelError            a model file, or its card, that cannot be used
│   └── WeightsError      a model name that leads to no file
├── OptionError           an option out of its range; also a ValueError
└── TrainingError         training or export that cannot start or go on
    └── TrainingUnavailable   the `train` extra is not installed

ImgaeWarning: something that a picture or a file could not keep.

Messages are one sentence: what, where, found and expected, what to do. Nothing else lives here.
"""

import warnings


class ImgaeError(Exception):
    """Base of all errors raised on purpose; its text is meant for the user."""


class ImageError(ImgaeError):
    """A picture that cannot be read, written or processed."""


class MaskError(ImgaeError):
    """A mask that does not fit its picture."""


class ModelError(ImgaeError):
    """A model file, or the card inside it, that cannot be used."""


class WeightsError(ModelError):
    """A model name that leads to no file."""


class OptionError(ImgaeError, ValueError):
    """An option out of its range."""


class TrainingError(ImgaeError):
    """Training or export that cannot start or go on."""


class TrainingUnavailable(TrainingError):  # noqa: N818 - a state, named in the interface
    """Training was asked for, but the `train` extra is not installed."""


class ImgaeWarning(UserWarning):
    """Something that a picture or a file could not keep."""


def warn(message: str) -> None:
    """Tell the user of something lost that is no failure."""
    warnings.warn(message, ImgaeWarning, stacklevel=3)
