"""What models promise, by task: the names, shapes and meaning of their inputs and outputs.

weights/CONTRACT.md says the same to people who embed a model.
"""

from dataclasses import dataclass
from typing import Final

OPSET: Final = 18
IR_VERSION: Final = 9
DEFECTS: Final = ("scratches", "dust", "dead-pixels")
"""What the output `defects` holds, in the order of its channels."""
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
    "defects": Tensor(3, ("H", "W")),
    "code": Tensor(None, ("h", "w")),
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
    "code": Interface((("image",),), ("restored", "code")),
}
"""By the task that a card names."""
