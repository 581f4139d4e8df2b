"""The residual convolutional denoising autoencoder, and the table of its variants.

An encoder halves the picture three times, a bottleneck works at 1/8, a decoder comes back up, and
each level's features are added to the decoder's. Nothing in it looks at the whole picture: no
normalisation over space or batch, no pooling to a vector, no attention. So a tile with a halo of
`receptive_radius` pixels, cut on `stride`, gives the pixels that the whole picture gives.

With skips it is an hourglass in resolution, not a compressive code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import gt
from typing import Final

import torch.nn.functional as F
from torch import Tensor, nn

from imgae.errors import TrainingError
from imgae.training.networks.parts import STRIDE, Activation, residual_blocks, upsample, zero

# Besides those of the blocks: what the first downsampling reads, and what comes after these.
ENCODING: Final = ("encoder1", "down1", "down2")
DECODING: Final = ("up2", "join2", "up1")


@dataclass(frozen=True)
class Variant:
    """Channels at 1/2, 1/4 and 1/8 of the resolution, and residual blocks along the way."""

    widths: tuple[int, int, int]
    blocks: tuple[int, int, int, int, int]  # encoder 1/2, 1/4; bottleneck 1/8; decoder 1/4, 1/2


VARIANTS: Final = {
    "tiny": Variant(widths=(16, 16, 16), blocks=(1, 0, 1, 0, 1)),  # for tests
    "fast": Variant(widths=(32, 64, 128), blocks=(2, 2, 2, 2, 2)),
    # fast that sees farther, for holes of some tens of pixels
    "deep": Variant(widths=(32, 64, 128), blocks=(2, 2, 6, 2, 2)),
    # deep, about twice as wide
    "wide": Variant(widths=(64, 128, 192), blocks=(3, 3, 6, 3, 3)),
    "balanced": Variant(widths=(48, 96, 192), blocks=(2, 3, 4, 3, 2)),
    "best": Variant(widths=(96, 128, 192), blocks=(9, 4, 4, 4, 9)),
}


def variant_named(name: str) -> Variant:
    """Return a variant by a name that a user gave. Raises TrainingError if there is none."""
    if name not in VARIANTS:
        raise TrainingError(f"no variant is called {name!r}; there are: {', '.join(VARIANTS)}")
    return VARIANTS[name]


class Network(nn.Module):
    """What all networks say of themselves, for training and export."""

    planes: tuple[str, ...]  # what the first convolution sees
    inputs: tuple[str, ...]  # by the names of model.contract
    optional: tuple[str, ...] = ()  # of the inputs: zero where they are left out
    outputs: tuple[str, ...] = ("restored",)  # of an exported file
    code_channels = 0  # of the output `code`
    called: tuple[str, ...] = ("forward",)
    """What objectives call: it is compiled, and shared among processes."""
    stride = STRIDE
    """Pixels that a picture is moved by for the output to move with it: what tiles are cut on."""
    cell = 1
    """Pixels on a side that one value of the first output stands for."""
    fill_radius = 0
    """How far the smooth fill of holes sees, in pixels, where a network has one."""
    thin_fill_radius: int | None = None
    """The same for pictures without a wholly unknown block of STRIDE x STRIDE."""

    @property
    def kept_float(self) -> tuple[str, ...]:
        """The layers that int8 networks compute in floating point: their ends, and small ones."""
        return ()

    def all_outputs(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return what an exported file gives: for some, more than `forward` returns."""
        return (self(*inputs),)

    def to_trace(self) -> nn.Module:
        """Return what is traced for a file: a module that returns all outputs."""
        return self

    def refusal(self, source: "Network") -> str:
        """Say why training cannot start from a network's weights; "" if it can."""
        return "only a code can start from a code" if "code" in source.outputs else ""

    def taken(self, weights: dict[str, Tensor], source: "Network") -> dict[str, Tensor]:
        """Return those of another network's weights that training starts from."""
        if source.outputs[0] == self.outputs[0]:
            return weights
        return {name: value for name, value in weights.items() if not name.startswith("tail.")}


class Encoding(Network):
    """The encoder that most networks share: `planes` in, features at 1/8 out."""

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        (c1, c2, c3), (e1, e2, b, *_) = variant.widths, variant.blocks
        # A 3x3 convolution over 2x2 blocks of pixels, written as one 6x6 convolution of stride 2.
        self.stem = nn.Conv2d(len(self.planes), c1, 6, stride=2, padding=2)
        self.encoder1 = residual_blocks(c1, e1, rounded_sums=False)
        self.down1 = nn.Conv2d(c1, c2, 2, stride=2)
        self.encoder2 = residual_blocks(c2, e2)
        self.down2 = nn.Conv2d(c2, c3, 2, stride=2)
        self.bottleneck = residual_blocks(c3, b)
        self.activations = nn.ModuleDict({name: Activation() for name in ENCODING})

    def encode(self, x: Tensor, told: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Return the features at 1/2, 1/4 and 1/8 of the resolution.

        x: (B, planes, H, W), sides multiples of STRIDE. told: (B or 1, c3, 1, 1), added to the
        features at 1/8.
        """
        at = self.activations
        h1 = self.encoder1(self.stem(x))  # (B, c1, H/2, W/2)
        h2 = self.encoder2(at["down1"](self.down1(at["encoder1"](h1))))  # (B, c2, H/4, W/4)
        h3 = self.down2(h2)  # (B, c3, H/8, W/8)
        return h1, h2, self.bottleneck(at["down2"](h3 if told is None else h3 + told))


class Autoencoder(Encoding):
    """The body that every restoring network shares: `planes` in, a residual of three out.

    Sources: the work at half resolution, Zhang et al. 2018 (FFDNet); residual blocks in a U-Net
    with added skips, Zhang et al. 2021 (DRUNet).
    """

    deep_writers: tuple[str, ...] = ()
    deep_readers: tuple[str, ...] = ()
    """Layers, besides those here, that add to the features at 1/8, and that read them."""

    def __init__(self, variant: Variant) -> None:
        super().__init__(variant)
        (c1, c2, c3), (_, _, _, d2, d1) = variant.widths, variant.blocks
        self.up2 = nn.Conv2d(c3, c2, 1)
        self.decoder2 = residual_blocks(c2, d2)
        self.up1 = nn.Conv2d(c2, c1, 1)
        self.decoder1 = residual_blocks(c1, d1, rounded_sums=False)
        self.tail = nn.Conv2d(c1, 12, 3, padding=1)
        self.activations.update({name: Activation(summed=name == "up1") for name in DECODING})
        zero(self.tail)

    @property
    def kept_float(self) -> tuple[str, ...]:
        """The layers that int8 networks compute in floating point: their ends, and small ones."""
        return ("stem", "tail", *self.deep_writers, *self.deep_readers)

    def residual(self, x: Tensor) -> Tensor:
        """(B, planes, H, W) to (B, 3, H, W), H and W multiples of STRIDE."""
        return self.decode(*self.encode(x))

    def decode(self, h1: Tensor, h2: Tensor, h3: Tensor) -> Tensor:
        """Return the residual, (B, 3, H, W), of what `encode` returned."""
        at = self.activations
        h2 = self.decoder2(at["join2"](h2 + upsample(at["up2"](self.up2(h3)))))
        h1 = self.decoder1(h1 + upsample(at["up1"](self.up1(h2))))
        return F.pixel_shuffle(self.tail(h1), 2)


def copy_weights(net: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copy the weights of a network that is as wide and deep as `net`, or less so, into it.

    The larger network then computes what the smaller one did (Net2Net, Chen et al. 2016, with
    zeros): no old channel reads a new one yet, new blocks are still the identity, and new
    channels keep their random kernels, so that they differ from each other from the first step.
    Raises ValueError if the weights are not of such a network.
    """
    state = net.state_dict()
    if unknown := weights.keys() - state.keys():
        raise ValueError(f"it has no {min(unknown)}")
    for name, small in weights.items():
        large = state[name]
        if small.ndim != large.ndim or any(map(gt, small.shape, large.shape)):
            raise ValueError(f"its {name} is only {tuple(large.shape)}, not {tuple(small.shape)}")
        large[: len(small)] = 0
        large[tuple(slice(size) for size in small.shape)] = small
