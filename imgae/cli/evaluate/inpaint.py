"""`imgae evaluate inpaint`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from imgae.cli.evaluate.common import (
    add_folder,
    add_models,
    add_shared,
    command_of,
    name_of,
    names,
    need_bench,
    tell,
    write_card,
    write_json,
)
from imgae.cli.options import Commands, new_parser
from imgae.cli.output import result
from imgae.errors import ImageError, OptionError
from imgae.model import registry

if TYPE_CHECKING:
    from imgae.evaluate.protocol import Result, Sample

AGAINST = ("telea", "ns", "harmonic", "biharmonic", "fsr")
OPTIONAL = ("fsr",)
MORE = """\
The holes are synthetic and repeatable; they follow from their kind and the number of the picture:
random50 and random80 (single pixels, 50 and 80 %), text, scratches, boxes32 (six boxes of 32
pixels), box96 (one box of 96 pixels). Boxes get texture, which costs PSNR; they are also measured
without, as NAME, smooth. "PSNR in holes" is of the pixels in the holes alone. "Over
best baseline" is how much more that is than the best of telea, ns, harmonic and biharmonic has,
picture by picture, on average; fsr stands beside them, and takes a minute or more for each
megapixel of scattered holes. By default it is left out where OpenCV has no xphoto.

--write-card measures all kinds of holes, or those of --kinds, beside these four baselines at least.
The scores replace all scores in the card.

Needs scikit-image: pip install 'imgae[bench]'.
"""


def add_parser(tasks: Commands) -> None:
    parser = new_parser(tasks, "inpaint", "Measure fills on a folder of pictures.", MORE)
    add_folder(parser, "whole pictures")
    add = parser.add_argument
    add(
        "--kinds",
        type=names,
        metavar="A,B",
        help="kinds of holes (default: all but box96; with --write-card, all)",
    )
    add_models(parser, [registry.DEFAULT_INPAINTER], registry.DEFAULT_INPAINTER)
    add(
        "--against",
        type=names,
        metavar=",".join(AGAINST),
        help="baselines to compare with (default: all); also gmic, the program G'MIC",
    )
    add("--sheet", type=Path, metavar="FILE.png", help="show the worst case of each kind of hole")
    add_shared(parser, measure)


def measure(options: argparse.Namespace) -> None:
    need_bench(options)
    from imgae.evaluate import baselines, figures, folders, inpaint, protocol, report

    against = options.against
    if against is None:
        against = baselines.those_there(AGAINST, OPTIONAL)
    if options.write_card and not set(inpaint.BEST_OF) <= set(against):
        raise OptionError("--write-card compares with all baselines; leave --against out")

    kinds = options.kinds
    if kinds is None:
        kinds = [*inpaint.KINDS, *(inpaint.LARGE if options.write_card else ())]
    inpaint.check_kinds(kinds)
    methods = inpaint.fills(options.models, against, options.threads, options.device)
    if not methods or not kinds:
        raise OptionError("nothing to measure: name --models or --against, and --kinds")
    pictures = folders.rgb_pictures(options.folder, options.limit)
    protocol.note_small(pictures)
    results: list[Result] = []
    worst: list[tuple[str, Sample]] = []
    for kind in kinds:
        samples = inpaint.samples_of(pictures, kind)
        if not samples:
            continue
        tell(kind)
        own = inpaint.run_kind(methods, samples, kind)
        results += own
        (sample,) = figures.worst_of(own[0], samples)
        worst.append((f"{kind} {sample.name}", sample))
    if not results:
        raise ImageError(
            f"{options.folder}: no picture is large enough for holes of these kinds: "
            f"{', '.join(kinds)}; name other --kinds or use larger pictures"
        )
    result(inpaint.table(results))
    about = {"folder": options.folder.name, "pictures": len(pictures)}
    write_json(options, report.to_json(results, about, "kind"))
    if options.sheet:
        figures.contact_sheet(worst, methods, options.sheet)
    if options.write_card:
        model = methods[0].name
        command = command_of(options, "inpaint", "--kinds", ",".join(kinds))
        own = [found for found in results if found.method == model]
        write_card(options, inpaint.card_scores(own, name_of(options), command))
