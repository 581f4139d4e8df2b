"""`imgae train`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imgae.errors import TrainingUnavailable

if TYPE_CHECKING:
    from imgae.training.loop import Outcome

INTERRUPTED = 130

app = typer.Typer(help="Train a network on your own pictures.", rich_markup_mode=None)


@app.callback()
def tasks() -> None:
    """Train a network on your own pictures."""


@app.command("denoise")
def denoise(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="RUN/", help="The folder of the run.")
    ],
    data: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR", help="A folder of clean pictures, searched through; repeatable."
        ),
    ] = None,
    more_data: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR]...", help="More.")
    ] = None,
    variant: Annotated[str, typer.Option(help="fast, balanced or best.")] = "fast",
    steps: Annotated[int | None, typer.Option(min=1, help="How long, in steps.")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="How long, as steps that fit into these minutes.")
    ] = None,
    start: Annotated[
        Path | None, typer.Option("--from", metavar="FILE.onnx", help="Start from these weights.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in RUN/.")] = False,
    batch: Annotated[int, typer.Option(min=1, help="Crops a step.")] = 12,
    crop: Annotated[int, typer.Option(min=8, help="Side of a crop, in pixels; times 8.")] = 128,
    learning_rate: Annotated[float, typer.Option(help="At its highest.")] = 1e-3,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    memory: Annotated[
        float, typer.Option(min=0.001, help="GiB of decoded pictures, at most.")
    ] = 2.0,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="Where to train.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No live line.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Tracebacks, for a bug report.")] = False,
) -> int:
    """Train a denoiser on clean pictures.

    RUN/ then holds config.json, checkpoint.pt, log.jsonl and preview.png (noisy, restored and
    clean crops); `imgae export RUN/ -o FILE.onnx` makes a model of it.
    """
    folders = [*(data or ()), *(more_data or ())]
    if not resume:
        if not folders:
            raise typer.BadParameter("--data is missing: name a folder of clean pictures")
        if (steps is None) == (minutes is None):
            raise typer.BadParameter("give one of --steps and --minutes")
        if minutes is not None and not 0 < minutes < 1e6:
            raise typer.BadParameter(f"--minutes {minutes:g} is no length of time")
        if crop % 8:
            raise typer.BadParameter(f"--crop {crop} is no multiple of 8")
        if not 0 < learning_rate < 1:
            raise typer.BadParameter(f"--learning-rate {learning_rate:g} is not between 0 and 1")
    elif folders or steps or minutes or start:
        raise typer.BadParameter(
            "--resume takes its settings from RUN/config.json; leave out --data, --steps, "
            "--minutes and --from"
        )
    try:
        from imgae.training import denoising
        from imgae.training.config import TrainingConfig
    except ImportError as error:
        raise TrainingUnavailable(
            f"training needs {error.name}; install it with: pip install 'imgae[train]'"
        ) from error
    say = LiveLine(hidden=quiet)
    if resume:
        outcome = denoising.resume(output, device, threads, say.note, say.update)
    else:
        config = TrainingConfig(
            variant=variant,
            data=tuple(str(folder) for folder in folders),
            start=None if start is None else str(start),
            steps=steps or 0,
            batch=batch,
            crop=crop,
            learning_rate=learning_rate,
            seed=seed,
            memory=round(memory * 2**30),
        )
        outcome = denoising.start(config, minutes, output, device, threads, say.note, say.update)
    say.close()
    return conclude(outcome, output)


def conclude(outcome: "Outcome", output: Path) -> int:
    if not outcome.finished:
        print(
            f"stopped and saved at step {outcome.step} of {outcome.steps}; go on with: "
            f"imgae train denoise --resume -o {output}"
        )
        return INTERRUPTED
    score = "" if outcome.psnr is None else f", validation {outcome.psnr:.2f} dB"
    print(
        f"{outcome.steps} steps in {outcome.seconds / 60:.1f} min{score}; next: "
        f"imgae export {output} -o MODEL.onnx"
    )
    return 0


class LiveLine:
    """One line that rewrites itself on a terminal; elsewhere a line each time PSNR is measured."""

    def __init__(self, hidden: bool) -> None:
        self.hidden = hidden
        self.live = sys.stderr.isatty()
        self.psnr: float | None = None

    def note(self, message: str) -> None:
        print(message, file=sys.stderr, flush=True)

    def update(self, record: dict[str, Any]) -> None:
        self.psnr = record.get("psnr", self.psnr)
        if self.hidden or not (self.live or "psnr" in record):
            return
        minutes, seconds = divmod(record["seconds_left"], 60)
        line = (
            f"step {record['step']}/{record['steps']}  {minutes}:{seconds:02d} left  "
            f"loss {record['loss']:.4f}  {record['images_per_second']:.0f} images/s"
            + ("" if self.psnr is None else f"  validation {self.psnr:.2f} dB")
        )
        print(
            f"\r{line}\033[K" if self.live else line,
            end="" if self.live else "\n",
            file=sys.stderr,
            flush=True,
        )

    def close(self) -> None:
        if self.live and not self.hidden:
            print(file=sys.stderr)
