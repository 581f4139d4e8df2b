"""Every error a user can meet.

ImgaeError
├── ImageError            a picture that cannot be read, written or processed
│   ├── ImageNotFoundError    there is no such file; also a FileNotFoundError
│   └── ImageTooLargeError    more pixels, or memory for them, than is allowed
├── MaskError             a mask that does not fit its picture
├── ModelError            a model file, or its card, that cannot be used
│   └── WeightsError      a model name that leads to no file
├── SearchError           an index of pictures that cannot be read, written or used
├── OptionError           an option out of its range; also a ValueError
├── MissingExtraError     an optional part of imgae that is not installed
└── TrainingError         training or export that cannot start or go on

ImgaeWarning: something that a picture or a file could not keep.

Messages are one sentence: what, where, found and expected, what to do. Nothing else lives here.
"""

import contextlib
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Final

FOR_PYTHON: Final = " (overwrite=True)"
"""What a message says besides for callers from Python; commands leave it out."""


class ImgaeError(Exception):
    """Base of all errors raised on purpose; its text is meant for the user."""


class ImageError(ImgaeError):
    """A picture that cannot be read, written or processed."""


class ImageNotFoundError(ImageError, FileNotFoundError):
    """There is no such picture file."""


class ImageTooLargeError(ImageError):
    """A picture of more pixels, or that needs more memory, than is allowed."""


class MaskError(ImgaeError):
    """A mask that does not fit its picture."""


class ModelError(ImgaeError):
    """A model file, or the card inside it, that cannot be used."""


class WeightsError(ModelError):
    """A model name that leads to no file."""


class SearchError(ImgaeError):
    """An index of pictures that cannot be read, written or used."""


class OptionError(ImgaeError, ValueError):
    """An option out of its range."""


class TrainingError(ImgaeError):
    """Training or export that cannot start or go on."""


class MissingExtraError(ImgaeError):
    """An optional part of imgae (an extra) is not installed."""


@contextlib.contextmanager
def needs_extra(extra: str, doing: str) -> Iterator[None]:
    """Turn a failed import of another library into a MissingExtraError that says what to install.

    extra: its name in pyproject.toml. doing: what needs it, as in "training".
    """
    names = {"skimage": "scikit-image", "pywt": "PyWavelets", "cv2": "OpenCV"}
    try:
        yield
    except ImportError as error:
        if (error.name or "imgae").split(".")[0] == "imgae":
            raise
        raise MissingExtraError(
            f"{doing} needs {names.get(error.name or '', error.name)}; install it with: "
            f"pip install 'imgae[{extra}]'"
        ) from error


def first_line(error: BaseException) -> str:
    """Return the first line of what an error of another library says, or else its kind."""
    return str(error).strip().split("\n")[0] or type(error).__name__


def reason(error: BaseException) -> str:
    """Return why a file cannot be read or written, as the system says it where it does."""
    said = getattr(error, "strerror", None)
    return str(said).split("\n")[0] if said else first_line(error)


class ImgaeWarning(UserWarning):
    """Something that a picture or a file could not keep."""


@contextlib.contextmanager
def named(name: object) -> Iterator[None]:
    """Put a name before the sentence of an ImgaeError."""
    try:
        yield
    except ImgaeError as error:
        if str(error).startswith(f"{name}: "):
            raise
        raise type(error)(f"{name}: {error}") from error


CAUGHT: ContextVar[list[str] | None] = ContextVar("CAUGHT", default=None)
"""Where this thread's warnings go instead of to the user; None if they go there."""


def warn(message: str) -> None:
    """Tell the user of something lost that is no failure."""
    caught = CAUGHT.get()
    if caught is None:
        warnings.warn(message, ImgaeWarning, stacklevel=3)
    elif message not in caught:
        caught.append(message)


@contextlib.contextmanager
def caught_warnings() -> Iterator[list[str]]:
    """Yield a list that gets what is warned of inside, in this thread alone, each sentence once."""
    caught: list[str] = []
    token = CAUGHT.set(caught)
    try:
        yield caught
    finally:
        CAUGHT.reset(token)
