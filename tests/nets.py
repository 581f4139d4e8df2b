"""Networks and runs of a task, for tests of training."""

from imgae.training import runs
from imgae.training.tasks import lookup


def settings(task="denoise", **changes):
    return lookup.load(task).settings(**changes)


def build(variant, task="denoise", **changes):
    """A network, freshly initialised from torch's current random state."""
    return lookup.load(task).network(settings(task, variant=variant, **changes))


def silent(_):
    return


def start(config, folder, report=silent):
    """Train on one thread of the CPU."""
    return runs.start(config, folder, "cpu", 1, silent, report)
