"""Models running in onnxruntime. Nothing else imports it."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # before it is loaded, it asks for nothing else
import onnxruntime
from numpy.typing import NDArray

from imgae.errors import ModelError, first_line
from imgae.model.card import METADATA_KEY, ModelCard
from imgae.model.contract import CELL
from imgae.model.machine import check_stopped, on_stop, usable_cpus

DEVICES: Final = ("auto", "cpu", "cuda")
PROVIDERS: Final = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
NO_MEMORY: Final = ("Failed to allocate memory", "bad_alloc", "pthread_create failed")
"""What onnxruntime says when it runs out of memory."""
SMALL: Final = {"N": 1, "H": CELL, "W": CELL, "h": CELL, "w": CELL}
"""Sizes of the least picture that any model takes."""


class ShortOfMemoryError(ModelError):
    """A model, or a tile for it, that finds too little memory."""


@dataclass(frozen=True)
class OnnxModel:
    """A loaded model: call it with its inputs by name.

    Safe to call from several threads. Pickles: where it is unpickled, it is loaded again from its
    file, on the same device with as many threads.

    device: what it runs on, "cpu" or "cuda".
    """

    card: ModelCard
    path: Path
    device: str
    threads: int
    session: onnxruntime.InferenceSession

    def __call__(self, **inputs: NDArray[Any]) -> NDArray[np.float32]:
        """Run the model, for its first output.

        Raises ModelError if the runtime fails, as for want of memory.
        """
        return self.outputs(**inputs)[0]

    def outputs(self, **inputs: NDArray[Any]) -> list[NDArray[np.float32]]:
        """Run the model, for all its outputs: a code model decodes, and gives the code too."""
        check_stopped()
        options = onnxruntime.RunOptions()
        try:
            with on_stop(lambda: setattr(options, "terminate", True)):
                outputs: list[NDArray[np.float32]] = self.session.run(None, inputs, options)
        except Exception as error:  # onnxruntime's errors have no common base
            check_stopped()
            if isinstance(error, MemoryError) or any(sign in str(error) for sign in NO_MEMORY):
                size = "x".join(map(str, inputs["image"].shape[2:]))
                raise ShortOfMemoryError(
                    f"{self.path}: too little memory for {size} pixels at once; use smaller tiles "
                    "(--tile 64), or end other programs"
                ) from error
            raise ModelError(f"{self.path}: failed while running: {first_line(error)}") from error
        return outputs

    def release(self) -> None:
        """Give back the memory that earlier runs took, which onnxruntime keeps for later ones."""
        if self.device != "cpu":
            return
        options = onnxruntime.RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        inputs = {
            entry.name: np.zeros([SMALL.get(side, side) for side in entry.shape], np.float32)
            for entry in self.session.get_inputs()
        }
        with contextlib.suppress(Exception):  # it runs for its end alone
            self.session.run(None, inputs, options)

    def __reduce__(self) -> tuple[Any, tuple[()]]:
        path = self.path.absolute()  # another process may work in another folder
        return partial(load, path, device=self.device, threads=self.threads), ()


def load(
    path: Path, *, task: str | None = None, device: str = "auto", threads: int | None = None
) -> OnnxModel:
    """Load a model and its card.

    task: what it must be for; any by default.
    device: "auto" takes CUDA where this onnxruntime has it.
    threads: all usable CPUs by default.
    Raises ModelError if the file is no ONNX model, has no card or one for another task, or the
    device is not there.
    """
    threads = threads or usable_cpus()
    onnxruntime.disable_telemetry_events()  # what people denoise stays on their machine
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # failures are raised as errors; onnxruntime need not print them
    # Threads that spin while they wait take time from other programs, and were no faster.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = False  # sizes change from tile to tile; saves a quarter of memory
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file")
    try:
        session = started(path, options, choose_device(device))
    except Exception as error:
        if isinstance(error, MemoryError) or any(sign in str(error) for sign in NO_MEMORY):
            raise ModelError(
                f"{path}: too little memory to load it; use fewer threads (--threads 1), or end "
                "other programs"
            ) from error
        raise ModelError(
            f"{path}: not an ONNX model that can be loaded ({first_line(error)})"
        ) from error
    used = "cuda" if session.get_providers()[0] == PROVIDERS["cuda"] else "cpu"
    if device == "cuda" and used != "cuda":
        raise ModelError("CUDA was asked for, but onnxruntime could not start it; use --device cpu")
    return OnnxModel(read_card(session, path, task), path, used, threads, session)


def started(
    path: Path, options: onnxruntime.SessionOptions, device: str
) -> onnxruntime.InferenceSession:
    """Start a session, on the CPU if CUDA cannot; onnxruntime's own way to do so prints."""
    first = [PROVIDERS["cpu"]] if device == "cpu" else [PROVIDERS[device], PROVIDERS["cpu"]]
    try:
        return onnxruntime.InferenceSession(
            os.fspath(path), options, providers=first, enable_fallback=0
        )
    except Exception:
        if device == "cpu":
            raise
    return onnxruntime.InferenceSession(
        os.fspath(path), options, providers=[PROVIDERS["cpu"]], enable_fallback=0
    )


def values_of(
    model: Any, names: Sequence[str], inputs: dict[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Run a model, an onnx.ModelProto, for some of its inner tensors. Raises ModelError."""
    if not names:
        return {}
    bare = type(model)()
    bare.CopyFrom(model)
    del bare.graph.output[:], bare.graph.node[:]
    needed = set(names)
    for node in reversed(model.graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            bare.graph.node.insert(0, node)
    for name in names:
        bare.graph.output.add(name=name)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            bare.SerializeToString(), options, providers=[PROVIDERS["cpu"]]
        )
        return dict(zip(names, session.run(None, inputs), strict=True))
    except Exception as error:
        raise ModelError(f"failed while running: {first_line(error)}") from error


def read_card(session: onnxruntime.InferenceSession, path: Path, task: str | None) -> ModelCard:
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise ModelError(
            f"{path}: has no imgae model card inside, which says how to run it; "
            "use a model made by `imgae export`"
        )
    try:
        card = ModelCard.from_json(text)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    if task is not None and card.task != task:
        raise ModelError(f"{path}: a model to {card.task}, not to {task}")
    names = tuple(entry.name for entry in session.get_inputs())
    needed = tuple(name for name in card.inputs if name not in card.optional)
    optional = {entry.name for entry in session.get_overridable_initializers()}
    if names != needed or not optional.issuperset(card.optional):
        raise ModelError(f"{path}: takes {names}, but its card says {needed}")
    return card


def choose_device(device: str) -> str:
    """Return "cpu" or "cuda". Raises ModelError if CUDA is asked for and not there."""
    if device not in DEVICES:
        raise ModelError(f"no device is called {device!r}; there are: {', '.join(DEVICES)}")
    has_cuda = PROVIDERS["cuda"] in onnxruntime.get_available_providers()
    if device == "cuda" and not has_cuda:
        raise ModelError(
            "CUDA was asked for, but this onnxruntime has none; use --device cpu, or replace "
            "onnxruntime by onnxruntime-gpu"
        )
    return "cuda" if has_cuda and device != "cpu" else "cpu"
