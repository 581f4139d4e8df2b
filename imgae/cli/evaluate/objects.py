"""`imgae evaluate objects`."""

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from imgae.cli.evaluate.common import add_folder, add_models, add_shared, names, tell, write_json
from imgae.cli.options import Commands, new_parser, whole
from imgae.cli.output import result
from imgae.errors import OptionError
from imgae.model import registry

if TYPE_CHECKING:
    from imgae.evaluate.objects import Outcome
    from imgae.evaluate.protocol import Method

AGAINST = ("telea", "gmic")
OPTIONAL = ("gmic",)
MORE = """\
24 holes of 100 to 250 pixels: outlines of objects that people would remove, and ellipses on places
such as grass, water and stone. DIR holds the folders of pictures that their list names: cid22-val,
cbsd68 and polyu-dev; --holes takes another list.

"Patch distance" is how unlike the patches in the hole are to those around it, "detail" the energy
of fine detail in the hole over that around it, "seam" the step across the hole's rim over the steps
around it. What was there, in the row "truth", has no seam but steps of its own at the rim, so
"seam off" is the absolute logarithm of the seam over the truth's. A fill counts as nearer in seam
if that is smaller.

G'MIC's match-patch is run as the program gmic. By default it is left out where that is missing.
It needs no extra but what the baselines need.
"""


def add_parser(tasks: Commands) -> None:
    parser = new_parser(tasks, "objects", "Measure fills of holes as large as objects.", MORE)
    add_folder(parser, "the folder that holds the folders of pictures")
    add_models(parser, [registry.DEFAULT_INPAINTER], registry.DEFAULT_INPAINTER)
    add = parser.add_argument
    add(
        "--against",
        type=names,
        metavar="A,B",
        help="baselines to compare with: gmic, and those of `imgae evaluate inpaint` (default: "
        f"{','.join(AGAINST)})",
    )
    add(
        "--stored",
        type=names,
        default=[],
        metavar="DIR,DIR",
        help="folders with fills to compare with, one HOLE.png each, such as --save writes; they "
        "are named as their folders",
    )
    add("--holes", type=Path, metavar="FILE.json", help="a list of other holes")
    add(
        "--small",
        action="store_true",
        help="measure small holes in grass, water and stone instead, of 24, 36 and 47 pixels: the "
        "energy of the gradient in them over the truth's",
    )
    add("--save", type=Path, metavar="DIR", help="write each fill as DIR/METHOD/HOLE.png")
    add(
        "--sheet",
        dest="pages",
        type=Path,
        metavar="DIR",
        help="write pages of fills for readers who are not to know which is whose: the first "
        "model's, gmic's and those of --stored, shuffled in each row, with DIR/key.txt",
    )
    add("--seed", type=whole(0), default=0, metavar="N", help="of the order in --sheet's rows")
    add_shared(parser, measure, "use only the first N holes", card=False)
    parser.set_defaults(nested=True)  # pictures lie in folders of the folder


def measure(options: argparse.Namespace) -> None:
    from imgae.evaluate import blind, objects
    from imgae.io.places import check_folder

    for folder in filter(None, (options.save, options.pages)):
        check_folder(folder, OptionError)
    path = options.holes or objects.LIST
    holes = (objects.small_holes_of if options.small else objects.holes_of)(path)
    cases = objects.cases_of(holes[: options.limit], options.folder)
    methods = methods_of(options)
    score = objects.score_small if options.small else objects.score_object
    outcomes = objects.run(methods, cases, score, tell)
    result(objects.small_table(outcomes) if options.small else objects.table(outcomes))
    if not options.small:
        count_wins(outcomes, methods)
    write_json(options, objects.to_json(outcomes, {"folder": options.folder.name}))
    if options.save:
        save(outcomes, options.save)
    if options.pages:
        shown = shown_of(methods, len(options.stored))
        blind.write_sheets(cases, outcomes, shown, options.pages, options.seed)


def methods_of(options: argparse.Namespace) -> "list[Method]":
    """Return the models, the first also without texture, the baselines, and stored fills."""
    from imgae.evaluate import inpaint, objects
    from imgae.evaluate.baselines import those_there

    against = options.against
    if against is None:
        against = those_there(AGAINST, OPTIONAL)
    found = inpaint.fills(options.models, against, options.threads, options.device)
    models = len(options.models)
    found[models:models] = inpaint.without_texture(found[:1])
    found += [objects.stored_fills(Path(folder)) for folder in options.stored]
    if not found:
        raise OptionError("nothing to measure: name --models, --against or --stored")
    for name, count in Counter([inpaint.TRUTH, *(method.name for method in found)]).items():
        if count > 1:
            raise OptionError(f"two methods would be called {name}; give a folder another name")
    return found


def shown_of(methods: "list[Method]", stored: int) -> list[str]:
    """Return the methods that readers compare: the first, gmic, and stored fills."""
    found = [methods[0].name, *(method.name for method in methods if method.name == "gmic")]
    found += [method.name for method in methods[len(methods) - stored :]]
    return list(dict.fromkeys(found))


def count_wins(outcomes: "list[Outcome]", methods: "list[Method]") -> None:
    """Print in how many holes the first method is nearer than each that is no model."""
    from imgae.evaluate import objects

    result("")
    for method in methods[1:]:
        result(objects.wins(outcomes, methods[0].name, method.name))


def save(outcomes: "list[Outcome]", folder: Path) -> None:
    from imgae.io.files import write_image
    from imgae.picture.image import Image

    for outcome in outcomes:
        place = folder / outcome.method.replace(", ", "-") / f"{outcome.case.hole.name}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        write_image(Image(outcome.pixels), place, overwrite=True)
