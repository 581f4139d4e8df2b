"""The cases by name, as `imgae study` runs them.

Every case is a function of gray patches, or of a curve in the plane, and a seed. It returns its
figures, which go to a JSON file, and a drawing. docs/family.md explains what they show.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from imgae.training.study.contractive import contractive
from imgae.training.study.curves import field, manifold
from imgae.training.study.fitting import Result
from imgae.training.study.patches import Patches
from imgae.training.study.sparse import rates, sparse
from imgae.training.study.undercomplete import undercomplete

if TYPE_CHECKING:
    from matplotlib.figure import Figure


CASES: Final[dict[str, Callable[[Patches, int], tuple[Result, "Figure"]]]] = {
    "undercomplete": undercomplete,
    "sparse": sparse,
    "rates": rates,
    "field": field,
    "contractive": contractive,
    "manifold": manifold,
}
