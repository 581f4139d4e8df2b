"""Bits of a JPEG XL codestream, the lowest of each byte first, and the numbers they make."""

from typing import Final

Choice = tuple[int, int]
"""One of four ways in which a number is written: an offset, and how many bits are added to it."""


class Reader:
    """Reads numbers one after another. Raises ValueError beyond the end."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at, self.end = data, at, len(data) * 8

    def bits(self, count: int) -> int:
        if self.at + count > self.end:
            raise ValueError("the codestream ends too early")
        value = self.peek(count)
        self.at += count
        return value

    def peek(self, count: int) -> int:
        """Return the next bits without passing them; 0 beyond the end."""
        begin = self.at >> 3
        stop = begin + (8 if count <= 56 else count // 8 + 2)
        window = int.from_bytes(self.data[begin:stop], "little")
        return window >> (self.at & 7) & (1 << count) - 1

    def flag(self) -> bool:
        return bool(self.bits(1))

    def number(self, *choices: Choice) -> int:
        """Return a number that is written in one of four ways (U32)."""
        offset, count = choices[self.bits(2)]
        return offset + self.bits(count)

    def enum(self) -> int:
        return self.number((0, 0), (1, 0), (2, 4), (18, 6))

    def long(self) -> int:
        """Return a number of up to 64 bits (U64)."""
        way = self.bits(2)
        if way < 3:
            offset, count = ((0, 0), (1, 4), (17, 8))[way]
            return offset + self.bits(count)
        value, shift = self.bits(12), 12
        while self.flag():
            if shift == 60:
                return value | self.bits(4) << shift
            value |= self.bits(8) << shift
            shift += 8
        return value

    def align(self) -> None:
        self.at = -(-self.at // 8) * 8

    def pass_extensions(self) -> None:
        present = self.long()
        sizes = [self.long() for _ in range(present.bit_count())]
        total = sum(sizes)
        if self.at + total > self.end:
            raise ValueError("the codestream ends too early")
        self.at += total


class Writer:
    """Writes numbers one after another, as Reader reads them."""

    def __init__(self) -> None:
        self.value, self.at = 0, 0

    def bits(self, value: int, count: int) -> None:
        self.value |= value << self.at
        self.at += count

    def flag(self, value: bool) -> None:
        self.bits(int(value), 1)

    def number(self, value: int, *choices: Choice) -> None:
        for way, (offset, count) in enumerate(choices):
            if offset <= value < offset + (1 << count):
                self.bits(way, 2)
                self.bits(value - offset, count)
                return
        raise ValueError(f"{value} cannot be written")

    def enum(self, value: int) -> None:
        self.number(value, (0, 0), (1, 0), (2, 4), (18, 6))

    def long(self, value: int) -> None:
        if value == 0:
            self.bits(0, 2)
        elif value <= 16:
            self.bits(1, 2)
            self.bits(value - 1, 4)
        elif value <= 272:
            self.bits(2, 2)
            self.bits(value - 17, 8)
        else:
            self.bits(3, 2)
            self.bits(value & 0xFFF, 12)
            value >>= 12
            while value:
                self.flag(True)
                self.bits(value & 0xFF, 8)
                value >>= 8
            self.flag(False)

    def copy(self, data: bytes, begin: int, end: int) -> None:
        """Write bits that stand between two places of other data."""
        self.bits(Reader(data, begin).bits(end - begin), end - begin)

    def align(self) -> None:
        self.at = -(-self.at // 8) * 8

    def content(self) -> bytes:
        return self.value.to_bytes(-(-self.at // 8), "little")


SIDES: Final[tuple[Choice, ...]] = ((1, 9), (1, 13), (1, 18), (1, 30))
