"""From a model's name to its file."""

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from imgae.errors import WeightsError

DEFAULT_INPAINTER: Final = "inpaint"
DEFAULT_DETECTOR: Final = "detect"
DEFAULT_ENCODER: Final = "code"
DEFAULT_SEARCHER: Final = "search"
DEFAULT_FEATURES: Final = "features"
FOLDERS_VARIABLE: Final = "IMGAE_MODELS"


def folders() -> list[Path]:
    """Return where models are looked for: the installed package, a checkout, IMGAE_MODELS."""
    package = Path(__file__).resolve().parent.parent
    own = [Path(name) for name in os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep) if name]
    return [package / "weights", package.parent / "weights", *own]


def available() -> dict[str, Path]:
    """Return every model by name; of two with one name, the one found first."""
    found: dict[str, Path] = {}
    for folder in folders():
        for path in sorted(folder.glob("*.onnx")):
            found.setdefault(path.stem, path)
    return found


def find(model: str | os.PathLike[str]) -> Path:
    """Return the file of a model, given by name or as a path.

    Raises WeightsError, naming what there is, if it leads nowhere.
    """
    if not isinstance(model, str | os.PathLike):
        raise WeightsError(f"the model is {model!r}; expected a name or the path of a file")
    text = str(os.fspath(model))
    if text.endswith(".onnx") or os.sep in text or isinstance(model, os.PathLike):
        path = Path(text)
        if os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises for long names
            return path
        raise WeightsError(f"{path}: no such model file")
    known = available()
    if text in known:
        return known[text]
    names = ", ".join(known) or "none"
    near = get_close_matches(text, known, 1)
    guess = f"; did you mean {near[0]}?" if near else ";"
    raise WeightsError(
        f"no model is called {text!r}{guess} there are: {names}; or give an .onnx file"
    )
