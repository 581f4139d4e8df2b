"""`imgae mask`."""

import argparse
from pathlib import Path

from imgae.cli.files import Use, refuse_clashes
from imgae.cli.mask_options import (
    add_mask,
    check_mask,
    load_detector,
    make_mask,
    mask_file,
    write_mask,
)
from imgae.cli.options import Commands, add_device, new_parser
from imgae.cli.output import result, warnings_as_notes
from imgae.cli.pictures import add_reading, single
from imgae.errors import ImgaeError
from imgae.io.formats.table import listed

MORE = """\
The mask is a black picture of the same size, white where `imgae inpaint --mask`
would fill.

Examples:
  imgae mask photo.png --box 40,60,200,30 -o mask.png
  imgae mask scan.png --detect scratches,dust --dilate 2 -o mask.png
"""


def add_parser(commands: Commands) -> None:
    parser = new_parser(commands, "mask", "Make a mask for `imgae inpaint`.", MORE)
    add = parser.add_argument
    add("picture", type=Path, metavar="PICTURE", help=f"a {listed('or')} file")
    add("-o", "--output", type=Path, metavar="FILE", required=True, help="where to write the mask")
    add("--overwrite", action="store_true", help="replace a file that exists")
    add_reading(parser)
    add_mask(parser)
    add_device(parser)
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    check_mask(options)
    read = [Use(options.picture, "the input"), *mask_file(options)]
    refuse_clashes(options, read, [], [Use(options.output, "the mask")])
    from imgae.io.files import check_writable, read_frames
    from imgae.io.libraries import prepare_libraries

    prepare_libraries()
    check_writable(options.output, options.overwrite)
    detector = load_detector(options)
    with warnings_as_notes():
        frames = read_frames(options.picture, max_pixels=options.max_pixels)
        image = single(frames, options.picture, "imgae mask")
        try:
            mask = make_mask(options, image, detector)
        except ImgaeError as error:
            raise type(error)(f"{options.picture}: {error}") from error
        write_mask(mask, options.output, options.overwrite)
    result(
        f"{options.picture} -> {options.output}: {image.width}x{image.height}, "
        f"{int(mask.sum())} pixels marked ({mask.mean():.2%})"
    )
    return 0
