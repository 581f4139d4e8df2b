"""What fields may hold, as JSON schemas."""

import argparse
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from imgae.cli.mask_options import FARTHEST
from imgae.cli.server import strokes
from imgae.cli.server.fields import (
    FILES,
    MOST_CROP,
    MOST_TIMES,
    actions_of,
    is_switch,
    takes_several,
)
from imgae.io.formats.table import extensions
from imgae.model.contract import DEFECTS
from imgae.restore.controls import MOST

Schema = dict[str, Any]

FILE: Final = {"type": "string", "contentMediaType": "application/octet-stream", "format": "binary"}
WHOLE: Final = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
CORNER: Final = r"-?\d{1,6}"
SIDE: Final = r"[1-9]\d{0,5}"
BOX: Final = {"type": "string", "pattern": f"^{CORNER},{CORNER},{SIDE},{SIDE}$"}
DEFECT: Final = f"({'|'.join(DEFECTS)})"
CROP_SIDE: Final = r"([1-9]\d{0,2}|10[01]\d|102[0-4])"


def number(low: float, high: float) -> Schema:
    return {"type": "number", "minimum": low, "maximum": high}


VALUES: Final[dict[str, Schema]] = {
    **{name: number(0, most) for name, most in MOST.items()},
    "sigma": {"oneOf": [{"const": "auto"}, number(0, 255)]},
    "format": {"enum": [ending[1:] for ending in extensions(written=True)]},
    "quality": {"type": "integer", "minimum": 1, "maximum": 100},
    "max-pixels": {"type": "string", "pattern": r"^[1-9]\d{0,8}[KMG]?$"},
    "model": {"type": "string"},
    "threshold": number(0, 255),
    "sensitivity": number(0, 1),
    "label": {"type": "string", "pattern": r"^\d{1,9}(,\d{1,9})*$"},
    "tolerance": WHOLE,
    "dilate": WHOLE,
    "feather": WHOLE,
    "seed": WHOLE,
    "box": BOX,
    "within": BOX,
    "from-box": BOX,
    "polygon": {"type": "string", "pattern": f"^{CORNER},{CORNER}( {CORNER},{CORNER}){{2,999}}$"},
    "color": {"type": "string", "pattern": "^[0-9a-fA-F]{6}$"},
    "detect": {"type": "string", "pattern": f"^{DEFECT}(,{DEFECT})*$"},
}
"""By the field; of one that may be given several times, what each time is."""

NUMBER: Final = number(-FARTHEST, FARTHEST)
POINTS: Final = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "array", "minItems": 2, "maxItems": 2, "items": NUMBER},
}
RECTANGLE: Final = {"type": "array", "minItems": 4, "maxItems": 4, "items": NUMBER}
SHARED: Final[dict[str, Schema]] = {
    "points": POINTS,
    "size": number(0, strokes.FARTHEST),
    "box": RECTANGLE,
    "within": RECTANGLE,
    "erase": {"type": "boolean"},
    "color": VALUES["color"],
    "tolerance": number(0, 255),
    "defects": {"type": "array", "minItems": 1, "items": {"enum": list(DEFECTS)}},
    "sensitivity": number(0, 1),
}
OPTIONAL: Final = ("erase", "tolerance", "within", "sensitivity")


def stroke_schema() -> Schema:
    """Return what one stroke may be."""
    kinds = [
        {
            "type": "object",
            "properties": {
                "tool": {"const": tool},
                **{name: SHARED[name] for name in names},
                **({"points": {**POINTS, "minItems": 3}} if tool == "polygon" else {}),
            },
            "required": ["tool", *(name for name in names if name not in OPTIONAL)],
            "additionalProperties": False,
        }
        for tool, names in strokes.KEYS.items()
    ]
    return {"oneOf": kinds}


OTHERS: Final[dict[str, Schema]] = {
    "strokes": {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": {
            "type": "array",
            "maxItems": strokes.MOST_STROKES,
            "items": {"$ref": "#/components/schemas/Stroke"},
        },
        "description": "what is drawn by hand, in order, on what the other fields mark: a list in "
        "JSON. Coordinates are in pixels of the upright picture; the first pixel reaches from 0 to "
        "1. A pixel is marked if its centre is inside",
    },
    "crop": {
        "type": "string",
        "pattern": rf"^\d{{1,6}},\d{{1,6}},{CROP_SIDE},{CROP_SIDE}$",
        "description": "left, top, width and height of a part to look at, of at most "
        f"{MOST_CROP} pixels a side; the answer is this part of the result, as a PNG of 8 bits",
    },
    "draft": {
        "enum": ["true", "false"],
        "description": "of a crop: whether what is near it may be looked at alone, if the whole "
        "picture was not yet. That is quick, and the result may differ a little; the record says "
        "whether it is a draft",
    },
}
"""Fields that are no options of a command."""


def fields_schema(kind: str, others: Sequence[str], models: Sequence[Mapping[str, Any]]) -> Schema:
    """Return what a request of a kind may hold, besides the picture."""
    found = {name: schema_of(name, action) for name, action in actions_of(kind).items()}
    names = [one["name"] for one in models if one["task"] == kind]
    if names and "model" in found:
        found["model"] |= {"enum": names}
    masks = {
        name: {**FILE, "description": described(name, action)}
        for name, action in actions_of(kind, FILES[kind]).items()
    }
    return {**found, **{name: OTHERS[name] for name in others}, **masks}


def schema_of(name: str, action: argparse.Action) -> Schema:
    """Return what a field may hold that is an option."""
    if is_switch(action):
        schema: Schema = {"enum": ["true", "false"]}
    elif name == "mask":
        schema = dict(FILE)
    else:
        schema = dict(VALUES[name])
    if takes_several(action):
        schema = {"type": "array", "minItems": 1, "maxItems": MOST_TIMES, "items": schema}
    return {**schema, "description": described(name, action)}


def described(name: str, action: argparse.Action) -> str:
    """Return what the command's own help says of a field."""
    if name == "mask":
        return (
            "a picture of the same size, white where to fill, drawn on the picture as viewers show "
            "it; or the text alpha, for what is not opaque"
        )
    if name == "model":
        return "the model to use: a name that /v1/models lists"
    text = re.sub(r"(?<![\w-])--(?=[a-z])", "", action.help or "")
    return text.replace(", as the ending of a name", "").replace("%%", "%")
