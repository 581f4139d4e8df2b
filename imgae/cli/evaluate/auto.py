"""`imgae evaluate auto`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from imgae.cli.evaluate.common import add_folder, add_fonts, add_shared, names, tell, write_json
from imgae.cli.options import Commands, new_parser, whole
from imgae.cli.output import result
from imgae.errors import OptionError

if TYPE_CHECKING:
    from imgae.evaluate.protocol import Result

MORE = """\
Measures what `imgae denoise` does without options, beside the same told the level. The parts:

  drawn      pages of type, faxes, maps, screentones, screens and others, clean and with white noise
             10 and 25: how many clean ones are made worse, how many are taken for noisy ones
  gray       DIR's pictures in gray, in 8 and 16 bits and as RGB, with white noise 5 to 30, and
             with grain
  impulses   DIR's pictures with salt and pepper, alone and on noise 10, and with hot pixels; a
             drawn sky with hot pixels, and how much of its stars' light is left
  means      by how much the means of flat fields, told 25, and of DIR's pictures shift
  strength   what eleven strengths from 0 to 2 remove from the pictures of --pairs

A change is one of PSNR, counted up to 45 dB; made worse are pictures that lose more than 0.1 dB.
Drawn pages show parts of DIR's pictures.

--count 60 --limit 3 makes a quick look. On two CPU cores, 1,000 drawn pictures of 320x320 take
about a quarter of an hour. It needs no extra.
"""


def add_parser(tasks: Commands) -> None:
    parser = new_parser(tasks, "auto", "Measure what denoising without options does.", MORE)
    add_folder(parser, "clean pictures")
    parser.add_argument(
        "--parts", type=names, metavar="A,B", help="which parts (default: all that can be measured)"
    )
    parser.add_argument(
        "--count",
        type=whole(1),
        default=1000,
        metavar="N",
        help="drawn pictures, at least; as many of each kind (default: 1000)",
    )
    parser.add_argument(
        "--side", type=whole(64), default=320, metavar="PX", help="of drawn ones (default: 320)"
    )
    add_fonts(parser)
    parser.add_argument(
        "--pairs",
        type=Path,
        metavar="DIR",
        help="real noisy pictures beside their references: NAME_real.jpg and NAME_mean.jpg",
    )
    add_shared(parser, measure, "use only the first N pictures and pairs", card=False)


def measure(options: argparse.Namespace) -> None:
    from imgae.evaluate import auto, camera, drawn, folders, report
    from imgae.restore.denoise import Denoiser

    parts = options.parts or [part for part in auto.PARTS if part != "strength" or options.pairs]
    for part in parts:
        if part not in auto.PARTS:
            raise OptionError(f"no part {part!r}; there are {', '.join(auto.PARTS)}")
    if "strength" in parts and not options.pairs:
        raise OptionError("the part strength needs real noisy pictures; name them with --pairs")
    subject = auto.Subject(
        Denoiser(threads=options.threads, device=options.device),
        folders.clean_pictures(options.folder, options.limit),
        camera.real_samples(options.pairs, options.limit) if options.pairs else [],
        options.count,
        options.side,
        drawn.fonts_of(options.fonts),
    )
    results: list[Result] = []
    for part in parts:
        own: list[Result] = []
        for condition in auto.PARTS[part].conditions(subject):
            tell(condition.words)
            own += condition.measure()
        result(auto.PARTS[part].table(own))
        result("")
        results += own
    about = {"folder": options.folder.name, "pictures": len(subject.clean)}
    write_json(options, report.to_json(results, about))
