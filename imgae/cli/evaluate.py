"""`imgae evaluate`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from imgae.cli.options import Commands, add_device, auto_or, between, new_parser, whole
from imgae.cli.output import result, warnings_as_notes
from imgae.errors import OptionError, needs_extra
from imgae.model import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imgae.evaluate import camera
    from imgae.evaluate.denoise import Trial

MORE = """\
Noise is made by seed: picture i of the name-sorted folder gets
numpy.random.default_rng(i).normal(0, sigma/255), neither clipped nor rounded (float), or clipped
and rounded (8bit). With --pairs, DIR holds real noisy pictures and the other folder their
references, matched by name (endings _real, _noisy, _mean and _clean are left away).
Needs scikit-image and matplotlib: pip install 'imgae[bench]'.
"""

MORE_HOLES = """\
Holes are made by seed, from the kind and the number of the picture: random50 and random80 (single
pixels), text, scratches, boxes32 (six of 32 pixels), box96 (one). PSNR is over the holes; "over
best classical" is its mean gain over the best classical fill of each picture.
Needs scikit-image: pip install 'imgae[bench]'.
"""

MORE_CAMERA = """\
DIR's clean pictures are photographed by a made camera at five sensitivities, and saved as JPEG;
with --pairs, real pictures (NAME_real, NAME_mean) come before. Figures are changes of PSNR from
what went in, counted up to 42 dB, their mean and their worst. "auto" is `imgae denoise` without
options.
"""

MORE_HARM = """\
Clean pictures, clean JPEGs of quality 50 to 98, darker and brighter ones, drawn ones (screens with
text, drawings, charts, gradients, flat fields), and with --pairs real noisy ones: how many come out
worse than they went in, by over 0.1 dB of PSNR, counted up to 42 dB.
"""


def add_parser(commands: Commands) -> None:
    evaluate = new_parser(commands, "evaluate", "Measure models beside classical methods.")
    tasks = evaluate.add_subparsers(metavar="TASK", required=True)
    parser = new_parser(tasks, "denoise", "Measure denoisers on a folder of pictures.", MORE)
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="clean pictures; with --pairs, noisy ones")
    add("--sigma", type=numbers, metavar="15,25,50", help="levels, in 8-bit levels")
    add(
        "--models",
        type=names,
        metavar="A,B",
        help="models, by name or file (default: the one that `imgae models` calls so)",
    )
    add(
        "--against",
        type=names,
        default=[],
        metavar="nlm,wavelet,tv,bm3d",
        help="classical methods; bm3d is a package of its own",
    )
    add("--noise", choices=("float", "8bit"), default="8bit", help="default: 8bit, as files are")
    add("--level", choices=("given", "estimated"), default="given", help="default: given")
    add("--pairs", type=Path, metavar="DIR", help="references of real noisy pictures")
    add("--limit", type=whole(1), metavar="N", help="only the first N pictures")
    add("--json", type=Path, metavar="FILE", help="write all figures, per picture too")
    add("--plot", type=Path, metavar="FILE.png", help="draw PSNR against time")
    add("--sheet", type=Path, metavar="FILE.png", help="show the three worst cases")
    add("--no-memory", action="store_true", help="do not measure peak memory")
    add_device(parser)
    parser.set_defaults(run=run, parser=parser)

    parser = new_parser(tasks, "inpaint", "Measure fills on a folder of pictures.", MORE_HOLES)
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="whole pictures")
    add(
        "--kinds",
        type=names,
        default=["random50", "random80", "text", "scratches", "boxes32"],
        metavar="A,B",
        help="kinds of holes (default: all but box96)",
    )
    add(
        "--models",
        type=names,
        default=[registry.DEFAULT_INPAINTER],
        metavar="A,B",
        help="models, by name or file (default: inpaint)",
    )
    add(
        "--against",
        type=names,
        default=["telea", "ns", "harmonic", "biharmonic"],
        metavar="telea,ns,harmonic,biharmonic",
        help="classical fills (default: all)",
    )
    add("--limit", type=whole(1), metavar="N", help="only the first N pictures")
    add("--json", type=Path, metavar="FILE", help="write all figures, per picture too")
    add("--sheet", type=Path, metavar="FILE.png", help="show the worst case of each kind")
    add_device(parser)
    parser.set_defaults(run=run_inpaint, parser=parser)

    parser = new_parser(
        tasks, "camera", "Measure denoisers on camera noise and JPEGs.", MORE_CAMERA
    )
    add_camera_options(parser)
    add = parser.add_argument
    add(
        "--against",
        type=names,
        default=[],
        metavar="nlm,wavelet,tv,bm3d",
        help="classical methods",
    )
    add(
        "--sigma",
        type=auto_or(between(0, 255)),
        default="auto",
        metavar="auto|LEVEL",
        help="told to those methods, and to models that take a level",
    )
    parser.set_defaults(run=run_camera, parser=parser)

    parser = new_parser(tasks, "harm", "Count the pictures that a denoiser makes worse.", MORE_HARM)
    add_camera_options(parser)
    parser.add_argument("--sheet", type=Path, metavar="FILE.png", help="show the six worst cases")
    parser.set_defaults(run=run_harm, parser=parser)


def add_camera_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="clean pictures")
    add("--pairs", type=Path, metavar="DIR", help="real noisy pictures beside their references")
    add(
        "--models",
        type=names,
        default=["auto"],
        metavar="A,B",
        help="models, by name or file, or auto (default)",
    )
    add("--limit", type=whole(1), metavar="N", help="only the first N pictures of each kind")
    add("--json", type=Path, metavar="FILE", help="write all figures, per picture too")
    add_device(parser)


def names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def numbers(text: str) -> list[float]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if not values or not all(0 <= value <= 255 for value in values):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of levels, such as 15,25,50")
    return values


def need_bench() -> None:
    """Tell of a missing extra before the work, not after."""
    with needs_extra("bench", "evaluating"):
        import skimage.metrics  # noqa: F401


def check_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise OptionError(f"{path}: there is no folder {path.parent}")


def run_inpaint(options: argparse.Namespace) -> int:
    need_bench()
    from imgae.evaluate import denoise as evaluate
    from imgae.evaluate import inpaint as evaluate_inpaint
    from imgae.io.files import check_writable
    from imgae.picture.pixels import to_uint8_rgb

    methods = evaluate_inpaint.fills(
        options.models, options.against, options.threads, options.device
    )
    if not methods or not options.kinds:
        raise OptionError("nothing to measure: name --models or --against, and --kinds")
    evaluate_inpaint.check_kinds(options.kinds)
    if options.json:
        check_folder(options.json)
    if options.sheet:
        check_writable(options.sheet, overwrite=True)
    pictures = [
        (name, to_uint8_rgb(pixels))
        for name, pixels in evaluate.clean_pictures(options.folder, options.limit)
    ]
    with warnings_as_notes():
        results = [
            found
            for kind in options.kinds
            for found in evaluate_inpaint.run_kind(methods, pictures, kind)
        ]
    result(evaluate_inpaint.table(results))
    if options.json:
        about = {"folder": options.folder.name, "pictures": len(pictures)}
        options.json.write_text(evaluate.to_json(results, about) + "\n")
    if options.sheet:
        from imgae.evaluate.figures import fill_sheet

        fill_sheet(methods, pictures, results, options.sheet)
    return 0


def run_camera(options: argparse.Namespace) -> int:
    from imgae.evaluate import camera

    level = None if options.sigma == "auto" else options.sigma / 255
    methods = camera.methods(
        options.models, options.against, level, options.threads, options.device
    )
    if not methods:
        raise OptionError("nothing to measure: name --models or --against")
    result(camera.table(changes_of(options, methods, camera.camera_conditions)))
    return 0


def run_harm(options: argparse.Namespace) -> int:
    from imgae.evaluate import camera
    from imgae.io.files import check_writable

    if len(options.models) != 1:
        raise OptionError("harm is counted for one model at a time")
    if options.sheet:
        check_writable(options.sheet, overwrite=True)
    methods = camera.methods(options.models, [], None, options.threads, options.device)
    worst: list[tuple[float, camera.Sample]] = []

    def keep_worst(samples: "list[camera.Sample]", changes: "list[camera.Change]") -> None:
        (change,) = changes
        worst.extend((change.changes[sample.name], sample) for sample in samples)
        worst.sort(key=lambda entry: entry[0])
        del worst[6:]

    changes = changes_of(options, methods, camera.harm_conditions, keep_worst)
    result(camera.harm_table(changes))
    if options.sheet:
        from imgae.evaluate.figures import harm_sheet

        (method,) = methods.values()
        harm_sheet(method, worst, options.sheet)
    return 0


def changes_of(
    options: argparse.Namespace,
    methods: "dict[str, camera.Method]",
    conditions: "Callable[[camera.Pictures, Path | None], Iterator[camera.Condition]]",
    look: "Callable[[list[camera.Sample], list[camera.Change]], None] | None" = None,
) -> "list[camera.Change]":
    """Measure methods under conditions, a condition's pictures at a time; write --json."""
    from imgae.evaluate import camera
    from imgae.evaluate import denoise as evaluate

    if options.json:
        check_folder(options.json)
    clean = evaluate.clean_pictures(options.folder, options.limit)
    changes: list[camera.Change] = []
    with warnings_as_notes():
        for name, make in conditions(clean, options.pairs):
            samples = make()[: options.limit]
            found = camera.run_condition(methods, name, samples)
            changes += found
            if look:
                look(samples, found)
    if options.json:
        about = {"folder": options.folder.name, "pictures": len(clean)}
        options.json.write_text(evaluate.to_json(changes, about) + "\n")
    return changes


def run(options: argparse.Namespace) -> int:
    need_bench()
    from imgae.evaluate import denoise as evaluate
    from imgae.restore.denoise import default_model

    if options.models is None:
        options.models = [default_model(options.device)[0]]
    methods = evaluate.methods(options.models, options.against, options.threads, options.device)
    if not methods:
        raise OptionError("nothing to measure: name --models or --against")
    peaks = {
        method.name: None
        if options.no_memory
        else evaluate.peak_memory(name, name in options.models, options.threads)
        for method, name in zip(methods, [*options.models, *options.against], strict=True)
    }
    trials = list(make_trials(options))
    by_trial = [
        [evaluate.run_method(method, trial, peaks[method.name]) for method in methods]
        for trial in trials
    ]
    results = [result for row in by_trial for result in row]
    result(evaluate.table(results))
    noise = "real" if options.pairs else options.noise
    if options.json:
        about = {
            "folder": options.folder.name,
            "pictures": len(trials[0].cases),
            "noise": noise,
            "level": options.level,
        }
        options.json.write_text(evaluate.to_json(results, about) + "\n")
    middle = len(trials) // 2
    if options.plot or options.sheet:
        from imgae.evaluate import figures  # matplotlib takes its time

        sigma = trials[middle].sigma
        title = f"{options.folder.name}, {noise} noise" + (f", sigma {sigma:g}" if sigma else "")
        if options.plot:
            figures.plot_quality_against_time(by_trial[middle], options.plot, title)
        if options.sheet:
            figures.contact_sheet(trials[middle], methods, by_trial[middle], options.sheet)
    return 0


def make_trials(options: argparse.Namespace) -> "Iterator[Trial]":
    from imgae.evaluate import denoise as evaluate

    if options.pairs:
        cases = evaluate.paired_cases(options.folder, options.pairs)[: options.limit]
        for sigma in options.sigma or [None]:
            yield evaluate.Trial(cases, sigma, None if sigma is None else sigma / 255)
        return
    clean = evaluate.clean_pictures(options.folder, options.limit)
    for sigma in options.sigma or [15.0, 25.0, 50.0]:
        yield evaluate.made_trial(clean, sigma, options.noise, options.level == "estimated")
