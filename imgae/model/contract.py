"""What models promise, by task: the names, shapes and meaning of their inputs and outputs.

weights/CONTRACT.md says the same to people who embed a model.
"""

from dataclasses import dataclass
from typing import Final

OPSET: Final = 18
IR_VERSION: Final = 9
DEFECTS: Final = ("scratches", "dust", "dead-pixels", "stamp", "text")
"""What the output `defects` holds, in the order of its channels."""
NOISE: Final = ("share", "rest", "white", "weight", "level")
"""What the output `noise` holds, in the order of its channels.

share: how much of a camera model's change to take here, from 0 to 1. rest: the level to tell a
denoiser for what is left, from 0 to 1. white: above 0 where noise looks white. weight: how much
`white` and `level` count here, above 0. level: of white noise here, above 0, at most 1.
"""
CELL: Final = 8
"""Pixels on a side of what one value of `noise` is about."""
FINE_CELL: Final = 4
"""The same of `features`."""
SURE: Final = 0.5
"""A probability of a defect above this marks the pixel."""
GUESS: Final = 0.5
"""What a mask says where the picture holds a guess; 1 is unknown, 0 is known."""


@dataclass(frozen=True)
class Tensor:
    """An input or output, (N, channels, *sides), float32.

    channels: None where the card says how many. sides: 1, or the name of a free size; H and W are
    the picture's. optional: an input that may be left out, as if it were 0.
    """

    channels: int | None
    sides: tuple[str | int, str | int]
    optional: bool = False

    def shape(self, code_channels: int = 0) -> list[str | int | None]:
        """Return the sizes as ONNX has them, free ones by name."""
        batch = "n" if self.optional else "N"
        return [batch, self.channels or code_channels, *self.sides]


TENSORS: Final = {
    "image": Tensor(3, ("H", "W")),
    "sigma": Tensor(1, ("h", "w")),
    "mask": Tensor(1, ("H", "W")),
    "quantisation": Tensor(2, (1, 1), optional=True),
    "iso": Tensor(1, (1, 1), optional=True),
    "restored": Tensor(3, ("H", "W")),
    "defects": Tensor(len(DEFECTS), ("H", "W")),
    "anomaly": Tensor(1, ("H", "W")),
    "code": Tensor(None, ("h", "w")),
    "noise": Tensor(len(NOISE), ("h", "w")),
    "descriptor": Tensor(None, ("h", "w")),
    "features": Tensor(None, ("h", "w")),
}
OPTIONAL: Final = tuple(name for name, tensor in TENSORS.items() if tensor.optional)


@dataclass(frozen=True)
class Interface:
    """What a model of one task takes and gives.

    inputs: each a combination that a model may take. outputs: all of them, in their order.
    """

    inputs: tuple[tuple[str, ...], ...]
    outputs: tuple[str, ...]


INTERFACES: Final = {
    "denoise": Interface(
        (("image", "sigma"), ("image",), ("image", "quantisation", "iso")), ("restored",)
    ),
    "inpaint": Interface((("image", "mask"),), ("restored",)),
    "detect": Interface((("image",),), ("defects",)),
    "anomaly": Interface((("image",),), ("anomaly",)),
    "code": Interface((("image",),), ("restored", "code")),
    "estimate": Interface((("image",),), ("noise",)),
    "search": Interface((("image",),), ("descriptor",)),
    "features": Interface((("image",),), ("features",)),
}
"""By the task that a card names."""
