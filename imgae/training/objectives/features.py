"""Training of features in which flaws lie far from what is normal.

Every step has some materials, with good pictures of each, and others, half of them with a flaw.
The mean and the covariance of the good pictures' features say what is normal; a place's distance
from that, the Mahalanobis distance, is to be small where nothing is wrong and large in a flaw, and
the largest distance of a flawed picture above that of a good one. So the features are trained for
what `imgae anomaly fit` does with them, on materials and flaws that it never sees.

Sources: the distance, De Maesschalck et al. 2000; one Gaussian for a place's features, Defard et
al. 2021 (PaDiM); drawn flaws, Zavrtanik et al. 2021 (DRAEM); training by episodes of what is to be
done later, Vinyals et al. 2016.
"""

from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from imgae.model.contract import FINE_CELL
from imgae.training.corruptions.flaws import Flaws
from imgae.training.corruptions.materials import Materials

SHRINK: Final = 0.01
"""Of the mean variance, added to each, so that few pictures give a covariance that is sure."""
FAR: Final = 1.8
"""A distance that is as likely in a flaw as elsewhere; the mean of good places is about 1."""
STEEP: Final = 2.85
"""Change of the logarithm of the odds of a flaw with the distance."""
HARDEST: Final = 0.01
"""Of the good places, those farthest from normal count again: they are what raises alarms."""


@dataclass
class Telling:
    """The objective. good, asked: pictures of each material; half of those asked are flawed."""

    flaws: Flaws
    good: int
    asked: int
    side: int
    device: torch.device

    def __call__(
        self, net: nn.Module, sources: Tensor, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """sources: (B, 3, S, S) in [0, 1], a material each. Returns the loss and its terms."""
        seen = self.look(net, sources, generator)
        return loss_of(
            STEEP * (seen.good - FAR),
            STEEP * (seen.flawed - FAR),
            in_cells(seen.target, len(sources)),
            -in_cells(-seen.weight, len(sources)),
        )

    def shown(
        self, net: nn.Module, sources: Tensor, generator: Generator
    ) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Return of each material a flawed picture, its distances and its flaw, (3, H, W) each."""
        seen = self.look(net, sources, generator)
        step = self.asked // 2
        pictures, targets = seen.pictures[::step], seen.target[::step]
        far = F.interpolate(seen.flawed[:, :1], pictures.shape[2:]) / seen.flawed.amax()
        return [
            (picture, distance.expand_as(picture), target.expand_as(picture))
            for picture, distance, target in zip(pictures, far, targets, strict=True)
        ]

    def look(self, net: nn.Module, sources: Tensor, generator: Generator) -> "Seen":
        """Make materials and flaws, and measure how far from normal each place is."""
        batch, count = len(sources), self.asked // 2
        with torch.autocast(sources.device.type, enabled=False):
            views = Materials(self.good + self.asked, self.side)(sources, generator)
            views = views.view(batch, -1, *views.shape[1:])
            chosen = views[:, -count:].flatten(0, 1)
            flawed, target, weight = self.flaws(chosen, chosen.roll(count, 0), generator)
        pictures = torch.cat([views[:, :-count].flatten(0, 1), flawed])
        features = net(pictures.contiguous(memory_format=torch.channels_last)).float()
        good, strange = features.split([len(pictures) - len(flawed), len(flawed)])
        good, strange = (x.view(batch, -1, *x.shape[1:]) for x in (good, strange))
        with torch.autocast(features.device.type, enabled=False):  # covariances need all digits
            normal = Normal.of(good[:, : self.good])
            unseen = normal.distance(good[:, self.good :])
            return Seen(flawed, target, weight, unseen, normal.distance(strange))


@dataclass(frozen=True)
class Seen:
    """What a step sees, of B materials with V flawed and G good pictures that are judged.

    pictures: (B V, 3, H, W), flawed. target, weight: (B V, 1, H, W). good: (B, G, h, w), how far
    the places of good pictures are from normal. flawed: (B, V, h, w).
    """

    pictures: Tensor
    target: Tensor
    weight: Tensor
    good: Tensor
    flawed: Tensor


def in_cells(x: Tensor, batch: int) -> Tensor:
    """Return the largest value of each cell: from (B V, 1, H, W) to (B, V, h, w)."""
    largest = F.max_pool2d(x, FINE_CELL, ceil_mode=True)[:, 0]
    return largest.view(batch, -1, *largest.shape[1:])


@dataclass(frozen=True)
class Normal:
    """What is normal for each of B materials. mean: (B, C). factor: (B, C, C), lower triangular.

    factor: Cholesky's, of the covariance.
    """

    mean: Tensor
    factor: Tensor

    @classmethod
    def of(cls, features: Tensor) -> "Normal":
        """features: (B, V, C, h, w), of good pictures."""
        rows = features.permute(0, 1, 3, 4, 2).flatten(1, 3)
        mean = rows.mean(1)
        off = rows - mean[:, None]
        covariance = off.mT @ off / rows.shape[1]
        spread = covariance.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
        eye = torch.eye(rows.shape[2], device=rows.device)
        return cls(mean, torch.linalg.cholesky(covariance + (SHRINK * spread + 1e-6) * eye))

    def distance(self, features: Tensor) -> Tensor:
        """Return how far (B, V, C, h, w) are from normal: (B, V, h, w), about 1 where they are."""
        batch, views, _, height, width = features.shape
        rows = features.permute(0, 1, 3, 4, 2).flatten(1, 3) - self.mean[:, None]
        white = torch.linalg.solve_triangular(self.factor, rows.mT, upper=False)
        squares = white.square().mean(1) + 1e-6
        distance: Tensor = squares.sqrt().view(batch, views, height, width)
        return distance


def loss_of(
    good: Tensor, flawed: Tensor, target: Tensor, weight: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the loss of logits (B, V, h, w) of good and of flawed pictures, and its terms.

    target, weight: (B, V, h, w), of the flawed ones.
    """
    marked = target * weight
    inside = (F.softplus(-flawed) * marked).sum() / marked.sum().clamp(min=1)
    sound = (1 - target) * weight
    outside = (F.softplus(flawed) * sound).sum() / sound.sum().clamp(min=1)
    losses = F.softplus(good).flatten()
    hardest = losses.topk(max(1, int(HARDEST * losses.numel()))).values.mean()
    present = marked.sum((2, 3)) > 0
    largest = torch.where(marked > 0, flawed, flawed.detach().amin()).amax((2, 3))
    apart = largest[:, :, None] - good.amax((2, 3))[:, None]
    pairs = present[:, :, None].expand_as(apart)
    ranked = (F.softplus(-apart) * pairs).sum() / pairs.sum().clamp(min=1)
    right = ((apart > 0) & pairs).sum() / pairs.sum().clamp(min=1)
    loss = inside + outside + losses.mean() + 0.3 * hardest + ranked
    terms = {"inside": inside, "outside": outside, "hardest": hardest, "ranked": ranked}
    return loss, {**terms, "right": right}
