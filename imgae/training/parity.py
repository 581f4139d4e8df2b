"""Parity: onnxruntime and torch agree on an exported model."""

from typing import Final

import numpy as np
import torch

from imgae.errors import TrainingError
from imgae.model.session import OnnxModel
from imgae.training.networks.body import Network

TOLERANCE: Final = 1e-4
INT8_TOLERANCE: Final = (0.6 / 255, 4 / 255)
"""Of the mean and of the largest difference. Rounding is chaotic: where the stem differs in its
last bit, a value falls on the other side of a step, and its neighbours after it. `fast` and
`balanced` differ by up to 0.41 and 2.1 levels for that; from themselves unrounded by 0.7 and more
on average."""
SIZES: Final = ((37, 61), (131, 77), (1, 9))


def solid(maps: torch.Tensor) -> torch.Tensor:
    """Return a mask of random pixels and, where there is room, a block wider than the stride."""
    mask = (maps > 0.3).float()
    mask[:, :, 5:60, 8:50] = 1
    return mask


def check_parity(net: Network, model: OnnxModel, precision: str) -> None:
    """Raise TrainingError if a model and the network it was made of disagree at odd sizes."""
    most_mean, most = INT8_TOLERANCE if precision == "int8" else (TOLERANCE, TOLERANCE)
    generator = torch.Generator().manual_seed(0)
    for height, width in SIZES:
        maps = torch.rand(2, 1, height, width, generator=generator)
        examples = {
            "image": [torch.rand(2, 3, height, width, generator=generator)] * 2,
            "sigma": [maps * 0.2, maps[:, :, :1, :1] * 0.2],
            "mask": [solid(maps), (maps * 2).round() / 2],
            "quantisation": [
                torch.tensor([[[[0.1]], [[0.2]]]]),
                maps[:, :, :1, :1].repeat(1, 2, 1, 1),
            ],
            "iso": [torch.zeros(1, 1, 1, 1), maps[:, :, :1, :1] * 6400],
        }
        for values in zip(*(examples[name] for name in net.inputs), strict=True):
            taken = dict(zip(net.inputs, values, strict=True))
            taken = {name: value for name, value in taken.items() if name in model.card.inputs}
            with torch.no_grad():
                outputs = net.all_outputs(
                    *(taken.get(name, torch.zeros_like(value[:1]))
                      for name, value in zip(net.inputs, values, strict=True))
                )  # fmt: skip
            inputs = {name: value.numpy() for name, value in taken.items()}
            pairs = zip(model.outputs(**inputs), outputs, strict=True)
            differences = [
                np.abs(got - expected.numpy()) if got.shape == expected.shape else np.inf
                for got, expected in pairs
            ]
            worst = max(float(np.max(difference)) for difference in differences)
            mean = max(float(np.mean(difference)) for difference in differences)
            if not (worst <= most and mean <= most_mean):
                raise TrainingError(
                    f"onnxruntime and torch differ by {worst:.2g} at {height}x{width}, {mean:.2g} "
                    f"on average, more than {most:.2g} or {most_mean:.2g}; no file was written"
                )
