"""`imgae evaluate harm`."""

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from imgae.cli.evaluate.camera import add_camera_options, results_of
from imgae.cli.evaluate.common import add_fonts, add_shared
from imgae.cli.options import Commands, new_parser
from imgae.cli.output import result
from imgae.errors import OptionError

if TYPE_CHECKING:
    from imgae.evaluate.protocol import Result, Sample

MORE = """\
Pictures that need no denoising, or little: clean ones, clean JPEGs of quality 50 to 98, darker and
brighter ones, drawn ones (pages of type, faxes, maps, screentones, pixel art, screens, charts and
others, clean and as JPEGs of quality 90), flat fields, and with --pairs real noisy ones. A picture
counts as made worse if its PSNR falls by more than 0.1 dB; PSNR counts up to 42 dB, beyond which
nobody sees a difference.

--limit 3 makes a quick look. A folder takes minutes: on two CPU cores, about 2 seconds for each
megapixel and condition; there are 10 conditions of DIR's pictures and 31 of drawn ones. It needs
no extra.
"""
WORST = 6  # cases that a sheet shows


def add_parser(tasks: Commands) -> None:
    parser = new_parser(tasks, "harm", "Count the pictures that a denoiser makes worse.", MORE)
    add_camera_options(parser)
    add_fonts(parser)
    parser.add_argument("--sheet", type=Path, metavar="FILE.png", help="show the six worst cases")
    add_shared(parser, measure, "use only the first N pictures of each kind", card=False)


def measure(options: argparse.Namespace) -> None:
    from imgae.evaluate import camera, denoise, drawn, figures

    if len(options.models) != 1:
        raise OptionError("harm is counted for one model at a time")
    methods = denoise.denoisers(
        options.models, [], options.threads, options.device, tell_auto=False
    )
    worst: list[tuple[float, Sample]] = []

    def keep_worst(samples: "list[Sample]", results: "list[Result]") -> None:
        worst.extend((results[0].pictures[sample.name], sample) for sample in samples)
        worst.sort(key=lambda entry: entry[0])
        del worst[WORST:]

    conditions = partial(camera.harm_conditions, fonts=drawn.fonts_of(options.fonts))
    result(camera.harm_table(results_of(options, methods, conditions, keep_worst)))
    if options.sheet:
        rows = [(f"{change:+.2f} dB {sample.name}", sample) for change, sample in worst]
        figures.contact_sheet(rows, methods, options.sheet)
