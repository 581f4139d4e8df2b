"""Principal component analysis, where a code autoencoder's training begins."""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from imgae.training.networks.code import CODE_ACTIVATIONS, CodeAutoencoder, unchanged
from imgae.training.networks.parts import STRIDE

RELU_START: Final = 1.0
"""Standard deviations, by which codes after a ReLU begin above zero: most is kept, and much is near
enough to zero to be switched off."""


@torch.no_grad()
def start_at_pca(net: CodeAutoencoder, pictures: Tensor) -> None:
    """Let a fresh network compute principal component analysis of blocks, or near to it.

    pictures: (B, 3, H, W) in [0, 1], H and W multiples of STRIDE. The encoder's linear map becomes
    the first components, of which there are 192; channels beyond them keep their random filters.
    Those of sigmoid and ReLU codes are scaled to a variance of 1, and of ReLU ones moved
    up by RELU_START. The decoder's is the least squares fit to what comes of that.
    """
    blocks = F.pixel_unshuffle(pictures - 0.5, STRIDE).transpose(0, 1).flatten(1).double()
    mean = blocks.mean(1)
    values, vectors = torch.linalg.eigh(torch.cov(blocks))
    directions = vectors.flip(1).T[: net.shape.channels]
    count = len(directions)
    activation = CODE_ACTIVATIONS[net.shape.objective]
    if activation is not unchanged:
        directions = directions / values.flip(0)[:count].clamp(min=1e-8).sqrt()[:, None]
    moved = RELU_START if activation is F.relu else 0.0
    assert net.analysis.bias is not None
    assert net.synthesis.bias is not None
    net.analysis.weight[:count] = directions.reshape(count, 3, STRIDE, STRIDE).float()
    net.analysis.bias[:count] = (moved - directions @ mean).float()
    kernels = net.analysis.weight.flatten(1).double()
    code = activation(kernels @ blocks + net.analysis.bias.double()[:, None])
    code = torch.cat([code, torch.ones_like(code[:1])])
    normal = code @ code.T
    ridge = 1e-6 * normal.trace() / len(normal) * torch.eye(len(normal), dtype=torch.float64)
    fit = torch.linalg.solve(normal + ridge, code @ blocks.T).T
    net.synthesis.weight.copy_(fit[:, :-1, None, None])
    net.synthesis.bias.copy_(fit[:, -1])
