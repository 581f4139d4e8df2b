"""The output stored in a file at export, which later runs must repeat."""

import base64
import binascii
from pathlib import Path
from typing import Final

import numpy as np
import onnx

from imgae.errors import ModelError
from imgae.model import onnxfile, session
from imgae.model.card import ModelCard
from imgae.model.verify.probes import LEVEL, Floats, Inputs

REFERENCE_KEY: Final = "imgae.reference"
REFERENCE_SIZE: Final = (27, 35)


def add_reference(path: Path) -> None:
    """Store a small picture's output in a file, for later checks; weights and card stay.

    Raises ModelError if the file is not safe, cannot be run, or cannot be written.
    """
    proto = onnxfile.read_safely(path)
    model = session.load(path, device="cpu")
    out = reference_outputs(model).astype("<f4")
    onnxfile.set_metadata(proto, REFERENCE_KEY, base64.b64encode(out.tobytes()).decode())
    onnxfile.write_model(proto, path)


def reference_outputs(model: session.OnnxModel) -> Floats:
    """Run a model on the reference inputs, for all its outputs, one after the other."""
    return np.concatenate([out.ravel() for out in model.outputs(**reference_inputs(model.card))])


def reference_inputs(card: ModelCard) -> Inputs:
    """Return inputs that are the same everywhere: numpy keeps the raw numbers of PCG64."""
    height, width = REFERENCE_SIZE
    raw = np.random.PCG64(0).random_raw(3 * height * width) >> np.uint64(40)
    image = (raw / 2**24).astype(np.float32).reshape(1, 3, height, width)
    image = (image / 4 + np.linspace(0, 0.75, width, dtype=np.float32)).astype(np.float32)
    mask = (image[:, :1] * 64 % 1 < 0.3).astype(np.float32)
    mask[:, :, 4:21, 9:30] = 1
    inputs = {"image": image, "sigma": np.full((1, 1, 1, 1), LEVEL, np.float32), "mask": mask}
    return {name: inputs[name] for name in card.inputs if name in inputs}


def read_reference(proto: onnx.ModelProto, shape: tuple[int, ...]) -> Floats:
    """Return the output stored in a file. Raises ModelError if there is none of this shape."""
    text = onnxfile.metadata(proto, REFERENCE_KEY)
    if text is None:
        raise ModelError(
            "none is stored; `scripts/add_reference.py FILE` adds one to a model you trust"
        )
    try:
        return np.frombuffer(base64.b64decode(text, validate=True), "<f4").reshape(shape)
    except (binascii.Error, ValueError) as error:
        raise ModelError("the stored output cannot be read") from error
