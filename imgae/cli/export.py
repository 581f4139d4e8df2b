"""`imgae export`."""

from pathlib import Path
from typing import Annotated

import typer

from imgae.errors import TrainingUnavailable


def export(
    run: Annotated[Path, typer.Argument(help="The folder of a run of `imgae train`.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.onnx", help="The file.")],
    name: Annotated[
        str | None, typer.Option(help="The model's name.", show_default="the file's")
    ] = None,
    licence: Annotated[str, typer.Option(help="Licence of the weights, for the card.")] = (
        "unstated"
    ),
    training_data: Annotated[
        list[str] | None,
        typer.Option(
            help="What it was trained on, for the card; repeatable.",
            show_default="the folders' names",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing file.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Tracebacks, for a bug report.")] = False,
) -> None:
    """Write a run's averaged weights as one ONNX file with its card inside.

    The file is loaded again and compared with the network at odd sizes; if they differ by more
    than 1e-4, none is left.
    """
    try:
        from imgae.training.export import Provenance, export_run
    except ImportError as error:
        raise TrainingUnavailable(
            f"exporting needs {error.name}; install it with: pip install 'imgae[train]'"
        ) from error
    provenance = Provenance(name or output.stem, licence, tuple(training_data or ()))
    card = export_run(run, output, provenance, overwrite)
    print(
        f"{output}: {output.stat().st_size / 2**20:.2f} MiB, {card.macs_per_pixel / 1e3:.1f} "
        f"kMAC/px, stride {card.stride}, halo {card.halo}; onnxruntime and torch agree to 1e-4"
    )
