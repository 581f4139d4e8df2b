"""`imgae inpaint`."""

import argparse
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgae.cli.batch import restore_all
from imgae.cli.files import (
    EXIT_CODES,
    Use,
    add_files,
    add_printing,
    add_sigma,
    add_tile,
    noise_level,
    size_of,
)
from imgae.cli.mask_options import (
    ALPHA,
    MARKING,
    add_boxes,
    add_mask,
    check_mask,
    decided_by,
    mask_files,
    masks_of,
)
from imgae.cli.options import Commands, add_device, new_parser, whole
from imgae.cli.planning import Command
from imgae.cli.tasks import WRITING, OptionsTask, denoising_models, key_of, limit_of, values_of
from imgae.errors import warn
from imgae.model.machine import limit_memory
from imgae.restore.batches.engine import Job
from imgae.restore.batches.run import WOULD

if TYPE_CHECKING:
    from imgae.cli.filling import Work

MORE = """\
Say what to fill with at least one of --mask, --box, --polygon, --color and
--detect. You can give several; imgae fills everything that any of them marks.
`imgae mask` makes the mask alone, and --dry-run with --preview shows what would
be filled, and writes nothing but --preview and --save-mask.

Each result is written beside its picture: photo.inpainted.png for photo.png.
Use -o for another place. Pixels that are not marked stay exactly as they are,
unless you give --denoise, or write a JPEG, which stores every pixel anew.

Examples:
  imgae inpaint photo.png --mask mask.png
  imgae inpaint photos/*.png --box 20,500,120,30 -o clean/
  imgae inpaint scan.png --detect scratches,dust --denoise
  imgae inpaint old.jpg --color ff9020 --within 900,700,300,90
  imgae inpaint old.jpg --color ff9020 --preview marked.png --dry-run
"""
AFTER = f"""\
Keys of --json:
  input
  output        the file written, or the first one; null with --dry-run
  status        "done"; with --dry-run "skipped"; of several pictures also
                "skipped" or "failed", with a message
  outputs       the files written: several with --variants, none with --dry-run
  width, height of the picture, or the first one
  frames        how many pictures the file holds
  pixels        how many pixels they have
  filled        how many pixels were filled, or would be
  sigma         with --denoise the noise level, in 8-bit levels; else null
  sigma_source  "given"; "estimated" from the picture; "removed": there is no
                one level, and sigma is measured from what was removed; or null
  caution       a reason to doubt the level, or null
  notes         what else was done to remove noise, a list of sentences
  model, device; null with --dry-run
  seconds       with reading and writing, without loading the model
  megapixels_per_second

{EXIT_CODES}"""

FILLING = (
    "feather", "no_texture", "no_grain", "from_box", "seed", "variants", "keep_alpha", "denoise",
    "sigma",
)  # fmt: skip
"""Options that decide how holes are filled."""
NO_LEVELS = {"sigma": None, "sigma_source": None, "caution": None, "notes": ()}


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    parser = new_parser(
        commands, "inpaint", "Fill the parts of a picture that a mask marks.", MORE, AFTER
    )
    add_files(parser, "inpainted")
    add_mask(parser)
    add_filling(parser)
    add_tile(parser)
    add_device(parser)
    add_printing(parser)
    parser.set_defaults(run=run, parser=parser)
    return parser


def add_filling(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how to fill")
    add = group.add_argument
    add(
        "--feather",
        type=whole(0),
        default=0,
        metavar="PX",
        help="over how many pixels, inside a hole, to blend with what was there (default: 0)",
    )
    add(
        "--no-texture",
        action="store_true",
        help="leave holes smooth, without the texture around them",
    )
    add("--no-grain", action="store_true", help="do not continue the noise of the surroundings")
    add_boxes(
        group,
        "--from-box",
        "take texture only from this rectangle; may be given several times (default: from "
        "everywhere)",
    )
    add("--avoid", metavar="FILE", help="a mask, white where no texture is to be taken from")
    add(
        "--seed",
        type=whole(0),
        default=0,
        metavar="N",
        help="another number gives another texture (default: 0)",
    )
    add(
        "--variants",
        type=whole(1),
        default=1,
        metavar="N",
        help="write N results to choose from, as NAME.inpainted-1.EXT and so on, with seeds from "
        "--seed on (default: 1)",
    )
    add(
        "--keep-alpha",
        action="store_true",
        help="leave transparent what --mask alpha fills, so that only its colours are new "
        "(default: it becomes opaque)",
    )
    add(
        "--denoise",
        action="store_true",
        help="also remove noise from the whole picture, with the default model",
    )
    add_sigma(group)
    group = parser.add_argument_group("look before you fill")
    add = group.add_argument
    add("--save-mask", type=Path, metavar="FILE", help="also write the mask that is used")
    add("--preview", type=Path, metavar="FILE", help="also write the picture with the mask in red")


def run(options: argparse.Namespace) -> int:
    return restore_all(options, command_of(options))


def command_of(options: argparse.Namespace) -> Command:
    check_mask(options)
    check_filling(options)
    named = [("--save-mask", options.save_mask), ("--preview", options.preview)]
    return Command(
        "inpainted",
        "inpaint",
        Inpainting(values_of(options)),
        planned if options.dry_run else summary,
        places=partial(places_of, options),
        replaces=options.variants == 1,
        reads=mask_files(options),
        writes=[Use(path, role) for role, path in named if path],
        masks=masks_of(options),
        rehearses=True,
    )


@dataclass(frozen=True)
class Inpainting(OptionsTask):
    """What `imgae inpaint` does with pictures, by its options."""

    @cached_property
    def key(self) -> str:
        from imgae.restore.inpaint import default_model

        options = self.options
        models, files = decided_by(options)
        models.append(options.model or default_model(options.device)[0])
        if options.denoise:
            models += denoising_models(options, None)
        return key_of(options, (*MARKING, *FILLING, *WRITING), models, files)

    def load(self) -> "Worker":
        return Worker(self.options)


def check_filling(options: argparse.Namespace) -> None:
    """Refuse options that do not go together."""
    error = options.parser.error
    if options.sigma != "auto" and not options.denoise:
        error("--sigma is the level that --denoise removes; add --denoise")
    if options.keep_alpha and options.mask != ALPHA:
        error("--keep-alpha is about what --mask alpha fills; other holes keep their transparency")
    if options.feather and options.mask == ALPHA:
        error("--feather blends with what was there, and under --mask alpha nothing was; leave it")
    if options.variants > 1 and options.no_texture:
        error("--variants differ in their texture; leave out --no-texture")
    if options.no_texture and (options.from_box or options.avoid):
        error("--from-box and --avoid say where texture comes from; leave out --no-texture")


def places_of(options: argparse.Namespace, target: Path) -> list[Path]:
    """Return the files that are written for an output."""
    if options.variants == 1:
        return [target]
    numbers = range(1, options.variants + 1)
    return [target.with_name(f"{target.stem}-{number}{target.suffix}") for number in numbers]


class Worker:
    """Fills holes in files, one after another.

    what: that Tools take besides the options.
    """

    def __init__(self, options: argparse.Namespace, **what: Any) -> None:
        # onnxruntime loads only for a command line that is right.
        from imgae.cli.filling import Tools

        limit_memory(limit_of(options))
        self.options = options
        self.tools = Tools(options, **what)

    def read(self, job: Job) -> "Work":
        from imgae.cli import filling

        return filling.read(self.tools, job)

    def restore(self, job: Job, work: "Work") -> "Work":
        from imgae.cli import filling

        filling.mark(self.tools, work)
        if self.tools.inpainter:
            filling.fill_all(self.tools, work)
        for sentence in filling.notes_on(work, self.options):
            warn(f"{job.source}: {sentence}")
        return work

    def write(self, job: Job, work: "Work") -> dict[str, Any]:
        from imgae.cli import filling
        from imgae.restore.batches.denoising import levels_of
        from imgae.restore.batches.work import recorded

        denoised = work.denoised
        model = self.tools.inpainter.model if self.tools.inpainter else None
        places = [str(place) for place in job.places] if model else []
        return {
            **({} if model else {WOULD: True}),
            "outputs": places,
            **recorded(work.frames, work.found.input_hash, filling.write(self.tools, work)),
            "filled": work.filled,
            **(levels_of(denoised) if denoised else NO_LEVELS),
            "model": model and model.card.name,
            "device": model and model.device,
        }


def summary(record: dict[str, Any]) -> str:
    noise = "" if record["sigma"] is None else f"{noise_level(record)}, "
    last = f" to {record['outputs'][-1]}" if len(record["outputs"]) > 1 else ""
    return (
        f"{record['input']} -> {record['output']}{last}: {size_of(record)}, "
        f"{share_of(record)}, {noise}{record['model']} on "
        f"{record['device']}, {record['seconds']:.2f} s"
    )


def planned(record: dict[str, Any]) -> str:
    """Return what --dry-run prints."""
    return f"{record['input']}: {size_of(record)}, would fill {share_of(record)}"


def share_of(record: dict[str, Any]) -> str:
    """Return what a summary says of the mask."""
    share = record["filled"] / record["pixels"]
    word = "" if not record["outputs"] else " filled"
    return f"{record['filled']} pixels{word} ({share:.1%})"
