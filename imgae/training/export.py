"""From a run to an .onnx file: traced, given its card, checked, and written whole."""

import shlex
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import onnx
from torch.optim.swa_utils import AveragedModel

from imgae import __version__
from imgae.errors import TrainingError
from imgae.io.atomic import write_whole
from imgae.io.places import EXISTS, check_place
from imgae.model import onnxfile, session
from imgae.model.card import COLOUR, METADATA_KEY, ModelCard
from imgae.model.verify.reference import add_reference
from imgae.training import geometry
from imgae.training.checkpoint import Run
from imgae.training.data import PictureBank
from imgae.training.networks.body import Network
from imgae.training.parity import check_parity
from imgae.training.quantisation.prepare import example_batches, prepare
from imgae.training.quantisation.rounding import Batches
from imgae.training.settings import Settings
from imgae.training.tasks import lookup
from imgae.training.tasks.task import Task
from imgae.training.trace import inputs_of, round_kernels, to_onnx

PRECISIONS: Final = ("fp32", "fp16", "int8")
EXAMPLE_MEMORY: Final = 256 << 20  # of decoded pictures, to choose ranges on


@dataclass(frozen=True)
class Provenance:
    """What the card says that the run does not know."""

    name: str
    licence: str
    training_data: tuple[str, ...] = ()  # the folders' names by default
    summary: str = ""  # what models of the task do, by default
    recipe: str = ""  # the command that makes such a model, by default training and export


def export_run(
    folder: Path,
    path: Path,
    provenance: Provenance,
    overwrite: bool = False,
    flip_ensemble: bool = False,
    precision: str | None = None,
    image_only: bool = False,
) -> ModelCard:
    """Export a run's averaged weights to an ONNX file, and return its card.

    flip_ensemble: average over the picture and its three flips; for the task denoise only.
    precision: of PRECISIONS; by default that of the run, which is fp16 or int8. A float run is
    made int8 with ranges chosen on its own pictures; for denoisers and inpainters. image_only:
    leave out the inputs that are optional, which then count as 0, so that no runtime warns of them.

    Raises TrainingError, leaving no file, if the file cannot be written, or exists and `overwrite`
    is false, the run cannot be read, or onnxruntime's output differs from torch's by more than
    1e-4 (of int8 networks: by more than parity.INT8_TOLERANCE).
    """
    if path.suffix != ".onnx":
        raise TrainingError(f"{path}: a model file's name ends in .onnx")
    check_place(path, overwrite, TrainingError)
    task, settings = lookup.of_run(folder)
    if flip_ensemble and task.flip_ensemble is None:
        raise TrainingError(
            f"{folder}: a run of {task.name}; only a run of denoise can be a flip ensemble"
        )
    if image_only and not task.kind.optional:
        raise TrainingError(f"{folder}: a run of {task.name}; its models have no optional inputs")
    own = "int8" if settings.int8 else "fp16"
    precision = precision or own
    if settings.int8 and precision != "int8":
        raise TrainingError(f"{folder}: a run in int8; export the float run that it started from")
    net = averaged_network(settings, Run(folder).load_checkpoint())
    if precision == "int8" and not settings.int8:
        prepare(net, batches_of(task, settings))
    plain = task.network(settings)  # its shape is all that counts
    if flip_ensemble and task.flip_ensemble is not None:
        net.__class__ = plain.__class__ = task.flip_ensemble
    if precision != "fp32":
        round_kernels(net)
    model = to_onnx(net, precision, image_only)
    options = ["--flip-ensemble"] if flip_ensemble else []
    options += [] if precision == own else ["--precision", precision]
    options += ["--image-only"] if image_only else []
    card = replace(
        make_card(plain, task, settings, provenance, precision, image_only),
        recipe=provenance.recipe or recipe_of(settings, provenance.name, options),
        sha256=onnxfile.weights_hash(model),
    )
    onnxfile.set_metadata(model, METADATA_KEY, card.to_json())
    onnx.checker.check_model(model, full_check=True)
    try:
        data = checked(model, net, task, precision)
        write_whole(path, data, overwrite=overwrite)
    except FileExistsError:
        raise TrainingError(EXISTS.format(path)) from None
    except OSError as error:
        raise TrainingError(f"{path}: cannot be written: {error.strerror}") from error
    return card


def checked(model: onnx.ModelProto, net: Network, task: Task[Any], precision: str) -> bytes:
    """Return a model's file, with its reference, after its parity was checked."""
    with tempfile.TemporaryDirectory(prefix="imgae-export-") as place:
        path = Path(place, "model.onnx")
        onnxfile.write_model(model, path)
        check_parity(net, session.load(path, task=task.card_task, device="cpu"), precision)
        add_reference(path)
        return path.read_bytes()


def averaged_network(settings: Settings, state: dict[str, Any]) -> Network:
    """Build a run's network with the averaged weights of its checkpoint."""
    averaged = AveragedModel(lookup.for_settings(settings).built(settings))
    try:
        averaged.load_state_dict(state["ema"])
    except (KeyError, RuntimeError) as error:
        raise TrainingError(f"the checkpoint does not fit a {settings.variant} network") from error
    net = averaged.module.eval()
    assert isinstance(net, Network)
    return net


def batches_of(task: Task[Any], settings: Settings) -> Batches:
    """Return inputs made of a run's pictures, to choose an int8 network's ranges.

    Raises TrainingError if the task is none that int8 is for, or the pictures are gone.
    """
    task.check_int8()
    pictures = task.read(replace(settings, memory=EXAMPLE_MEMORY))
    settings = task.measured(settings, pictures, lambda _: None)
    return example_batches(task.example, PictureBank.of(pictures.training), settings)


def make_card(
    net: Network,
    task: Task[Any],
    settings: Settings,
    provenance: Provenance,
    precision: str,
    image_only: bool = False,
) -> ModelCard:
    """Return a run's card, but for the recipe and the hash."""
    data = tuple(Path(folder).name for folder in settings.folders)
    card = ModelCard(
        name=provenance.name,
        version=__version__,
        task=task.card_task,
        summary=provenance.summary or task.summary + ("" if image_only else task.optional_summary),
        architecture=settings.variant,
        precision=precision,
        inputs=inputs_of(net, image_only),
        optional=() if image_only else net.optional,
        channels=3,
        colour=COLOUR,
        value_range=(0.0, 1.0),
        stride=net.stride,
        halo=geometry.halo(net),
        thin_halo=geometry.thin_halo(net),
        macs_per_pixel=round(geometry.macs_per_pixel(net)),
        bytes_per_pixel=geometry.working_bytes_per_pixel(net),
        sigma_range=task.sigma_range,
        training_data=provenance.training_data or data,
        recipe="",
        licence=provenance.licence,
    )
    return replace(card, **task.card_fields(settings))


def recipe_of(settings: Settings, name: str, options: list[str]) -> str:
    """Return the two commands that make such a model again; folders and files by name only.

    options: those of the export.
    """
    words = ["imgae", "export", "RUN", "-o", f"{name}.onnx", *options]
    return f"{settings.command()} -o RUN && {shlex.join(words)}"
