"""ONNX files as data: read, judged safe or not, hashed, their metadata changed. Needs onnx."""

import hashlib
import math
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from imgae.errors import ModelError
from imgae.io.atomic import write_whole

MOST_BYTES: Final = 512 << 20
MOST_VALUES_PER_PIXEL: Final = 8192
"""A tensor of more values a pixel of the input is absurd; the widest network here has 192."""
MOST_MACS_PER_PIXEL: Final = 10_000_000
"""More multiply-accumulates are absurd; the slowest network here has 607,680."""
PROBES: Final = ((64, 64), (1024, 768))
"""Pictures for which sizes are judged: what grows faster than a picture shows in the second."""
STANDARD: Final = ("", "ai.onnx")
IR_VERSIONS: Final = range(3, int(onnx.IR_VERSION) + 1)
STORED: Final = frozenset((
    TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE,
    TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64,
    TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.BOOL,
))  # fmt: skip
"""Types of stored tensors that are read: those whose size in bytes follows from their shape."""
FOLDED: Final = frozenset(
    ("Add", "Concat", "Div", "Mod", "Mul", "Neg", "Reshape", "Shape", "Squeeze", "Sub", "Unsqueeze")
)
MOST_FOLDED: Final = 16
"""Operators that models compute sizes with, and the most numbers at a time."""
CONVOLUTIONS: Final = frozenset(("Conv", "ConvInteger", "ConvTranspose", "QLinearConv"))
PRODUCTS: Final = frozenset(("Gemm", "MatMul", "MatMulInteger", "QLinearMatMul"))


def read_model(path: Path) -> onnx.ModelProto:
    """Parse a file without following what it refers to.

    Raises ModelError if it is not there, larger than 512 MiB, or no ONNX model.
    """
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    if size > MOST_BYTES:
        raise ModelError(f"{path}: has {size >> 20} MiB; at most {MOST_BYTES >> 20} are read")
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:
        raise ModelError(f"{path}: damaged, or not an ONNX model") from error
    if not model.graph.node:
        raise ModelError(f"{path}: damaged, or not an ONNX model: it has no graph")
    if not is_text(model):
        raise ModelError(f"{path}: damaged: a name or a text in it is not UTF-8")
    return model


def read_safely(path: Path) -> onnx.ModelProto:
    """Parse a file that anybody may have made.

    Raises ModelError, naming the file, if it cannot be read or is not safe.
    """
    model = read_model(path)
    try:
        refuse_unsafe(model)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    return model


def is_text(message: Any) -> bool:
    """Return whether all strings in a protobuf are UTF-8; those that are not come as bytes."""
    for field, value in message.ListFields():
        single = isinstance(value, str | bytes) or hasattr(value, "ListFields")
        if field.type == field.TYPE_STRING:
            good = all(isinstance(text, str) for text in ([value] if single else value))
        elif field.type == field.TYPE_MESSAGE:
            good = all(map(is_text, [value] if single else value))
        else:
            continue
        if not good:
            return False
    return True


def refuse_unsafe(model: onnx.ModelProto) -> None:
    """Raise ModelError for what a runtime should not be given.

    That is: files beside the model, custom operators, functions, graphs inside graphs (loops may
    never end), unknown versions, tensors that do not hold what their shape says, tensors whose size
    does not follow from the picture's, and absurd memory or work for pictures of two sizes.
    """
    if model.ir_version not in IR_VERSIONS:
        raise ModelError(f"its IR version {model.ir_version} is not known")
    versions = opsets(model)
    if len(versions) != 1 or not 1 <= versions[0] <= onnx.defs.onnx_opset_version():
        raise ModelError(f"its versions of the ONNX operators, {versions}, are not known")
    if model.functions or model.training_info:
        raise ModelError("it brings functions of its own, or a training graph")
    if model.graph.sparse_initializer:
        raise ModelError("it has sparse tensors")
    for tensor in model.graph.initializer:
        refuse_tensor(tensor)
    for node in model.graph.node:
        refuse_node(node)
    refuse_sizes(model)


def opsets(model: onnx.ModelProto) -> list[int]:
    """Return the versions of the standard operators that a model asks for; one is right."""
    return [entry.version for entry in model.opset_import if entry.domain in STANDARD]


def refuse_node(node: onnx.NodeProto) -> None:
    if node.domain not in STANDARD or not onnx.defs.has(node.op_type):
        name = f"{node.domain or 'ai.onnx'}.{node.op_type}"
        raise ModelError(f"{name} is no standard ONNX operator")
    for entry in node.attribute:
        if entry.HasField("g") or entry.graphs:
            raise ModelError(f"{node.op_type} holds a graph of its own")
        if entry.HasField("sparse_tensor") or entry.sparse_tensors:
            raise ModelError(f"{node.op_type} holds sparse tensors")
        for tensor in (*([entry.t] if entry.HasField("t") else ()), *entry.tensors):
            refuse_tensor(tensor)


def refuse_tensor(tensor: TensorProto) -> None:
    """Raise ModelError if a tensor lies in another file, or holds more or less than it says."""
    name = tensor.name or "a constant"
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise ModelError(f"{name} lies in another file (external data)")
    if tensor.data_type not in STORED:
        raise ModelError(f"{name} is of a type that is not read ({tensor.data_type})")
    count = math.prod(tensor.dims)
    if min(tensor.dims, default=1) < 0:
        raise ModelError(f"{name} has the shape {list(tensor.dims)}")
    if tensor.HasField("raw_data"):
        expected = count * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        held, unit = len(tensor.raw_data), "bytes"
    else:
        held = len(getattr(tensor, helper.tensor_dtype_to_field(tensor.data_type)))
        expected, unit = count, "values"
    if held != expected:
        shape = "x".join(map(str, tensor.dims))
        raise ModelError(f"{name} of shape {shape} holds {held} {unit}, not {expected}")


def refuse_sizes(model: onnx.ModelProto) -> None:
    """Raise ModelError if a tensor's size is unknown or absurd, or the work on convolutions is."""
    for height, width in PROBES:
        graph = inferred(model, height, width).graph
        sizes = sizes_in(graph)
        sides = sizes.get(graph.input[0].name, [height, width])[-2:]  # some files fix them
        picture, pixels = "a picture of " + "x".join(map(str, sides)), math.prod(sides)
        for name in (name for node in graph.node for name in node.output if name):
            if name not in sizes:
                raise ModelError(f"the size of {name} does not follow from the picture's")
            if (count := math.prod(sizes[name])) > MOST_VALUES_PER_PIXEL * pixels:
                raise ModelError(f"{name} would have {count:.3g} values for {picture}")
        macs = sum(macs_of(node, sizes) for node in graph.node) / pixels
        if macs > MOST_MACS_PER_PIXEL:
            raise ModelError(f"it would take {macs:.3g} multiply-accumulates a pixel for {picture}")


def inferred(model: onnx.ModelProto, height: int, width: int) -> onnx.ModelProto:
    """Return a copy for one picture of a size, with the types and sizes of what is inside.

    Raises ModelError if they do not fit together.
    """
    try:
        sized = with_sizes(model, height, width)
        return onnx.shape_inference.infer_shapes(sized, data_prop=True)
    except Exception as error:  # onnx's errors have no common base
        first = str(error).strip().split("\n")[0]
        raise ModelError(f"its shapes do not fit together: {first}") from error


def sizes_in(graph: onnx.GraphProto) -> dict[str, list[int]]:
    """Return the sizes of all tensors that are known whole."""
    sizes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        dims = value.type.tensor_type.shape.dim
        if value.type.tensor_type.HasField("shape") and all(
            dim.HasField("dim_value") and dim.dim_value >= 0 for dim in dims
        ):
            sizes[value.name] = [dim.dim_value for dim in dims]
    return sizes


def kernel_of(node: onnx.NodeProto) -> str:
    """Return the name of a convolution's kernel, "" for other operators."""
    if node.op_type not in CONVOLUTIONS:
        return ""
    return str(node.input[3 if node.op_type == "QLinearConv" else 1])


def macs_of(node: onnx.NodeProto, sizes: dict[str, list[int]]) -> int:
    """Return the multiply-accumulates of a convolution or a product of matrices; 0 for others."""
    if kernel := kernel_of(node):
        places = node.input[0] if node.op_type == "ConvTranspose" else node.output[0]
        return math.prod(sizes[places]) * math.prod(sizes[kernel][1:])
    if node.op_type in PRODUCTS:
        first, result = sizes[node.input[0]], sizes[node.output[0]]
        transposable = node.op_type == "Gemm"
        shared = math.prod(first) // max(1, result[0]) if transposable else first[-1]
        return math.prod(result) * shared
    return 0


def live_nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Return the nodes that what a graph gives depends on."""
    needed, found = {value.name for value in graph.output}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            found.append(node)
    return found[::-1]


def with_sizes(model: onnx.ModelProto, height: int, width: int) -> onnx.ModelProto:
    """Return a copy for one picture of a size, what it computes of that put in as constants."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.value_info[:], copy.graph.node[:]
    sizes: dict[str, Any] = {}
    shape = [1, 1, height, width]
    for value in copy.graph.input:
        dims = value.type.tensor_type.shape.dim
        for dim, size in zip(dims, shape, strict=False):
            dim.dim_value = dim.dim_value or size
        if not sizes:  # where the picture's sides are fixed, so are those of what comes with it
            shape[2:] = [dim.dim_value for dim in dims[2:]]
        sizes[value.name] = np.broadcast_to(np.False_, [dim.dim_value for dim in dims])
    for value in copy.graph.output:
        value.type.tensor_type.ClearField("shape")
    known = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in copy.graph.initializer
        if tensor.data_type == TensorProto.INT64 and math.prod(tensor.dims) <= MOST_FOLDED
    }
    for node in model.graph.node:
        values = sizes if node.op_type == "Shape" else known
        if node.op_type in FOLDED and all(name in values for name in node.input):
            inputs = {name: values[name] for name in node.input}
            outputs: Any = ReferenceEvaluator(node).run(None, inputs)
            found = np.asarray(outputs[0])
            if found.size <= MOST_FOLDED:
                known[node.output[0]] = found
                copy.graph.initializer.append(numpy_helper.from_array(found, node.output[0]))
                continue
        copy.graph.node.append(node)
    return copy


def weights_hash(model: onnx.ModelProto) -> str:
    """Return the sha256 over the initialisers as stored, in graph order."""
    digest = hashlib.sha256()
    for tensor in model.graph.initializer:
        digest.update(numpy_helper.to_array(tensor).tobytes())
    return digest.hexdigest()


def metadata(model: onnx.ModelProto, key: str) -> str | None:
    """Return a metadata entry, or None. Raises ModelError if there are several of one key."""
    values = [entry.value for entry in model.metadata_props if entry.key == key]
    if len(values) > 1:
        raise ModelError(f"it has {len(values)} metadata entries {key!r}")
    return values[0] if values else None


def set_metadata(model: onnx.ModelProto, key: str, value: str) -> None:
    """Set one metadata entry, in its place if it is there; the others stay."""
    for entry in model.metadata_props:
        if entry.key == key:
            entry.value = value
            return
    model.metadata_props.add(key=key, value=value)


def write_model(model: onnx.ModelProto, path: Path) -> None:
    """Write a model whole or not at all. Raises ModelError if it cannot be."""
    try:
        write_whole(path, model.SerializeToString())
    except OSError as error:
        raise ModelError(f"{path}: cannot be written: {error.strerror}") from error
