"""How much memory a picture takes that is restored whole."""

from typing import Final, Literal, NamedTuple

from imgae.io.measure import Size

Task = Literal["denoise", "inpaint", "mask"]


class Cost(NamedTuple):
    """What a task takes: MiB by itself and at least, bytes for a pixel, and copies of the samples.

    copies: for samples of 1, 2 and 4 bytes.
    """

    base: int
    least: int
    pixel: float
    copies: tuple[float, float, float]


COSTS: Final[dict[str, Cost]] = {
    "denoise": Cost(215, 0, 0, (4.5, 5.2, 4.8)),
    "inpaint": Cost(170, 480, 34, (1.0, 1.0, 1.5)),
    "mask": Cost(160, 0, 11.5, (1.0, 1.0, 1.5)),
}
"""Fitted to the peaks of `imgae` on photographs of 1 to 48 megapixels, in the smallest tiles."""
WHOLE: Final = 688
"""Bytes for a pixel that a network takes without tiles, the most of the cards of shipped models."""
MORE: Final = 1.15
"""What is added, so that a picture that is begun can be finished."""


def needed(size: Size, task: Task, *, tiled: bool = True) -> int:
    """Return about how many bytes a process takes that restores a picture whole.

    Too many rather than too few, by 10 to 20 %; its tiles take more where there is more. Of several
    frames one is worked on at a time, while all are held twice. tiled: whether networks take it in
    tiles, and not as a whole.
    """
    cost = COSTS[task]
    copies = dict(zip((1, 2, 4), cost.copies, strict=True))[size.item]
    frame = size.nbytes / size.frames
    others = 2 * (size.nbytes - frame)
    pixel = cost.pixel if tiled else max(cost.pixel, WHOLE)
    work = pixel * size.width * size.height + copies * frame
    return int(MORE * max(cost.least << 20, (cost.base << 20) + work + others))


def size_in_words(count: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{max(1, count >> 20)} MiB"
