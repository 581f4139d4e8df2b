"""The command line: parse, call, print. Commands import what is heavy themselves."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

import imgae
from imgae.cli import denoise, doctor, export, models, train
from imgae.errors import ImgaeError

INTERRUPTED = 130

app = typer.Typer(
    help="Remove noise from pictures, and train the networks that do it.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("denoise")(denoise.denoise)
app.command("models")(models.models)
app.command("doctor")(doctor.doctor)
app.add_typer(train.app, name="train")
app.command("export")(export.export)


def print_version(asked: bool) -> None:
    if asked:
        print(f"imgae {imgae.__version__}")
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print it.", is_eager=True, callback=print_version),
    ] = False,
) -> None:
    """Remove noise from pictures, and train the networks that do it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; failures are one sentence on standard error."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(words or ["--help"], prog_name="imgae", standalone_mode=False)
    except typer.TyperException as error:  # what the command line alone shows to be wrong
        return fail(error.format_message(), getattr(error, "exit_code", 2))
    except ImgaeError as error:
        if "--debug" in words:
            raise
        return fail(str(error), 1)
    except KeyboardInterrupt:
        return fail("interrupted", INTERRUPTED)
    except BrokenPipeError:  # the reader of our output went away
        sys.stderr.close()
        return 1
    except Exception as error:
        if "--debug" in words:
            raise
        return fail(
            f"unexpected {type(error).__name__}: {error}; run again with --debug for a report", 1
        )
    return code if isinstance(code, int) else 0


def fail(message: str, code: int) -> int:
    print(f"imgae: {message}", file=sys.stderr)
    return code


def entry() -> None:
    """Run as a program."""
    sys.exit(main())
