"""The autoencoder with a small code."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imgae.training.networks.body import Autoencoder, Network, Variant
from imgae.training.networks.parts import (
    PICTURE,
    STRIDE,
    pad_to_stride,
    residual_blocks,
    upsample,
    zero,
)


@dataclass(frozen=True)
class Code:
    """The size of a code, in channels, and the objective that it is trained with.

    objective: of CODE_ACTIVATIONS.
    """

    objective: str
    channels: int


def unchanged(x: Tensor) -> Tensor:
    return x


CODE_ACTIVATIONS: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "undercomplete": unchanged,
    "denoising": unchanged,
    "sparse-l1": F.relu,
    "sparse-kl": torch.sigmoid,  # mean activations are rates, in (0, 1)
    "contractive": torch.sigmoid,  # bounded
    "contractive-h": torch.sigmoid,
}
"""By objective: what the last convolution of the encoder is followed by."""


class CodeAutoencoder(Autoencoder):
    """An encoder to a code at 1/8 of the resolution, and a decoder that has nothing but the code.

    No skips, and nothing is taken from the picture: an autoencoder in the classic sense. Encoder
    and decoder each add a linear map of blocks of 8x8 pixels to what the deep layers make, so that
    training can begin at principal component analysis (`pca.start_at_pca`) and go on from there.
    """

    inputs = ("image",)
    planes = PICTURE
    called = ("encoded", "decoded")
    outputs = ("restored", "code")

    def __init__(self, variant: Variant, code: Code) -> None:
        super().__init__(variant)
        width, depth = variant.widths[2], variant.blocks[2]
        self.shape = code
        self.code_channels = code.channels
        self.analysis = nn.Conv2d(3, code.channels, STRIDE, stride=STRIDE)
        self.squeeze = nn.Conv2d(width, code.channels, 1)
        self.expand = nn.Conv2d(code.channels, width, 1)
        self.decoder3 = residual_blocks(width, depth)
        self.synthesis = nn.Conv2d(code.channels, 3 * STRIDE**2, 1)
        zero(self.squeeze)

    def forward(self, image: Tensor) -> Tensor:
        """Encode and decode image (B, 3, H, W) in [0, 1]; any H and W from 1, as for denoising."""
        return self.with_code(image)[0]

    def all_outputs(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return what `with_code` does."""
        return self.with_code(*inputs)

    def to_trace(self) -> nn.Module:
        net = copy(self)
        net.__class__ = TracedCodeAutoencoder
        return net

    def refusal(self, source: Network) -> str:
        """Refuse what is no code autoencoder, and larger codes."""
        if "code" not in source.outputs:
            return "only a code can be what a code starts from"
        if source.code_channels > self.code_channels:
            return (
                f"a code of {source.code_channels} channels; --code-channels "
                f"{self.code_channels} is fewer"
            )
        return ""

    def with_code(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return what `forward` does, and the code, (B, channels, H/8, W/8), rounded up."""
        _, _, height, width = image.shape
        code = self.encoded(pad_to_stride(image))
        return self.decoded(code)[:, :, :height, :width], code

    def encoded(self, image: Tensor) -> Tensor:
        """(B, 3, H, W), multiples of STRIDE, to the code."""
        centred = image - 0.5
        _, _, features = self.encode(centred)
        return self.activation(self.analysis(centred) + self.squeeze(features))

    def activation(self, x: Tensor) -> Tensor:
        return CODE_ACTIVATIONS[self.shape.objective](x)

    def decoded(self, code: Tensor) -> Tensor:
        """Return pictures (B, 3, 8 h, 8 w) from codes (B, channels, h, w)."""
        h3 = self.decoder3(self.expand(code))
        h2 = self.decoder2(upsample(self.up2(h3)))
        h1 = self.decoder1(upsample(self.up1(h2)))
        blocks = F.pixel_shuffle(self.synthesis(code), STRIDE)
        return 0.5 + F.pixel_shuffle(self.tail(h1), 2) + blocks


class TracedCodeAutoencoder(CodeAutoencoder):
    """For export only: gives the code as well."""

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Return the picture and its code."""
        return self.with_code(image)
