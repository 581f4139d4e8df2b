"""ONNX files as data: read, judged safe or not, hashed, their metadata changed. Needs onnx."""

import hashlib
import math
import os
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from imgae.errors import ModelError

MOST_BYTES: Final = 512 << 20
MOST_VALUES_PER_PIXEL: Final = 8192
"""A tensor of more values a pixel of the input is absurd; the widest network here has 192."""
PROBE_SIDE: Final = 64
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
    never end), unknown versions, tensors that do not hold what their shape says, and sizes that
    would take absurd memory, as far as they follow from constants for a picture of 64x64.
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
    """Raise ModelError if any tensor would be absurdly large for a picture of 64x64."""
    try:
        inferred = onnx.shape_inference.infer_shapes(with_sizes(model), data_prop=True)
    except Exception as error:
        first = str(error).strip().split("\n")[0]
        raise ModelError(f"its shapes do not fit together: {first}") from error
    for value in [*inferred.graph.value_info, *inferred.graph.output]:
        count = math.prod(abs(dim.dim_value) or 1 for dim in value.type.tensor_type.shape.dim)
        if count > MOST_VALUES_PER_PIXEL * PROBE_SIDE**2:
            raise ModelError(f"{value.name} would have {count:.3g} values for a picture of 64x64")


def with_sizes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy for one picture of 64x64, what it computes of the sizes put in as constants."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.value_info[:], copy.graph.node[:]
    sizes = {}
    for value in copy.graph.input:
        dims = value.type.tensor_type.shape.dim
        for dim, size in zip(dims, (1, 1, PROBE_SIDE, PROBE_SIDE), strict=False):
            dim.dim_value = dim.dim_value or size
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
    """Set one metadata entry; the others stay."""
    kept = [entry for entry in model.metadata_props if entry.key != key]
    entries = [*kept, onnx.StringStringEntryProto(key=key, value=value)]
    del model.metadata_props[:]
    model.metadata_props.extend(entries)


def write_model(model: onnx.ModelProto, path: Path) -> None:
    """Write a model whole or not at all. Raises ModelError if it cannot be."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(model.SerializeToString())
        temporary.replace(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
