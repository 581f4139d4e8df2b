"""The model card: what an .onnx file says about itself, as one JSON string inside it."""

import json
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, Final

from imgae.errors import ModelError

METADATA_KEY: Final = "imgae"
SCHEMA: Final = 1
COLOUR: Final = "RGB, sRGB transfer curve"
LISTS: Final = ("inputs", "optional", "training_data")
KINDS: Final = (str, int)  # of fields that are checked one by one


@dataclass(frozen=True)
class Score:
    """A measured figure and how to measure it again."""

    what: str  # "CBSD68, sigma 25, float noise, level given"
    value: float
    unit: str  # "dB PSNR"
    command: str


@dataclass(frozen=True)
class ModelCard:
    """All that is needed to run a model rightly. Every field is stored; none has a unit of its own
    but these: sizes in pixels, levels on [0, 1].
    """

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
    precision: str = "fp16"  # "fp32", "fp16": kernels stored so, computed in fp32; or "int8"
    objective: str = ""  # what a code was trained with: "sparse-kl"
    code_channels: int = 0
    optional: tuple[str, ...] = ()  # of the inputs: may be left out, as if they were 0
    thin_halo: int = 0  # enough where no stride x stride block is wholly unknown; 0: the halo is
    sha256: str = ""  # over the initialisers as stored, in graph order
    scores: tuple[Score, ...] = ()
    schema: int = field(default=SCHEMA)

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "ModelCard":
        """Fields that this imgae does not know are ignored.

        Raises ModelError if the text is no card, or one of another schema.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            schema = values.pop("schema")
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            raise ModelError(f"its card cannot be read: {error!r}") from error
        if schema != SCHEMA:
            raise ModelError(
                f"its card has schema {schema!r}, this imgae reads {SCHEMA}; "
                "update imgae, or export the model again"
            )
        values = known(cls, values)
        needed = {entry.name for entry in fields(cls) if entry.default is MISSING}
        if missing := ", ".join(sorted(needed - values.keys())):
            raise ModelError(f"its card has no {missing}")
        try:
            card = cls(
                **values
                | {name: tuple(values[name]) for name in LISTS if name in values}
                | {name: pair_of(values[name]) for name in ("value_range", "sigma_range")}
                | {"scores": tuple(Score(**known(Score, s)) for s in values.get("scores", ()))}
            )
            for entry in fields(cls):
                if entry.type in KINDS and not isinstance(getattr(card, entry.name), entry.type):
                    raise TypeError(f"{entry.name} is {getattr(card, entry.name)!r}")
            fits = 1 <= card.stride <= 4096 and 0 <= card.halo <= 65536
            fits = fits and card.halo % card.stride == 0 and card.bytes_per_pixel > 0
            fits = fits and 0 <= card.thin_halo <= card.halo and card.thin_halo % card.stride == 0
        except (TypeError, ValueError) as error:
            raise ModelError(f"its card has a field of the wrong kind: {error}") from error
        if not fits:
            raise ModelError(
                f"its card's stride {card.stride}, halo {card.halo} and bytes_per_pixel "
                f"{card.bytes_per_pixel} do not fit"
            )
        return card


def known(kind: type[Score] | type[ModelCard], values: dict[str, Any]) -> dict[str, Any]:
    """Return those values that are fields of `kind`."""
    return {entry.name: values[entry.name] for entry in fields(kind) if entry.name in values}


def pair_of(values: Any) -> tuple[float, float]:
    low, high = values
    return float(low), float(high)
