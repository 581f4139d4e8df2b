#!/usr/bin/env python3
"""Measure what denoisers learn from noisy pictures alone; needs the train extra.

Noise is made on the upper left quarters of the folder's pictures, of 256x256 pixels, to train on,
and on their lower right quarters to score on; both are rounded to 16 bits. All that training knows
of the noise is measured from the noisy quarters. Every run takes the same steps on the same
crops. Prints a table, a row a kind and method: mean PSNR before and after, the gain that the
held-out measure estimates, and seconds. More rows for methods of others with --against.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from imgae import Denoiser
from imgae.evaluate import baselines, made_noise
from imgae.evaluate.folders import rgb_pictures
from imgae.model.registry import find
from imgae.picture.metrics import psnr
from imgae.training.data import PictureBank
from imgae.training.loop import Trainer
from imgae.training.networks.body import variant_named
from imgae.training.networks.denoise import DenoisingAutoencoder
from imgae.training.networks.own_noise import OwnNoiseAutoencoder
from imgae.training.noise.model import measure
from imgae.training.objectives.denoise import Denoising
from imgae.training.objectives.redrawn import Redrawn, told
from imgae.training.tasks.denoise_settings import DenoiseSettings
from imgae.training.tasks.own_noise import few_knots
from imgae.training.unseen_gain import UnseenGain
from imgae.training.warmstart import start_from

SIDE = 256
PLAIN = Denoising()
HIDDEN = 0.02
"""The share of pixels that Noise2Void hides."""
OFFSETS = torch.tensor([[0, 1], [0, 2], [1, 3], [2, 3], [1, 0], [2, 0], [3, 1], [3, 2]])
"""Neighbours in a cell of 2x2 pixels, as pairs."""


def level_of(noise, signal):
    return noise.sigma(signal).square().mean(1, keepdim=True).sqrt()


@dataclass(frozen=True)
class Clean:
    """Fresh noise on clean crops: what noisy pictures alone are compared with."""

    noise: object
    kind: str
    plain: Denoising = PLAIN

    def __call__(self, net, clean, generator):
        seed = int(torch.randint(1 << 40, (1,), generator=generator))
        made = [
            made_noise.made(self.kind, crop.permute(1, 2, 0).numpy(), seed + number)
            for number, crop in enumerate(clean)
        ]
        noisy = torch.stack([tensor(stored(picture))[0] for picture in made])
        return self.plain.of(net(noisy), clean, level_of(self.noise, clean))


@dataclass(frozen=True)
class Recorrupted:
    """Add noise to the input, take its opposite from the target (Pang et al. 2021)."""

    noise: object
    strength: float = 0.5
    plain: Denoising = PLAIN

    def __call__(self, net, noisy, generator):
        with torch.no_grad():
            signal = net(noisy).clamp(0, 1)
        drawn, t = self.noise.draw(signal, generator), self.strength
        louder = (1 + t * t) ** 0.5 * net.level(noisy)
        restored = DenoisingAutoencoder.forward(net, noisy + t * drawn, louder)
        return self.plain.of(restored, noisy - drawn / t, level_of(self.noise, signal))


@dataclass(frozen=True)
class Neighbours:
    """From one pixel of each 2x2 cell to a neighbour of it (Huang et al. 2021)."""

    noise: object
    weight: float = 1.0
    plain: Denoising = PLAIN

    def __call__(self, net, noisy, generator):
        height, width = noisy.shape[2:]
        drawn = torch.randint(8, (len(noisy), height // 2, width // 2), generator=generator)
        first, second = OFFSETS[drawn].unbind(-1)
        given, target = taken(noisy, first), taken(noisy, second)
        with torch.no_grad():
            whole = net(noisy)
            between = taken(whole, first) - taken(whole, second)
        restored = net(given)
        loss, terms = self.plain.of(restored, target, level_of(self.noise, given))
        more, _ = self.plain.of(restored - between, target, level_of(self.noise, given))
        return loss + self.weight * more, terms


def taken(pictures, places):
    """Take one pixel of each 2x2 cell of (B, 3, H, W); places: (B, H/2, W/2), 0 to 3."""
    cells = F.pixel_unshuffle(pictures, 2).unflatten(1, (-1, 4))
    return cells.gather(2, places[:, None, None].expand(-1, cells.shape[1], 1, -1, -1))[:, :, 0]


@dataclass(frozen=True)
class BlindSpot:
    """Hide some pixels by others near them, and ask for them (Krull et al. 2019)."""

    noise: object
    plain: Denoising = PLAIN

    def __call__(self, net, noisy, generator):
        hidden = torch.rand(noisy[:, :1].shape, generator=generator) < HIDDEN
        down, right = (int(torch.randint(1, 3, (1,), generator=generator)) for _ in range(2))
        others = noisy.roll((down, -right), (2, 3))
        restored = net(torch.where(hidden, others, noisy))
        asked = torch.where(hidden, noisy, restored.detach())
        loss, terms = self.plain.of(restored, asked, level_of(self.noise, noisy))
        return loss / HIDDEN, terms


METHODS = {
    "redrawn": Redrawn,
    "redrawn once": lambda noise: Redrawn(noise, told_network(noise)),
    "recorrupted": Recorrupted,
    "neighbours": Neighbours,
    "blind spot": BlindSpot,
}


def zero_shot(picture, steps):
    """Zero-shot Noise2Noise (Mansour and Heckel 2023): a small network for this picture alone."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 48, 3, padding=1), torch.nn.LeakyReLU(0.2),
        torch.nn.Conv2d(48, 48, 3, padding=1), torch.nn.LeakyReLU(0.2), torch.nn.Conv2d(48, 3, 1),
    )  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, max(1, steps // 2), 0.5)
    noisy = tensor(picture)
    kernels = torch.tensor([[[0, 0.5], [0.5, 0]], [[0.5, 0], [0, 0.5]]])

    def halves(x):
        pair = F.conv2d(x, kernels[:, None].repeat(3, 1, 1, 1), stride=2, groups=3)
        return pair[:, ::2], pair[:, 1::2]

    first, second = halves(noisy)
    for _ in range(steps):
        one, two = first - net(first), second - net(second)
        whole_one, whole_two = halves(noisy - net(noisy))
        loss = (
            F.mse_loss(one, second) + F.mse_loss(two, first)
            + F.mse_loss(one, whole_one) + F.mse_loss(two, whole_two)
        ) / 2  # fmt: skip
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        return array(noisy - net(noisy))


def tensor(picture):
    return torch.tensor(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float()


def array(picture):
    return picture[0].permute(1, 2, 0).numpy()


def stored(picture):
    return made_noise.stored(picture).astype(np.float32) / 65535


def noisy_of(kind, pictures, seed):
    return [stored(made_noise.made(kind, x, seed + n)) for n, x in enumerate(pictures)]


def told_network(noise):
    """Build denoise-fast with the measured noise inside."""
    net = OwnNoiseAutoencoder(variant_named("fast"))
    start_from(net, find("denoise-fast"), "fast")
    net.set_curve(*few_knots(noise))
    net.told.data.fill_(told(noise))
    return net


def trained(objective, pictures, noise, options):
    """Train for a number of steps on crops that a network sees at 64x64; return the average."""
    crop = 96 if isinstance(objective, Redrawn) else 64
    settings = DenoiseSettings(
        noisy=("pictures",), steps=options.steps, batch=8, crop=crop, learning_rate=options.rate,
        decay=0.5, warmup=max(1, options.steps // 8),
    )  # fmt: skip
    bank = PictureBank.of(list(pictures))
    trainer = Trainer(told_network(noise), objective, bank, settings, torch.device("cpu"))
    for _ in range(settings.steps):
        trainer.train_step()
    return trainer.ema.module


@torch.no_grad()
def run(net, picture):
    return array(net(tensor(picture)))


def score(restore, clean, noisy):
    found = [psnr(restore(y).clip(0, 1), x) for x, y in zip(clean, noisy, strict=True)]
    return float(np.mean(found))


def rows_of(kind, learnt_on, scored_on, options):
    """Yield (method, PSNR, estimated gain or None, seconds) of one kind of noise."""
    given = noisy_of(kind, learnt_on, 9000)
    noisy = noisy_of(kind, scored_on, 5000)
    noise = measure(given)
    print(f"\n{kind}: {noise.sentence()}; told {told(noise):.2f} times", flush=True)
    net = told_network(noise)
    judge = UnseenGain([tensor(y) for y in noisy], noise, torch.device("cpu"), net)
    yield "noisy", score(lambda y: y, scored_on, noisy), None, 0.0
    automatic = Denoiser()
    files = [made_noise.stored(y) for y in noisy]
    alone = score(lambda y: automatic(y) / np.float32(65535), scored_on, files)
    yield "imgae denoise", alone, None, 0.0
    yield (
        "denoise-fast, told",
        score(lambda y: run(net, y), scored_on, noisy),
        judge.score(net),
        0.0,
    )
    for name in options.methods:
        began = time.monotonic()
        if name == "clean":
            net = trained(Clean(noise, kind), learnt_on, noise, options)
        else:
            net = trained(METHODS[name](noise), given, noise, options)
        seconds = time.monotonic() - began
        yield (
            name,
            score(lambda y, net=net: run(net, y), scored_on, noisy),
            judge.score(net),
            seconds,
        )


def others(kind, learnt_on, scored_on, options):
    """Yield what others do with the centres of a few of the pictures, of 128x128 pixels."""
    few = slice(None, None, max(1, len(scored_on) // options.few))
    clean = [x[64:192, 64:192] for x in scored_on][few]
    noisy = [y[64:192, 64:192] for y in noisy_of(kind, scored_on, 5000)][few]
    level = float(np.sqrt(np.mean(np.square(np.array(clean) - np.array(noisy)))))
    net = told_network(measure(noisy_of(kind, learnt_on, 9000)))
    for name, restore in (
        ("noisy", lambda y: y),
        ("denoise-fast, told", lambda y: run(net, y)),
        ("bm3d, told", lambda y: baselines.bm3d(y.astype(np.float64), level)),
        ("zero-shot Noise2Noise", lambda y: zero_shot(y, options.zero_shot_steps)),
    ):
        began = time.monotonic()
        if name != "zero-shot Noise2Noise" or options.zero_shot_steps:
            value = score(restore, clean, noisy)
            yield name, value, None, (time.monotonic() - began) / len(clean)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kinds", nargs="+", default=made_noise.KINDS)
    parser.add_argument("--methods", nargs="*", default=["clean", *METHODS])
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--rate", type=float, default=3e-4, help="the learning rate")
    parser.add_argument("--pictures", type=int, default=40, help="to train on")
    parser.add_argument("--every", type=int, default=3, help="of them are scored")
    parser.add_argument("--against", action="store_true", help="methods of others, and only these")
    parser.add_argument("--few", type=int, default=4, help="pictures for --against")
    parser.add_argument("--zero-shot-steps", type=int, default=2000, help="0: without it")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    pictures = [
        p.astype(np.float32) / 255 for _, p in rgb_pictures(options.folder, options.pictures)
    ]
    learnt_on = [picture[:SIDE, :SIDE] for picture in pictures]
    scored_on = [picture[-SIDE:, -SIDE:] for picture in pictures[:: options.every]]
    found = []
    for kind in options.kinds:
        rows = (
            others(kind, learnt_on, scored_on, options)
            if options.against
            else rows_of(kind, learnt_on, scored_on, options)
        )
        for name, value, estimate, seconds in rows:
            told_gain = "" if estimate is None else f"{estimate:+.2f}"
            print(f"| {kind} | {name} | {value:.2f} | {told_gain} | {seconds:.0f} |", flush=True)
            found.append({"kind": kind, "method": name, "psnr": value, "estimated_gain": estimate})
            if options.json:
                options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
