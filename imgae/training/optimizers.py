"""Muon on the hidden convolutions, AdamW on the rest, and the learning rate over a run."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from imgae.training.networks.parts import ResidualBlock

MUON_DECAY: Final = 0.1
MUON_MOMENTUM: Final = 0.95
MUON_GAIN: Final = 3.4
"""Muon's rate beside AdamW's: the update of a 32-channel kernel has AdamW's root mean square."""
QUINTIC: Final = (3.4445, -4.7750, 2.0315)
"""Coefficients of x, x^3 and x^5 in a polynomial that, repeated, takes all of (0, 1] to about 1."""
REPEATS: Final = 5
LEAST_NORM: Final = 1e-7


def rate_at(rising: float, done: float, total: float, decay: float) -> float:
    """Return the factor on the learning rate: linear up, constant, linear down to zero.

    rising: how far the way up has come, 1 or more where it is over. done, total: how much of the
    run is over, in steps or in seconds. decay: the share of the run in which the rate falls.
    Constant in between, so that a run can be continued from its end without a restart's loss.
    """
    falling = (total - done) / max(total * decay, 1)
    return max(0.0, min(rising, falling, 1.0))


class MuonAdamW:
    """One optimiser for a network: Muon for the residual blocks' kernels, AdamW for all else.

    At equal time on two cores it was 0.3 dB ahead of AdamW after 100 s (weights/EXPERIMENTS.md).
    """

    def __init__(self, net: nn.Module, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.kernels = list(hidden_kernels(net))
        self.muon = Muon(self.kernels)
        hidden = {id(kernel) for kernel in self.kernels}
        others = [parameter for parameter in net.parameters() if id(parameter) not in hidden]
        self.adamw = torch.optim.AdamW(
            others, lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.0, fused=True
        )

    def step(self, rate: float) -> None:
        """Update the weights from their gradients, at `rate` times the learning rate."""
        self.muon.step(MUON_GAIN * self.learning_rate * rate)
        for group in self.adamw.param_groups:
            group["lr"] = self.learning_rate * rate
        self.adamw.step()
        self.forget_gradients()

    def forget_gradients(self) -> None:
        self.adamw.zero_grad()
        for kernel in self.kernels:
            kernel.grad = None

    def state_dict(self) -> dict[str, Any]:
        return {"muon": self.muon.momenta(), "adamw": self.adamw.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.muon.load_momenta(state["muon"])
        self.adamw.load_state_dict(state["adamw"])


@dataclass(frozen=True)
class Stack:
    """Kernels of one shape, (O, I, h, w) each, and their momenta as matrices: (K, O, h w I)."""

    kernels: list[Tensor]
    momentum: Tensor


class Muon:
    """Orthogonalise the momentum of each kernel, taken as a matrix (O, h w I), and step by it.

    The steps are those of torch.optim.Muon, whose numbers these are, on each kernel alone; here
    kernels of one shape go through every operation together.
    Updates have one size however small the gradient. That size is one spectral norm for
    kernels of every width: with one root mean square instead (Liu et al. 2025, arXiv 2502.16982)
    the wide, deep kernels moved twice as far as the narrow ones at every step, and their
    ReLUs died.
    Sources: Jordan et al. 2024 (Muon); Yang et al. 2023, arXiv 2310.17813 (the spectral norm).
    """

    def __init__(self, kernels: list[Tensor]) -> None:
        shapes: dict[torch.Size, list[Tensor]] = {}
        for kernel in kernels:
            shapes.setdefault(kernel.shape, []).append(kernel)
        self.stacks = [
            Stack(same, torch.zeros_like(torch.stack([as_matrix(x.detach()) for x in same])))
            for same in shapes.values()
        ]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move the kernels at a rate; the weights fall by `rate` times MUON_DECAY beside."""
        for stack in self.stacks:
            gradient = torch.stack([gradient_of(kernel) for kernel in stack.kernels])
            stack.momentum.lerp_(gradient, 1 - MUON_MOMENTUM)
            update = orthogonal(gradient.lerp(stack.momentum, MUON_MOMENTUM))
            _, height, width = update.shape
            size = math.sqrt(max(1, height / width))
            matrices = [as_matrix(kernel) for kernel in stack.kernels]
            torch._foreach_mul_(matrices, 1 - rate * MUON_DECAY)
            torch._foreach_add_(matrices, list(update.to(gradient.dtype)), alpha=-rate * size)

    def momenta(self) -> list[Tensor]:
        return [stack.momentum for stack in self.stacks]

    def load_momenta(self, momenta: list[Tensor]) -> None:
        """Take up what `momenta` gave. Raises ValueError if it is of another network."""
        for stack, momentum in zip(self.stacks, momenta, strict=True):
            if stack.momentum.shape != momentum.shape:
                raise ValueError("momenta of other kernels")
            stack.momentum.copy_(momentum)


def orthogonal(matrices: Tensor) -> Tensor:
    """Take the singular values of matrices (K, M, N) to about 1, by a polynomial, in bfloat16.

    Source: Newton and Schulz's iteration with Jordan's coefficients, 2024.
    """
    x = matrices.bfloat16()
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    x = x / torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True).clamp(min=LEAST_NORM)
    linear, cubic, quintic = QUINTIC
    for _ in range(REPEATS):
        squares = x @ x.mT
        rest = torch.baddbmm(squares, squares, squares, beta=cubic, alpha=quintic)
        x = torch.baddbmm(x, rest, x, beta=linear)
    return x.mT if tall else x


def hidden_kernels(net: nn.Module) -> Iterator[Tensor]:
    for module in net.modules():
        if isinstance(module, ResidualBlock):
            yield module.conv1.weight
            yield module.conv2.weight


def as_matrix(kernel: Tensor) -> Tensor:
    """View (O, I, h, w) as (O, h w I) or (O, I h w), whichever its memory allows.

    Muon does not mind the order of columns.
    """
    if kernel.is_contiguous():
        return kernel.view(len(kernel), -1)
    return kernel.permute(0, 2, 3, 1).view(len(kernel), -1)


def gradient_of(kernel: Tensor) -> Tensor:
    """Return a kernel's gradient as a matrix, its columns in the order of the kernel's own."""
    assert kernel.grad is not None
    if kernel.is_contiguous():
        return kernel.grad.reshape(len(kernel), -1)
    return kernel.grad.permute(0, 2, 3, 1).reshape(len(kernel), -1)
