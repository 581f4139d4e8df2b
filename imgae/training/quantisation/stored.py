"""Rounding networks as they are traced for ONNX."""

from collections.abc import Sequence
from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imgae.model.contract import OPSET
from imgae.training.networks.body import Network
from imgae.training.quantisation.rounding import RoundedActivation, RoundedConv2d, replace_module


class StoredActivation(nn.Module):
    """A rounded activation as onnxruntime is to see it: QuantizeLinear, DequantizeLinear.

    Where a sum in floating point follows, the pictures are one long row between the two.
    onnxruntime runs integer convolutions with channels last, and would otherwise turn their
    results back after the second, when they are four times as large. Networks run a tenth faster.
    """

    scale: Tensor
    zero_point: Tensor

    def __init__(self, activation: RoundedActivation) -> None:
        super().__init__()
        self.flat = activation.summed
        self.register_buffer("scale", activation.scale.clone())
        self.register_buffer("zero_point", activation.zero_point.to(torch.uint8))

    def forward(self, x: Tensor) -> Tensor:
        parameters = (self.scale, self.zero_point)
        stored = onnx_op("QuantizeLinear", (x, *parameters), torch.uint8, x.shape)
        if self.flat:
            stored = stored.flatten(2)
        y = onnx_op("DequantizeLinear", (stored, *parameters), torch.float32, stored.shape)
        return y.view(x.shape) if self.flat else y


class StoredConv2d(nn.Module):
    """A rounded convolution as onnxruntime is to see it: its kernel is int8."""

    weight: Tensor
    weight_scale: Tensor
    weight_zero_point: Tensor

    def __init__(self, conv: RoundedConv2d) -> None:
        super().__init__()
        scales = conv.scales()
        kernel = (conv.rounded_weight() / scales[:, None, None, None]).round()
        self.register_buffer("weight", kernel.to(torch.int8))
        self.register_buffer("weight_scale", scales)
        self.register_buffer("weight_zero_point", torch.zeros(len(scales), dtype=torch.int8))
        self.bias = conv.bias
        self.stride, self.padding = conv.stride, conv.padding

    def forward(self, x: Tensor) -> Tensor:
        stored = (self.weight, self.weight_scale, self.weight_zero_point)
        weight = onnx_op("DequantizeLinear", stored, torch.float32, self.weight.shape, axis=0)
        return F.conv2d(x, weight, self.bias, self.stride, self.padding)


def onnx_op(
    name: str, inputs: Sequence[Tensor], dtype: torch.dtype, shape: Sequence[int], **attributes: int
) -> Tensor:
    return torch.onnx.ops.symbolic(
        name, inputs, {**attributes}, dtype=dtype, shape=shape, version=OPSET
    )


def stored(net: Network) -> Network:
    """Return a copy of a rounding network to be traced for ONNX; it cannot run in torch."""
    net = deepcopy(net)
    for name, module in list(net.named_modules()):
        if isinstance(module, RoundedActivation):
            replace_module(net, name, StoredActivation(module))
        elif isinstance(module, RoundedConv2d):
            replace_module(net, name, StoredConv2d(module))
    return net
