"""Training by several processes that share each batch, as torchrun starts them.

Every process draws the whole batch and its corruption, from the same numbers. The network runs on
one process's share of it, and its outputs are gathered: so the objective sees the whole batch
everywhere, statistics over it too, and every process has the loss that one alone would have.
Gradients take the way back: each process follows those of its share, and those of the weights are
added up. The order of sums aside, a step is that of one process.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from imgae.errors import TrainingError

Value = TypeVar("Value")
ENDED: Final = (
    "another process of this run has ended, and this one with it; what it said is above; continue "
    "from the last checkpoint with --resume"
)


@dataclass(frozen=True)
class Team:
    """The processes of a run, and which of them this is.

    local: its number on its machine, which is that of its GPU. beside: processes on this machine.
    """

    rank: int = 0
    size: int = 1
    local: int = 0
    beside: int = 1

    @property
    def first(self) -> bool:
        """Whether it is this process that writes, validates and prints."""
        return self.rank == 0

    def shared(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Let each process run a function of batches on its share, and gather what it returns.

        The function maps tensors (B, ...), or (1, ...) where one is for all, to a tensor
        (B, ...) or to a tuple of such, each picture alone.
        """
        return function if self.size == 1 else Shared(function, self)

    def add_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Add up the gradients of all processes, in place."""
        gradients = [x.grad for x in parameters if x.grad is not None]
        if self.size == 1 or not gradients:
            return
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        with told_when_one_ends():
            dist.all_reduce(flat)
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def agreed(self, seconds: float, stop: bool) -> tuple[float, bool]:
        """Return the first process's seconds, and whether any of them is to stop."""
        if self.size == 1:
            return seconds, stop
        said = torch.tensor([seconds if self.first else 0.0, float(stop)], dtype=torch.float64)
        with told_when_one_ends():
            dist.all_reduce(said)
        return float(said[0]), bool(said[1] > 0)

    def told(self, find: Callable[[], Value]) -> Value:
        """Return what the first process finds; the others wait for it."""
        if self.size == 1:
            return find()
        found = [find() if self.first else None]
        with told_when_one_ends():
            dist.broadcast_object_list(found)
        value: Value = found[0]  # type: ignore[assignment]
        return value


ALONE: Final = Team()


def team() -> Team:
    """Return which process this is, by what torchrun sets in the environment."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    given = [os.environ.get(name, "") for name in names]
    if given[1] in ("", "1"):
        return ALONE
    if not all(text.isascii() and text.isdigit() for text in given):
        raise TrainingError(
            f"WORLD_SIZE says that there are {given[1]} processes, but {', '.join(names)} are not "
            "all numbers; start them with torchrun"
        )
    return Team(*map(int, given))


@contextlib.contextmanager
def joined() -> Iterator[Team]:
    """Connect this process with the others of its run, if there are any."""
    found = team()
    if found.size == 1:
        yield found
        return
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    try:
        dist.init_process_group(backend)
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            f"the {found.size} processes of this run found no way to each other: "
            f"{str(error).splitlines()[0]}"
        ) from error
    try:
        yield found
    finally:
        dist.destroy_process_group()


@contextlib.contextmanager
def told_when_one_ends() -> Iterator[None]:
    """Turn what a lost connection raises into a sentence."""
    try:
        yield
    except RuntimeError as error:
        raise TrainingError(ENDED) from error


class Shared:
    """A function of batches of which each process runs its share. Calls inside are left alone."""

    def __init__(self, function: Callable[..., Any], team: Team) -> None:
        self.function = function
        self.team = team
        self.inside = False

    def __call__(self, *inputs: Tensor) -> Any:
        """inputs: (B, ...) or (1, ...) each. Returns what the function would."""
        if self.inside:
            return self.function(*inputs)
        batch = max(len(entry) for entry in inputs)
        whole = batch + -batch % self.team.size  # the first picture fills up
        self.inside = True
        try:
            found = self.function(*(self.part(entry, batch, whole) for entry in inputs))
        finally:
            self.inside = False
        if isinstance(found, Tensor):
            return self.gathered(found, batch)
        entries = [self.gathered(entry, batch) for entry in found]
        return type(found)(*entries) if hasattr(found, "_fields") else tuple(entries)

    def part(self, entry: Tensor, batch: int, whole: int) -> Tensor:
        if len(entry) != batch:
            entry = entry.expand(batch, *entry.shape[1:])
        if whole > batch:
            entry = torch.cat([entry, entry[:1].expand(whole - batch, *entry.shape[1:])])
        taken: Tensor = Take.apply(entry, self.team)  # type: ignore[no-untyped-call]
        return taken

    def gathered(self, entry: Tensor, batch: int) -> Tensor:
        whole: Tensor = Gather.apply(entry, self.team)  # type: ignore[no-untyped-call]
        return whole[:batch]


class Take(torch.autograd.Function):
    """A process's share of a batch that all have; its gradients are gathered."""

    @staticmethod
    def forward(ctx: Any, whole: Tensor, team: Team) -> Tensor:
        """(B, ...) to (B / size, ...)."""
        ctx.team = team
        return whole.chunk(team.size)[team.rank].clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return Gather.apply(gradient, ctx.team), None  # type: ignore[no-untyped-call]


class Gather(torch.autograd.Function):
    """The shares of all processes as one batch; each gets the gradients of its own share."""

    @staticmethod
    def forward(ctx: Any, part: Tensor, team: Team) -> Tensor:
        """(B / size, ...) to (B, ...), in the part's memory layout."""
        ctx.team = team
        last = part.ndim == 4 and part.is_contiguous(memory_format=torch.channels_last)
        rows = part.permute(0, 2, 3, 1) if last else part.contiguous()
        parts = [torch.empty_like(rows) for _ in range(team.size)]
        with told_when_one_ends():
            dist.all_gather(parts, rows)
        whole = torch.cat(parts)
        return whole.permute(0, 3, 1, 2) if last else whole

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return Take.apply(gradient, ctx.team), None  # type: ignore[no-untyped-call]
