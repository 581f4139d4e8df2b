"""Networks whose convolutions compute with 8-bit integers.

Between stem and tail, what convolutions read and give is rounded to 256 values, and their kernels
to WEIGHT_LEVELS a side, each output channel on a scale of its own. Stem, tail, the sums at half the
resolution and the residual that is taken from the picture stay in floating point: with those
sums rounded too, `fast` lost 0.49 dB at level 5 instead of 0.16 (weights/EXPERIMENTS.md, row 55d).

A network is made ready in three steps. `rotate` changes the basis of the features, which leaves
its function as it is and makes rounding harmless; `quantise` lets it round; `calibrate` chooses
the ranges. It can then be trained on: rounding passes gradients as if it were not there (Jacob et
al. 2018, arXiv 1712.05877).
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from imgae.training.config import TrainingConfig
from imgae.training.corruptions.camera import CameraNoise
from imgae.training.corruptions.noise import GaussianNoise
from imgae.training.data import PictureBank
from imgae.training.networks.body import Autoencoder
from imgae.training.networks.build import build_known
from imgae.training.networks.parts import Activation

WEIGHT_LEVELS: Final = 63
"""Seven bits: processors with AVX2 but no VNNI add two products in 16 bits; eight overflow them."""
SHRINKINGS: Final = tuple(1 - 0.05 * i for i in range(13))
SAMPLE: Final = 1 << 16
"""Values of an activation kept a batch, for its range."""
RIDGE: Final = 1e-3
"""Of the mean variance, added in every direction, so that none is stretched without end."""
OPSET: Final = 18
BATCHES: Final = 6

FLOAT: Final = ("stem", "tail", "told", "levels")
"""What stays in floating point: the ends of the network, and what tells it how strong noise is."""


@dataclass(frozen=True)
class Example:
    """A batch of inputs of the network, and about what error it leaves of each, (B, 1, 1, 1)."""

    inputs: tuple[Tensor, ...]
    expected: Tensor


Batches = Sequence[Example]


def build(config: TrainingConfig) -> Autoencoder:
    """Build a run's network, which rounds if the run is in int8; for weights to be loaded into."""
    net = build_known(config.variant, config.task, config.code)
    if config.int8:
        quantise(net)
    return net


def prepare(net: Autoencoder, batches: Batches) -> None:
    """Make a trained float network an int8 one, in place."""
    rotate(net, batches)
    quantise(net)
    calibrate(net, batches)


def noisy_batches(bank: PictureBank, config: TrainingConfig, device: torch.device) -> Batches:
    """Return noisy crops and what goes with them, as in a denoiser's training, in main memory.

    device: the one that the bank is on.
    """
    generator = torch.Generator(device).manual_seed(config.seed)
    draw = camera_example if config.task == "camera" else white_example
    return [
        draw(bank.crops(config.batch, config.crop, generator), generator) for _ in range(BATCHES)
    ]


def white_example(clean: Tensor, generator: torch.Generator) -> Example:
    noisy, sigma, _ = GaussianNoise()(clean, generator)
    level = sigma.amax((1, 2, 3), keepdim=True)
    return Example((noisy.cpu(), sigma.cpu()), ((level + 1 / 255).pow(1.14).sqrt()).cpu())


def camera_example(clean: Tensor, generator: torch.Generator) -> Example:
    made = CameraNoise()(clean, generator)
    level = (made.noisy - made.clean).square().mean((1, 2, 3), keepdim=True).sqrt()
    inputs = (made.noisy.cpu(), made.quantisation.cpu(), made.iso.cpu())
    return Example(inputs, (level + 1 / 255).sqrt().cpu())


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
        # A dead rectifier's kernel is all but zero; its bias is stored in the same steps.
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


def quantise(net: Autoencoder) -> None:
    """Let a network round, in place; its ranges come from `calibrate`, or from a checkpoint."""
    for name, module in list(net.named_modules()):
        if isinstance(module, Activation):
            replace_module(net, name, RoundedActivation(module.summed))
        elif isinstance(module, nn.Conv2d) and name.split(".")[0] not in FLOAT:
            module.__class__ = RoundedConv2d


def replace_module(net: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    net.get_submodule(parent).add_module(last, module)


@torch.no_grad()
def calibrate(net: Autoencoder, batches: Batches) -> None:
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


@dataclass(frozen=True)
class Trunk:
    """The features at one resolution: all that adds to them, reads them, or is rounded of them.

    They are only ever added up and read by convolutions, so any basis serves as well as theirs.
    """

    writers: tuple[str, ...]
    readers: tuple[str, ...]
    points: tuple[str, ...]


def trunks(net: Autoencoder) -> list[Trunk]:
    """Return the network's three trunks, at 1/2, 1/4 and 1/8 of the resolution."""
    told, levels = ((name,) if hasattr(net, name) else () for name in ("told", "levels"))
    ways = [
        (("encoder1", "decoder1"), ("stem", "up1"), ("down1", "tail"), ("encoder1", "up1")),
        (("encoder2", "decoder2"), ("down1", "up2"), ("down2", "up1"), ("down1", "up2", "join2")),
        (("bottleneck",), ("down2", *told), ("up2", *levels), ("down2",)),
    ]
    found = []
    for stages, writers, readers, activations in ways:
        blocks = [
            f"{stage}.{name}"
            for stage in stages
            for name, _ in net.get_submodule(stage).named_children()
        ]
        names = [f"{block}.{name}" for block in blocks for name in ("entry", "residual", "sum")]
        found.append(
            Trunk(
                (*writers, *(f"{block}.conv2" for block in blocks)),
                (*readers, *(f"{block}.conv1" for block in blocks)),
                (
                    *(f"activations.{name}" for name in activations),
                    *(name for name in names if isinstance(net.get_submodule(name), Activation)),
                ),
            )
        )
    return found


def rotate(net: Autoencoder, batches: Batches) -> None:
    """Change the basis of each trunk to the one in which rounding does least harm, in place.

    The function stays as it is. With S the covariance of the features and G that of the output's
    gradient with respect to them, rounding to 256 values over each channel's range costs the sum
    over channels of (M S M')_cc (M'^-1 G M^-1)_cc in the basis M. Its least value is reached where
    both matrices are the same and have equal diagonals: M = V L^-1/4 U' G^1/2, with U L U' =
    G^1/2 S G^1/2, and V an orthogonal matrix of entries of like size. What many channels have in
    common is then carried by all of them, and averages out.

    batches: as in training. Pictures weigh by the error that is left of them.
    """
    points = [(net.get_submodule(name), trunk) for trunk in trunks(net) for name in trunk.points]
    features: dict[nn.Module, Tensor] = {}

    def keep(module: nn.Module, _: object, output: Tensor) -> Tensor:
        # A copy, so that the gradient is that of this place alone.
        features[module] = output.clone() if output.requires_grad else output.requires_grad_()
        features[module].retain_grad()
        return features[module]

    generator = torch.Generator().manual_seed(0)
    spread: dict[nn.Module, Tensor] = {}
    slope: dict[nn.Module, Tensor] = {}
    with hooked([module for module, _ in points], keep):
        for example in batches:
            image = example.inputs[0]
            probe = torch.randn(image.shape, generator=generator).to(image) / example.expected
            (net(*example.inputs) * probe).sum().backward()
            for module, _ in points:
                gradient = features[module].grad
                assert gradient is not None
                add(spread, module, covariance(features[module].detach()))
                add(slope, module, second_moment(gradient))
    net.zero_grad()
    for trunk in trunks(net):
        modules = [module for module, owner in points if owner == trunk]
        total = torch.stack([spread[module] for module in modules]).mean(0)
        share = [spread[module].trace() / total.trace() for module in modules]
        harm = sum_of(part * slope[module] for part, module in zip(share, modules, strict=True))
        change_basis(net, trunk, best_basis(total.double(), harm.double()))


def add(sums: dict[nn.Module, Tensor], module: nn.Module, value: Tensor) -> None:
    sums[module] = sums[module] + value if module in sums else value


def sum_of(tensors: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(tensors)).sum(0)


def covariance(x: Tensor) -> Tensor:
    """(B, C, H, W) to (C, C)."""
    return torch.cov(x.transpose(0, 1).flatten(1))


def second_moment(x: Tensor) -> Tensor:
    """(B, C, H, W) to (C, C)."""
    rows = x.transpose(0, 1).flatten(1)
    return rows @ rows.T / rows.shape[1]


def best_basis(spread: Tensor, harm: Tensor) -> Tensor:
    """Return M of `rotate`, its rows scaled to features of variance 1; (C, C)."""
    size = len(spread)
    spread, harm = (
        x + RIDGE * x.trace() / size * torch.eye(size, dtype=x.dtype) for x in (spread, harm)
    )
    values, vectors = torch.linalg.eigh(harm)
    root = vectors @ torch.diag(values.sqrt()) @ vectors.T
    values, vectors = torch.linalg.eigh(root @ spread @ root)
    basis = hartley(size) @ torch.diag(values.pow(-0.25)) @ vectors.T @ root
    deviations = (basis @ spread @ basis.T).diagonal().sqrt()
    scaled: Tensor = basis / deviations[:, None]
    return scaled


def hartley(size: int) -> Tensor:
    """Return the orthogonal matrix of the discrete Hartley transform, (size, size)."""
    steps = torch.arange(size, dtype=torch.float64)
    angles = 2 * math.pi * steps[:, None] * steps / size
    return (angles.cos() + angles.sin()) / math.sqrt(size)


@torch.no_grad()
def change_basis(net: Autoencoder, trunk: Trunk, basis: Tensor) -> None:
    inverse = torch.linalg.inv(basis)
    for conv in convolutions(net, trunk.writers):
        assert conv.bias is not None
        conv.weight.copy_(torch.einsum("po,oihw->pihw", basis, conv.weight.double()))
        conv.bias.copy_(basis @ conv.bias.double())
    for conv in convolutions(net, trunk.readers):
        conv.weight.copy_(torch.einsum("oihw,ip->ophw", conv.weight.double(), inverse))


def convolutions(net: nn.Module, names: Iterable[str]) -> Iterator[nn.Conv2d]:
    for name in names:
        conv = net.get_submodule(name)
        assert isinstance(conv, nn.Conv2d)
        yield conv


class StoredActivation(nn.Module):
    """A rounded activation as onnxruntime is to see it: QuantizeLinear, DequantizeLinear.

    Where a sum in floating point follows, the pictures are one long row between the two.
    onnxruntime runs integer convolutions with channels last, and would otherwise turn their
    results back after the second, when they are four times as large. Networks run a tenth faster.
    """

    scale: Tensor
    zero_point: Tensor

    def __init__(self, activation: RoundedActivation) -> None:
        super().__init__()
        self.flat = activation.summed
        self.register_buffer("scale", activation.scale.clone())
        self.register_buffer("zero_point", activation.zero_point.to(torch.uint8))

    def forward(self, x: Tensor) -> Tensor:
        parameters = (self.scale, self.zero_point)
        stored = onnx_op("QuantizeLinear", (x, *parameters), torch.uint8, x.shape)
        if self.flat:
            stored = stored.flatten(2)
        y = onnx_op("DequantizeLinear", (stored, *parameters), torch.float32, stored.shape)
        return y.view(x.shape) if self.flat else y


class StoredConv2d(nn.Module):
    """A rounded convolution as onnxruntime is to see it: its kernel is int8."""

    weight: Tensor
    weight_scale: Tensor
    weight_zero_point: Tensor

    def __init__(self, conv: RoundedConv2d) -> None:
        super().__init__()
        scales = conv.scales()
        kernel = (conv.rounded_weight() / scales[:, None, None, None]).round()
        self.register_buffer("weight", kernel.to(torch.int8))
        self.register_buffer("weight_scale", scales)
        self.register_buffer("weight_zero_point", torch.zeros(len(scales), dtype=torch.int8))
        self.bias = conv.bias
        self.stride, self.padding = conv.stride, conv.padding

    def forward(self, x: Tensor) -> Tensor:
        stored = (self.weight, self.weight_scale, self.weight_zero_point)
        weight = onnx_op("DequantizeLinear", stored, torch.float32, self.weight.shape, axis=0)
        return F.conv2d(x, weight, self.bias, self.stride, self.padding)


def onnx_op(
    name: str, inputs: Sequence[Tensor], dtype: torch.dtype, shape: Sequence[int], **attributes: int
) -> Tensor:
    return torch.onnx.ops.symbolic(
        name, inputs, {**attributes}, dtype=dtype, shape=shape, version=OPSET
    )


def stored(net: Autoencoder) -> Autoencoder:
    """Return a copy of a rounding network to be traced for ONNX; it cannot run in torch."""
    net = deepcopy(net)
    for name, module in list(net.named_modules()):
        if isinstance(module, RoundedActivation):
            replace_module(net, name, StoredActivation(module))
        elif isinstance(module, RoundedConv2d):
            replace_module(net, name, StoredConv2d(module))
    return net
