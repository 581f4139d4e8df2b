"""`imgae evaluate code`."""

import argparse
from pathlib import Path

from imgae.cli.evaluate.common import (
    add_folder,
    add_models,
    add_shared,
    command_of,
    folder_name,
    name_of,
    names,
    tell,
    write_card,
    write_json,
)
from imgae.cli.options import Commands, new_parser
from imgae.cli.output import result
from imgae.errors import OptionError

MORE = """\
PSNR: how well DIR's pictures are reconstructed from their codes. With --train also principal
components of blocks of 8x8 pixels, as many as the code has channels.

Activation: the mean of the code, of its lowest and of its highest channel; dead is the share of
channels that hardly vary.

Copies found: damaged copies of DIR's pictures (noise of level 25, JPEG 20, a crop of 70 %, darker
by a stop, mirrored) are searched for in both folders by the means and deviations of their codes;
the share whose original comes first. Beside it a colour histogram.

AUROC: how well cells of 8x8 pixels with spots and lines on them are told from others, as the area
under the ROC curve: by the distance of their code from those of the other folder, by the error of
the reconstruction, and beside them by the distance of their pixels from the mean.

It needs no extra. --write-card writes PSNR, copies found and both AUROC. They replace all scores in
the card.
"""


def add_parser(tasks: Commands) -> None:
    parser = new_parser(tasks, "code", "Measure code models: what their codes keep.", MORE)
    add_folder(parser, "pictures to encode, search for and damage")
    add = parser.add_argument
    add("--others", type=Path, required=True, metavar="DIR", help="other pictures, to compare with")
    add(
        "--train",
        type=names,
        default=[],
        metavar="DIR,DIR",
        help="folders that principal components are computed of, folders in them included",
    )
    add_models(parser, ["code"], "code")
    add_shared(parser, measure, "use only the first N pictures of both folders")


def measure(options: argparse.Namespace) -> None:
    from imgae.evaluate import code, folders, report

    methods = code.codes(options.models, options.threads, options.device)
    if not methods:
        raise OptionError("nothing to measure: name --models")
    pictures, others = (
        folders.rgb_pictures(folder, options.limit) for folder in (options.folder, options.others)
    )
    measured = []
    for method in methods:
        tell(method.name)
        measured.append(code.run_method(method, pictures, others))
    results = [found for own in measured for found in own]
    results += code.run_baselines(pictures, others)
    if train := [Path(name) for name in options.train]:
        counts = {method.card.code_channels for method in methods if method.card}
        results += [code.run_components(train, pictures, count) for count in sorted(counts)]
    result(code.table(results))
    about = {
        "folder": options.folder.name,
        "others": options.others.name,
        "pictures": len(pictures),
    }
    write_json(options, report.to_json(results, about))
    if options.write_card:
        others_name = folder_name(options.others)
        command = command_of(options, "code", "--others", f"{others_name}/")
        scores = code.card_scores(measured[0], name_of(options), others_name, command)
        write_card(options, scores)
