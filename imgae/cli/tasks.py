"""What the results of a command depend on, and its options as a value that travels."""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import imgae
from imgae.model.machine import default_limit
from imgae.restore.batches import journal
from imgae.restore.batches.engine import Worker


@dataclass(frozen=True)
class OptionsTask:
    """A task that goes by the options of a command."""

    options: argparse.Namespace

    @property
    def key(self) -> str:
        raise NotImplementedError

    def load(self) -> Worker:
        raise NotImplementedError


WRITING = ("format", "quality", "cmyk", "strip_metadata")
"""Options that say how results are written."""


def values_of(options: argparse.Namespace) -> argparse.Namespace:
    """Return parsed options without what cannot be pickled."""
    values = {key: value for key, value in vars(options).items() if key not in ("parser", "run")}
    return argparse.Namespace(**values)


def key_of(
    options: argparse.Namespace,
    names: Sequence[str],
    models: Iterable[str],
    files: Mapping[str, Path | None],
) -> str:
    """Return what is equal only for options that give equal results.

    names: of options that decide them. models: that are used, by name or path. files: others whose
    content decides results, by what they are for. This imgae's version and the device count too.
    """
    from imgae.model import registry, session

    values = {name: getattr(options, name, None) for name in names}
    contents = [hash_of(registry.find(model)) for model in models]
    read = {role: path and hash_of(path) for role, path in sorted(files.items())}
    device = session.choose_device(options.device)
    return journal.hash_of(json.dumps([imgae.__version__, device, values, contents, read]).encode())


@lru_cache(maxsize=64)
def hash_of(path: Path) -> str:
    """Return the hash of a file that does not change meanwhile."""
    return journal.hash_of_file(path)


def limit_of(options: argparse.Namespace) -> int:
    """Return how many bytes --max-memory allows this process."""
    return default_limit() if options.max_memory == "auto" else int(options.max_memory)


def denoising_models(options: argparse.Namespace, model: str | None) -> list[str]:
    """Return the names of the models that remove noise, if `model` is named or none is."""
    from imgae.restore import denoise

    first = model or denoise.default_model(options.device)[0]
    return [first, denoise.camera_model(options.device), denoise.ESTIMATE]
