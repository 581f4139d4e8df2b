"""`imgae evaluate denoise`."""

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
    numbers,
    tell,
    write_card,
    write_json,
)
from imgae.cli.options import Commands, new_parser
from imgae.cli.output import result
from imgae.errors import OptionError

if TYPE_CHECKING:
    from imgae.evaluate.protocol import Method, Result, Sample
    from imgae.model.card import Score

MORE = """\
The noise is synthetic and repeatable: picture i of the name-sorted folder gets
numpy.random.default_rng(i).normal(0, sigma/255). With --noise float it is added as it is; with 8bit
the sum is clipped and rounded, as files are; with clean there is none, the level is estimated, and
PSNR counts up to 99 dB.

With --pairs, DIR holds real noisy pictures and the other folder their references. Their names must
match; the endings _real, _noisy, _mean and _clean do not count.

--write-card measures levels 5, 15, 25 and 50: with float noise, with 8-bit noise, and with 8-bit
noise and the level estimated. --sigma, --noise and --level choose among them; the scores still
replace all scores in the card.

Needs scikit-image and matplotlib: pip install 'imgae[bench]'.
"""


def add_parser(tasks: Commands) -> None:
    parser = new_parser(tasks, "denoise", "Measure denoisers on a folder of pictures.", MORE)
    add_folder(parser, "clean pictures; with --pairs, noisy ones")
    add = parser.add_argument
    add("--sigma", type=numbers, metavar="15,25,50", help="noise levels, in 8-bit levels")
    add_models(parser, None, "the one that `imgae models` marks as the default")
    add(
        "--against",
        type=names,
        default=[],
        metavar="nlm,wavelet,tv,bm3d",
        help="baselines to compare with; bm3d is a package of its own",
    )
    add("--noise", choices=("float", "8bit", "clean"), help="kind of noise (default: 8bit)")
    add(
        "--level",
        choices=("given", "estimated"),
        help="whether methods are told the level, or estimate it (default: given)",
    )
    add("--pairs", type=Path, metavar="DIR", help="references of real noisy pictures")
    add("--plot", type=Path, metavar="FILE.png", help="draw PSNR against time")
    add("--sheet", type=Path, metavar="FILE.png", help="show the first method's three worst cases")
    add("--no-memory", action="store_true", help="do not measure peak memory")
    add_shared(parser, measure)


def measure(options: argparse.Namespace) -> None:
    need_bench(options)
    from imgae.evaluate import denoise, memory, protocol, report
    from imgae.restore.denoise import default_model

    if options.models is None:
        options.models = [default_model(options.device)[0]]
    methods = denoise.denoisers(options.models, options.against, options.threads, options.device)
    if not methods:
        raise OptionError("nothing to measure: name --models or --against")
    clean = pictures_of(options)
    protocol.note_small([(sample.name, sample.reference) for sample in clean])
    if options.write_card:
        measure_for_card(options, methods, clean)
        return
    noise, level = options.noise or "8bit", options.level or "given"
    peaks = {
        method.name: None
        if options.no_memory
        else memory.peak_memory(name, name in options.models, options.threads)
        for method, name in zip(methods, [*options.models, *options.against], strict=True)
    }
    conditions = conditions_of(options, noise)
    results: list[Result] = []
    for number, condition in enumerate(conditions):
        tell(words_of(condition))
        samples = samples_of(options, clean, condition, noise, level)
        own = [
            denoise.run_method(method, samples, condition, peaks[method.name]) for method in methods
        ]
        results += own
        if number == len(conditions) // 2:
            middle = (condition, samples, own)
    result(denoise.table(results))
    shown = "real" if options.pairs else noise
    about = {
        "folder": options.folder.name,
        "pictures": len(clean),
        "noise": shown,
        "level": level,
    }
    write_json(options, report.to_json(results, about, "sigma"))
    draw(options, methods, *middle, shown)


def pictures_of(options: argparse.Namespace) -> "list[Sample]":
    """Read all pictures; those of pairs are samples, of others only the references count."""
    from imgae.evaluate import denoise, folders

    if options.pairs:
        return denoise.real_samples(options.folder, options.pairs, options.limit)
    return denoise.untouched_samples(folders.clean_pictures(options.folder, options.limit))


def conditions_of(options: argparse.Namespace, noise: str) -> "list[str | float | None]":
    from imgae.evaluate.denoise import CLEAN, LEVELS

    if options.pairs:
        return [*(options.sigma or [None])]
    return [CLEAN] if noise == CLEAN else [*(options.sigma or LEVELS)]


def words_of(condition: str | float | None) -> str:
    """Return what a condition is called while it is measured."""
    if condition is None:
        return "real pairs"
    return condition if isinstance(condition, str) else f"sigma {condition:g}"


def samples_of(
    options: argparse.Namespace,
    clean: "list[Sample]",
    condition: str | float | None,
    noise: str,
    level: str,
) -> "list[Sample]":
    from imgae.evaluate import denoise

    if options.pairs:
        assert not isinstance(condition, str)
        return denoise.told(clean, condition)
    if not isinstance(condition, float):
        return clean
    pictures = [(sample.name, sample.reference) for sample in clean]
    return denoise.noisy_samples(pictures, condition, noise, estimated=level == "estimated")


def draw(
    options: argparse.Namespace,
    methods: "list[Method]",
    condition: str | float | None,
    samples: "list[Sample]",
    results: "list[Result]",
    noise: str,
) -> None:
    """Draw what --plot and --sheet ask for."""
    if not (options.plot or options.sheet):
        return
    from imgae.evaluate import figures  # matplotlib takes its time

    sigma = f", sigma {condition:g}" if isinstance(condition, float) else ""
    title = f"{options.folder.name}, {noise} noise{sigma}"
    if options.plot:
        figures.plot_quality_against_time(results, options.plot, title)
    if options.sheet:
        worst = figures.worst_of(results[0], samples, 3)
        rows = [(f"noisy {sample.name}", sample) for sample in worst]
        figures.contact_sheet(rows, methods, options.sheet)


def measure_for_card(
    options: argparse.Namespace, methods: "list[Method]", clean: "list[Sample]"
) -> None:
    """Measure what a card holds, and write it there."""
    from imgae.evaluate import denoise

    if options.pairs or options.json or options.plot or options.sheet or options.against:
        raise OptionError(
            "--write-card measures one model on several kinds of synthetic noise; leave --pairs, "
            "--against, --json, --plot and --sheet out"
        )
    (method,) = methods
    denoise.check_takes_level(method)
    settings = [
        (noise, level)
        for noise, level in denoise.CARD_SETTINGS
        if options.noise in (None, noise) and options.level in (None, level)
    ]
    if not settings:
        raise OptionError(f"cards hold no scores of {options.noise} noise, {options.level} level")
    levels = options.sigma or denoise.CARD_LEVELS
    scores: list[Score] = []
    for noise, level in settings:
        results = []
        for sigma in levels:
            tell(f"{words_of(sigma)}, {noise} noise, level {level}")
            samples = samples_of(options, clean, sigma, noise, level)
            results.append(denoise.run_method(method, samples, sigma))
        told = ["--sigma", ",".join(f"{sigma:g}" for sigma in levels), "--noise", noise]
        told += ["--level", level]
        command = command_of(options, "denoise", *told)
        scores += denoise.card_scores(results, name_of(options), noise, level, command)
    write_card(options, scores)
