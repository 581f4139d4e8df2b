from torch import Generator, Tensor, nn
from imgae.training.noise_model import NoiseModel


class Recorrupted:
    def __init__(self, noise: NoiseModel, strength: float = 0.5) -> None:
        self.noise, self.strength = noise, strength

    def __call__(self, net: nn.Module, clean: Tensor, generator: Generator):
        import torch.nn.functional as F

        signal = F.avg_pool2d(F.pad(clean, [2] * 4, mode="replicate"), 5, stride=1)
        w = self.noise.draw(signal, generator)
        t = self.strength
        out = net(clean + t * w, (1 + t * t) ** 0.5).float()
        error = (out - (clean - w / t)).square().mean()
        return error / (self.noise.level() ** 2 * (1 + 1 / t**2)), {"mse": error}
