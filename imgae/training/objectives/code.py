"""Training of code autoencoders: a reconstruction error, plus a multiple of what their name says.

loss = mean |x - g(f(x))|^2 + weight * penalty

undercomplete   no penalty: the code is smaller than the picture (Baldi and Hornik 1989)
sparse-l1       mean |h| of a code after a ReLU (Olshausen and Field 1996)
sparse-kl       the divergence of the channels' mean activations from a target rate (Ng 2011)
denoising       no penalty: the encoder sees x with noise, the error is against x without (Vincent
                et al. 2008)
contractive     |df/dx|^2, the Jacobian's squared Frobenius norm (Rifai et al. 2011)
contractive-h   the same, and how much the Jacobian changes under a little noise (Rifai et al. 2011)
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

import torch
from torch import Generator, Tensor, nn

from imgae.training.networks.code import CodeAutoencoder
from imgae.training.objectives.regularisers import (
    contraction,
    dead_share,
    effective_rank,
    higher_contraction,
    kl,
    l1,
)

DEFAULT_WEIGHTS: Final = {  # of those that have a penalty; docs/family.md says what they do
    "sparse-l1": 1e-2,
    "sparse-kl": 2e-2,
    "contractive": 1e-6,
    "contractive-h": 1e-6,
}
LEAST: Final = 1e-4
"""Below which a channel's size counts as this, so that those of dead ones can be divided by."""
HIGHER_SPREAD: Final = 0.05
"""Standard deviation, on [0, 1], of the noise under which CAE+H compares Jacobians."""
HIGHER_SHARE: Final = 1.0
"""Of CAE+H's second term beside the first."""


@dataclass
class Coding:
    """The objective of a code autoencoder; its parts are in the log, each under its name.

    weight: the lambda of the formula. rate: the target of sparse-kl. sigma: standard deviation of
    the noise of `denoising`, on [0, 1].

    Penalties that would shrink with a channel are computed on channels divided by their standard
    deviation (sparse-l1: by their root mean square): otherwise the encoder shrinks the code, the
    decoder grows, and nothing is learnt. Filters of norm 1 and bounded codes, which the literature
    has against that, do not bind a deep decoder: its later layers can undo any shrinking.
    """

    objective: str
    weight: float = 0.0
    rate: float = 0.05
    sigma: float = 25 / 255

    def __call__(
        self, net: nn.Module, clean: Tensor, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """clean: (B, 3, H, W) in [0, 1]. Returns the scalar loss and terms for the log.

        The terms: mse; penalty and what it is made of; jacobian, the encoder's squared norm by
        value of the code over its channel's variance; the mean activation, the share of dead
        channels, and the effective rank of the channels, each over its standard deviation.
        """
        assert isinstance(net, CodeAutoencoder)
        given = clean
        if self.objective == "denoising":
            noise = torch.randn(clean.shape, generator=generator, device=clean.device)
            given = clean + self.sigma * noise
        code = net.encoded(given)
        mse = (net.decoded(code).float() - clean).square().mean()
        code = code.float()
        penalty, parts = self.penalty(net, given, code, generator)
        terms = {
            "mse": mse,
            "penalty": penalty,
            **{name: part.detach() for name, part in parts.items()},
            "activation": code.detach().mean(),
            "dead": code.new_tensor(dead_share(code)),
            "rank": code.new_tensor(effective_rank(code / spread(code))),
        }
        return mse + self.weight * penalty, terms

    def penalty(
        self, net: CodeAutoencoder, given: Tensor, code: Tensor, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the penalty, and what is to be in the log beside it."""
        encoder = partial(standardised, net, spread(code))
        if self.objective not in ("contractive", "contractive-h"):
            # For the log; one picture will do.
            parts = {"jacobian": contraction(encoder, given[:1], generator)}
            penalty = code.new_zeros(())
            if self.objective == "sparse-kl":
                penalty = kl(code, self.rate)
            if self.objective == "sparse-l1":
                squares = code.square().mean((0, 2, 3), keepdim=True)
                penalty = l1(code / squares.clamp(min=LEAST**2).sqrt())
                parts["active"] = (code > 0).float().mean()
            return penalty, parts
        slope = contraction(encoder, given, generator)
        if self.objective == "contractive":
            return slope, {"jacobian": slope}
        bend = higher_contraction(encoder, given, HIGHER_SPREAD, generator)
        return slope + HIGHER_SHARE * bend, {"jacobian": slope, "curvature": bend}


def spread(code: Tensor) -> Tensor:
    """Return each channel's standard deviation over batch and positions, (1, C, 1, 1)."""
    return code.var((0, 2, 3), correction=0, keepdim=True).clamp(min=LEAST**2).sqrt()


def standardised(net: CodeAutoencoder, sizes: Tensor, image: Tensor) -> Tensor:
    """Encode, and divide each channel by its size."""
    return net.encoded(image) / sizes
