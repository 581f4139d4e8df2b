"""From a run to an .onnx file: traced, stored as fp32, fp16 or int8, carded, and checked."""

import os
import shlex
import warnings
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper
from torch import nn
from torch.optim.swa_utils import AveragedModel

from imgae import __version__
from imgae.errors import TrainingError
from imgae.model import onnxfile, session
from imgae.model.card import COLOUR, METADATA_KEY, ModelCard, Score
from imgae.model.verify import checks as verify
from imgae.training import geometry, quantisation
from imgae.training.checkpoint import Run
from imgae.training.config import TrainingConfig
from imgae.training.corruptions.noise import GaussianNoise
from imgae.training.data import PictureBank, read_folders
from imgae.training.networks.body import Autoencoder, copy_weights
from imgae.training.networks.build import build_known
from imgae.training.networks.code import Code, CodeAutoencoder, TracedCodeAutoencoder
from imgae.training.networks.denoise import MirroredDenoisingAutoencoder
from imgae.training.networks.parts import STRIDE
from imgae.training.quantisation import RoundedConv2d

OPSET: Final = 18
SHAPES: Final[dict[str, list[str | int | None]]] = {
    "image": ["N", 3, "H", "W"],
    "sigma": ["N", 1, "h", "w"],
    "mask": ["N", 1, "H", "W"],
    "quantisation": ["n", 2, 1, 1],
    "iso": ["n", 1, 1, 1],
}
SUMMARIES: Final = {
    "denoise": "Removes white Gaussian noise of a given level from RGB pictures; a residual "
    "convolutional denoising autoencoder.",
    "camera": "Removes what sensors, cameras and JPEG left in RGB pictures, of a strength that it "
    "sees for itself; a residual convolutional denoising autoencoder told by a map of levels. It "
    "may be told the means of a JPEG file's tables of luma and chroma (over 255), and the ISO "
    "sensitivity.",
    "inpaint": "Fills what the mask marks in RGB pictures: 1 is unknown, 0.5 holds a guess, 0 is "
    "kept. Holes are filled smoothly inside the graph first, to 64 pixels from known ones; a "
    "residual convolutional autoencoder adds detail.",
    "code": "Encodes RGB pictures in a small code at 1/8 of their resolution, and decodes it; "
    "a convolutional autoencoder without skips, for retrieval and anomaly scores.",
    "detect": "Finds scratches, dust and dead pixels in RGB pictures: a map of probabilities each.",
}
PRECISIONS: Final = ("fp32", "fp16", "int8")
DENOISERS: Final = ("denoise", "camera")
CARD_TASKS: Final = {"camera": "denoise"}
"""What a card calls a task that is trained for under another name."""
TOLERANCE: Final = 1e-4
INT8_TOLERANCE: Final = (0.6 / 255, 4 / 255)
"""Of the mean and of the largest difference. Rounding is chaotic: where the stem differs in its
last bit, a value falls on the other side of a step, and its neighbours after it. `fast` and
`balanced` differ by up to 0.41 and 2.1 levels for that; from themselves unrounded by 0.7 and more
on average."""
PARITY_SIZES: Final = ((37, 61), (131, 77), (1, 9))
FP16_SUFFIX: Final = "_fp16"
EXAMPLE_MEMORY: Final = 256 << 20  # of decoded pictures, to choose ranges on
TUNABLE: Final = ("objective", "weight", "code_channels", "rate", "sigma", "batch", "crop",
                  "learning_rate", "decay", "seed")  # fmt: skip
"""Settings that are options of imgae train."""
OPTIONS: Final = {"weight": "lambda"}
"""Where the option has another name."""


@dataclass(frozen=True)
class Provenance:
    """What the card says that the run does not know."""

    name: str
    licence: str
    training_data: tuple[str, ...] = ()  # the folders' names by default
    summary: str = ""  # what models of the task do, by default


def export_run(
    folder: Path,
    path: Path,
    provenance: Provenance,
    overwrite: bool = False,
    mirrored: bool = False,
    precision: str | None = None,
) -> ModelCard:
    """Export a run's averaged weights to an ONNX file, and return its card.

    mirrored: average over four mirrorings; denoisers only.
    precision: of PRECISIONS; by default that of the run, which is fp16 or int8. A float run is
    made int8 with ranges chosen on its own pictures; denoisers only.

    Raises TrainingError, leaving no file, if the run cannot be read, the file exists and
    `overwrite` is false, or onnxruntime's output differs from torch's by more than 1e-4 (of int8
    networks: by more than INT8_TOLERANCE).
    """
    if path.suffix != ".onnx":
        raise TrainingError(f"{path}: a model file's name ends in .onnx")
    if path.exists() and not overwrite:
        raise TrainingError(f"{path}: exists already; add --overwrite, or name another")
    if not path.parent.is_dir():
        raise TrainingError(f"{path}: there is no folder {path.parent}")
    run = Run(folder)
    config = run.load_config()
    if mirrored and config.task != "denoise":
        raise TrainingError(f"{folder}: a run of {config.task}; only denoisers can be mirrored")
    precision = precision or ("int8" if config.int8 else "fp16")
    if config.int8 and precision != "int8":
        raise TrainingError(f"{folder}: a run in int8; export the float run that it started from")
    net = averaged_network(config, run.load_checkpoint())
    if precision == "int8" and not config.int8:
        quantisation.prepare(net, example_batches(config))
    plain = build_known(config.variant, config.task, config.code)  # its shape is all that counts
    if mirrored:
        net.__class__ = plain.__class__ = MirroredDenoisingAutoencoder
    if precision != "fp32":
        round_kernels(net)
    model = to_onnx(net, precision)
    card = make_card(plain, config, provenance, precision)
    card = replace(card, sha256=onnxfile.weights_hash(model))
    onnxfile.set_metadata(model, METADATA_KEY, card.to_json())
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, temporary)
        check_parity(net, temporary, config.task, precision)
        add_reference(temporary)
        temporary.replace(path)
    except OSError as error:
        raise TrainingError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return card


def averaged_network(config: TrainingConfig, state: dict[str, Any]) -> Autoencoder:
    averaged = AveragedModel(quantisation.build(config))
    try:
        averaged.load_state_dict(state["ema"])
    except (KeyError, RuntimeError) as error:
        raise TrainingError(f"the checkpoint does not fit a {config.variant} network") from error
    net = averaged.module.eval()
    assert isinstance(net, Autoencoder)
    return net


def load_weights(path: Path) -> tuple[ModelCard, dict[str, torch.Tensor]]:
    """Read the card and the weights of an exported model, for training to go on from.

    Raises TrainingError if the file is none of imgae's, or holds no weights that can be trained.
    """
    try:
        model = onnx.load(path)
    except FileNotFoundError:
        raise TrainingError(f"{path}: no such model file") from None
    except Exception as error:
        raise TrainingError(f"{path}: not an ONNX model") from error
    cards = [entry.value for entry in model.metadata_props if entry.key == METADATA_KEY]
    if not cards:
        raise TrainingError(
            f"{path}: has no imgae model card inside; training cannot start from it"
        )
    card = ModelCard.from_json(cards[0])
    if card.precision == "int8":
        raise TrainingError(
            f"{path}: its kernels are int8; training starts from the float model it was made of"
        )
    stored = {
        entry.name.removesuffix(FP16_SUFFIX): numpy_helper.to_array(entry).astype(np.float32)
        for entry in model.graph.initializer
    }
    names = network_of(card).state_dict()
    if missing := names.keys() - stored.keys():
        raise TrainingError(f"{path}: lacks {min(missing)}; training cannot start from it")
    return card, {name: torch.tensor(stored[name]) for name in names}


def network_of(card: ModelCard) -> Autoencoder:
    """Build the network that a card describes, its weights random."""
    code = Code(card.objective, card.code_channels) if card.task == "code" else None
    return build_known(card.architecture, network_task(card), code)


def network_task(card: ModelCard) -> str:
    """Return the task that a model was trained for: denoisers with and without a given level."""
    return "camera" if card.task == "denoise" and "sigma" not in card.inputs else card.task


def start_from(net: Autoencoder, path: Path, variant: str) -> None:
    """Set a network's weights to those of an exported model of the same variant, or a smaller one.

    A larger network starts where the smaller one ended. Of a network of another task, the input
    planes that both have are kept, and the last convolution if both restore pictures.
    """
    card, weights = load_weights(path)
    found, source = card.architecture, network_of(card)
    if isinstance(net, CodeAutoencoder) != isinstance(source, CodeAutoencoder):
        raise TrainingError(f"{path}: a model to {card.task}; codes start from codes, others not")
    if isinstance(net, CodeAutoencoder) and card.code_channels > net.shape.channels:
        raise TrainingError(
            f"{path}: a code of {card.code_channels} channels; --code-channels "
            f"{net.shape.channels} is fewer"
        )
    kernels = dict(zip(source.planes, weights["stem.weight"].unbind(1), strict=True))
    absent = torch.zeros_like(kernels["red"])
    weights["stem.weight"] = torch.stack([kernels.get(name, absent) for name in net.planes], 1)
    if source.output != net.output:
        weights = {name: value for name, value in weights.items() if not name.startswith("tail.")}
    try:
        copy_weights(net, weights)
    except ValueError as error:
        raise TrainingError(
            f"{path}: a {found} network; --variant {variant} cannot start from it: {error}"
        ) from error


def round_kernels(net: nn.Module) -> None:
    """Round the float convolutions' kernels to what fp16 can store; biases stay as they are."""
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.Conv2d) and not isinstance(module, RoundedConv2d):
                module.weight.copy_(module.weight.half().float())


def example_batches(config: TrainingConfig) -> quantisation.Batches:
    """Return noisy crops of a run's pictures, to choose an int8 network's ranges.

    Raises TrainingError if the task is none that int8 is for, or the pictures are gone.
    """
    if config.task not in DENOISERS:
        raise TrainingError(f"a run of {config.task}; only denoisers can be made int8")
    folders = [Path(folder) for folder in config.data]
    pictures = read_folders(folders, config.crop, EXAMPLE_MEMORY, config.seed).training
    bank = PictureBank.of(pictures, torch.device("cpu"))
    return quantisation.noisy_batches(bank, config, torch.device("cpu"))


def to_onnx(net: Autoencoder, precision: str) -> onnx.ModelProto:
    """Trace a network into a bare graph with dynamic sizes, its kernels stored as `precision`."""
    if precision == "int8":
        net = quantisation.stored(net)
    outputs = outputs_of(net)
    if isinstance(net, CodeAutoencoder):
        net = copy(net)
        net.__class__ = TracedCodeAutoencoder
    examples = {
        "image": torch.rand(2, 3, 64, 72),
        "sigma": torch.rand(2, 1, 1, 1),
        "mask": torch.rand(2, 1, 64, 72),
        "quantisation": torch.rand(1, 2, 1, 1),
        "iso": torch.rand(1, 1, 1, 1),
    }
    sizes = {0: "N", 2: "H", 3: "W"}
    dynamic = {"sigma": {0: "N"}, "quantisation": {}, "iso": {}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        program = torch.onnx.export(
            net,
            tuple(examples[name] for name in net.inputs),
            dynamo=True,
            opset_version=OPSET,
            external_data=False,
            verbose=False,
            input_names=list(net.inputs),
            output_names=list(outputs),
            dynamic_shapes=tuple(dynamic.get(name, sizes) for name in net.inputs),
        )
    assert program is not None
    traced = program.model_proto
    if [entry.version for entry in traced.opset_import if entry.domain == ""] != [OPSET]:
        raise TrainingError(f"the exporter did not keep to opset {OPSET}")
    return bare(traced, net, precision)


def outputs_of(net: Autoencoder) -> dict[str, list[str | int | None]]:
    """Return the names and shapes of what a network gives: a code beside what it decodes to."""
    outputs = {net.output: SHAPES["image"]}
    if isinstance(net, CodeAutoencoder):
        outputs["code"] = ["N", net.shape.channels, "h", "w"]
    return outputs


def bare(traced: onnx.ModelProto, net: Autoencoder, precision: str) -> onnx.ModelProto:
    """Rebuild a model without the exporter's traces, its float kernels stored as fp16 or fp32.

    A sigma input was traced as one level a picture; every operation on it broadcasts, so its sizes
    are set free, and a map of levels works as well. Optional inputs were traced as one for all
    pictures, and one for each works as well; their default is an initializer of the same name.
    """
    graph = traced.graph
    nodes: list[NodeProto] = []
    initializers = {}
    for tensor in graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.ndim == 4 and array.dtype == np.float32 and precision != "fp32":
            stored = tensor.name + FP16_SUFFIX
            initializers[stored] = array.astype(np.float16)
            nodes.append(
                helper.make_node("Cast", [stored], [tensor.name], to=onnx.TensorProto.FLOAT)
            )
        else:
            initializers[tensor.name] = array
    for name in net.optional:
        initializers[name] = np.zeros((1, *SHAPES[name][1:]), np.float32)  # type: ignore[arg-type]
    scales = {
        node.output[0]: initializers[node.input[1]]
        for node in graph.node
        if node.op_type == "DequantizeLinear"
    }
    for node in graph.node:
        kept = onnx.NodeProto()
        kept.CopyFrom(node)
        kept.ClearField("metadata_props")
        kept.ClearField("doc_string")
        kept.ClearField("name")
        if node.op_type == "Conv" and scales.keys() >= {*node.input[:2]}:
            given, kernel, *biases = node.input  # the exporter drops those that are zero
            steps = scales[given] * scales[kernel]
            nodes += [
                integer_bias(bias, steps, initializers)
                for bias in biases
                if bias in initializers  # mirrored networks use each four times
            ]
        nodes.append(kept)
    float32 = onnx.TensorProto.FLOAT
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "imgae",
            [helper.make_tensor_value_info(name, float32, SHAPES[name]) for name in net.inputs],
            [
                helper.make_tensor_value_info(name, float32, shape)
                for name, shape in outputs_of(net).items()
            ],
            [numpy_helper.from_array(array, name) for name, array in initializers.items()],
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="imgae",
        producer_version=__version__,
    )
    model.ir_version = 9  # the oldest that opset 18 needs runs on more runtimes
    return model


def integer_bias(
    name: str, scale: NDArray[np.float32], initializers: dict[str, NDArray[Any]]
) -> NodeProto:
    """Store a bias as int32 in steps of the products it is added to; return what undoes it."""
    stored, steps = f"{name}_int32", f"{name}_scale"
    initializers[stored] = np.rint(initializers.pop(name) / scale).astype(np.int32)
    initializers[steps] = scale
    return helper.make_node("DequantizeLinear", [stored, steps], [name], axis=0)


def add_scores(path: Path, scores: Iterable[Score]) -> None:
    """Replace the scores in a model's card; the weights and their hash stay."""
    model = onnxfile.read_model(path)
    card = ModelCard.from_json(onnxfile.metadata(model, METADATA_KEY) or "")
    changed = replace(card, scores=tuple(scores))
    onnxfile.set_metadata(model, METADATA_KEY, changed.to_json())
    onnxfile.write_model(model, path)


def make_card(
    net: Autoencoder, config: TrainingConfig, provenance: Provenance, precision: str
) -> ModelCard:
    data = tuple(Path(folder).name for folder in config.data)
    return ModelCard(
        name=provenance.name,
        version=__version__,
        task=CARD_TASKS.get(config.task, config.task),
        summary=provenance.summary or SUMMARIES[config.task],
        architecture=config.variant,
        objective=config.objective,
        code_channels=config.code_channels,
        precision=precision,
        inputs=net.inputs,
        optional=net.optional,
        channels=3,
        colour=COLOUR,
        value_range=(0.0, 1.0),
        stride=STRIDE,
        halo=geometry.halo(net),
        thin_halo=geometry.thin_halo(net),
        macs_per_pixel=round(geometry.macs_per_pixel(net)),
        bytes_per_pixel=geometry.working_bytes_per_pixel(net),
        sigma_range=(0.0, GaussianNoise().sigma_max if config.task == "denoise" else 0.0),
        training_data=provenance.training_data or data,
        recipe=recipe_of(config, precision, isinstance(net, MirroredDenoisingAutoencoder)),
        licence=provenance.licence,
    )


def recipe_of(config: TrainingConfig, precision: str, mirrored: bool) -> str:
    """Return the command that makes such a run again; folders and files by name only."""
    names = " ".join(shlex.quote(Path(folder).name) for folder in config.data)
    words = [f"imgae train {config.task} --data {names} --variant {config.variant}"]
    words.append(f"--steps {config.steps}")
    if config.start:
        words.append(f"--from {shlex.quote(Path(config.start).name)}")
    for entry in fields(config):
        value = getattr(config, entry.name)
        if entry.name in TUNABLE and value != entry.default:
            name = OPTIONS.get(entry.name, entry.name).replace("_", "-")
            scaled = value * 255 if entry.name == "sigma" else value
            words.append(f"--{name} {scaled if isinstance(scaled, str) else format(scaled, 'g')}")
    if config.int8:
        words.append("--int8")
    if config.bf16:
        words.append("(in bf16)")
    if precision == "int8" and not config.int8:
        words.append("; exported with --precision int8")
    if mirrored:
        words.append("; averaged over four mirrorings")
    return " ".join(words)


def solid(maps: torch.Tensor) -> torch.Tensor:
    """Return a mask of random pixels and, where there is room, a block wider than the stride."""
    mask = (maps > 0.3).float()
    mask[:, :, 5:60, 8:50] = 1
    return mask


def check_parity(net: Autoencoder, path: Path, task: str, precision: str) -> None:
    """Raise TrainingError if onnxruntime and torch disagree on the file at odd sizes."""
    most_mean, most = INT8_TOLERANCE if precision == "int8" else (TOLERANCE, TOLERANCE)
    model = session.load(path, task=CARD_TASKS.get(task, task), device="cpu")
    generator = torch.Generator().manual_seed(0)
    for height, width in PARITY_SIZES:
        maps = torch.rand(2, 1, height, width, generator=generator)
        examples = {
            "image": [torch.rand(2, 3, height, width, generator=generator)] * 2,
            "sigma": [maps * 0.2, maps[:, :, :1, :1] * 0.2],
            "mask": [solid(maps), (maps * 2).round() / 2],
            "quantisation": [
                torch.tensor([[[[0.1]], [[0.2]]]]),
                maps[:, :, :1, :1].repeat(1, 2, 1, 1),
            ],
            "iso": [torch.zeros(1, 1, 1, 1), maps[:, :, :1, :1] * 6400],
        }
        for values in zip(*(examples[name] for name in net.inputs), strict=True):
            outputs: tuple[torch.Tensor, ...]
            with torch.no_grad():
                if isinstance(net, CodeAutoencoder):
                    outputs = net.with_code(*values)
                else:
                    outputs = (net(*values),)
            inputs = zip(net.inputs, (value.numpy() for value in values), strict=True)
            pairs = zip(model.outputs(**dict(inputs)), outputs, strict=True)
            differences = [
                np.abs(got - expected.numpy()) if got.shape == expected.shape else np.inf
                for got, expected in pairs
            ]
            worst = max(float(np.max(difference)) for difference in differences)
            mean = max(float(np.mean(difference)) for difference in differences)
            if not (worst <= most and mean <= most_mean):
                raise TrainingError(
                    f"onnxruntime and torch differ by {worst:.2g} at {height}x{width}, {mean:.2g} "
                    f"on average, more than {most:.2g} or {most_mean:.2g}; no file was written"
                )
