"""The model card: what an .onnx file says about itself, as one JSON string inside it."""

import json
import math
import reprlib
from collections.abc import Callable
from dataclasses import MISSING, asdict, dataclass, field, fields
from itertools import pairwise
from typing import Any, Final

from imgae.errors import ModelError

METADATA_KEY: Final = "imgae"
SCHEMA: Final = 1
COLOUR: Final = "RGB, sRGB transfer curve"
OWN_COLOUR: Final = "RGB, gray as three equal channels; values as the files have them"
"""Of models for the noise of one source."""
MOST_WHOLE: Final = 1 << 53  # larger numbers are not the same in every JSON reader


@dataclass(frozen=True)
class Score:
    """A measured figure and how to measure it again."""

    what: str  # "CBSD68, sigma 25, float noise, level given"
    value: float
    unit: str  # "dB PSNR"
    command: str


@dataclass(frozen=True)
class OwnNoise:
    """The noise that a model was trained for alone, and holds, so that it takes no level.

    A model's image is (value - low) / span, of values with white at 1 (255, 65535, or 1.0 in
    files of the type `pixels`). The same for every picture: noise follows from brightness.
    """

    sentence: str  # what was measured, for people
    pixels: str  # the type that the files have: "uint8", "uint16" or "float32"
    low: float
    span: float
    knots: tuple[float, ...]  # of signal, as the model sees it; rising
    variance: tuple[tuple[float, ...], ...]  # of each channel, at the knots
    kernels: tuple[tuple[float, ...], ...]  # of each channel, square: neighbours have it in common
    mix: tuple[tuple[float, ...], ...]  # 3x3 correlations of the channels


@dataclass(frozen=True)
class ModelCard:
    """All that is needed to run a model rightly. Sizes are in pixels, levels on [0, 1]."""

    name: str
    version: str
    task: str  # "denoise"
    summary: str
    architecture: str  # the variant's name in the training code
    inputs: tuple[str, ...]
    channels: int
    colour: str  # order and transfer curve of the channels
    value_range: tuple[float, float]
    stride: int  # tile origins and sizes are multiples of it
    halo: int  # receptive radius rounded up to the stride
    macs_per_pixel: int  # multiply-accumulates
    bytes_per_pixel: int  # working memory while running, about
    sigma_range: tuple[float, float]  # levels it was trained on
    training_data: tuple[str, ...]
    recipe: str
    licence: str
    precision: str = "fp16"  # of kernels as stored: "fp32", "fp16" (computed in fp32) or "int8"
    objective: str = ""  # what a code was trained with: "sparse-kl"
    code_channels: int = 0
    optional: tuple[str, ...] = ()  # inputs that may be left out, which counts as 0
    thin_halo: int = (
        0  # instead of halo where each stride x stride block has a known pixel; 0: none
    )
    threshold: float = 0.0  # a picture with an anomaly above it is anomalous
    false_alarms: float = 0.0  # share of good pictures expected above the threshold
    sides: tuple[float, float] = (0.0, 0.0)  # least and largest, of good pictures; 0: not known
    noise: OwnNoise | None = None  # of a denoiser for pictures of one source
    sha256: str = ""  # over the initialisers as stored, in graph order
    scores: tuple[Score, ...] = ()
    schema: int = field(default=SCHEMA)

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "ModelCard":
        """Read a card; fields that this imgae does not know are ignored.

        Raises ModelError, whatever the text is, if it is no card or one of another schema.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ModelError(f"its card cannot be read: {error}") from error
        if not isinstance(values, dict) or "schema" not in values:
            raise ModelError("its card cannot be read: it is no JSON object with a schema")
        schema = values["schema"]
        if type(schema) is not int or schema != SCHEMA:
            raise ModelError(
                f"its card has schema {shortened(schema)}, this imgae reads {SCHEMA}; "
                "update imgae, or export the model again"
            )
        try:
            card = cls(**checked(cls, values))
        except WrongFieldError as error:
            raise ModelError(f"its card has a field of the wrong kind: {error}") from error
        fits = 1 <= card.stride <= 4096 and 0 <= card.halo <= 65536
        fits = fits and card.halo % card.stride == 0 and card.bytes_per_pixel > 0
        fits = fits and 0 <= card.thin_halo <= card.halo and card.thin_halo % card.stride == 0
        if not fits:
            raise ModelError(
                f"its card's stride {card.stride}, halo {card.halo} and bytes_per_pixel "
                f"{card.bytes_per_pixel} do not fit"
            )
        return card


class WrongFieldError(Exception):
    """A field holds what it may not hold."""


def working_bytes(values: float) -> int:
    """Return about the memory that a runtime takes for a pixel: what is alive at once, as float32.

    values: for a pixel, of the largest input and output of a layer together. Three times these, and
    28 values of the picture itself in its various forms; onnxruntime was measured at 260 to 305
    bytes where this says 304.
    """
    return round(4 * (3 * values + 28))


def checked(kind: type[ModelCard | Score | OwnNoise], values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of the fields of a card or a score, each of its type.

    Raises ModelError if one without a default is missing, WrongFieldError if one has another type.
    """
    needed = {entry.name for entry in fields(kind) if entry.default is MISSING}
    if missing := ", ".join(sorted(needed - values.keys())):
        raise ModelError(f"its card has no {missing}")
    found = {}
    for entry in fields(kind):
        if entry.name in values:
            value = values[entry.name]
            if value is None and entry.default is None:
                continue
            expected, read = READERS[entry.type]
            found[entry.name] = read(value)
            if found[entry.name] is None:
                raise WrongFieldError(f"{entry.name} is {shortened(value)}; expected {expected}")
    return found


def shortened(value: Any) -> str:
    """Return a value as a message may show it, however long or deep it is."""
    limits = reprlib.Repr()
    limits.maxlevel, limits.maxstring = 2, 60
    return limits.repr(value)


def text_of(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def texts_of(value: Any) -> tuple[str, ...] | None:
    right = isinstance(value, list) and all(isinstance(entry, str) for entry in value)
    return tuple(value) if right else None


def whole_of(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= MOST_WHOLE else None  # bool is an int too


def number_of(value: Any) -> float | None:
    """Return a number as it is; None for others, for infinity and for NaN."""
    return value if type(value) in (int, float) and abs(value) <= MOST_WHOLE else None


def pair_of(value: Any) -> tuple[float, float] | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    low, high = map(number_of, value)
    return None if low is None or high is None else (float(low), float(high))


def scores_of(value: Any) -> tuple[Score, ...] | None:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        return None
    try:
        return tuple(Score(**checked(Score, entry)) for entry in value)
    except (ModelError, WrongFieldError):
        return None


def row_of(value: Any) -> tuple[float, ...] | None:
    """Return a list of numbers; None for anything else, or an empty one."""
    row = [number_of(entry) for entry in value] if isinstance(value, list) else []
    numbers = tuple(float(entry) for entry in row if entry is not None)
    return numbers if numbers and len(numbers) == len(row) else None


def table_of(value: Any) -> tuple[tuple[float, ...], ...] | None:
    """Return rows of numbers, equally long; None for anything else."""
    rows = [row_of(entry) for entry in value] if isinstance(value, list) else []
    found = tuple(row for row in rows if row is not None)
    right = len(found) == len(rows) and len({len(row) for row in found}) == 1
    return found if right else None


def noise_of(value: Any) -> OwnNoise | None:
    if not isinstance(value, dict):
        return None
    try:
        noise = OwnNoise(**checked(OwnNoise, value))
    except (ModelError, WrongFieldError):
        return None
    rising = all(one < other for one, other in pairwise(noise.knots))
    shaped = len(noise.variance) == 3 and len(noise.variance[0]) == len(noise.knots) > 1
    side = math.isqrt(len(noise.kernels[0]))
    shaped = shaped and len(noise.kernels) == 3 and len(noise.kernels[0]) == side**2
    shaped = shaped and len(noise.mix) == 3 == len(noise.mix[0]) and side % 2 == 1
    return noise if rising and shaped and noise.span > 0 else None


READERS: Final[dict[Any, tuple[str, Callable[[Any], Any]]]] = {
    str: ("a text", text_of),
    int: ("a whole number from 0 to 2^53", whole_of),
    float: ("a number", number_of),
    tuple[str, ...]: ("a list of texts", texts_of),
    tuple[float, float]: ("two numbers", pair_of),
    tuple[tuple[float, ...], ...]: ("rows of numbers", table_of),
    tuple[float, ...]: ("a list of numbers", row_of),
    OwnNoise | None: (
        "what noise it holds: sentence, pixels, low, span, knots, variance, kernels, mix",
        noise_of,
    ),
    tuple[Score, ...]: ("a list of scores: what, value, unit, command", scores_of),
}
"""By the type of a field: what it holds, and what reads that or returns None."""
