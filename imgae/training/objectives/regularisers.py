"""What keeps an autoencoder from copying its input: penalties on its code, and on its slope.

An autoencoder minimises a reconstruction error plus a multiple of one of these. A code is what an
encoder makes of pictures (B, 3, H, W): (B, C, h, w). Every penalty is a scalar; means are taken
so that a multiple keeps its meaning whatever the sizes of batch and pictures.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

Encoder = Callable[[Tensor], Tensor]
LEAST_RATE = 1e-6


def l1(code: Tensor) -> Tensor:
    """Return the mean absolute activation: few are far from zero where it is small.

    The code must be kept from shrinking while the decoder grows: by filters of a fixed norm, or by
    taking it over its own size.
    Source: Olshausen and Field 1996 (sparse coding).
    """
    return code.abs().mean()


def kl(code: Tensor, rate: float) -> Tensor:
    """Return the divergence of the channels' mean activations from a target, added up over them.

    code: in (0, 1), as a sigmoid gives. Of Bernoulli variables of means rate and rho:
    rate ln(rate / rho) + (1 - rate) ln((1 - rate) / (1 - rho)), rho over batch and positions; 0 if
    all are at the target. From few values rho is uncertain, and the divergence too large: batch
    and positions should be ten thousand together.
    Source: Ng 2011, CS294A lecture notes (Sparse autoencoder); Lee et al. 2008.
    """
    rho = code.mean((0, 2, 3)).clamp(LEAST_RATE, 1 - LEAST_RATE)
    return (rate * (rate / rho).log() + (1 - rate) * ((1 - rate) / (1 - rho)).log()).sum()


def layer_contraction(conv: nn.Conv2d, image: Tensor) -> Tensor:
    """Return the squared Frobenius norm of the Jacobian of sigmoid(conv(image)), exactly.

    Averaged over the batch, divided by the number of the code's values. The slope of the sigmoid
    is h (1 - h), and what a value of the code sees of the picture is the sum of the squares of its
    kernel, but where zero padding takes part of it away: so the squared kernels are convolved
    with a picture of ones.
    Source: Rifai et al. 2011 (Contractive Auto-Encoders), equation 2; padding is ours.
    """
    code = conv(image).sigmoid()
    slopes = (code * (1 - code)).square()
    total: Tensor = (slopes * seen_squares(conv, image)).sum() / code.numel()
    return total


def seen_squares(conv: nn.Conv2d, image: Tensor) -> Tensor:
    """Return the sum of the squares of that part of a kernel which lies on the picture."""
    return F.conv2d(
        torch.ones_like(image[:1]), conv.weight.square(), None,
        conv.stride, conv.padding, conv.dilation, conv.groups,
    )  # fmt: skip


def contraction(encoder: Encoder, image: Tensor, generator: Generator) -> Tensor:
    """Return an unbiased estimate of what `layer_contraction` computes, for any encoder.

    E |J'v|^2 = |J|^2 for v of independent entries with variance 1; one v a picture, which is enough
    for batches of 32. The encoder must treat each picture alone: normalisation over the batch
    would mix their slopes.
    Source: Hutchinson 1989; Hoffman et al. 2019 (Robust Learning with Jacobian Regularization).
    """
    (slope,), count = slopes_along(encoder, (image,), generator)
    return slope.square().sum() / count


def higher_contraction(
    encoder: Encoder, image: Tensor, spread: float, generator: Generator
) -> Tensor:
    """Return how much the Jacobian changes under noise of a standard deviation, estimated.

    E |J(x) - J(x + e)|^2, about spread^2 times the squared Hessian; normalised as `contraction`.
    Source: Rifai et al. 2011 (Higher Order Contractive Auto-Encoder, CAE+H).
    """
    noise = torch.randn(image.shape, generator=generator, device=image.device, dtype=image.dtype)
    (here, there), count = slopes_along(encoder, (image, image + spread * noise), generator)
    return (here - there).square().sum() / count


def slopes_along(
    encoder: Encoder, images: tuple[Tensor, ...], generator: Generator
) -> tuple[list[Tensor], int]:
    """Return J'v of each of some batches, for one random v, and the number of v's entries."""
    slopes, along = [], None
    for batch in images:
        image = batch.detach().requires_grad_()
        code = encoder(image)
        if along is None:
            along = torch.randn(
                code.shape, generator=generator, device=code.device, dtype=code.dtype
            )
        (slope,) = torch.autograd.grad(code, image, along, create_graph=True)
        slopes.append(slope)
    assert along is not None
    return slopes, along.numel()


def spectral_norm(net: Encoder, image: Tensor, generator: Generator, steps: int = 5) -> Tensor:
    """Return each picture's spectral norm of a network's Jacobian, (B,), or a little less.

    net: maps image (B, C, H, W) to the same shape, each picture alone. The power method, begun
    from random numbers: what a network amplifies most lies at one place of one picture, so that
    where it was found in one batch says nothing about the next. 5 steps found 0.89 to 1 of the norm
    of `denoise-fast` on four pictures. Gradients pass through the last step.
    Source: Yoshida and Miyato 2017 (spectral norm regularisation); Pesquet et al. 2021, for the
    Jacobian of a denoiser.
    """
    x = image.detach().requires_grad_()
    out = net(x)
    weights = torch.zeros_like(out, requires_grad=True)
    (back,) = torch.autograd.grad(out, x, weights, create_graph=True)  # J'w, linear in w
    u = torch.randn(image.shape, generator=generator, device=image.device, dtype=image.dtype)
    for _ in range(steps - 1):
        (forward,) = torch.autograd.grad(back, weights, unit(u), retain_graph=True)  # J u
        (u,) = torch.autograd.grad(out, x, forward, retain_graph=True)  # J'J u
    (forward,) = torch.autograd.grad(back, weights, unit(u), create_graph=True)
    norms: Tensor = forward.flatten(1).norm(dim=1)
    return norms


def hinge(norms: Tensor, limit: float) -> Tensor:
    """Return the mean square of how far norms, (B,), exceed a limit.

    Unlike the Frobenius norm's, its gradient leaves the directions of the signal alone.
    """
    return F.relu(norms - limit).square().mean()


def unit(x: Tensor) -> Tensor:
    """Scale each picture to a Euclidean norm of 1."""
    norms: Tensor = x.flatten(1).norm(dim=1).clamp(min=1e-12)
    return x / norms.view(-1, 1, 1, 1)


def effective_rank(code: Tensor) -> float:
    """Return the exponential of the entropy of the covariance's eigenvalues' shares; 1 to C.

    code: (B, C, h, w); nan if it holds what is no number. Source: Roy and Vetterli 2007 (The
    effective rank), who take singular values where these are variances.
    """
    rows = code.detach().transpose(0, 1).flatten(1).double()
    if not bool(rows.isfinite().all()):
        return math.nan
    values = torch.linalg.eigvalsh(torch.cov(rows, correction=0).view(len(rows), -1)).clamp(min=0)
    return effective_count(values)


def effective_count(values: Tensor) -> float:
    """Return the exponential of the entropy of values' shares: how many of them, (C,), count."""
    shares = values / values.sum().clamp(min=1e-300)
    entropy = -(shares * shares.clamp(min=1e-300).log()).sum()
    return float(entropy.exp())


def dead_share(code: Tensor, least: float = 1e-3) -> float:
    """Return the share of channels whose activation hardly varies: (B, C, h, w) to [0, 1]."""
    spread = code.detach().transpose(0, 1).flatten(1).std(1, correction=0)
    return float((spread < least).float().mean())
