"""The program `imgae`: its parser, its exit codes, and how it ends.

Commands import what is heavy themselves.
"""

import argparse
import os
import re
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

import imgae
from imgae.cli import (
    anomaly,
    denoise,
    doctor,
    evaluate,
    export,
    index,
    inpaint,
    mask,
    models,
    serve,
    study,
    train,
    verify,
    watch,
)
from imgae.cli.mask_options import with_corners_joined
from imgae.cli.output import (
    keep_errors_to_ourselves,
    one_line,
    only_own_warnings,
    say,
)
from imgae.errors import ImgaeError
from imgae.model.machine import check_address_space, short_of_memory

FAILED, USAGE, INTERRUPTED = 1, 2, 130
DECODING = ("denoise", "inpaint", "mask", "index", "anomaly", "watch")
"""Commands that read files of any origin."""


EXAMPLES = """\
Examples:
  imgae denoise photo.jpg                   write photo.denoised.jpg
  imgae denoise photos/*.jpg -o clean/      write clean/NAME.denoised.jpg
  imgae inpaint photo.png --mask mask.png   fill what is white in mask.png
  imgae denoise --help                      explain a command and its options
"""


class Parser(argparse.ArgumentParser):
    """Tells what is wrong with a command line in one sentence; --polygon ends before a picture."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        words = sys.argv[1:] if args is None else args
        return super().parse_known_args(with_corners_joined(words), namespace)

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"imgae: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    main_parser = Parser(
        prog="imgae",
        description="Remove noise from pictures, fill holes, and train the networks that do it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    main_parser.add_argument("--version", action="version", version=f"imgae {imgae.__version__}")
    commands = main_parser.add_subparsers(metavar="COMMAND", required=True)
    for module in (
        denoise,
        inpaint,
        mask,
        index,
        watch,
        serve,
        anomaly,
        models,
        doctor,
        evaluate,
        train,
        export,
        verify,
        study,
    ):
        module.add_parser(commands)
    return main_parser


def parse(words: list[str]) -> argparse.Namespace:
    """Parse a command line; pictures may stand on both sides of options."""
    main_parser = parser()
    options, rest = main_parser.parse_known_args(watch.with_command(words))
    strange = [word for word in rest if word.startswith("-") and word != "-"]
    known = getattr(options, "parser", main_parser)
    for word in words:  # -output would be read as -o utput
        if re.fullmatch(r"-[a-z][a-z-]{2,}", word) and f"-{word}" in known.format_help():
            known.error(f"{word} is no option; did you mean -{word}?")
    if rest and (strange or not hasattr(options, "inputs")):
        known.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        options.inputs += rest
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; failures are one sentence on standard error."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    try:
        options = parse(words or ["--help"])
        check_address_space(getattr(options, "threads", None))
        with only_own_warnings(debug):
            return int(options.run(options))
    except SystemExit as stop:  # --help, --version, or a wrong command line
        return stop.code if isinstance(stop.code, int) else 0
    except ImgaeError as error:
        if debug:
            raise
        return fail(str(error), FAILED)
    except BrokenPipeError:  # whoever read the picture on standard output went away
        return FAILED
    except KeyboardInterrupt:
        return fail("interrupted", INTERRUPTED)
    except Exception as error:
        if interrupted:  # a library that was just being loaded made another error of it
            return fail("interrupted", INTERRUPTED)
        if debug:
            raise
        return fail(unexpected(error), FAILED)


def unexpected(error: Exception) -> str:
    if sentence := short_of_memory(error):
        return sentence
    first = (str(error).strip() or "no message").splitlines()[0]
    return f"unexpected {type(error).__name__}: {first}; run again with --debug for a report"


def fail(message: str, code: int) -> int:
    say(f"imgae: {one_line(message)}", sys.stderr)
    return code


interrupted: list[int] = []


def interrupt(number: int, _: FrameType | None) -> NoReturn:
    interrupted.append(number)
    raise KeyboardInterrupt


def entry() -> NoReturn:
    """Run as a program.

    A request to terminate is like Ctrl-C, so that files half written are taken away. Ends without
    the interpreter's tidying up: freeing what the system frees anyway takes a tenth of the time
    that a small picture takes in all.
    """
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    if sys.argv[1:2] and sys.argv[1] in DECODING and "--debug" not in sys.argv:
        keep_errors_to_ourselves()
    code = main()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:  # whoever read our output went away
            code = code or FAILED
    os._exit(code)
