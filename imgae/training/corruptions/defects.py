"""Scratches, dust, dead pixels, date stamps and type, on pictures of any tone."""

from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from imgae.training.corruptions.jpeg import rounded, saved_where
from imgae.training.corruptions.prints import Draw, blurred, on_paper, toned
from imgae.training.mask_bank import DrawnBank

TOUCHED: Final = 0.15
"""The share of a pixel that a defect must cover to count: a fill then leaves no rim."""
SEEN: Final = 10 / 255
"""A smaller change than this cannot be seen: whether it is marked does not matter."""


@dataclass(frozen=True)
class Defects:
    """Five kinds of defects, each in some samples; shares are per sample.

    Samples without any are share_undamaged; some of them, and of the others, have lines drawn in
    that belong to the picture. A picture is toned before or after it is damaged.
    """

    scratches: DrawnBank
    dust: DrawnBank
    stamps: DrawnBank
    captions: DrawnBank
    architecture: DrawnBank
    share_undamaged: float = 0.25
    shares: tuple[float, float, float, float, float] = (0.65, 0.6, 0.35, 0.35, 0.35)
    share_lines: float = 0.05

    @torch.no_grad()
    def __call__(self, clean: Tensor, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Damage clean (B, 3, H, W) in [0, 1].

        Returns (damaged, target, weight): damaged (B, 3, H, W) in 8 bits; target and weight
        (B, 5, H, W): target is 1 where there are the defects of model.contract, a channel each;
        weight is 0 where nobody can tell.
        """
        batch, _, size, _ = clean.shape
        draw = Draw(batch, generator, clean.device)
        damaged_at_all = ~draw.chance(self.share_undamaged)
        present = [draw.chance(share) & damaged_at_all for share in self.shares]
        x = self.with_lines(clean, draw)
        early = draw.chance(0.5)
        x = torch.where(early, toned(x, draw), x)
        x = on_paper(x, draw).clamp(0, 1)
        x, stamp = self.stamped(x, present[3], draw)
        x, scratch = self.worn(x, self.scratches, present[0], draw)
        x, dust = self.worn(x, self.dust, present[1], draw)
        typed_late = draw.chance(0.6)
        x, text = self.captioned(x, present[4] & ~typed_late, draw)
        x = torch.where(early, x, toned(x, draw))
        x, text_late = self.captioned(x, present[4] & typed_late, draw)
        x = torch.where(draw.chance(0.08), blurred(x, draw.between(0.3, 0.9)), x)
        x = (x + draw.noise(3, size, size) * draw.between(0, 0.02) * draw.chance(0.4)).clamp(0, 1)
        quality = draw.between(45, 98)
        saved = draw.chance(0.35)
        x, dead = self.with_dead(x, present[2] & ~(saved & (quality < 88)), draw)
        half, shift = draw.chance(0.5), 16 * draw.uniform(2)
        x = saved_where(saved, rounded(x), quality, half, shift[:, :1], shift[:, 1:])
        both = tuple(torch.maximum(a, b) for a, b in zip(text, text_late, strict=True))
        pairs = (scratch, dust, dead, stamp, both)
        touched = torch.cat([pair[0] for pair in pairs], 1)
        change = torch.cat([pair[1] for pair in pairs], 1)
        target = (touched > TOUCHED) & (change > SEEN)
        # What is covered but looks as before may be marked or not.
        unsure = (touched > TOUCHED) & ~target
        return x, target.float(), (~unsure).float()

    def with_lines(self, x: Tensor, draw: Draw) -> Tensor:
        """Draw bars, railings and wires as parts of the picture."""
        cover = self.architecture.cover(len(x), x.shape[-1], draw.generator)
        cover = blurred(cover, draw.between(0.05, 1)) * draw.chance(self.share_lines)
        shade = draw.between(0, 1) + 0.1 * draw.noise(3, 1, 1)
        relief = torch.roll(cover, (1, 1), (2, 3)) - cover
        shaded = torch.lerp(x, shade.clamp(0, 1).expand_as(x), cover * draw.between(0.5, 1))
        return (shaded + relief * draw.between(-0.4, 0.4) * draw.chance(0.5)).clamp(0, 1)

    def worn(
        self, x: Tensor, bank: DrawnBank, present: Tensor, draw: Draw
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Scratch or dust x: light, dark or coloured, opaque or not, of sharp or soft edges."""
        size = x.shape[-1]
        whole = bank.cover(len(x), size, draw.generator) * present
        whole = torch.where(draw.chance(0.4), blurred(whole, draw.between(0.3, 1.1)), whole)
        fading = (0.75 + 0.5 * draw.field(size, 6)).clamp(0.15, 1)
        cover = whole * torch.where(draw.chance(0.3), fading, torch.ones_like(fading))
        cover = cover * torch.where(draw.chance(0.7), draw.between(0.85, 1), draw.between(0.4, 1))
        value = material(x, draw)
        changed = torch.lerp(x, value, cover).clamp(0, 1)
        return changed, (whole, difference(changed, x))

    def stamped(
        self, x: Tensor, present: Tensor, draw: Draw
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Expose digits of light into x: orange, yellow, red or white, with a glow or without."""
        cover = self.stamps.cover(len(x), x.shape[-1], draw.generator) * present
        cover = blurred(cover, draw.between(0.05, 1.2))
        ink = glowing(draw)
        wide = F.avg_pool2d(F.avg_pool2d(blurred(cover, draw.between(1, 2)), 7, 1, 3), 5, 1, 2)
        glow = 1.6 * wide * draw.between(0, 0.6) * draw.chance(0.55)
        lit = 1 - (1 - x) * (1 - (glow * ink).clamp(0, 1))
        core = torch.where(
            draw.chance(0.3),
            (ink + 0.35 * blurred(cover, draw.between(1, 2))).clamp(0, 1),
            ink.expand_as(x),
        )
        lit = torch.lerp(lit, core, cover * draw.between(0.6, 1))
        change = difference(lit, x)
        touched = torch.maximum(cover, (change > 0.12) * (wide > 0.02).float())
        return lit, (touched, change)

    def captioned(
        self, x: Tensor, present: Tensor, draw: Draw
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Lay type over x: of any colour and opacity, some with an outline or a shadow."""
        cover = self.captions.cover(len(x), x.shape[-1], draw.generator) * present
        cover = torch.where(draw.chance(0.25), blurred(cover, draw.between(0.3, 0.9)), cover)
        thick = draw.chance(0.4)
        outline = torch.where(thick, F.max_pool2d(cover, 7, 1, 3), F.max_pool2d(cover, 3, 1, 1))
        outline = outline * draw.chance(0.25)
        near, far = (torch.roll(cover, (step, step), (2, 3)) for step in (1, 3))
        shadow = blurred(torch.where(draw.chance(0.5), near, far), draw.between(0.3, 2))
        shadow = shadow * draw.chance(0.25) * draw.between(0.3, 0.9)
        colour = any_colour(draw)
        behind = torch.where(colour.mean(1, keepdim=True) > draw.between(0.35, 0.65), 0.0, 1.0)
        opacity = torch.where(draw.chance(0.55), draw.between(0.85, 1), draw.between(0.2, 0.9))
        after = torch.lerp(x, torch.zeros_like(x), shadow * opacity)
        after = torch.lerp(after, behind.expand_as(x), outline * opacity)
        after = torch.lerp(after, colour.expand_as(x), cover * opacity)
        change = difference(after, x)
        shade = shadow * (change > 0.05)
        return after, (torch.maximum(torch.maximum(cover, outline), shade), change)

    def with_dead(
        self, x: Tensor, present: Tensor, draw: Draw
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Replace single pixels: black, white, one channel at an end, or any colour."""
        size = x.shape[-1]
        share = draw.log_between(3e-5, 6e-3)
        dead = (draw.uniform(1, size, size) < share) & present
        end = draw.uniform(1, size, size).round().expand_as(x)
        colour = draw.uniform(3, size, size)
        one = torch.where(draw.uniform(3, size, size) < 0.45, colour.round(), x)
        bright = x + 0.25 + 0.75 * draw.uniform(1, size, size) * draw.uniform(3, size, size)
        kind = draw.uniform(1, size, size)
        mostly = draw.uniform(1, 1, 1)  # samples are mostly of one kind
        kind = torch.where(draw.chance(0.5), (0.25 * kind + 0.75 * mostly), kind)
        stuck = torch.where(
            kind < 0.45, end, torch.where(kind < 0.7, one, torch.where(kind < 0.85, colour, bright))
        )
        after = torch.where(dead, stuck, x).clamp(0, 1)
        change = difference(after, x)
        return after, (dead.float(), change * (change > 0.08))


def material(x: Tensor, draw: Draw) -> Tensor:
    """Return what a scratch or dust shows, (B, 3, H, W): its own colour, or a change of x's."""
    light = draw.chance(0.55)
    shade = draw.log_between(0.01, 0.3)
    plain = torch.where(light, 1 - shade, shade) + 0.04 * (draw.uniform(3, 1, 1) - 0.5)
    end = draw.uniform(3, 1, 1)
    emulsion = (end - end.amin(1, keepdim=True)) / (
        end.amax(1, keepdim=True) - end.amin(1, keepdim=True) + 1e-3
    )
    emulsion = torch.lerp(emulsion, draw.uniform(3, 1, 1), draw.between(0, 0.6))
    tint = torch.lerp(plain, emulsion, draw.between(0, 0.4))
    sign = torch.where(light, 1.0, -1.0)
    step = sign * draw.between(0.13, 0.6) + 0.05 * draw.noise(3, 1, 1)
    scaled = x * torch.where(light, draw.between(1.35, 2.2), draw.between(0.2, 0.7))
    toward = torch.lerp(
        x.mean((2, 3), keepdim=True).expand_as(x),
        torch.where(light, 1.0, 0.0).expand_as(x),
        draw.between(0.4, 1),
    )
    kind = draw.uniform(1, 1, 1)
    found = torch.where(kind < 0.95, scaled, toward)
    found = torch.where(kind < 0.9, x + step, found)
    found = torch.where(kind < 0.78, emulsion.expand_as(x), found)
    found = torch.where(kind < 0.7, tint.expand_as(x), found)
    return torch.where(kind < 0.55, plain.expand_as(x), found).clamp(0, 1)


def glowing(draw: Draw) -> Tensor:
    """Return colours of date stamps, (B, 3, 1, 1): orange most often, yellow, red, white, green."""
    table = torch.tensor(
        ((1, 0.55, 0.15), (1, 0.45, 0.1), (1, 0.65, 0.3), (1, 0.85, 0.25), (1, 0.2, 0.12),
         (1, 0.98, 0.92), (0.95, 0.35, 0.15), (0.55, 0.95, 0.45)),
        device=draw.device,
    )  # fmt: skip
    odds = torch.tensor((0.24, 0.18, 0.14, 0.16, 0.12, 0.1, 0.04, 0.02), device=draw.device)
    which = torch.multinomial(odds, draw.batch, replacement=True, generator=draw.generator)
    ink = table[which].view(-1, 3, 1, 1) + 0.07 * draw.noise(3, 1, 1)
    return (ink * draw.between(0.75, 1.05)).clamp(0, 1)


def any_colour(draw: Draw) -> Tensor:
    """Return colours of type, (B, 3, 1, 1): white or black for half of the samples."""
    kind = draw.uniform(1, 1, 1)
    gray = draw.between(0, 1).expand(-1, 3, 1, 1)
    found = torch.where(kind < 0.62, gray, draw.uniform(3, 1, 1))
    found = torch.where(kind < 0.52, 0.06 * draw.uniform(3, 1, 1), found)
    return torch.where(kind < 0.32, 1 - 0.08 * draw.uniform(3, 1, 1), found)


def difference(after: Tensor, before: Tensor) -> Tensor:
    """Return the largest change of a channel, (B, 1, H, W)."""
    return (after - before).abs().amax(1, keepdim=True)
