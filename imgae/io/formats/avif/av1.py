"""How AV1 stores a picture, from the headers of its pixels."""

from typing import Final

from imgae.io.bmff.boxes import Box, Cursor

SUBSAMPLINGS: Final = {(0, 0): "444", (1, 0): "422", (1, 1): "420"}


class Bits:
    """Reads numbers of any count of bits. Raises ValueError beyond the end."""

    def __init__(self, data: bytes) -> None:
        self.value, self.left = int.from_bytes(data), 8 * len(data)

    def number(self, count: int) -> int:
        self.left -= count
        if self.left < 0:
            raise ValueError("the header of its pixels is cut short")
        return self.value >> self.left & ((1 << count) - 1)


def coded_size(payload: bytes) -> tuple[int, int]:
    """Return width and height from the sequence header of AV1. Raises ValueError without one."""
    at = 0
    for _ in range(16):
        if at + 2 > len(payload):
            break
        kind, extended, sized = payload[at] >> 3 & 15, payload[at] & 4, payload[at] & 2
        at += 2 if extended else 1
        size = len(payload) - at
        if sized:
            size, shift = 0, 0
            while shift < 56 and at < len(payload):
                byte = payload[at]
                at += 1
                size |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
        if kind == 1:
            return sequence_size(Bits(payload[at : at + min(size, 400)]))
        at += size
    raise ValueError("its pixels have no header")


def sequence_size(bits: Bits) -> tuple[int, int]:
    bits.number(4)  # profile and whether it is a still picture
    if bits.number(1):  # the short header of a still picture
        bits.number(5)
    else:
        delay = 0
        modelled = 0
        if bits.number(1):  # timing
            bits.number(64)
            if bits.number(1):
                zeros = 0
                while not bits.number(1):
                    zeros += 1
                bits.number(zeros)
            modelled = bits.number(1)
            if modelled:
                delay = bits.number(5) + 1
                bits.number(42)
        display = bits.number(1)
        for _ in range(bits.number(5) + 1):
            bits.number(12)
            if bits.number(5) > 7:
                bits.number(1)
            if modelled and bits.number(1):
                bits.number(2 * delay + 1)
            if display and bits.number(1):
                bits.number(4)
    across, down = bits.number(4) + 1, bits.number(4) + 1
    return bits.number(across) + 1, bits.number(down) + 1


def configuration(data: bytes, codec: Box) -> tuple[int, bool, str]:
    """Return bits of a sample, whether it is gray, and the subsampling."""
    flags = Cursor(data, codec).number(4) >> 8 & 0xFF
    bits = 8 if not flags & 0x40 else 12 if flags & 0x20 else 10
    return bits, bool(flags & 0x10), SUBSAMPLINGS.get((flags >> 3 & 1, flags >> 2 & 1), "444")
