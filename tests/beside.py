"""One of several processes that train together: what tests/training/test_processes.py starts.

python beside.py RUN RESULT PORT PORT PORT CASE...

Takes steps of several tasks, continues a run, and then the second process dies in a step. What
each act gave goes to a JSON file. A PORT is for an act.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
import torch

from imgae.errors import TrainingError
from imgae.training import mask_bank, runs
from imgae.training.data import PictureBank
from imgae.training.loop import Trainer
from imgae.training.objectives.estimate import Estimating
from imgae.training.processes import joined
from imgae.training.tasks import lookup

CASES = {
    "denoise": ("denoise", {}),
    "contractive": ("denoise", {"objective": "contractive", "weight": 0.1, "crop": 16}),
    "spectral": ("denoise", {"objective": "spectral", "weight": 0.1, "crop": 16}),
    "camera": ("camera", {"autocast": "bf16"}),
    "inpaint": ("inpaint", {"batch": 9}),
    "detect": ("detect", {}),
    "code": ("code", {"objective": "contractive", "weight": 1e-6}),
    "sparse": ("code", {"objective": "sparse-kl", "weight": 1e-2}),
    "features": ("features", {"good": 2, "asked": 2, "side": 32, "crop": 64}),
    "search": ("search", {"crop": 64}),
    "estimate": ("estimate", {}),
}
"""Task and settings, by name."""


def losses(name, team, steps=2):
    task, changes = CASES[name]
    task = lookup.load(task)
    values = {"variant": "tiny", "steps": 50, "batch": 3, "crop": 32, "autocast": "none"}
    settings = task.settings(**values | {"warmup": 0} | changes)
    torch.manual_seed(0)
    draw = np.random.default_rng(0)
    bank = PictureBank.of([draw.integers(0, 256, (96, 96, 3), np.uint8) for _ in range(4)])
    net = task.network(settings)
    with torch.no_grad():  # the ends of residuals begin at zero, and would hide what is wrong
        for parameter in net.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    place = torch.device("cpu")
    if name == "estimate":
        objective = Estimating(lambda noisy: noisy * 0.9, lambda noisy, level: noisy * (1 - level))
        generator = torch.Generator().manual_seed(0)
        objective.prepare([(bank.crops(3, 32, generator), generator)])
    else:
        objective = task.objective(settings, place)
        task.prepare(objective, bank, settings)
    trainer = Trainer(net, objective, bank, settings, place, team)
    found = []
    for _ in range(steps):
        trainer.train_step()
        found.append(trainer.drain_sums())
    weights = sum(parameter.detach().double().abs().sum() for parameter in net.parameters())
    return {"terms": found, "weights": float(weights)}


def few_masks():
    """Let banks of masks hold few sheets."""
    real = mask_bank.draw_sheets
    mask_bank.draw_sheets = lambda kinds, count, seed: real(kinds, min(count, 6), seed)


def end_of_one(run):
    """Let the second process end in a step; return what the first is told."""
    step = Trainer.train_step

    def deadly(trainer):
        if trainer.team.rank == 1:
            os._exit(9)
        step(trainer)

    Trainer.train_step = deadly
    config = lookup.of_run(run)[1]
    try:
        runs.start(config, run / "dying", "cpu", 1, print, print)
    except TrainingError as error:
        return str(error)
    return "nothing"


def main(run, result, *more):
    ports, names = more[:3], more[3:]
    torch.set_num_threads(1)
    few_masks()
    os.environ["MASTER_PORT"] = ports[0]
    with joined() as team:
        found = {"losses": {name: losses(name, team) for name in names}}
    os.environ["MASTER_PORT"] = ports[1]
    outcome = runs.resume(run, "cpu", 1, print, lambda _: None)
    found["resumed"] = [outcome.step, outcome.finished]
    result.write_text(json.dumps(found))
    os.environ["MASTER_PORT"] = ports[2]
    found["told"] = end_of_one(run)
    result.write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
