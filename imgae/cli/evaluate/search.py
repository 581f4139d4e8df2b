"""`imgae evaluate search`."""

import argparse
from pathlib import Path

from imgae.cli.evaluate.common import (
    add_folder,
    add_models,
    add_shared,
    command_of,
    folder_name,
    name_of,
    tell,
    write_card,
    write_json,
)
from imgae.cli.options import Commands, new_parser
from imgae.cli.output import result
from imgae.errors import OptionError

MORE = """\
The pictures of all folders are described as `imgae index` does it. Damaged copies of DIR's pictures
are then searched for among all of them: with noise of level 25, a part of 70 % of each side, JPEG
15, half the size, mirrored, and with the first four at once. The table shows the share whose
picture comes first.

Beside the models: a thumbnail of 16x16 pixels, a colour histogram, a perceptual hash, and the means
and deviations of the model code.

It needs no extra. --write-card replaces all scores in the card.
"""


def add_parser(tasks: Commands) -> None:
    parser = new_parser(tasks, "search", "Measure models that find copies of pictures.", MORE)
    add_folder(parser, "pictures whose damaged copies are searched for")
    parser.add_argument(
        "--others",
        type=Path,
        required=True,
        nargs="+",
        metavar="DIR",
        help="folders of other pictures, among which they are to be found",
    )
    add_models(parser, ["search"], "search")
    add_shared(parser, measure, "use only the first N pictures of each folder")


def measure(options: argparse.Namespace) -> None:
    from imgae.evaluate import folders, report, search
    from imgae.model import registry
    from imgae.restore.encode import Encoder

    ways = search.of_models(options.models, options.threads, options.device)
    if not ways:
        raise OptionError("nothing to measure: name --models")
    has_code = registry.DEFAULT_ENCODER in registry.available()
    encoder = Encoder(device=options.device, threads=options.threads) if has_code else None
    ways += search.baselines(encoder)
    pictures, *other = (
        folders.rgb_pictures(folder, options.limit) for folder in (options.folder, *options.others)
    )
    others = [picture for found in other for picture in found]
    measured = []
    for way in ways:
        tell(way.name)
        measured.append(search.run_method(way, pictures, others))
    results = [found for own in measured for found in own]
    result(search.table(results))
    about = {
        "folder": options.folder.name,
        "others": [folder.name for folder in options.others],
        "pictures": len(pictures),
        "searched": len(pictures) + len(others),
    }
    write_json(options, report.to_json(results, about))
    if options.write_card:
        names = [folder_name(folder) for folder in options.others]
        command = command_of(options, "search", "--others", *(f"{name}/" for name in names))
        count = len(pictures) + len(others)
        write_card(
            options, search.card_scores(measured[0], name_of(options), names, count, command)
        )
