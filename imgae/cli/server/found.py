"""What noise was found in a picture, for those who look at it."""

from typing import Any, Final

from imgae.restore.levels import highest
from imgae.restore.routes import InTurn, Told
from imgae.restore.work import Course

LITTLE: Final = 0.05
"""The mean share of the model for cameras below which it has little to do,"""
LITTLE_LEVEL: Final = 0.5
"""and the mean level below which there is little noise, of 255."""
FOUND: Final = {
    "camera": "noise of a camera, or traces of JPEG",
    "other": "noise that is not white",
    "little": "next to no noise",
}
"""What noise is called in words that is not white, by its kind."""


def found_in(course: Course) -> dict[str, Any]:
    """Return what noise a picture was found to have, by a model that is told its level.

    kind: "white", with a level as sigma; "camera", which is noise of a camera or traces of JPEG;
    "other"; or "little". text: the same in words.
    """
    route = course.chosen[0]
    if isinstance(route, Told):
        level = round(course.scale.own(highest(route.level)) * 255, 2)
        return {"kind": "white", "sigma": level, "text": f"white noise of level {level:.3g}"}
    assert isinstance(route, InTurn)
    share, level = float(route.share.mean()), float(route.rest.mean()) * 255
    kind = "camera" if share >= LITTLE else "other" if level >= LITTLE_LEVEL else "little"
    return {"kind": kind, "sigma": None, "text": FOUND[kind]}
