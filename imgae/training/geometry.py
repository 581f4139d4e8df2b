"""What a network costs and how far it sees, read off the network itself."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from imgae.model.card import working_bytes
from imgae.model.contract import GUESS, TENSORS
from imgae.picture.tiling import round_up
from imgae.training.networks.body import Network

CONDITION = GUESS
"""What networks are probed with: a level of noise to one, and no hole to be filled to another."""


def macs_per_pixel(net: Network, side: int = 64) -> float:
    """Count the multiply-accumulates of all convolutions, per pixel of the picture."""
    total = 0

    def count(module: nn.Module, _: object, output: Tensor) -> None:
        nonlocal total
        assert isinstance(module, nn.Conv2d)
        total += output.numel() * module.weight[0].numel()

    _run_with_hooks(net, side, count)
    return total / side**2


def working_bytes_per_pixel(net: Network, side: int = 64) -> int:
    """Estimate a runtime's peak memory, per pixel: what is alive at once, as float32.

    That of the largest convolution's input and output; see `card.working_bytes`.
    """
    pairs: list[int] = []

    def note(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        pairs.append(inputs[0].numel() + output.numel())

    _run_with_hooks(net, side, note)
    return working_bytes(max(pairs) / side**2)


def receptive_radius(net: Network) -> int:
    """Return how far beyond a cell of stride x stride pixels an input can change it, in pixels.

    Found by following gradients through a copy whose weights are all positive, so that nothing
    cancels; exact whatever the layers.
    """
    probe = deepcopy(net).double().eval()
    with torch.no_grad():
        for name, parameter in probe.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
            else:
                parameter.fill_(1 / parameter[0].numel())
    return max(radius_along(probe, axis) for axis in (2, 3))


def radius_along(probe: Network, axis: int) -> int:
    """Follow gradients along one axis of a strip, grown until it is longer than the field."""
    side, stride = 64, probe.stride
    while True:
        side *= 2
        middle = side // 2 // stride * stride
        shape = [1, 3, stride, stride]
        shape[axis] = side
        # Brighter than the middle gray that the network subtracts, so that every ReLU passes.
        image = torch.ones(shape, dtype=torch.float64, requires_grad=True)
        condition = torch.full((1, 1, *shape[2:]), CONDITION, dtype=torch.float64)
        output = probe(image, *conditions(probe, condition))
        restores = probe.outputs[0] == "restored"
        residual = output - image.detach() if restores else output
        own = residual.narrow(axis, middle // probe.cell, stride // probe.cell)
        (gradient,) = torch.autograd.grad(own.sum(), image)
        seen = (gradient.abs().sum((0, 1)).sum(3 - axis) > 0).nonzero()
        radius = max(middle - int(seen.min()), int(seen.max()) + 1 - (middle + stride))
        if radius < middle - stride:  # the strip's ends were not touched
            return max(radius, 0)


def conditions(net: Network, level: Tensor) -> list[Tensor]:
    """Return the network's inputs besides the picture: a map of levels, or what files tell."""
    return [
        level.new_zeros(1, TENSORS[name].channels or 1, 1, 1) if name in net.optional else level
        for name in net.inputs[1:]
    ]


def halo(net: Network) -> int:
    """Return how far the network and its fill see, rounded up to the stride."""
    return round_up(receptive_radius(net) + net.fill_radius, net.stride)


def thin_halo(net: Network) -> int:
    """Return the same for pictures without a wholly unknown block of stride x stride.

    0 for networks that fill nothing.
    """
    if net.thin_fill_radius is None:
        return 0
    return round_up(receptive_radius(net) + net.thin_fill_radius, net.stride)


def _run_with_hooks(net: Network, side: int, hook: object) -> None:
    handles = [
        module.register_forward_hook(hook)  # type: ignore[arg-type]
        for module in net.modules()
        if isinstance(module, nn.Conv2d)
    ]
    device = next(net.parameters()).device
    try:
        with torch.no_grad():
            condition = torch.full((1, 1, side, side), CONDITION, device=device)
            image = torch.zeros(1, 3, side, side, device=device)
            net(image, *conditions(net, condition))
    finally:
        for handle in handles:
            handle.remove()
