"""`imgae evaluate detect`."""

import argparse
from pathlib import Path

from imgae.cli.evaluate.common import (
    add_folder,
    add_fonts,
    add_models,
    add_shared,
    command_of,
    name_of,
    names,
    tell,
    write_card,
    write_json,
)
from imgae.cli.options import Commands, new_parser
from imgae.cli.output import result
from imgae.errors import OptionError
from imgae.model import registry

MORE = """\
Twenty pictures from all over DIR get scratches, dust, dead pixels, a date stamp and captions, which
are synthetic and repeatable: drawn with soft edges as on film, and plainly as a few lines of a
program draw them; in colour, gray, sepia and faded. F1, precision and recall of each kind of defect
are over the pixels of all pictures together. The same pictures are also measured undamaged: the
fewer pixels are marked, the better. --architecture DIR,DIR names folders that hold pictures of
buildings from CBSD68 and CID22, which are measured undamaged too.

It needs no extra. --write-card writes the F1 of each kind, in colour and sepia. They replace all
scores in the card.
"""


def add_parser(tasks: Commands) -> None:
    parser = new_parser(tasks, "detect", "Measure detectors of defects on damaged pictures.", MORE)
    add_folder(parser, "undamaged pictures")
    add_models(parser, [registry.DEFAULT_DETECTOR], registry.DEFAULT_DETECTOR)
    add_fonts(parser)
    parser.add_argument(
        "--architecture",
        type=names,
        default=[],
        metavar="DIR,DIR",
        help="folders with the pictures of buildings that are measured undamaged",
    )
    add_shared(parser, measure, "use N pictures from all over DIR (default: 20)")


def measure(options: argparse.Namespace) -> None:
    from imgae.evaluate import detect, drawn, folders, report
    from imgae.picture.pixels import to_uint8_rgb

    methods = detect.detectors(options.models, options.threads, options.device)
    if not methods:
        raise OptionError("nothing to measure: name --models")
    count = options.limit or detect.COUNT
    pictures = folders.rgb_pictures(options.folder, count, spread=True)
    buildings = [
        (path.stem, to_uint8_rgb(folders.usable(path).pixels))
        for path in detect.architecture_in(Path(folder) for folder in options.architecture)
    ]
    fonts = drawn.latin_fonts_of(options.fonts)
    results = []
    for method in methods:
        tell(method.name)
        results += detect.run_method(method, pictures, buildings, fonts)
    result(detect.table(results))
    about = {"folder": options.folder.name, "pictures": len(pictures)}
    write_json(options, report.to_json(results, about))
    if options.write_card:
        command = command_of(options, "detect")
        scores = detect.card_scores(results, name_of(options), len(pictures), command)
        write_card(options, scores)
