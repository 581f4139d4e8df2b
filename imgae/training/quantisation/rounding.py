"""Networks that round as 8-bit integers do, and the choice of their ranges.

Between stem and tail, what convolutions read and give is rounded to 256 values, and their kernels
to WEIGHT_LEVELS a side, each output channel on a scale of its own. Stem, tail, the sums at half the
resolution and the residual that is taken from the picture stay in floating point: with those
sums rounded too, `fast` lost 0.49 dB at level 5 instead of 0.16 (weights/EXPERIMENTS.md, row 55d).
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from imgae.training.networks.body import Network
from imgae.training.networks.parts import Activation

WEIGHT_LEVELS: Final = 63
"""Seven bits: processors with AVX2 but no VNNI add two products in 16 bits; eight overflow them."""


SHRINKINGS: Final = tuple(1 - 0.05 * i for i in range(13))


SAMPLE: Final = 1 << 16
"""Values of an activation kept a batch, for its range."""


@dataclass(frozen=True)
class Example:
    """A batch of inputs of the network, and about what error it leaves of each, (B, 1, 1, 1)."""

    inputs: tuple[Tensor, ...]
    expected: Tensor


Batches = Sequence[Example]


class RoundedActivation(nn.Module):
    """Round to (q - zero_point) scale for q from 0 to 255."""

    scale: Tensor
    zero_point: Tensor

    def __init__(self, summed: bool) -> None:
        super().__init__()
        self.summed = summed
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("zero_point", torch.zeros(()))  # whole; float, to be averaged

    def forward(self, x: Tensor) -> Tensor:
        return rounded(x, self.scale, self.zero_point)

    @torch.no_grad()
    def fit(self, values: Tensor) -> None:
        """Choose the range whose rounding leaves the least squared error of a sample."""
        low, high = values.min().clamp(max=0), values.max().clamp(min=0)
        least = math.inf
        for shrinking in SHRINKINGS:
            scale = ((high - low) * shrinking / 255).clamp(min=1e-8)
            zero_point = (-low * shrinking / scale).round()
            error = float((rounded(values, scale, zero_point) - values).square().mean())
            if error < least:
                least = error
                self.scale.copy_(scale)
                self.zero_point.copy_(zero_point)


def rounded(x: Tensor, scale: Tensor, zero_point: Tensor) -> Tensor:
    whole = zero_point.to(torch.int32)
    result: Tensor = torch.fake_quantize_per_tensor_affine(x, scale, whole, 0, 255)
    return result


class RoundedConv2d(nn.Conv2d):
    """A convolution whose kernel is rounded, one scale an output channel."""

    def scales(self) -> Tensor:
        """Return the step between the values of each output channel, (O,)."""
        largest = self.weight.detach().abs().amax((1, 2, 3))
        # A dead ReLU's kernel is all but zero; its bias is stored in the same steps.
        return largest.clamp(min=max(float(largest.max()) * 1e-3, 1e-12)) / WEIGHT_LEVELS

    def rounded_weight(self) -> Tensor:
        scales = self.scales()
        zeros = torch.zeros(len(scales), dtype=torch.int32, device=scales.device)
        result: Tensor = torch.fake_quantize_per_channel_affine(
            self.weight, scales, zeros, 0, -WEIGHT_LEVELS, WEIGHT_LEVELS
        )
        return result

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self._conv_forward(x, self.rounded_weight(), self.bias)
        return result


def quantise(net: Network) -> None:
    """Let a network round, in place; its ranges come from `calibrate`, or from a checkpoint."""
    for name, module in list(net.named_modules()):
        if isinstance(module, Activation):
            replace_module(net, name, RoundedActivation(module.summed))
        elif isinstance(module, nn.Conv2d) and name.split(".")[0] not in net.kept_float:
            module.__class__ = RoundedConv2d


def replace_module(net: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    net.get_submodule(parent).add_module(last, module)


@torch.no_grad()
def calibrate(net: Network, batches: Batches) -> None:
    """Choose the ranges of all activations from what the network makes of inputs, not rounding."""
    samples: dict[RoundedActivation, list[Tensor]] = {
        module: [] for module in net.modules() if isinstance(module, RoundedActivation)
    }

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], _: Tensor) -> Tensor:
        assert isinstance(module, RoundedActivation)
        values = inputs[0].flatten()
        samples[module].append(values[:: max(1, values.numel() // SAMPLE)])
        return inputs[0]

    with hooked(samples, keep):
        for example in batches:
            net(*example.inputs)
    for module, values in samples.items():
        module.fit(torch.cat(values))


class hooked:  # noqa: N801 - a context manager, used as a function
    """Call a hook after each of these modules' forward, while the context lasts."""

    def __init__(self, modules: Iterable[nn.Module], hook: Callable[..., Tensor | None]) -> None:
        self.modules, self.hook = list(modules), hook
        self.handles: list[RemovableHandle] = []

    def __enter__(self) -> None:
        self.handles = [module.register_forward_hook(self.hook) for module in self.modules]

    def __exit__(self, *_: object) -> None:
        for handle in self.handles:
            handle.remove()
