import math
import numpy as np
import torch
import torch.nn.functional as F
from imgae.training.loop import Measure
from imgae.training.validate import write_sheet

GAIN = Measure("gain", "{:+.2f} dB (estimated)")


class UnseenGain:
    measure = GAIN

    def __init__(self, crops, noise, device):
        self.crops, self.noise, self.device = crops, noise, device

    @torch.no_grad()
    def score(self, net):
        total = power = 0.0
        for i, y in enumerate(self.crops):
            g = torch.Generator().manual_seed(i)
            out = net(y.to(self.device)).cpu()
            s = self.noise.sigma(out)
            b = self.noise.draw(out, g)
            div = (b * (net((y + 0.1 * b).to(self.device)).cpu() - out)).mean() / 0.1
            var = s.square().mean()
            total += float((out - y).square().mean() - var + 2 * div)
            power += float(var)
        return 10 * math.log10(power / max(total, 1e-12))

    def write_preview(self, net, path):
        write_sheet([(y, net(y.to(self.device)).clamp(0, 1).cpu(), y) for y in self.crops], path)
