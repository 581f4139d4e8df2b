"""The residual convolutional denoising autoencoder, and the table of its variants.

An encoder halves the picture three times, a bottleneck works at 1/8, a decoder comes back up, and
each level's features are added to the decoder's. Nothing in it looks at the whole picture: no
normalisation over space or batch, no pooling to a vector, no attention. So a tile with a halo of
`receptive_radius` pixels, cut on `stride`, gives the pixels that the whole picture gives.

With skips it is an hourglass in resolution, not a compressive code.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import gt
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imgae.errors import TrainingError

STRIDE: Final = 8
PICTURE: Final = ("red", "green", "blue")
ENDS: Final = ("clipped", "outside")
CLIPPED: Final = 1e-3
"""Values nearer to black or white than this are taken as clipped; farther outside, as not."""
GATE_SIGMA: Final = 2 / 255
"""Below this level the residual fades to nothing, so that level 0 is the identity."""
GUESS: Final = 0.5
"""A mask's value where the picture holds a guess of what it should be."""
LEVEL_STEP: Final = 0.04
"""What a level map's values are multiplied by, so that they are of the order of 1."""
HOLE_LEVEL: Final = 0.2
"""The level of noise, on [0, 1], that a hole counts as: filling can be learnt from a denoiser."""
# Besides those of the blocks: what the first downsampling reads, and what comes after these.
ACTIVATIONS: Final = ("encoder1", "down1", "down2", "up2", "join2", "up1")
MIRRORINGS: Final = ((), (3,), (2,), (2, 3))
"""Axes along which a picture is turned over."""
FILL_LEVELS: Final = 4  # full resolution to 1/STRIDE
FILL_RINGS: Final = 8
FILL_STEPS: Final = 4
FILL_RADIUS: Final = STRIDE * (FILL_RINGS + 1) + (2**FILL_LEVELS - 1) * (FILL_STEPS + 1)
"""How far the fill sees: its rings, a block, and at each resolution relaxation and enlarging."""
THIN_FILL_RADIUS: Final = STRIDE + (2 ** (FILL_LEVELS - 1) - 1) * (FILL_STEPS + 1)
"""The same where every block of the coarsest resolution holds a known pixel."""


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
    "balanced": Variant(widths=(48, 96, 192), blocks=(2, 3, 4, 3, 2)),
    "best": Variant(widths=(96, 128, 192), blocks=(9, 4, 4, 4, 9)),
}


class Activation(nn.Identity):
    """A place whose values int8 networks round (`quantisation`); nothing in others.

    summed: what is rounded is then added up in floating point.
    """

    def __init__(self, summed: bool = False) -> None:
        super().__init__()
        self.summed = summed


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), starting as the identity."""

    def __init__(self, width: int, rounded_sum: bool) -> None:
        super().__init__()
        self.entry = nn.Identity() if rounded_sum else Activation()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.rectified = Activation()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.residual = Activation(summed=not rounded_sum)
        self.sum = Activation() if rounded_sum else nn.Identity()
        zero(self.conv2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        rectified = self.rectified(F.relu(self.conv1(self.entry(x)), inplace=True))
        total: Tensor = self.sum(x + self.residual(self.conv2(rectified)))
        return total


def zero(conv: nn.Conv2d) -> None:
    assert conv.bias is not None
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(conv.bias)


def residual_blocks(width: int, count: int, rounded_sums: bool = True) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(width, rounded_sums) for _ in range(count)))


class Autoencoder(nn.Module):
    """The body that every restoring network shares: `planes` in, a residual of three out.

    Sources: the work at half resolution, Zhang et al. 2018 (FFDNet); residual blocks in a U-Net
    with added skips, Zhang et al. 2021 (DRUNet).
    """

    planes: tuple[str, ...]  # what the first convolution sees
    inputs: tuple[str, ...]
    optional: tuple[str, ...] = ()  # of the inputs: zero where they are left out
    output = "restored"

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        (c1, c2, c3), (e1, e2, b, d2, d1) = variant.widths, variant.blocks
        # A 3x3 convolution over 2x2 blocks of pixels, written as one 6x6 convolution of stride 2.
        self.stem = nn.Conv2d(len(self.planes), c1, 6, stride=2, padding=2)
        self.encoder1 = residual_blocks(c1, e1, rounded_sums=False)
        self.down1 = nn.Conv2d(c1, c2, 2, stride=2)
        self.encoder2 = residual_blocks(c2, e2)
        self.down2 = nn.Conv2d(c2, c3, 2, stride=2)
        self.bottleneck = residual_blocks(c3, b)
        self.up2 = nn.Conv2d(c3, c2, 1)
        self.decoder2 = residual_blocks(c2, d2)
        self.up1 = nn.Conv2d(c2, c1, 1)
        self.decoder1 = residual_blocks(c1, d1, rounded_sums=False)
        self.tail = nn.Conv2d(c1, 12, 3, padding=1)
        self.activations = nn.ModuleDict(
            {name: Activation(summed=name == "up1") for name in ACTIVATIONS}
        )
        zero(self.tail)

    def residual(self, x: Tensor) -> Tensor:
        """(B, planes, H, W) to (B, 3, H, W), H and W multiples of STRIDE."""
        return self.decode(*self.encode(x))

    def encode(self, x: Tensor, told: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Return the features at 1/2, 1/4 and 1/8 of the resolution.

        told: (B or 1, c3, 1, 1), added to the features at 1/8.
        """
        at = self.activations
        h1 = self.encoder1(self.stem(x))  # (B, c1, H/2, W/2)
        h2 = self.encoder2(at["down1"](self.down1(at["encoder1"](h1))))  # (B, c2, H/4, W/4)
        h3 = self.down2(h2)  # (B, c3, H/8, W/8)
        return h1, h2, self.bottleneck(at["down2"](h3 if told is None else h3 + told))

    def decode(self, h1: Tensor, h2: Tensor, h3: Tensor) -> Tensor:
        """Return the residual, (B, 3, H, W), of what `encode` returned."""
        at = self.activations
        h2 = self.decoder2(at["join2"](h2 + upsample(at["up2"](self.up2(h3)))))
        h1 = self.decoder1(h1 + upsample(at["up1"](self.up1(h2))))
        return F.pixel_shuffle(self.tail(h1), 2)


class DenoisingAutoencoder(Autoencoder):
    """Remove Gaussian noise of a known level: x - s f(x, s).

    f is the network's output divided by max(s, GATE_SIGMA): a rectified network finds noise of
    every strength by thresholds proportional to s, and should not have to divide by s itself;
    below GATE_SIGMA the division stops, and level 0 returns its input exactly.

    Noise that a file has clipped needs another estimate than noise that was not, near black and
    white, and at high levels nearly everywhere. So the network is also told, per pixel, the shares
    of the channels that lie at or beyond the ends of [0, 1], and beyond them.

    Sources: residual learning, Zhang et al. 2017 (DnCNN); a noise map as input, Zhang et al. 2018
    (FFDNet).
    """

    inputs = ("image", "sigma")
    planes = (*PICTURE, "level", *ENDS)

    def forward(self, image: Tensor, sigma: Tensor) -> Tensor:
        """Denoise image (B, 3, H, W) in [0, 1], given sigma (B, 1, 1, 1) or (B, 1, H, W) in [0, 1].

        Any H and W from 1: the picture is padded to the stride by repeating its last row and
        column, and cropped back.
        """
        batch, _, height, width = image.shape
        centred = image - 0.5
        levels = sigma.expand(batch, 1, height, width)
        x = torch.cat([centred, levels, *ends(centred)], 1)
        residual = self.residual(pad_to_stride(x))[:, :, :height, :width]
        return image - (sigma / GATE_SIGMA).clamp(max=1) * residual


class MirroredDenoisingAutoencoder(DenoisingAutoencoder):
    """The mean of what the same weights make of the picture and of its three mirrorings.

    For export only: four times the work, and the errors that depend on the side a pattern is seen
    from average out. Source: geometric self-ensemble, Timofte et al. 2016 (Seven Ways to Improve
    Example-Based Single Image Super Resolution).
    """

    def forward(self, image: Tensor, sigma: Tensor) -> Tensor:
        """Denoise, as DenoisingAutoencoder does."""
        batch, _, height, width = image.shape
        # Padded before they are mirrored, so that the stride's grid stays where it is.
        planes = [pad_to_stride(x) for x in (image, sigma.expand(batch, 1, height, width))]
        total = torch.zeros_like(planes[0])
        for axes in MIRRORINGS:
            mirrored = super().forward(*(x.flip(axes) for x in planes))
            total = total + mirrored.flip(axes)
        return (total / len(MIRRORINGS))[:, :, :height, :width]


class CameraDenoisingAutoencoder(Autoencoder):
    """Remove what sensors, cameras and JPEG left, of a strength that it sees for itself.

    At 1/8 of the resolution the encoder says how strong noise is around each pixel, in luma and in
    chroma: the level map. What is taken away fades to nothing where that falls below GATE_SIGMA.
    Two inputs may be left out: what a JPEG file says of its tables, and the camera's sensitivity.
    Source: the noise estimator of Guo et al. 2019 (CBDNet), there a network of its own.
    """

    inputs = ("image", "quantisation", "iso")
    optional = ("quantisation", "iso")
    planes = (*PICTURE, *ENDS)

    def __init__(self, variant: Variant) -> None:
        super().__init__(variant)
        width = variant.widths[2]
        self.told = nn.Conv2d(3, width, 1)
        self.levels = nn.Conv2d(width, 2, 1)
        zero(self.told)

    def forward(self, image: Tensor, quantisation: Tensor, iso: Tensor) -> Tensor:
        """Denoise image (B, 3, H, W) in [0, 1].

        quantisation: (B or 1, 2, 1, 1), mean steps of the file's luma and chroma tables on [0, 1].
        iso: (B or 1, 1, 1, 1), sensitivity, as in 1600. 0 where not known.
        """
        restored, _ = self.with_levels(image, quantisation, iso)
        return restored

    def with_levels(
        self, image: Tensor, quantisation: Tensor, iso: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return what `forward` does, and the levels of luma and chroma, (B, 2, H/8, W/8) >= 0."""
        _, _, height, width = image.shape
        centred = pad_to_stride(image - 0.5)
        told = self.told(torch.cat([quantisation, torch.log1p(iso / 100) / 8], 1))
        features = self.encode(torch.cat([centred, *ends(centred)], 1), told)
        levels = LEVEL_STEP * F.softplus(self.levels(features[2]))
        gates = F.interpolate(
            (levels / GATE_SIGMA).clamp(max=1), scale_factor=STRIDE, mode="bilinear"
        )
        residual = self.decode(*features)
        luma = residual.mean(1, keepdim=True)
        change = gates[:, 1:] * residual + (gates[:, :1] - gates[:, 1:]) * luma
        return image - change[:, :, :height, :width], levels


class InpaintingAutoencoder(Autoencoder):
    """Fill what a mask marks; pixels outside it come back as they are.

    The mask is 1 where a pixel is unknown, 0 where it is known, and 0.5 where the picture holds a
    guess, such as the fill of a coarser scale. Unknown pixels are filled smoothly first
    (`smooth_fill`), and the network takes away what is wrong with that, as a denoiser takes away
    noise: told HOLE_LEVEL in the holes, it can start from a denoiser's weights.
    """

    inputs = ("image", "mask")
    planes = (*PICTURE, "level")  # HOLE_LEVEL in the holes

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """Fill image (B, 3, H, W) in [0, 1] where mask (B, 1, H, W) is above 0.

        Any H and W from 1, padded as for denoising.
        """
        _, _, height, width = image.shape
        hole = mask > 0
        padded, unknown = pad_to_stride(image), pad_to_stride(mask)
        filled = smooth_fill(padded, unknown > GUESS)
        residual = self.residual(torch.cat([filled - 0.5, HOLE_LEVEL * unknown], 1))
        restored = (filled - residual)[:, :, :height, :width]
        return torch.where(hole, restored, image)


class DefectDetector(Autoencoder):
    """Find scratches, dust and dead pixels: three maps of probabilities."""

    inputs = ("image",)
    output = "defects"
    planes = PICTURE

    def logits(self, image: Tensor) -> Tensor:
        """Return the logarithms of the odds, (B, 3, H, W): of scratches, dust, dead pixels."""
        _, _, height, width = image.shape
        return self.residual(pad_to_stride(image - 0.5))[:, :, :height, :width]

    def forward(self, image: Tensor) -> Tensor:
        """Look at image (B, 3, H, W) in [0, 1]; return probabilities (B, 3, H, W)."""
        return self.logits(image).sigmoid()


@dataclass(frozen=True)
class Code:
    """What a code autoencoder is made for: how many channels, and what training asks of them.

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
    training can begin at principal component analysis (`codes.start_at_pca`) and go on from there.
    """

    inputs = ("image",)
    planes = PICTURE

    def __init__(self, variant: Variant, code: Code) -> None:
        super().__init__(variant)
        width, depth = variant.widths[2], variant.blocks[2]
        self.shape = code
        self.analysis = nn.Conv2d(3, code.channels, STRIDE, stride=STRIDE)
        self.squeeze = nn.Conv2d(width, code.channels, 1)
        self.expand = nn.Conv2d(code.channels, width, 1)
        self.decoder3 = residual_blocks(width, depth)
        self.synthesis = nn.Conv2d(code.channels, 3 * STRIDE**2, 1)
        zero(self.squeeze)

    def forward(self, image: Tensor) -> Tensor:
        """Encode and decode image (B, 3, H, W) in [0, 1]; any H and W from 1, as for denoising."""
        return self.with_code(image)[0]

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


def ends(centred: Tensor) -> list[Tensor]:
    """Return the shares of the channels at or beyond the ends of [-1/2, 1/2], and beyond them."""
    apart = centred.abs()
    past = [(apart > 0.5 + margin).to(centred.dtype) for margin in (-CLIPPED, CLIPPED)]
    return [end.mean(1, keepdim=True) for end in past]


def pad_to_stride(x: Tensor) -> Tensor:
    """Repeat the last row and column until height and width are multiples of STRIDE."""
    height, width = x.shape[2:]
    return F.pad(x, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate")


def smooth_fill(image: Tensor, unknown: Tensor) -> Tensor:
    """Fill unknown (B, 1, H, W) pixels of image (B, 3, H, W) nearly harmonically.

    Means of known pixels over 2x2 blocks, down to 1/STRIDE; there, rings of means over known
    neighbours; then up again, with a few steps of relaxation at every resolution (a cascadic
    multigrid, Bornemann and Deuflhard 1996). Pixels more than FILL_RINGS * STRIDE from any known
    one stay black.
    """
    levels = [(torch.where(unknown, 0.0, image), (~unknown).to(image.dtype))]
    while len(levels) < FILL_LEVELS:
        x, known = levels[-1]
        share = F.avg_pool2d(known, 2)
        x = F.avg_pool2d(x * known, 2) / share.clamp(min=0.25)
        levels.append((x, (share > 0).to(image.dtype)))
    x, known = levels.pop()
    reached = known
    for _ in range(FILL_RINGS):
        share = neighbourhood(reached)
        ring = neighbourhood(x * reached) / share.clamp(min=0.25)
        x = torch.where(reached > 0, x, ring)
        reached = (share > 0).to(image.dtype)
    x = relax(x, known)
    for fine, known in reversed(levels):
        coarse = F.interpolate(x, scale_factor=2, mode="bilinear")
        x = relax(torch.where(known > 0, fine, coarse), known)
    return x


def relax(x: Tensor, known: Tensor) -> Tensor:
    """Replace what is not known by the mean around it, FILL_STEPS times."""
    for _ in range(FILL_STEPS):
        x = torch.where(known > 0, x, neighbourhood(x))
    return x


def neighbourhood(x: Tensor) -> Tensor:
    """Return the means of the four neighbours; at the border, its own pixels stand in for them."""
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    rows = x[:, :, :-2, 1:-1] + x[:, :, 2:, 1:-1]
    return (rows + x[:, :, 1:-1, :-2] + x[:, :, 1:-1, 2:]) / 4


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


def upsample(x: Tensor) -> Tensor:
    # Nearest neighbour after a 1x1 convolution: onnxruntime runs it three times faster than a
    # transposed convolution, and it leaves no grid.
    return F.interpolate(x, scale_factor=2, mode="nearest")


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
