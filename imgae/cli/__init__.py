"""The command line: parse, call, print. Commands import what is heavy themselves."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import imgae
from imgae.cli import denoise, doctor, export, models, train
from imgae.errors import ImgaeError

FAILED, USAGE, INTERRUPTED = 1, 2, 130


class Parser(argparse.ArgumentParser):
    """Tells what is wrong with a command line in one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"imgae: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    main_parser = Parser(
        prog="imgae",
        description="Remove noise from pictures, and train the networks that do it.",
        allow_abbrev=False,
    )
    main_parser.add_argument("--version", action="version", version=f"imgae {imgae.__version__}")
    commands = main_parser.add_subparsers(metavar="COMMAND", required=True)
    for module in (denoise, models, doctor, train, export):
        module.add_parser(commands)
    return main_parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; failures are one sentence on standard error."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    try:
        options = parser().parse_args(words or ["--help"])
        return int(options.run(options))
    except SystemExit as stop:  # --help, --version, or a wrong command line
        return stop.code if isinstance(stop.code, int) else 0
    except ImgaeError as error:
        if debug:
            raise
        return fail(str(error), FAILED)
    except KeyboardInterrupt:
        return fail("interrupted", INTERRUPTED)
    except BrokenPipeError:  # whoever read our output went away
        return FAILED
    except Exception as error:
        if debug:
            raise
        name = type(error).__name__
        return fail(f"unexpected {name}: {error}; run again with --debug for a report", FAILED)


def fail(message: str, code: int) -> int:
    print(f"imgae: {message}", file=sys.stderr)
    return code


def entry() -> NoReturn:
    """Run as a program.

    Ends without the interpreter's tidying up: freeing what the system frees anyway takes a tenth
    of the time that a small picture takes in all.
    """
    code = main()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # whoever read our output went away
        code = code or FAILED
    os._exit(code)
