"""Checking a model file: safe to load, whole, and doing what its card says. Needs onnx, not torch.

What it takes on trust is in weights/CONTRACT.md. `apart` runs this in a process of its own, which
is what strange files should be given to.

Stride and halo are read off the graph (`imgae/reach.py`), which is exact whatever the weights, and
probed: by shifted pictures, and by wild values beyond the halo that must leave a cell the same to
the last bit. The probe shows that what runs is what was read, and is all there is where the graph
holds an operator that is not followed; then a halo can be found too small, but not too large.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import onnx

from imgae.errors import ModelError
from imgae.model import onnxfile, session
from imgae.model.card import ModelCard
from imgae.model.contract import INTERFACES, SURE
from imgae.model.machine import usable_cpus
from imgae.model.verify.claims import (
    PROBE,
    check_card,
    check_claims,
    check_hash,
    check_structure,
    precision_of,
)
from imgae.model.verify.probes import (
    COLOURS,
    LEVEL,
    Floats,
    cut,
    difference,
    flats,
    in_levels,
    make_inputs,
    noisy,
    run_model,
    strip,
    tiled,
    told_of,
)
from imgae.model.verify.receptive_field import UnknownReachError, WholePictureError, reach_of
from imgae.model.verify.reference import read_reference, reference_outputs
from imgae.model.verify.report import Check, Measured, Report
from imgae.picture.tiling import round_up

MOST_THREADS: Final = 4
ODD_SIZES: Final = ((1, 1), (5, 37), (19, 8))
MAGNITUDES: Final = (1, 1e3, 1e6)
"""Of what is put beyond the halo. Rectified networks grow with their input, rounding does not."""
SLACK: Final = 1.25
"""A halo may be this many times what is needed: bounds added up from parts are not quite tight."""
MOST_SHIFT: Final = 0.5
MOST_TINT: Final = 3.0
"""Limits in 8-bit levels: of the mean of flat pictures, and of a pixel of a flat picture's hole."""
MOST_NOISE_LEFT: Final = 0.5
"""Share of the noise in a flat picture that a denoiser may leave."""
EXACT: Final = 1e-5
"""How much tiles and whole may differ, on one machine."""
SAME_OUTPUT: Final = 1e-4
QUANTIZED_SAME_OUTPUT: Final = 4 / 255
"""How much an output may differ from the one stored at export, perhaps on another computer."""


@dataclass
class Subject:
    """A file under test, and what is known of it so far."""

    path: Path
    proto: onnx.ModelProto
    card: ModelCard
    model: session.OnnxModel


def check_file(path: Path, tell: Callable[[Sequence[Check]], None] = lambda _: None) -> list[Check]:
    """Check a model file in this process, which it may kill; otherwise as `apart.verify`.

    tell: is given the table before every check, that one's finding being RUNNING.
    """
    report = Report(path, [*BEFORE, *CHECKS], tell)
    proto = report.run(partial(onnxfile.read_safely, path), "nothing outside the file, sizes sane")
    if proto is None:
        return report.table()
    whole = report.run(partial(check_structure, proto))
    card = report.run(partial(check_card, proto), "complete; inputs and output as it says")
    if card is None:
        return report.table()
    report.names = [name for name in report.names if is_for(name, card)]
    report.run(partial(check_hash, proto, card))
    report.run(partial(check_claims, proto, card))
    if whole is None:
        return report.table()
    threads = min(MOST_THREADS, usable_cpus())
    model = report.run(
        partial(session.load, path, task=card.task, device="cpu", threads=threads),
        "by onnxruntime, on the CPU",
    )
    if model is None:
        return report.table()
    subject = Subject(path, proto, card, model)
    while report.names:
        report.run(partial(CHECKS[report.names[0]][1], subject))
    return report.table()


def is_for(name: str, card: ModelCard) -> bool:
    """Return whether a check is for what a card's model does."""
    if name == "thin halo" and not card.thin_halo:
        return False
    return name not in CHECKS or card.task in CHECKS[name][0]


def check_runs(subject: Subject) -> Measured:
    """Any size from 1x1, a picture in a batch as alone, a level as a map of it.

    What may be left out must count as 0 where it is, and be taken for each picture where not.
    """
    worst = 0.0
    for height, width in ODD_SIZES:
        inputs = make_inputs(subject.card, height, width, count=2)
        told = {name: told_of(name, 2) for name in subject.card.optional}
        out = run_model(subject.model, inputs | told)
        second = {name: x[-1:] for name, x in (inputs | told).items()}
        if "sigma" in second:
            second["sigma"] = np.full((1, 1, height, width), LEVEL, np.float32)
        worst = max(worst, difference(out[1:], run_model(subject.model, second)))
        zeros = {name: np.zeros_like(x[:1]) for name, x in told.items()}
        worst = max(worst, difference(*(run_model(subject.model, inputs | x) for x in ({}, zeros))))
    return Measured(worst, EXACT, f"from 1x1 up; in a batch and alone differ by {worst:.2g}")


def check_stride(subject: Subject) -> Measured:
    """Shift pictures by the stride: away from borders, the output must shift with them."""
    stride, halo = subject.card.stride, subject.card.halo
    try:
        period = reach_of(subject.proto, stride, halo)[1]
    except (UnknownReachError, WholePictureError):
        period = 0
    if period and stride % period:
        raise ModelError(f"the card says {stride}; the graph repeats itself every {period} pixels")
    worst = 0.0
    for axis in (2, 3):
        length = round_up(2 * halo + 64, stride) + 2 * stride
        inputs = make_inputs(subject.card, *strip(axis, length), maps=True)
        shifted = {name: cut(x, axis, stride, length) for name, x in inputs.items()}
        whole, part = (run_model(subject.model, x) for x in (inputs, shifted))
        inner = (halo + stride, length - halo)
        worst = max(
            worst,
            difference(
                cut(whole, axis, *inner), cut(part, axis, inner[0] - stride, inner[1] - stride)
            ),
        )
    derived = f"{period} by the graph" if period else "not derivable from the graph"
    finding = f"{stride}; {derived}; a picture shifted by it differs by {worst:.2g}"
    return Measured(worst, EXACT, finding)


def check_halo(subject: Subject, thin: bool = False) -> Measured:
    """Compare the card's halo with the graph's reach, then put wild values beyond it."""
    card = subject.card
    halo = card.thin_halo if thin else card.halo
    try:
        reach = reach_of(subject.proto, card.stride, halo, thin)[0]
    except WholePictureError as error:
        raise ModelError(f"the model looks at the whole picture ({error})") from error
    except UnknownReachError as error:
        derived = f"not derivable from the graph ({error})"
    else:
        derived = f"{reach} by the graph"
        if not reach <= halo <= SLACK * reach + card.stride:
            raise ModelError(f"the card says {halo}; the graph sees {reach} pixels far")
    worst = max(change_from_afar(subject, halo, thin, axis) for axis in (2, 3))
    finding = f"{halo}; {derived}; what lies beyond changes a cell by {worst:.2g}"
    return Measured(worst, 0, finding)  # of one shape, what runs is the same to the last bit


def change_from_afar(subject: Subject, halo: int, thin: bool, axis: int) -> float:
    """Return how much a cell changes by all that lies farther than the halo, along an axis."""
    card, random = subject.card, np.random.default_rng(1)
    far = round_up(64, card.stride)
    near = (far, far + 2 * halo + card.stride)
    cell = (far + halo, far + halo + card.stride)
    inputs = make_inputs(card, *strip(axis, near[1] + far), maps=True, thin=thin)
    before = cut(run_model(subject.model, inputs), axis, *cell)
    worst = 0.0
    for magnitude in MAGNITUDES:
        noise = random.normal(0, magnitude, inputs["image"].shape)
        other = {
            "image": noise if magnitude > 1 else 1 - np.round(inputs["image"]),
            "sigma": random.random(inputs["image"][:, :1].shape),
        }
        if "mask" in inputs:  # turned over: still thin if it was
            other["mask"] = np.flip(inputs["mask"], axis) if thin else 1 - inputs["mask"]
        changed = {name: other[name].astype(np.float32) for name in inputs}
        for name, x in inputs.items():
            cut(changed[name], axis, *near)[:] = cut(x, axis, *near)
        after = cut(run_model(subject.model, changed), axis, *cell)
        worst = max(worst, difference(before, after))
    return worst


def check_tiles(subject: Subject) -> Measured:
    """Compare tiles of 60 pixels, rounded up to the stride, with the whole, at odd sizes."""
    worst = 0.0
    for thin in {False, subject.card.thin_halo > 0}:
        card = replace(subject.card, halo=subject.card.thin_halo) if thin else subject.card
        length = 2 * card.halo + 131
        for height, width in ((21, length), (length, 19)):
            inputs = make_inputs(card, height, width, maps=True, thin=thin)
            whole = run_model(subject.model, inputs)
            worst = max(worst, difference(whole, tiled(subject.model, card, inputs, 60)))
    return Measured(worst, EXACT, f"tiled and whole differ by {in_levels(worst)}")


def check_settings(subject: Subject) -> Measured:
    """Compare tiles of 64, of 160 and the whole picture, on one thread and on two."""
    inputs = make_inputs(subject.card, 13, 331)
    outputs = []
    for threads in (1, 2):
        model = session.load(subject.path, device="cpu", threads=threads)
        outputs += [tiled(model, subject.card, inputs, tile) for tile in (0, 64, 160)]
    worst = max(difference(outputs[0], out) for out in outputs[1:])
    finding = f"tiles of 64, 160, all; 1 and 2 threads: {in_levels(worst)} apart at most"
    return Measured(worst, EXACT, finding)


def check_identity(subject: Subject) -> Measured:
    """Level 0 must give the input back, and pixels that a mask keeps."""
    inputs = make_inputs(subject.card, 41, 83)
    kept_ones = np.ones((1, 1, 41, 83), bool)
    if subject.card.task == "inpaint":
        kept_ones = inputs["mask"] == 0
    elif "sigma" in inputs:
        inputs["sigma"] = np.zeros((1, 1, 1, 1), np.float32)
    else:
        return Measured(0, 0, "it takes no level")
    off = np.abs(run_model(subject.model, inputs) - inputs["image"]) * kept_ones
    worst = float(off.max())
    if subject.card.task == "inpaint":
        return Measured(worst, 0, f"pixels outside the mask change by {worst:.2g}")
    return Measured(worst, 1e-6, f"level 0 changes the input by {worst:.2g}")


def check_levels(subject: Subject) -> Measured:
    """Give it flat pictures of grays and of muted colours.

    Denoisers: clean ones told level 5, and noisy ones, must keep the mean of each channel.
    Inpainters: holes 20 pixels wide must get the colour around them. Detectors: nothing is found.
    Codes: the mean must come back about as it was.
    """
    flat = flats()
    model, count = subject.model, len(COLOURS)
    if subject.card.task == "detect":
        worst = float(run_model(model, {"image": flat}).max())
        return Measured(
            worst, SURE, f"flat pictures show defects to {worst:.2g}, marked from {SURE}"
        )
    if subject.card.task == "code":
        off = np.abs((run_model(model, {"image": flat}) - flat).mean((2, 3)))
        worst = float(off.max() * 255)
        return Measured(worst, MOST_TINT, f"flat pictures' means shift by {worst:.2f} levels")
    if subject.card.task == "inpaint":
        mask = np.zeros((count, 1, 56, 56), np.float32)
        mask[:, :, 20:40, 24:44] = mask[:, :, 50] = 1
        filled = run_model(model, {"image": np.where(mask > 0, 0, flat), "mask": mask})
        worst = float(np.abs(filled - flat).max() * 255)
        return Measured(worst, MOST_TINT, f"holes in flat pictures are off by {worst:.2f} levels")
    worst = 0.0
    for level in (5 / 255, 15 / 255, 25 / 255):
        for image in [noisy(flat, level)] + ([flat] if level < 0.03 else []):
            out = denoised(subject, image, level)
            worst = max(worst, float(np.abs((out - image).mean((2, 3))).max() * 255))
    return Measured(worst, MOST_SHIFT, f"flat pictures' means shift by {worst:.2f} levels")


def check_effect(subject: Subject) -> Measured:
    """Denoisers must remove noise from flat pictures; detectors must find a scratch on each.

    Those that are not told the level are given no less than 15.
    """
    flat = flats()
    if subject.card.task == "detect":
        return check_scratches(subject.model, flat)
    worst = 0.0
    for level in (5 / 255, 15 / 255, 25 / 255):
        if level > 0.05 or "sigma" in subject.card.inputs:
            image = noisy(flat, level)
            left = denoised(subject, image, level).std((2, 3)) / image.std((2, 3))
            worst = max(worst, float(left.max()))
    return Measured(worst, MOST_NOISE_LEFT, f"of noise in flat pictures {worst:.0%} is left")


def check_scratches(model: session.OnnxModel, flat: Floats) -> Measured:
    """Draw a smooth line two pixels wide, white on dark and black on light pictures."""
    rows, columns = np.mgrid[: flat.shape[2], : flat.shape[3]]
    line = np.clip(1.5 - np.abs(columns - 20.3 - rows / 4), 0, 1)
    ink = flat.mean(1, keepdims=True) < 0.5
    maps = run_model(model, {"image": (flat + (ink - flat) * line).astype(np.float32)})
    if not (maps.min() >= 0 and maps.max() <= 1):
        raise ModelError(f"probabilities from {maps.min():.2g} to {maps.max():.2g}")
    least = float(maps[:, 0, line > 0.9].max(1).min())
    return Measured(1 - least, 1 - SURE, f"a scratch on flat pictures is found to {least:.2g}")


def denoised(subject: Subject, image: Floats, level: float) -> Floats:
    inputs = {"image": image, "sigma": np.full((1, 1, 1, 1), level, np.float32)}
    given = {name: x for name, x in inputs.items() if name in subject.card.inputs}
    return run_model(subject.model, given)


def check_reference(subject: Subject) -> Measured:
    """Compare with the output that was stored when the model was made."""
    out = reference_outputs(subject.model)
    worst = difference(out, read_reference(subject.proto, out.shape))
    precision = precision_of(onnxfile.inferred(subject.proto, *PROBE).graph)
    limit = QUANTIZED_SAME_OUTPUT if precision == "int8" else SAME_OUTPUT
    return Measured(worst, limit, f"differs from the stored one by {in_levels(worst)}")


BEFORE: Final = ("safe", "checker", "card", "hash", "claims", "loads")
"""Checks that run nothing, in their order."""
ANY: Final = tuple(INTERFACES)
CHECKS: Final[dict[str, tuple[tuple[str, ...], Callable[[Subject], Measured]]]] = {
    "runs": (ANY, check_runs),
    "stride": (ANY, check_stride),
    "halo": (ANY, check_halo),
    "thin halo": (("inpaint",), partial(check_halo, thin=True)),
    "tiles": (ANY, check_tiles),
    "settings": (ANY, check_settings),
    "identity": (("denoise", "inpaint"), check_identity),
    "levels": (ANY, check_levels),
    "effect": (("denoise", "detect"), check_effect),
    "reference": (ANY, check_reference),
}
"""What runs the model: by name, for which tasks."""
