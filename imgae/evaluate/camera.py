"""Denoisers without options on what people have: camera noise, JPEGs, and what needs nothing done.

Every sample is a file's picture, with what the file tells of itself, and its reference. A change is
the PSNR of what comes out less that of what went in, each counted up to VISIBLE dB: beyond that
nobody sees a difference, and clean pictures would have no figure at all.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgae.errors import OptionError
from imgae.evaluate import denoise as evaluate
from imgae.evaluate.baselines import DENOISERS
from imgae.io import files
from imgae.picture.image import Image
from imgae.picture.metrics import psnr
from imgae.picture.noise import estimate_noise
from imgae.picture.pixels import to_float, to_uint8
from imgae.restore.denoise import Denoiser
from imgae.synthetic import drawings
from imgae.synthetic.camera import ISO, expose, photograph

Pictures = Sequence[tuple[str, NDArray[np.uint8]]]

VISIBLE: Final = 42.0
"""dB: an error of two 8-bit levels."""
HARM: Final = 0.1  # dB
JPEG_QUALITIES: Final = (10, 20, 40, 75, 90)
HARM_QUALITIES: Final = (50, 60, 70, 80, 90, 95, 98)
DRAWN: Final = 12  # of each kind
DRAWN_SIDE: Final = 512
FIRST_SEED: Final = 1_000_000
"""Training draws by small seeds."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A file's picture, and its reference, (H, W, C) uint8."""

    name: str
    given: Image
    clean: NDArray[np.uint8]


@dataclass(frozen=True)
class Change:
    """What one method did to one condition's pictures; before: their mean PSNR, up to VISIBLE.

    psnr: after, not limited; infinity where a picture came back as its reference is. changes: in
    dB, by picture.
    """

    condition: str
    method: str
    before: float
    psnr: float
    changes: dict[str, float]

    @property
    def mean(self) -> float:
        return float(np.mean(list(self.changes.values())))

    @property
    def worst(self) -> float:
        return min(self.changes.values())

    @property
    def harmed(self) -> int:
        return sum(change < -HARM for change in self.changes.values())


Method = Callable[[Image], NDArray[Any]]
Condition = tuple[str, Callable[[], list[Sample]]]


def methods(
    models: Sequence[str],
    against: Sequence[str],
    level: float | None,
    threads: int | None,
    device: str = "auto",
) -> dict[str, Method]:
    """Build methods by name: models, "auto" for no options at all, and classical peers.

    level: told to the peers and to models that take one, on [0, 1]; None: estimated.
    """
    found: dict[str, Method] = {}
    for name in models:
        denoiser = Denoiser(None if name == "auto" else name, threads=threads, device=device)
        takes_level = name != "auto" and "sigma" in denoiser.model.card.inputs
        found[Path(name).stem] = partial(run_denoiser, denoiser, level if takes_level else None)
    for name in against:
        if name not in DENOISERS:
            raise OptionError(f"no peer is called {name!r}; there are: {', '.join(DENOISERS)}")
        found[name] = partial(run_peer, name, level)
    return found


def run_denoiser(denoiser: Denoiser, level: float | None, image: Image) -> NDArray[Any]:
    return denoiser.run(image, level).image.pixels


def run_peer(name: str, level: float | None, image: Image) -> NDArray[Any]:
    sigma = estimate_noise(image.pixels).sigma if level is None else level
    return DENOISERS[name](to_float(image.pixels).astype(np.float64), sigma)


def run_condition(methods: dict[str, Method], name: str, samples: list[Sample]) -> list[Change]:
    return [
        Change(
            name,
            method,
            float(np.mean([visible(to_uint8(s.given.pixels), s.clean) for s in samples])),
            float(np.mean([psnr(after, s.clean, 255) for s, after in outs])),
            {
                s.name: visible(after, s.clean) - visible(to_uint8(s.given.pixels), s.clean)
                for s, after in outs
            },
        )
        for method, run in methods.items()
        for outs in [[(s, to_uint8(run(s.given))) for s in samples]]
    ]


def visible(pixels: NDArray[np.uint8], clean: NDArray[np.uint8]) -> float:
    return min(psnr(pixels, clean, 255), VISIBLE)


def camera_conditions(clean: Pictures, pairs: Path | None) -> Iterator[Condition]:
    """Return real pairs, a camera's picture at each sensitivity, JPEGs, and clean pictures."""
    if pairs:
        yield "real", partial(real_samples, pairs)
    for speed in ISO:
        yield f"ISO {speed}", partial(photographed, clean, speed)
    for quality in JPEG_QUALITIES:
        yield f"JPEG {quality}", partial(saved, clean, quality)
    yield "clean", partial(untouched, clean)


def harm_conditions(clean: Pictures, pairs: Path | None) -> Iterator[Condition]:
    """Return what a denoiser should leave alone, or make better."""
    yield "clean", partial(untouched, clean)
    for quality in HARM_QUALITIES:
        yield f"JPEG {quality}", partial(saved, clean, quality)
    yield "dark", partial(exposed, clean, 0.12)
    yield "bright", partial(exposed, clean, 3.0)
    for kind in drawings.KINDS:
        yield kind, partial(drawn, kind)
        yield f"{kind}, JPEG 90", lambda kind=kind: saved(pictures_of(drawn(kind)), 90)  # type: ignore[misc]
    yield "flat", flat
    if pairs:
        yield "real", partial(real_samples, pairs)


def pictures_of(samples: list[Sample]) -> Pictures:
    return [(sample.name, sample.clean) for sample in samples]


def untouched(clean: Pictures) -> list[Sample]:
    return [Sample(name, Image(picture), picture) for name, picture in clean]


def saved(clean: Pictures, quality: int) -> list[Sample]:
    """Save pictures as JPEG, by Pillow's defaults (4:2:0), and read them as files are read."""
    return [Sample(name, as_jpeg(picture, quality), picture) for name, picture in clean]


def as_jpeg(picture: NDArray[np.uint8], quality: int, iso: int | None = None) -> Image:
    buffer, exif = io.BytesIO(), PIL.Image.Exif()
    if iso:
        exif.get_ifd(0x8769)[34855] = iso
    flat = picture[:, :, 0] if picture.shape[2] == 1 else picture
    PIL.Image.fromarray(flat).save(buffer, "JPEG", quality=quality, exif=exif)
    return files.read_image(buffer.getvalue())


def exposed(clean: Pictures, factor: float) -> list[Sample]:
    return untouched([(name, expose(picture, factor)) for name, picture in clean])


def drawn(kind: str) -> list[Sample]:
    pictures = [
        (f"{kind} {i}", drawings.draw(kind, DRAWN_SIDE, np.random.default_rng(FIRST_SEED + i)))
        for i in range(DRAWN)
    ]
    return untouched(pictures)


def flat() -> list[Sample]:
    colours = np.random.default_rng(FIRST_SEED).integers(0, 256, (DRAWN, 3))
    return untouched(
        [
            (str(colour), np.broadcast_to(colour, (256, 256, 3)).astype(np.uint8))
            for colour in colours
        ]
    )


def real_samples(folder: Path) -> list[Sample]:
    """Match pairs of one folder, NAME_real or NAME_noisy with NAME_mean or NAME_clean."""
    paths = evaluate.pictures_in(folder)
    clean = {evaluate.stem_of(path): path for path in paths if evaluate.is_clean(path)}
    noisy = {evaluate.stem_of(path): path for path in paths if evaluate.is_noisy(path)}
    return [
        Sample(stem, files.read_image(noisy[stem]), to_uint8(files.read_image(clean[stem]).pixels))
        for stem in sorted(clean.keys() & noisy.keys())
    ]


def photographed(clean: Pictures, iso: int) -> list[Sample]:
    """Photograph pictures with the synthetic camera, by seed, and save them as its JPEGs."""
    samples = []
    for number, (name, picture) in enumerate(clean):
        seen = photograph(picture, iso, np.random.default_rng((iso, number)))
        samples.append(Sample(name, as_jpeg(seen.noisy, seen.quality, iso), seen.clean))
    return samples


def table(changes: Sequence[Change]) -> str:
    """Lay changes out as a Markdown table: a row a condition, mean and worst change a method."""
    names = list(dict.fromkeys(change.method for change in changes))
    lines = [
        "| pictures | n | in | " + " | ".join(f"{name}: mean | worst" for name in names) + " |",
        "|---" * (3 + 2 * len(names)) + "|",
    ]
    for condition in dict.fromkeys(change.condition for change in changes):
        own = [change for change in changes if change.condition == condition]
        cells = [condition, str(len(own[0].changes)), f"{own[0].before:.2f}"]
        for change in own:
            cells += [f"{change.mean:+.2f}", f"{change.worst:+.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def harm_table(changes: Sequence[Change]) -> str:
    """Lay one method's changes out: a row a kind of picture, and how many were made worse."""
    lines = ["| pictures | n | in | out, whole | mean | worst | made worse |", "|---" * 7 + "|"]
    for change in changes:
        count = len(change.changes)
        after = f"{change.psnr:.2f}" if np.isfinite(change.psnr) else "same"
        lines.append(
            f"| {change.condition} | {count} | {change.before:.2f} | {after} | "
            f"{change.mean:+.2f} | {change.worst:+.2f} | {change.harmed} |"
        )
    harmed, total = sum(c.harmed for c in changes), sum(len(c.changes) for c in changes)
    lines.append(
        f"\nmade worse by over {HARM:g} dB, counted up to {VISIBLE:g} dB (as all but out is): "
        f"{harmed} of {total} ({harmed / total:.1%})"
    )
    return "\n".join(lines)
