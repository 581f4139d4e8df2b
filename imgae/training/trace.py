"""From a network to a bare ONNX graph, its kernels stored as fp32, fp16 or int8."""

import warnings
from typing import Any, Final

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper
from torch import nn

from imgae import __version__
from imgae.errors import TrainingError
from imgae.model.contract import IR_VERSION, OPSET, TENSORS
from imgae.training.networks.body import Network
from imgae.training.quantisation.rounding import RoundedConv2d
from imgae.training.quantisation.stored import stored

FP16_SUFFIX: Final = "_fp16"
EXAMPLE_SIDES: Final[dict[str | int, int]] = {"H": 64, "W": 72, "h": 1, "w": 1, 1: 1}


def round_kernels(net: nn.Module) -> None:
    """Round the float convolutions' kernels to what fp16 can store; biases stay as they are."""
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.Conv2d) and not isinstance(module, RoundedConv2d):
                module.weight.copy_(module.weight.half().float())


def to_onnx(net: Network, precision: str, image_only: bool = False) -> onnx.ModelProto:
    """Trace a network into a bare graph with dynamic sizes, its kernels stored as `precision`.

    image_only: inputs that may be left out stay 0.
    """
    if precision == "int8":
        net = stored(net)
    examples, free = [], []
    for name in net.inputs:
        tensor, shape = TENSORS[name], shape_of(name, net)
        # A level is traced as one a picture, what may be left out as one for all; see `bare`.
        free.append({place: size for place, size in enumerate(shape) if size in ("N", "H", "W")})
        sides = [EXAMPLE_SIDES[side] for side in tensor.sides]
        examples.append(torch.rand(1 if tensor.optional else 2, tensor.channels or 1, *sides))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        program = torch.onnx.export(
            net.to_trace(),
            tuple(examples),
            dynamo=True,
            opset_version=OPSET,
            external_data=False,
            verbose=False,
            input_names=list(net.inputs),
            output_names=list(net.outputs),
            dynamic_shapes=tuple(free),
        )
    assert program is not None
    traced = program.model_proto
    if [entry.version for entry in traced.opset_import if entry.domain == ""] != [OPSET]:
        raise TrainingError(f"the exporter did not keep to opset {OPSET}")
    return bare(traced, net, precision, image_only)


def inputs_of(net: Network, image_only: bool) -> tuple[str, ...]:
    """Return the inputs of a network's file. image_only: without those that may be left out."""
    left_out = net.optional if image_only else ()
    return tuple(name for name in net.inputs if name not in left_out)


def shape_of(name: str, net: Network) -> list[str | int | None]:
    """Return an input's or output's sizes as ONNX has them, free ones by name."""
    return TENSORS[name].shape(net.code_channels)


def value_info(name: str, net: Network) -> onnx.ValueInfoProto:
    shape = shape_of(name, net)
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


def bare(
    traced: onnx.ModelProto, net: Network, precision: str, image_only: bool = False
) -> onnx.ModelProto:
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
        initializers[name] = np.zeros((1, *shape_of(name, net)[1:]), np.float32)  # type: ignore[arg-type]
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
                if bias in initializers  # flip ensembles use each four times
            ]
        nodes.append(kept)
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "imgae",
            [value_info(name, net) for name in inputs_of(net, image_only)],
            [value_info(name, net) for name in net.outputs],
            [numpy_helper.from_array(array, name) for name, array in initializers.items()],
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="imgae",
        producer_version=__version__,
    )
    model.ir_version = IR_VERSION  # the oldest that the opset needs: it runs on more runtimes
    return model


def integer_bias(
    name: str, scale: NDArray[np.float32], initializers: dict[str, NDArray[Any]]
) -> NodeProto:
    """Store a bias as int32 in steps of the products it is added to; return what undoes it."""
    stored, steps = f"{name}_int32", f"{name}_scale"
    initializers[stored] = np.rint(initializers.pop(name) / scale).astype(np.int32)
    initializers[steps] = scale
    return helper.make_node("DequantizeLinear", [stored, steps], [name], axis=0)
