"""What a run keeps on disk: config.json, checkpoint.pt, log.jsonl, preview.png.

A checkpoint replaces the one before only when it is whole on the disk.
"""

import errno
import io
import json
from pathlib import Path
from typing import Any

import torch

from imgae.errors import TrainingError
from imgae.io.atomic import write_whole
from imgae.io.places import check_files_in
from imgae.training.settings import Settings, from_text


class Run:
    """A run's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config_path = folder / "config.json"
        self.checkpoint_path = folder / "checkpoint.pt"
        self.log_path = folder / "log.jsonl"
        self.preview_path = folder / "preview.png"
        self.about_path = folder / "about.json"

    def check_place(self) -> None:
        """Raise TrainingError if what a run keeps cannot be written, as far as can be told."""
        paths = (self.config_path, self.checkpoint_path, self.log_path, self.preview_path)
        names = [path.name for path in paths]
        check_files_in(self.folder, names, overwrite=True, error=TrainingError)

    def check_new(self) -> None:
        """Raise TrainingError if a run is there already, or none can be written."""
        self.check_place()
        if self.checkpoint_path.exists():
            raise TrainingError(
                f"{self.folder} already holds a run; add --resume to continue it, or name another "
                "folder"
            )

    def create(self) -> None:
        """Make the folder, without what is left of a run that never came to a checkpoint.

        Raises TrainingError if that cannot be done.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for path in (self.log_path, self.about_path, self.preview_path):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise TrainingError(f"{self.folder}: cannot be created: {error.strerror}") from error

    def save_config(self, settings: Settings) -> None:
        replace_whole(self.config_path, settings.to_json().encode())

    def read_config(self) -> dict[str, object]:
        """Read config.json; what its settings are worth is for the task to check.

        Raises TrainingError if there is none, or it is damaged.
        """
        try:
            text = self.config_path.read_text()
        except (OSError, UnicodeError):
            raise TrainingError(f"{self.folder}: no run here; it has no config.json") from None
        return from_text(text, str(self.config_path))

    def save_checkpoint(self, state: dict[str, Any]) -> None:
        """Write checkpoint.pt. Raises TrainingError, the old one untouched, if it cannot."""
        data = io.BytesIO()  # torch.save's own writer reports a full disk in riddles
        torch.save(state, data)
        replace_whole(self.checkpoint_path, data.getbuffer())

    def load_checkpoint(self) -> dict[str, Any]:
        """Read checkpoint.pt. Raises TrainingError if it is missing or damaged."""
        try:
            state = torch.load(self.checkpoint_path, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            raise TrainingError(
                f"{self.folder}: no checkpoint.pt here yet; start the run again without --resume"
            ) from None
        except Exception as error:
            raise TrainingError(f"{self.checkpoint_path}: damaged, or not a checkpoint") from error
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
        replace_whole(self.log_path, "".join(f"{line}\n" for line in kept).encode())


def step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")  # a line cut off by a kill


def replace_whole(path: Path, data: bytes | memoryview) -> None:
    """Write a file whole and on the disk. Raises TrainingError; the old one is then untouched."""
    try:
        write_whole(path, data, sync=True)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise TrainingError(
            f"{path} could not be written ({error.strerror}); what was there is unharmed: "
            f"{'free some space' if full else 'mend this'}, then continue with --resume"
        ) from error
