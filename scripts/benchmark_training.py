#!/usr/bin/env python3
"""Time training steps of this revision beside another's, and count what they launch.

    git worktree add /tmp/before REVISION
    python scripts/benchmark_training.py --before /tmp/before --tasks denoise camera

Both take turns on the same pictures, which are random. On a CPU, with one thread, the time is that
of the processor, which other work on the machine hardly changes.
Operations are those that reach the dispatcher and are no views: on a GPU, about as many kernels.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]


def main():
    options = parser().parse_args()
    if options.measure:
        print(json.dumps(measured(options)))
        return
    columns = "task variant steps/s before after ratio operations before after of optimiser"
    print(f"{columns} before after corruption's share of time", flush=True)
    for task in options.tasks:
        for variant in options.variants:
            before, after = compared(options, task, variant)
            rate = [1 / result["seconds"] for result in (before, after)]
            print(
                f"{task} {variant}: {rate[0]:.2f} {rate[1]:.2f} {rate[1] / rate[0]:.2f}; "
                f"{before['operations']} {after['operations']}; "
                f"{before['of_optimiser']} {after['of_optimiser']}; {after['corruption']:.0%}",
                flush=True,
            )


def parser():
    result = argparse.ArgumentParser(description=__doc__)
    add = result.add_argument
    add("--before", type=Path, default=HERE, help="the other revision's tree")
    add("--tasks", nargs="+", default=["denoise"])
    add("--variants", nargs="+", default=["fast", "balanced", "best"])
    add("--device", default="cpu")
    add("--autocast", default="none", help="bf16 or none")
    add("--batch", type=int, default=12)
    add("--crop", type=int, default=128)
    add("--steps", type=int, default=6, help="of each round, after two to warm up")
    add("--rounds", type=int, default=2)
    add("--threads", type=int, default=1)
    add("--compile", action="store_true", help="compile the network after, not before")
    add("--measure", action="store_true", help=argparse.SUPPRESS)
    return result


def compared(options, task, variant):
    """Return the medians of both trees' rounds."""
    results = {options.before: [], HERE: []}
    for _ in range(options.rounds):
        for tree, found in results.items():
            words = [sys.executable, __file__, "--measure", "--tasks", task, "--variants", variant]
            for name in ("device", "autocast", "batch", "crop", "steps", "threads"):
                words += [f"--{name}", str(getattr(options, name))]
            if options.compile and tree == HERE:
                words.append("--compile")
            done = subprocess.run(  # noqa: S603 - this file
                words,
                env={**os.environ, "PYTHONPATH": str(tree)},
                cwd=tree,
                capture_output=True,
                text=True,
                check=True,
            )
            found.append(json.loads(done.stdout.splitlines()[-1]))
    return [
        {name: statistics.median(result[name] for result in found) for name in found[0]}
        for found in (results[options.before], results[HERE])
    ]


def measured(options):
    """Return the seconds of a step, its operations, and the corruption's share of the time."""
    import torch

    trainer = trainer_for(options)
    clock = time.process_time if (options.device, options.threads) == ("cpu", 1) else time.monotonic
    spent = timed_corruption(trainer, clock)
    if options.compile:
        trainer.compile(print)

    def ready():
        if options.device == "cuda":
            torch.cuda.synchronize()

    for _ in range(2):
        trainer.train_step()
    seconds = []
    spent.clear()
    for _ in range(options.steps):
        ready()
        begun = clock()
        trainer.train_step()
        ready()
        seconds.append(clock() - begun)
    share = sum(spent) / sum(seconds)
    total = of_optimiser = 0
    if not options.compile:
        counter = counting()
        step = trainer.optimizer.step
        inside = []

        def counted_step(rate):
            before = counter.count
            step(rate)
            inside.append(counter.count - before)

        trainer.optimizer.step = counted_step
        with counter:
            trainer.train_step()
        total, of_optimiser = counter.count, inside[0]
    return {
        "seconds": min(seconds),
        "operations": total,
        "of_optimiser": of_optimiser,
        "corruption": share,
    }


def trainer_for(options):
    import numpy as np
    import torch

    from imgae.training.data import PictureBank
    from imgae.training.loop import Trainer
    from imgae.training.tasks import lookup

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    task = lookup.load(options.tasks[0])
    settings = task.settings(
        variant=options.variants[0],
        steps=1_000_000,
        batch=options.batch,
        crop=options.crop,
        autocast=options.autocast,
        channels_last=True,
    )
    place = torch.device(options.device)
    draw = np.random.default_rng(0)
    side = 2 * options.crop
    bank = PictureBank.of([draw.integers(0, 256, (side, side, 3), np.uint8)] * 4, place)
    objective = task.objective(settings, place)
    task.prepare(objective, bank, settings)
    return Trainer(task.network(settings), objective, bank, settings, place)


def timed_corruption(trainer, clock):
    """Let a trainer's objective note the seconds of each corruption in the list returned."""
    spent = []
    corruption = getattr(trainer.objective, "corruption", None)
    if corruption is None:
        return spent

    class Timed:
        def __getattr__(self, name):
            return getattr(corruption, name)

        def __call__(self, *given):
            import torch

            begun = clock()
            result = corruption(*given)
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            spent.append(clock() - begun)
            return result

    trainer.objective = replace(trainer.objective, corruption=Timed())
    return spent


def counting():
    """Return a context that counts operations."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Counter(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, function, _, given=(), named=None):
            self.count += not function.is_view
            return function(*given, **(named or {}))

    return Counter()


if __name__ == "__main__":
    main()
