"""What a run keeps on disk: config.json, checkpoint.pt, log.jsonl, preview.png.

A checkpoint replaces the one before only when it is whole on the disk.
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from imgae.errors import TrainingError
from imgae.training.config import TrainingConfig


class Run:
    """A run's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config_path = folder / "config.json"
        self.checkpoint_path = folder / "checkpoint.pt"
        self.log_path = folder / "log.jsonl"
        self.preview_path = folder / "preview.png"

    def check_new(self) -> None:
        """Raise TrainingError if a run is there already."""
        if self.checkpoint_path.exists() or self.config_path.exists():
            raise TrainingError(
                f"{self.folder} already holds a run; add --resume to continue it, or name another "
                "folder"
            )

    def create(self) -> None:
        """Make the folder. Raises TrainingError if that cannot be done."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(f"{self.folder}: cannot be created: {error.strerror}") from error

    def save_config(self, config: TrainingConfig) -> None:
        text = json.dumps(asdict(config), indent=2)
        replace_whole(self.config_path, lambda path: path.write_text(text + "\n"))

    def load_config(self) -> TrainingConfig:
        """Read the run's configuration. Raises TrainingError if there is none, or it is damaged."""
        try:
            return TrainingConfig.from_json(self.config_path.read_text())
        except FileNotFoundError:
            raise TrainingError(f"{self.folder}: no run here; it has no config.json") from None
        except (TypeError, ValueError) as error:
            raise TrainingError(
                f"{self.config_path}: not a run's configuration: {error}"
            ) from error

    def save_checkpoint(self, state: dict[str, Any]) -> None:
        """Write checkpoint.pt. Raises TrainingError, the old one untouched, if it cannot."""
        replace_whole(self.checkpoint_path, lambda path: torch.save(state, path))

    def load_checkpoint(self) -> dict[str, Any]:
        """Read checkpoint.pt. Raises TrainingError if it is missing or damaged."""
        try:
            state = torch.load(self.checkpoint_path, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            raise TrainingError(
                f"{self.folder}: no checkpoint.pt here yet; start the run again without --resume"
            ) from None
        except Exception as error:
            raise TrainingError(
                f"{self.checkpoint_path}: damaged, or not a checkpoint ({error})"
            ) from error
        assert isinstance(state, dict)
        return state

    def log(self, record: dict[str, Any]) -> None:
        """Append one line to log.jsonl; a full disk costs the line, not the run."""
        try:
            with self.log_path.open("a") as file:
                file.write(json.dumps(record) + "\n")
        except OSError:
            return

    def rewind_log(self, step: int) -> None:
        """Drop the lines after `step`: they are about to be trained again."""
        if not self.log_path.exists():
            return
        lines = self.log_path.read_text().splitlines()
        kept = [line for line in lines if step_of(line) <= step]
        replace_whole(self.log_path, lambda path: path.write_text("".join(f"{k}\n" for k in kept)))


def step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")  # a line cut off by a kill


def replace_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside its place, sync it, and rename it into place."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except (OSError, RuntimeError) as error:  # torch.save reports a full disk as a RuntimeError
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise TrainingError(
            f"{path} could not be written ({reason}); what was there before is unharmed: free "
            "some space, then continue with --resume"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
