"""How much memory a picture takes that is restored whole."""

from typing import Final, Literal

from imgae.io.measure import Size

Task = Literal["denoise", "inpaint", "mask"]

BASE: Final = {"denoise": 300, "inpaint": 500, "mask": 300}
FACTORS: Final = {"denoise": (4.0, 4.0), "inpaint": (4.0, 40.0), "mask": (2.0, 8.0)}


def needed(size: Size, task: Task) -> int:
    """Return about how many bytes a process takes that restores a picture whole."""
    samples, pixels = FACTORS[task]
    return (BASE[task] << 20) + int(samples * size.nbytes + pixels * size.pixels)


def size_in_words(count: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{max(1, count >> 20)} MiB"
