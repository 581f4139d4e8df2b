"""Networks by the names of variant and task."""

from typing import Final

from imgae.errors import TrainingError
from imgae.training.networks.body import VARIANTS, Autoencoder
from imgae.training.networks.camera import CameraDenoisingAutoencoder
from imgae.training.networks.code import CODE_ACTIVATIONS, Code, CodeAutoencoder
from imgae.training.networks.denoise import DenoisingAutoencoder
from imgae.training.networks.detect import DefectDetector
from imgae.training.networks.inpaint import InpaintingAutoencoder

NETWORKS: Final[dict[str, type[Autoencoder]]] = {
    "denoise": DenoisingAutoencoder,
    "camera": CameraDenoisingAutoencoder,
    "inpaint": InpaintingAutoencoder,
    "detect": DefectDetector,
}


def build(variant: str, task: str = "denoise", code: Code | None = None) -> Autoencoder:
    """Build a variant by name, freshly initialised from torch's current random state.

    code: for the task "code" alone.
    """
    if code is not None:
        return CodeAutoencoder(VARIANTS[variant], code)
    return NETWORKS[task](VARIANTS[variant])


def build_known(variant: str, task: str, code: Code | None = None) -> Autoencoder:
    """Build a variant by a name that a user gave. Raises TrainingError if there is none."""
    if variant not in VARIANTS:
        raise TrainingError(f"no variant is called {variant!r}; there are: {', '.join(VARIANTS)}")
    if code is not None and code.objective not in CODE_ACTIVATIONS:
        raise TrainingError(
            f"no objective is called {code.objective!r}; there are: {', '.join(CODE_ACTIVATIONS)}"
        )
    return build(variant, task, code)
