"""From a trained float network to one that rounds.

It takes three steps. `rotate` changes the basis of the features, which leaves the network's
function as it is and makes rounding harmless; `quantise` lets it round; `calibrate` chooses
the ranges. It can then be trained further: rounding passes gradients as if it were not there
(Jacob et al. 2018, arXiv 1712.05877).
"""

from collections.abc import Callable
from typing import Final

from torch import Generator, Tensor

from imgae.training.data import PictureBank
from imgae.training.networks.body import Autoencoder, Network
from imgae.training.quantisation.basis import rotate
from imgae.training.quantisation.rounding import Batches, Example, calibrate, quantise
from imgae.training.settings import Settings

BATCHES: Final = 6
MOST_PIXELS: Final = 1 << 18
"""Of a batch: whoever trained on a GPU in large batches may export on less."""

Draw = Callable[[Tensor, Generator], Example]


def prepare(net: Network, batches: Batches) -> None:
    """Make a trained float network an int8 one, in place."""
    assert isinstance(net, Autoencoder)  # others are refused before (Task.check_int8)
    rotate(net, batches)
    quantise(net)
    calibrate(net, batches)


def example_batches(draw: Draw, bank: PictureBank, settings: Settings) -> Batches:
    """Return crops of a bank with a task's corruption, in main memory.

    draw: the task's `example`. Batches are as in training, but for MOST_PIXELS.
    """
    count = max(1, min(settings.batch, MOST_PIXELS // settings.crop**2))
    generator = Generator(bank.pixels.device).manual_seed(settings.seed)
    return [draw(bank.crops(count, settings.crop, generator), generator) for _ in range(BATCHES)]
