"""Checking a model file: safe to load, whole, and doing what its card says. Needs onnx, not torch.

What it takes on trust is in weights/CONTRACT.md. `apart` runs this in a process of its own, which
is what strange files should be given to.

Stride and halo are read off the graph (`imgae/reach.py`), which is exact whatever the weights, and
probed: by shifted pictures, and by wild values beyond the halo that must leave a cell the same to
the last bit. The probe shows that what runs is what was read, and is all there is where the graph
holds an operator that is not followed; then a halo can be found too small, but not too large.
"""

import base64
import binascii
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from imgae.errors import ModelError
from imgae.model import onnxfile, session
from imgae.model.card import COLOUR, METADATA_KEY, ModelCard
from imgae.model.contract import SURE
from imgae.model.machine import usable_cpus
from imgae.model.stitch import kept, plan_for
from imgae.model.verify.receptive_field import UnknownReachError, WholePictureError, reach_of
from imgae.model.verify.report import RUNNING, Check, printable
from imgae.picture.tiling import round_up

Floats = NDArray[np.float32]
Inputs = dict[str, Floats]
Found = TypeVar("Found")

REFERENCE_KEY: Final = "imgae.reference"
REFERENCE_SIZE: Final = (27, 35)
INTERFACES: Final = {
    "denoise": (
        (("image", "sigma"), ("image",), ("image", "quantisation", "iso")),
        "restored",
    ),
    "inpaint": ((("image", "mask"),), "restored"),
    "detect": ((("image",),), "defects"),
    "code": ((("image",),), "restored"),
}
CHANNELS: Final = {"image": 3, "sigma": 1, "mask": 1, "restored": 3, "defects": 3}
OPTIONAL: Final = {"quantisation": 2, "iso": 1}
"""Inputs that may be left out, and their channels; one number each a picture."""
NEEDED_TEXT: Final = ("name", "version", "summary", "architecture", "colour", "recipe", "licence")
OPSET, IR_VERSION = 18, 9
PROBE: Final = onnxfile.PROBES[0]
MOST_HALO: Final = 2048
BYTES_PER_PIXEL: Final = range(16, 100_001)
MACS_SLACK: Final = 0.01
PRECISIONS: Final = {
    TensorProto.FLOAT: "fp32", TensorProto.FLOAT16: "fp16", TensorProto.INT8: "int8"
}  # fmt: skip
MOST_THREADS: Final = 4
ODD_SIZES: Final = ((1, 1), (5, 37), (19, 8))
MAGNITUDES: Final = (1, 1e3, 1e6)
"""Of what is put beyond the halo. Rectified networks grow with their input, rounding does not."""
LEVEL: Final = 25 / 255
SLACK: Final = 1.25
"""A halo may be this many times what is needed: bounds added up from parts are not quite tight."""
COLOURS: Final = (
    *((gray, gray, gray) for gray in (0.1, 0.25, 0.5, 0.75, 0.9)),
    (0.6, 0.45, 0.35),
    (0.35, 0.5, 0.4),
    (0.4, 0.45, 0.6),
)
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


@dataclass(frozen=True)
class Measured:
    """A figure that passes if it is at most the limit."""

    figure: float
    limit: float
    finding: str


@dataclass
class Subject:
    """A file under test, and what is known of it so far."""

    path: Path
    proto: onnx.ModelProto
    card: ModelCard
    model: session.OnnxModel


class Report:
    """Rows, one after the other; a check that raises anything has failed.

    names: of the checks to come. tell: is given the table before each of them.
    """

    def __init__(self, path: Path, tell: Callable[[Sequence[Check]], None]) -> None:
        self.path, self.tell = path, tell
        self.rows: list[Check] = []
        self.names = ["safe", "checker", "card", "hash", "claims", "loads", *CHECKS]

    def run(self, check: Callable[[], Found], finding: str = "") -> Found | None:
        """Add the next check's row; returns what the check gave, or None if it failed."""
        name = self.names.pop(0)
        self.tell([*self.rows, Check(name, None, RUNNING), *self.to_come()])
        try:
            found = check()
        except Exception as error:  # a strange file can make anything fail
            text = str(error).removeprefix(f"{self.path}: ")
            if not isinstance(error, ModelError):
                text = f"cannot be checked: {type(error).__name__}: {session.first_line(error)}"
            self.rows.append(Check(name, passed=False, finding=printable(text)))
            return None
        if isinstance(found, Measured):
            good = bool(found.figure <= found.limit)  # NaN is not
            figure = found.figure if np.isfinite(found.figure) else None
            self.rows.append(Check(name, good, printable(found.finding), figure, found.limit))
        else:
            self.rows.append(Check(name, passed=True, finding=printable(finding or str(found))))
        return found

    def to_come(self) -> list[Check]:
        return [Check(name, None, "not run") for name in self.names]

    def table(self) -> list[Check]:
        return self.rows + self.to_come()


def check_file(path: Path, tell: Callable[[Sequence[Check]], None] = lambda _: None) -> list[Check]:
    """Check a model file in this process, which it may kill; otherwise as `apart.verify`.

    tell: is given the table before every check, that one's finding being RUNNING.
    """
    report = Report(path, tell)
    proto = report.run(partial(read_safely, path), "nothing outside the file, sizes sane")
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


def read_safely(path: Path) -> onnx.ModelProto:
    proto = onnxfile.read_model(path)
    onnxfile.refuse_unsafe(proto)
    return proto


def check_structure(proto: onnx.ModelProto) -> str:
    try:
        onnx.checker.check_model(proto, full_check=True)
    except Exception as error:  # the checker's errors have no common base
        raise ModelError(session.first_line(error)) from error
    kinds = len({node.op_type for node in proto.graph.node})
    return f"{len(proto.graph.node)} nodes of {kinds} kinds"


def check_card(proto: onnx.ModelProto) -> ModelCard:
    """Return the card, once it is complete and the graph's inputs and output are as it says."""
    text = onnxfile.metadata(proto, METADATA_KEY)
    if text is None:
        raise ModelError("it has no imgae model card inside")
    card = ModelCard.from_json(text)
    if card.task not in INTERFACES:
        raise ModelError(f"its card's task is {card.task!r}; known are: {', '.join(INTERFACES)}")
    check_values(card)
    allowed, output = INTERFACES[card.task]
    names = tuple(value.name for value in proto.graph.input)
    if names != card.inputs or names not in allowed:
        raise ModelError(
            f"it takes {', '.join(names)}; its card says {', '.join(card.inputs)}, and a model to "
            f"{card.task} takes {', '.join(allowed[0])}"
        )
    expected_outputs = [output, "code"] if card.task == "code" else [output]
    if [value.name for value in proto.graph.output] != expected_outputs:
        raise ModelError(f"its output is not {' and '.join(expected_outputs)} alone")
    for value in (*proto.graph.input, *proto.graph.output):
        kind = value.type.tensor_type
        sizes = [dim.dim_value or None for dim in kind.shape.dim]
        expected = (
            [None, OPTIONAL[value.name], 1, 1]
            if value.name in OPTIONAL
            else [None, (CHANNELS | {"code": card.code_channels})[value.name], None, None]
        )
        if kind.elem_type != TensorProto.FLOAT or sizes != expected:
            raise ModelError(
                f"{value.name} is {in_words(sizes)}; expected float32 {in_words(expected)}"
            )
    check_defaults(proto, card)
    return card


def check_values(card: ModelCard) -> None:
    """Raise ModelError if a card lacks a text, or a figure in it is none that a model has."""
    empty = [name for name in NEEDED_TEXT if not getattr(card, name)]
    if empty or not card.training_data:
        raise ModelError(f"its card does not say: {', '.join(empty or ['training_data'])}")
    if card.halo > MOST_HALO:
        raise ModelError(f"its card's halo is {card.halo}; at most {MOST_HALO} is sane")
    if card.channels != 3 or card.value_range != (0, 1):
        raise ModelError("its card says other than three channels on [0, 1]")
    if not 0 <= card.sigma_range[0] <= card.sigma_range[1] <= 1:
        raise ModelError(f"its card's levels {card.sigma_range} do not lie on [0, 1]")


def in_words(sizes: list[int | None]) -> str:
    return "x".join(str(size or "any") for size in sizes)


def check_defaults(proto: onnx.ModelProto, card: ModelCard) -> None:
    """Raise ModelError unless just the inputs that may be left out have a default, of zeros."""
    known = tuple(name for name in card.inputs if name in OPTIONAL)
    if card.optional != known:
        raise ModelError(f"its card says that {card.optional} may be left out, not {known}")
    stored = {tensor.name: tensor for tensor in proto.graph.initializer}
    for name in card.inputs:
        zero = name in stored and not numpy_helper.to_array(stored[name]).any()
        if (name in known) != zero:
            raise ModelError(f"{name} has no default of zeros" if name in known else
                             f"{name} has a default, but must be given")  # fmt: skip


def check_hash(proto: onnx.ModelProto, card: ModelCard) -> str:
    if onnxfile.weights_hash(proto) != card.sha256:
        raise ModelError("the weights are not those that the card's sha256 is of")
    return card.sha256[:16]


def check_claims(proto: onnx.ModelProto, card: ModelCard) -> str:
    """Compare what the card and the contract say with what the graph shows."""
    graph = onnxfile.inferred(proto, *PROBE).graph
    sizes = onnxfile.sizes_in(graph)
    macs = sum(onnxfile.macs_of(node, sizes) for node in onnxfile.live_nodes(graph))
    macs = round(macs / math.prod(PROBE))
    found = (
        ("opset", onnxfile.opsets(proto)[0], OPSET),
        ("IR version", proto.ir_version, IR_VERSION),
        ("precision", precision_of(graph), card.precision),
        ("colour", COLOUR, card.colour),
    )
    wrong = [f"its {what} is {true}, not {said}" for what, true, said in found if true != said]
    if abs(macs - card.macs_per_pixel) > MACS_SLACK * macs:
        wrong.append(f"its multiply-accumulates a pixel are {macs}, not {card.macs_per_pixel}")
    if card.bytes_per_pixel not in BYTES_PER_PIXEL:
        wrong.append(f"it cannot take {card.bytes_per_pixel} bytes a pixel")
    if wrong:
        raise ModelError("; ".join(wrong))
    return f"opset {OPSET}, IR {IR_VERSION}; {card.precision}; {macs} multiply-accumulates a pixel"


def precision_of(graph: onnx.GraphProto) -> str:
    """Return how kernels are stored, from the sizes of what convolutions with them do.

    "int8" if that does most of the work, else the finest that any is stored in, "fp32" or "fp16".
    Raises ModelError if a kernel is computed, or stored otherwise.
    """
    sizes = onnxfile.sizes_in(graph)
    stored = {tensor.name: tensor.data_type for tensor in graph.initializer}
    made = {name: node for node in graph.node for name in node.output}
    work: Counter[str] = Counter()
    for node in onnxfile.live_nodes(graph):
        if name := onnxfile.kernel_of(node):
            while name in made and made[name].op_type in ("Cast", "DequantizeLinear"):
                name = made[name].input[0]
            if stored.get(name) not in PRECISIONS:
                raise ModelError(f"the kernel {name} is not stored as fp32, fp16 or int8")
            work[PRECISIONS[stored[name]]] += onnxfile.macs_of(node, sizes)
    if 2 * work["int8"] > work.total():
        return "int8"
    return "fp16" if "fp16" in work and "fp32" not in work else "fp32"


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


def flats() -> Floats:
    """Return flat pictures, one a colour."""
    return np.array(COLOURS, np.float32)[:, :, None, None] * np.ones((56, 56), np.float32)


def noisy(flat: Floats, level: float) -> Floats:
    return flat + np.random.default_rng(0).normal(0, level, flat.shape).astype(np.float32)


def denoised(subject: Subject, image: Floats, level: float) -> Floats:
    inputs = {"image": image, "sigma": np.full((1, 1, 1, 1), level, np.float32)}
    given = {name: x for name, x in inputs.items() if name in subject.card.inputs}
    return run_model(subject.model, given)


def check_reference(subject: Subject) -> Measured:
    """Compare with the output that was stored when the model was made."""
    text = onnxfile.metadata(subject.proto, REFERENCE_KEY)
    if text is None:
        raise ModelError(
            "none is stored; `scripts/add_reference.py FILE` adds one to a model you trust"
        )
    out = reference_outputs(subject.model)
    try:
        stored = np.frombuffer(base64.b64decode(text, validate=True), "<f4")
        expected = stored.reshape(out.shape)
    except (binascii.Error, ValueError) as error:
        raise ModelError("the stored one cannot be read") from error
    worst = difference(out, expected)
    precision = precision_of(onnxfile.inferred(subject.proto, *PROBE).graph)
    limit = QUANTIZED_SAME_OUTPUT if precision == "int8" else SAME_OUTPUT
    return Measured(worst, limit, f"differs from the stored one by {in_levels(worst)}")


def add_reference(path: Path) -> None:
    """Store a small picture's output in a file, for later checks; weights and card stay.

    Raises ModelError if the file is not safe, cannot be run, or cannot be written.
    """
    proto = read_safely(path)
    model = session.load(path, device="cpu")
    out = reference_outputs(model).astype("<f4")
    onnxfile.set_metadata(proto, REFERENCE_KEY, base64.b64encode(out.tobytes()).decode())
    onnxfile.write_model(proto, path)


def reference_outputs(model: session.OnnxModel) -> Floats:
    """Return all that a model makes of the reference inputs, one output after the other."""
    return np.concatenate([out.ravel() for out in model.outputs(**reference_inputs(model.card))])


def reference_inputs(card: ModelCard) -> Inputs:
    """Return inputs that are the same wherever they are made: numpy keeps PCG64's raw numbers."""
    height, width = REFERENCE_SIZE
    raw = np.random.PCG64(0).random_raw(3 * height * width) >> np.uint64(40)
    image = (raw / 2**24).astype(np.float32).reshape(1, 3, height, width)
    image = (image / 4 + np.linspace(0, 0.75, width, dtype=np.float32)).astype(np.float32)
    mask = (image[:, :1] * 64 % 1 < 0.3).astype(np.float32)
    mask[:, :, 4:21, 9:30] = 1
    inputs = {"image": image, "sigma": np.full((1, 1, 1, 1), LEVEL, np.float32), "mask": mask}
    return {name: inputs[name] for name in card.inputs if name in inputs}


def told_of(name: str, count: int) -> Floats:
    """Return an optional input for so many pictures, another for each."""
    values = np.linspace(0.1, 0.4, count * OPTIONAL[name], dtype=np.float32)
    return values.reshape(count, -1, 1, 1) * (3200 if name == "iso" else 1)


def make_inputs(
    card: ModelCard,
    height: int,
    width: int,
    *,
    count: int = 1,
    maps: bool = False,
    thin: bool = False,
) -> Inputs:
    """Return random inputs. maps: a level for every pixel. thin: no block wholly unknown."""
    random = np.random.default_rng(0)
    image = random.random((count, 3, height, width), np.float32)
    sigma = random.random((count, 1, *((height, width) if maps else (1, 1))), np.float32) * 0.2
    if not maps:
        sigma[:] = LEVEL
    mask = (random.random((count, 1, height, width)) < 0.7).astype(np.float32)
    if thin:
        mask[:, :, :: card.stride, :: card.stride] = 0
        mask[:, :, card.stride - 1 :: card.stride, card.stride - 1 :: card.stride] = 0
    else:
        mask[:, :, height // 2 - 60 : height // 2 + 60, width // 2 - 60 : width // 2 + 60] = 1
        mask[:, :, :1, :1] = 0
    inputs = {"image": image, "sigma": sigma, "mask": mask}
    return {name: inputs[name] for name in card.inputs if name in inputs}


def strip(axis: int, length: int) -> tuple[int, int]:
    return (length, 16) if axis == 2 else (16, length)


def cut(x: Floats, axis: int, start: int, end: int) -> Floats:
    return x[:, :, start:end] if axis == 2 else x[:, :, :, start:end]


def run_model(model: session.OnnxModel, inputs: Inputs) -> Floats:
    """Run a model. Raises ModelError if it fails, or gives another shape or no numbers."""
    out = model(**inputs)
    image = inputs["image"]
    if out.shape != image.shape:
        raise ModelError(f"the model gave {out.shape} for {image.shape}")
    return out


def tiled(model: session.OnnxModel, card: ModelCard, inputs: Inputs, tile: int) -> Floats:
    """Run a model tile by tile, as pictures are restored; returns the whole output."""
    image = inputs["image"]
    out = np.empty_like(image)
    for piece in plan_for(card, image.shape[2], image.shape[3], tile):
        rows, columns = piece.read.slices
        part = {
            name: x[:, :, rows, columns] if x.shape[2:] == image.shape[2:] else x
            for name, x in inputs.items()
        }
        values = kept(model(**part), part["image"], piece, 3)
        out[0][:, *piece.keep.slices] = values.transpose(2, 0, 1)
    return out


def difference(a: Floats, b: Floats) -> float:
    """Return the largest difference; infinity if one has no numbers where the other has."""
    return float(np.nan_to_num(np.abs(a - b), nan=np.inf).max())


def in_levels(worst: float) -> str:
    return f"{worst:.2g}, {worst * 255:.2g} of 8-bit levels"


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
