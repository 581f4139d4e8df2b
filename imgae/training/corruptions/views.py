"""Views of pictures: a part, mirrored or not, damaged as copies of pictures are.

Pictures are (B, 3, S, S), sRGB on [0, 1]; they are taken as stretched, so that a view of any shape
shows most of one. All randomness comes from the generator.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from imgae.training.corruptions.jpeg import luma_of, rounded, saved_where
from imgae.training.corruptions.prints import Draw, blurred


@dataclass(frozen=True)
class Bases:
    """What both views of a picture have in common, one entry a picture.

    part: centre and half size of the part that views are of, (B, 2, 2) on [-1, 1], x before y.
    flip: (B,), -1 where the picture stands on its head. order: of its channels, (B, 3).
    """

    part: Tensor
    flip: Tensor
    order: Tensor


@dataclass(frozen=True)
class Base:
    """Make more pictures of few: parts, pictures on their heads, other orders of the channels."""

    share_part: float = 0.5
    least: float = 0.6
    share_colours: float = 0.25

    def __call__(self, pictures: Tensor, generator: Generator) -> Bases:
        draw = Draw(len(pictures), generator, pictures.device)
        size = torch.where(draw.uniform(1) < self.share_part, draw.between(self.least, 1, 1), 1.0)
        size = size.expand(-1, 2)
        centre = (1 - size) * draw.between(-1, 1, 2)
        flip = torch.where(draw.uniform() < 0.5, -1.0, 1.0)
        plain = torch.arange(3, device=pictures.device).expand(len(pictures), 3)
        mixed = draw.uniform(3).argsort(1)
        order = torch.where(draw.uniform(1) < self.share_colours, mixed, plain)
        return Bases(torch.stack([centre, size], 1), flip, order)


@dataclass(frozen=True)
class Views:
    """Draw one view of each picture. Shares are of views; noise is on [0, 1]."""

    share_whole: float = 0.4
    least: float = 0.55  # of each side, of the others
    most_noise: float = 40 / 255
    worst_jpeg: float = 10.0

    def __call__(
        self, pictures: Tensor, bases: Bases, shape: tuple[int, int], generator: Generator
    ) -> Tensor:
        """Return (B, 3, *shape) in [0, 1]."""
        draw = Draw(len(pictures), generator, pictures.device)
        x = self.part(pictures, bases, shape, draw)
        return self.damaged(x, draw)

    def part(self, pictures: Tensor, bases: Bases, shape: tuple[int, int], draw: Draw) -> Tensor:
        """Cut a part of each base, mirrored or not, a little turned, and shrink it by area."""
        batch = len(pictures)
        size = torch.where(draw.uniform(1) < self.share_whole, 1.0, draw.between(self.least, 1, 1))
        narrow = torch.exp(draw.between(-0.12, 0.12, 1))
        size = torch.cat([size * narrow, size / narrow], 1).clamp(max=1)
        centre = (1 - size) * draw.between(-1, 1, 2)
        mirror = torch.where(draw.uniform() < 0.5, -1.0, 1.0)
        angle = torch.where(draw.uniform() < 0.3, 0.12 * draw.noise(), torch.zeros_like(mirror))
        cos, sin = angle.cos(), angle.sin()
        turned = torch.stack([
            torch.stack([mirror * cos, -sin], 1), torch.stack([mirror * sin, cos], 1)
        ], 1)  # fmt: skip
        middle, half = bases.part[:, 0], bases.part[:, 1]
        scale = size * half
        linear = turned * scale[:, :, None]
        place = middle + half * centre
        upright = torch.stack([torch.ones_like(bases.flip), bases.flip], 1)
        theta = torch.cat([linear * upright[:, :, None], (place * upright)[:, :, None]], 2)
        double = (2 * shape[0], 2 * shape[1])
        grid = F.affine_grid(theta, [batch, 3, *double], align_corners=False)
        x = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
        x = F.avg_pool2d(x, 2)
        return x.gather(1, bases.order[:, :, None, None].expand_as(x))

    def damaged(self, x: Tensor, draw: Draw) -> Tensor:
        """Cover, light, blur, add noise, and save as JPEG: each in some of the views."""
        x = covered(x, draw)
        x = lit(x, draw)
        x = softened(x, draw)
        x = (x + self.noise(x, draw)).clamp(0, 1)
        quality = draw.between(self.worst_jpeg, 95)
        half, chosen = draw.chance(0.7), draw.chance(0.6)
        down, right = draw.between(0, 16), draw.between(0, 16)
        return rounded(saved_where(chosen, x, quality, half, down, right))

    def noise(self, x: Tensor, draw: Draw) -> Tensor:
        """White or correlated noise, coloured or gray, in six views of ten."""
        white = draw.noise(*x.shape[1:])
        soft = blurred(white, draw.between(0.5, 1.6))
        soft = soft / soft.std((1, 2, 3), keepdim=True)
        noise = torch.where(draw.chance(0.3), soft, white)
        noise = torch.where(draw.chance(0.3), noise[:, :1].expand_as(noise), noise)
        return noise * draw.between(0, self.most_noise) * draw.chance(0.6)


def lit(x: Tensor, draw: Draw) -> Tensor:
    """Change exposure, gamma, contrast, balance and saturation, each in some of the views."""

    def some(share: float, values: Tensor, plain: float = 1.0) -> Tensor:
        return torch.where(draw.chance(share), values, plain)

    x = x * some(0.5, draw.log_between(0.6, 1.5))
    x = x.clamp(1e-4, 1) ** some(0.3, draw.log_between(0.65, 1.5))
    x = 0.5 + (x - 0.5) * some(0.4, draw.log_between(0.6, 1.5))
    x = x + some(0.2, draw.between(-0.15, 0.15), 0.0)
    x = x * some(0.4, torch.exp(draw.between(-0.18, 0.18, 3, 1, 1)))
    colour = some(0.35, draw.between(0.2, 1.7))
    colour = torch.where(draw.chance(0.07), torch.zeros_like(colour), colour)
    return torch.lerp(luma_of(x), x, colour).clamp(0, 1)


def softened(x: Tensor, draw: Draw) -> Tensor:
    """Blur some views, and shrink and enlarge others."""
    x = torch.where(draw.chance(0.35), blurred(x, draw.log_between(0.4, 2.2)), x)
    small = F.avg_pool2d(x, 2)
    small = F.interpolate(small, x.shape[2:], mode="bilinear", align_corners=False)
    return torch.where(draw.chance(0.15), small, x)


def covered(x: Tensor, draw: Draw) -> Tensor:
    """Lay borders, boxes and lines of type over some views."""
    height, width = x.shape[2:]
    rows = (torch.arange(height, device=x.device) / height).view(1, 1, -1, 1)
    columns = (torch.arange(width, device=x.device) / width).view(1, 1, 1, -1)

    def colour() -> Tensor:
        gray = draw.uniform(1, 1, 1).expand(-1, 3, -1, -1)
        plain = (gray > 0.5).to(x.dtype)
        return torch.where(
            draw.chance(0.4), draw.uniform(3, 1, 1), torch.where(draw.chance(0.5), gray, plain)
        )

    def inside(top: Tensor, left: Tensor, high: Tensor, wide: Tensor) -> Tensor:
        return (rows >= top) & (rows < top + high) & (columns >= left) & (columns < left + wide)

    for _ in range(2):
        high, wide = draw.between(0.08, 0.4), draw.between(0.08, 0.4)
        box = inside(draw.between(-0.1, 0.9), draw.between(-0.1, 0.9), high, wide)
        x = torch.where(box & draw.chance(0.12), colour(), x)
    cells = (draw.uniform(1, 10, 48) < 0.45).to(x.dtype)
    type_ = F.interpolate(cells, (height, width), mode="nearest") > 0.5
    high, wide = draw.between(0.06, 0.25), draw.between(0.3, 1)
    band = inside(draw.between(0, 0.9), draw.between(0, 0.5), high, wide) & draw.chance(0.15)
    x = torch.where(band & draw.chance(0.4), colour(), x)
    x = torch.where(band & type_, colour(), x)
    edges = 0.12 * draw.uniform(4, 1, 1) * (draw.uniform(4, 1, 1) < 0.6)
    top, bottom, left, right = edges.chunk(4, 1)
    border = (rows < top) | (rows >= 1 - bottom) | (columns < left) | (columns >= 1 - right)
    return torch.where(border & draw.chance(0.15), colour(), x)
