"""Image autoencoders: remove noise from pictures, fill holes, find defects, encode pictures.

Denoiser, Inpainter, Detector and Encoder each load a model once and are then called with pictures;
Index finds similar pictures; read_image and write_image are for files. `help(imgae.Denoiser)` and
so on say what each takes.
"""

from typing import TYPE_CHECKING, Any

from imgae.errors import (
    ImageError,
    ImageNotFoundError,
    ImageTooLargeError,
    ImgaeError,
    ImgaeWarning,
    MaskError,
    MissingExtraError,
    ModelError,
    OptionError,
    SearchError,
    TrainingError,
    WeightsError,
)

if TYPE_CHECKING:
    from imgae.io.files import read_frames, read_image, write_frames, write_image
    from imgae.picture.image import Frames, Image
    from imgae.restore.anomaly.scorer import AnomalyScorer
    from imgae.restore.batches.api import batch
    from imgae.restore.denoise import Denoiser
    from imgae.restore.detect import Detector
    from imgae.restore.encode import Encoder
    from imgae.restore.inpaint import Inpainter
    from imgae.restore.search.index import Index

__version__ = "0.1.0"

__all__ = [
    "AnomalyScorer",
    "Denoiser",
    "Detector",
    "Encoder",
    "Frames",
    "Image",
    "ImageError",
    "ImageNotFoundError",
    "ImageTooLargeError",
    "ImgaeError",
    "ImgaeWarning",
    "Index",
    "Inpainter",
    "MaskError",
    "MissingExtraError",
    "ModelError",
    "OptionError",
    "SearchError",
    "TrainingError",
    "WeightsError",
    "__version__",
    "batch",
    "read_frames",
    "read_image",
    "write_frames",
    "write_image",
]

# Loaded when first used, so that `import imgae` costs nothing and pulls in no runtime.
_LAZY = {
    "AnomalyScorer": "imgae.restore.anomaly.scorer",
    "batch": "imgae.restore.batches.api",
    "Denoiser": "imgae.restore.denoise",
    "Detector": "imgae.restore.detect",
    "Encoder": "imgae.restore.encode",
    "Frames": "imgae.picture.image",
    "Image": "imgae.picture.image",
    "Index": "imgae.restore.search.index",
    "Inpainter": "imgae.restore.inpaint",
    "read_frames": "imgae.io.files",
    "read_image": "imgae.io.files",
    "write_frames": "imgae.io.files",
    "write_image": "imgae.io.files",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return __all__
