"""Muon on the hidden convolutions, AdamW on the rest, and the learning rate over a run."""

from collections.abc import Iterator
from typing import Any, Final

import torch
from torch import Tensor, nn

from imgae.training.networks.parts import ResidualBlock

MUON_DECAY: Final = 0.1
MUON_GAIN: Final = 3.4
"""Muon's rate beside AdamW's: the update of a 32-channel kernel has AdamW's root mean square."""


def rate_at(step: int, steps: int, warmup: int, decay: float) -> float:
    """Return the factor on the learning rate: linear up, constant, linear down to zero.

    Constant in between, so that a run can be continued from its end without a restart's loss.
    """
    rising = min(1.0, (step + 1) / max(warmup, 1))
    falling = (steps - step) / max(steps * decay, 1)
    return min(rising, falling, 1.0)


class MuonAdamW:
    """One optimiser for a network: Muon for the residual blocks' kernels, AdamW for all else.

    Muon orthogonalises the momentum of a matrix; a kernel (O, I, 3, 3) is taken as (O, 9 I).
    torch's Muon accepts matrices only, so it is given views that share memory with the kernels.
    At equal time on two cores it was 0.3 dB ahead of AdamW after 100 s (weights/EXPERIMENTS.md).
    Its updates have one size however small the gradient. That size is one spectral norm for
    kernels of every width: with one root mean square instead (Liu et al. 2025, arXiv 2502.16982)
    the wide, deep kernels moved twice as far as the narrow ones at every step, and their
    ReLUs died.
    Sources: Jordan et al. 2024 (Muon); Yang et al. 2023, arXiv 2310.17813 (the spectral norm).
    """

    def __init__(self, net: nn.Module, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.kernels = list(hidden_kernels(net))
        self.matrices = [as_matrix(kernel.detach()).requires_grad_() for kernel in self.kernels]
        hidden = {id(kernel) for kernel in self.kernels}
        others = [parameter for parameter in net.parameters() if id(parameter) not in hidden]
        self.muon = torch.optim.Muon(
            self.matrices,
            lr=MUON_GAIN * learning_rate,
            weight_decay=MUON_DECAY,
            adjust_lr_fn="original",
        )
        self.adamw = torch.optim.AdamW(
            others, lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.0, fused=True
        )

    def step(self, rate: float) -> None:
        """Update the weights from their gradients, at `rate` times the learning rate."""
        for kernel, matrix in zip(self.kernels, self.matrices, strict=True):
            assert kernel.grad is not None
            matrix.grad = as_matrix(kernel.grad)
        for optimizer, gain in ((self.muon, MUON_GAIN), (self.adamw, 1.0)):
            for group in optimizer.param_groups:
                group["lr"] = gain * self.learning_rate * rate
            optimizer.step()  # type: ignore[no-untyped-call,unused-ignore]
            optimizer.zero_grad()
        for kernel in self.kernels:
            kernel.grad = None

    def state_dict(self) -> dict[str, Any]:
        return {"muon": self.muon.state_dict(), "adamw": self.adamw.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.muon.load_state_dict(state["muon"])
        self.adamw.load_state_dict(state["adamw"])


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
