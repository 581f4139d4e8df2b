"""`imgae evaluate camera`."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

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
from imgae.cli.options import Commands, auto_or, between, new_parser
from imgae.cli.output import result
from imgae.errors import OptionError

if TYPE_CHECKING:
    from imgae.evaluate.camera import Condition
    from imgae.evaluate.folders import Pictures
    from imgae.evaluate.protocol import Method, Result, Sample

MORE = """\
A synthetic camera photographs DIR's clean pictures at five sensitivities. The same pictures are
saved as JPEGs of five qualities, and left as they are. With --pairs, real pictures come first. The
figures are changes of PSNR from what went in, their mean and the worst; PSNR counts up to 42 dB,
beyond which nobody sees a difference. The model "auto" is `imgae denoise` without options.

--limit 3 makes a quick look. A folder takes minutes: on two CPU cores, each model needs about 2
seconds for each megapixel and condition, of which there are 11. It needs no extra.

--write-card writes the mean changes, and the PSNR of clean pictures. They replace all scores
in the card.
"""


def add_parser(tasks: Commands) -> None:
    parser = new_parser(tasks, "camera", "Measure denoisers on camera noise and JPEGs.", MORE)
    add_camera_options(parser)
    parser.add_argument(
        "--against",
        type=names,
        default=[],
        metavar="nlm,wavelet,tv,bm3d",
        help="baselines to compare with",
    )
    parser.add_argument(
        "--sigma",
        type=auto_or(between(0, 255)),
        default="auto",
        metavar="auto|LEVEL",
        help="the level that baselines and models that take one are told",
    )
    add_shared(parser, measure, "use only the first N pictures of each kind")


def add_camera_options(parser: argparse.ArgumentParser) -> None:
    add_folder(parser, "clean pictures")
    parser.add_argument(
        "--pairs",
        type=Path,
        metavar="DIR",
        help="real noisy pictures beside their references: NAME_real.jpg and NAME_mean.jpg",
    )
    add_models(parser, ["auto"], "auto")


def measure(options: argparse.Namespace) -> None:
    from imgae.evaluate import camera, denoise

    methods = denoise.denoisers(
        options.models, options.against, options.threads, options.device, tell_auto=False
    )
    if not methods:
        raise OptionError("nothing to measure: name --models or --against")
    if options.write_card and (options.against or options.sigma != "auto"):
        raise OptionError("--write-card measures one model alone; leave --against and --sigma out")
    level = None if options.sigma == "auto" else options.sigma
    results = results_of(options, methods, camera.camera_conditions, level=level)
    result(camera.table(results))
    if options.write_card:
        pairs = folder_name(options.pairs) if options.pairs else ""
        command = command_of(options, "camera", *(["--pairs", f"{pairs}/"] if pairs else []))
        write_card(options, camera.card_scores(results, name_of(options), pairs, command))


def results_of(
    options: argparse.Namespace,
    methods: "list[Method]",
    conditions: "Callable[[Pictures, list[Sample], int | None], Iterator[Condition]]",
    look: "Callable[[list[Sample], list[Result]], None] | None" = None,
    level: float | None = None,
) -> "list[Result]":
    """Measure methods under conditions, a condition's pictures at a time; write --json.

    look: is shown the samples and results of each condition. level: told to methods, in 8-bit
    levels.
    """
    from imgae.evaluate import camera, denoise, folders, report

    real = camera.real_samples(options.pairs, options.limit) if options.pairs else []
    clean = folders.clean_pictures(options.folder, options.limit)
    results: list[Result] = []
    for name, samples_of in conditions(clean, real, options.limit):
        tell(name)
        samples = denoise.told(samples_of()[: options.limit], level)
        own = camera.run_condition(methods, name, samples)
        results += own
        if look:
            look(samples, own)
    about = {"folder": options.folder.name, "pictures": len(clean)}
    write_json(options, report.to_json(results, about, pictures="changes"))
    return results
