"""Checking a model file: the checks that run it, and the table of all. Needs onnx, not torch.

`worker` runs this in a process of its own, which is what strange files should be given to. What is
taken on trust is in weights/CONTRACT.md.

Stride and halo are computed from the graph (`receptive_field`), which is exact whatever the
weights, and probed: pictures are shifted, and wild values beyond the halo must leave a cell the
same to the last bit. The probes show that what runs is what was computed. Where the graph holds an
operator whose receptive field is not known, they are all there is: then a halo that is too small
is found, and one that is too large is not.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from imgae.errors import ModelError
from imgae.model import onnxfile, session
from imgae.model.card import ModelCard
from imgae.model.contract import INTERFACES
from imgae.model.machine import usable_cpus
from imgae.model.verify.claims import (
    PROBE,
    check_card,
    check_claims,
    check_hash,
    check_structure,
    precision_of,
)
from imgae.model.verify.learnt import EFFECT_BY_TASK, LEVELS_BY_TASK
from imgae.model.verify.probes import (
    LEVEL,
    Subject,
    cut,
    in_levels,
    make_inputs,
    strip,
    tiled,
    told_of,
)
from imgae.model.verify.receptive_field import (
    UnknownFieldError,
    WholePictureError,
    receptive_field_of,
)
from imgae.model.verify.reference import read_reference, reference_outputs
from imgae.model.verify.report import Check, Measured, Report
from imgae.picture.tiling import round_up

MOST_THREADS: Final = 4
ODD_SIZES: Final = ((1, 1), (5, 37), (19, 8))
MAGNITUDES: Final = (1, 1e3, 1e6)
"""Of what is put beyond the halo. Networks of ReLUs grow with their input, rounding does not."""
SLACK: Final = 1.25
"""A halo may be this many times the receptive field: sums of layers' bounds are not quite tight."""
EXACT: Final = 1e-5
"""How much tiles and whole may differ, on one machine."""
SAME_OUTPUT: Final = 1e-4
QUANTIZED_SAME_OUTPUT: Final = 4 / 255
"""How much an output may differ from the one stored at export, perhaps on another computer."""


def check_file(path: Path, tell: Callable[[Sequence[Check]], None] = lambda _: None) -> list[Check]:
    """Check a model file in this process, which it may kill; otherwise as `worker.verify`.

    tell: is given the table before every check, that one's finding being RUNNING.
    """
    report = Report(path, [*BEFORE, *CHECKS], tell)
    proto = report.run(
        partial(onnxfile.read_safely, path), "it needs no other file, and its sizes are sane"
    )
    if proto is None:
        return report.table()
    whole = report.run(partial(check_structure, proto))
    card = report.run(partial(check_card, proto), "complete; inputs and outputs are as it says")
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
        report.run(partial(CHECKS[report.names[0]][card.task], subject))
    return report.table()


def is_for(name: str, card: ModelCard) -> bool:
    """Return whether a check is for what a card's model does."""
    if name == "thin halo" and not card.thin_halo:
        return False
    return name not in CHECKS or card.task in CHECKS[name]


def check_runs(subject: Subject) -> Measured:
    """Run any size from 1x1; a picture in a batch must come out as alone, a level as a map of it.

    Inputs that may be left out must then count as 0, and may differ from picture to picture.
    """
    worst = 0.0
    for height, width in ODD_SIZES:
        inputs = make_inputs(subject.card, height, width, count=2)
        told = {name: told_of(name, 2) for name in subject.card.optional}
        out = subject.run(inputs | told)
        second = {name: x[-1:] for name, x in (inputs | told).items()}
        if "sigma" in second:
            second["sigma"] = np.full((1, 1, height, width), LEVEL, np.float32)
        worst = max(worst, subject.difference(out[1:], subject.run(second)))
        zeros = {name: np.zeros_like(x[:1]) for name, x in told.items()}
        worst = max(worst, subject.difference(*(subject.run(inputs | x) for x in ({}, zeros))))
    return Measured(worst, EXACT, f"sizes from 1x1 up; in a batch and alone differ by {worst:.2g}")


def check_stride(subject: Subject) -> Measured:
    """Shift pictures by the stride: away from borders, the output must shift with them."""
    stride, halo = subject.card.stride, subject.card.halo
    if stride % subject.scale:
        raise ModelError(
            f"the card says {stride}; a value of the output is about {subject.scale} pixels"
        )
    try:
        period = receptive_field_of(subject.proto, stride, halo)[1]
    except (UnknownFieldError, WholePictureError):
        period = 0
    if period and stride % period:
        raise ModelError(
            f"the card says {stride}; the graph repeats itself only every {period} pixels"
        )
    worst = 0.0
    for axis in (2, 3):
        length = round_up(2 * halo + 64, stride) + 2 * stride
        inputs = make_inputs(subject.card, *strip(axis, length), maps=True)
        shifted = {name: cut(x, axis, stride, length) for name, x in inputs.items()}
        whole, part = (subject.run(x) for x in (inputs, shifted))
        start, end, step = ((x // subject.scale) for x in (halo + stride, length - halo, stride))
        before, after = cut(whole, axis, start, end), cut(part, axis, start - step, end - step)
        worst = max(worst, subject.difference(before, after))
    derived = f"{period} by the graph" if period else "unknown by the graph"
    finding = f"{stride}; {derived}; shifting a picture by it changes it by {worst:.2g}"
    return Measured(worst, EXACT, finding)


def check_halo(subject: Subject, thin: bool = False) -> Measured:
    """Compare the card's halo with the receptive field, then put wild values beyond it."""
    card = subject.card
    halo = card.thin_halo if thin else card.halo
    try:
        field = receptive_field_of(subject.proto, card.stride, halo, thin)[0]
    except WholePictureError as error:
        raise ModelError(f"the model depends on the whole picture ({error})") from error
    except UnknownFieldError as error:
        derived = f"unknown by the graph ({error})"
    else:
        derived = f"{field} by the graph"
        if not field <= halo <= SLACK * field + card.stride:
            raise ModelError(f"the card says {halo}; the receptive field needs {field} pixels")
    worst = max(change_from_afar(subject, halo, thin, axis) for axis in (2, 3))
    finding = f"{halo}; {derived}; pixels farther away change the output by {worst:.2g}"
    return Measured(worst, 0, finding)  # of one shape, what runs is the same to the last bit


def change_from_afar(subject: Subject, halo: int, thin: bool, axis: int) -> float:
    """Return how much a cell changes by all that lies farther than the halo, along an axis."""
    card, random = subject.card, np.random.default_rng(1)
    far = round_up(64, card.stride)
    near = (far, far + 2 * halo + card.stride)
    cell = [x // subject.scale for x in (far + halo, far + halo + card.stride)]
    inputs = make_inputs(card, *strip(axis, near[1] + far), maps=True, thin=thin)
    before = cut(subject.run(inputs), axis, *cell)
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
        after = cut(subject.run(changed), axis, *cell)
        worst = max(worst, subject.difference(before, after))
    return worst


def check_tiles(subject: Subject) -> Measured:
    """Compare tiles of 60 pixels, rounded up to the stride, with the whole, at odd sizes."""
    worst = 0.0
    for thin in {False, subject.card.thin_halo > 0}:
        card = replace(subject.card, halo=subject.card.thin_halo) if thin else subject.card
        length = 2 * card.halo + 131
        for height, width in ((21, length), (length, 19)):
            inputs = make_inputs(card, height, width, maps=True, thin=thin)
            whole = subject.run(inputs)
            worst = max(worst, subject.difference(whole, tiled(subject.model, card, inputs, 60)))
    return Measured(worst, EXACT, f"in tiles and whole differ by {in_levels(worst)}")


def check_settings(subject: Subject) -> Measured:
    """Compare tiles of 64, of 160 and the whole picture, on one thread and on two."""
    inputs = make_inputs(subject.card, 13, 331)
    outputs = []
    for threads in (1, 2):
        model = session.load(subject.path, device="cpu", threads=threads)
        outputs += [tiled(model, subject.card, inputs, tile) for tile in (0, 64, 160)]
    worst = max(subject.difference(outputs[0], out) for out in outputs[1:])
    finding = f"tiles of 64, of 160, none, 1 and 2 threads differ by {in_levels(worst)}"
    return Measured(worst, EXACT, finding)


def level_0_changes_nothing(subject: Subject) -> Measured:
    """A denoiser that is told level 0 gives the input back, of a map wherever it is 0."""
    inputs = make_inputs(subject.card, 41, 83)
    if "sigma" not in inputs:
        return Measured(0, 0, "it takes no level")
    half = np.full((1, 1, 41, 83), LEVEL, np.float32)
    half[..., :50] = 0
    worst = 0.0
    for levels in (np.zeros((1, 1, 1, 1), np.float32), half):
        change = np.abs(subject.run(inputs | {"sigma": levels}) - inputs["image"])
        worst = max(worst, float(change[:, :, :, : 50 if levels is half else None].max()))
    return Measured(worst, 1e-6, f"level 0 changes the input by {worst:.2g}")


def known_pixels_are_kept(subject: Subject) -> Measured:
    """An inpainter keeps the pixels outside the mask."""
    inputs = make_inputs(subject.card, 41, 83)
    off = np.abs(subject.run(inputs) - inputs["image"]) * (inputs["mask"] == 0)
    worst = float(off.max())
    return Measured(worst, 0, f"pixels outside the mask change by {worst:.2g}")


def check_reference(subject: Subject) -> Measured:
    """Compare with the output that was stored when the model was made."""
    out = reference_outputs(subject.model)
    worst = subject.difference(out, read_reference(subject.proto, out.shape))
    precision = precision_of(onnxfile.inferred(subject.proto, *PROBE).graph)
    limit = QUANTIZED_SAME_OUTPUT if precision == "int8" else SAME_OUTPUT
    finding = f"differs from the stored output by {in_levels(worst)}"
    return Measured(
        worst, limit, finding, "the file was changed since, or this onnxruntime computes it wrongly"
    )


BEFORE: Final = ("safe", "checker", "card", "hash", "claims", "loads")
"""Checks that run nothing, in their order."""
Run = Callable[[Subject], Measured]
CHECKS: Final[dict[str, dict[str, Run]]] = {
    "runs": dict.fromkeys(INTERFACES, check_runs),
    "stride": dict.fromkeys(INTERFACES, check_stride),
    "halo": dict.fromkeys(INTERFACES, check_halo),
    "thin halo": {"inpaint": partial(check_halo, thin=True)},
    "tiles": dict.fromkeys(INTERFACES, check_tiles),
    "settings": dict.fromkeys(INTERFACES, check_settings),
    "identity": {"denoise": level_0_changes_nothing, "inpaint": known_pixels_are_kept},
    "levels": LEVELS_BY_TASK,
    "effect": EFFECT_BY_TASK,
    "reference": dict.fromkeys(INTERFACES, check_reference),
}
"""Checks that run the model, in their order, by name: for each task that has one, what does it."""
