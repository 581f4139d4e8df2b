"""Entropy coding of a JPEG XL codestream: what its header's colour profile is packed with."""

from typing import Final

from imgae.io.formats.jxl.bits import Reader, Writer

PREFIX_ALPHABET: Final = 15
TABLE_BITS: Final = 12
TABLE: Final = 1 << TABLE_BITS
REPEAT_LOG: Final = TABLE_BITS + 1
LOG_CODES: Final = {  # of low bits read: how many there are, and the logarithm they mean
    (3, 0): 10,
    (3, 2): 7,
    (3, 4): 6,
    (3, 5): 8,
    (3, 6): 9,
    (4, 3): 3,
    (4, 7): 5,
    (4, 9): 4,
    (4, 11): 1,
    (4, 15): 2,
    (5, 17): 0,
    (6, 33): 11,
    (7, 1): 12,
    (7, 65): 13,
}
LENGTH_ORDER: Final = (1, 2, 3, 4, 0, 5, 17, 6, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15)
LENGTH_CODES: Final = {  # of the lengths of the code for lengths
    (2, 0): 0,
    (2, 1): 4,
    (2, 2): 3,
    (3, 3): 2,
    (4, 7): 1,
    (4, 15): 5,
}
WINDOW: Final = 1 << 20
MOST_CLUSTERS: Final = 256

Config = tuple[int, int, int]
"""How a token makes a number: the exponent of the split, and bits in the token, high and low."""


class PrefixCode:
    """A prefix code, by the lengths of its symbols' codes."""

    def __init__(self, lengths: dict[int, int]) -> None:
        self.only = next(iter(lengths)) if len(lengths) == 1 else None
        self.longest = 0 if self.only is not None else max(lengths.values(), default=0)
        self.found: list[tuple[int, int]] = [(0, 0)] * (1 << self.longest)
        if self.only is not None:
            return
        code = length = 0
        for symbol in sorted(lengths, key=lambda one: (lengths[one], one)):
            code <<= lengths[symbol] - length
            length = lengths[symbol]
            if code >> length:
                raise ValueError("a prefix code is overfull")
            first = int(f"{code:0{length}b}"[::-1], 2)  # the first bit is the lowest
            for place in range(first, 1 << self.longest, 1 << length):
                self.found[place] = symbol, length
            code += 1
        if code != 1 << length:
            raise ValueError("a prefix code is not full")

    def read(self, reader: Reader) -> int:
        if self.only is not None:
            return self.only
        symbol, length = self.found[reader.peek(self.longest)]
        reader.at += length
        if reader.at > reader.end:
            raise ValueError("the codestream ends too early")
        return symbol


def read_code(reader: Reader, codes: dict[tuple[int, int], int]) -> int:
    """Read one of a few codes, known by how many low bits they have and what those are."""
    for length in range(2, 8):
        found = codes.get((length, reader.peek(length)))
        if found is not None:
            reader.bits(length)
            return found
    raise ValueError("no such code")


def read_prefix_code(reader: Reader, size: int) -> PrefixCode:
    """Read the prefix code of an alphabet."""
    if size == 1:
        return PrefixCode({0: 0})
    skip = reader.bits(2)
    if skip == 1:
        return read_simple_code(reader, size)
    lengths: dict[int, int] = {}
    space = 32
    for place in LENGTH_ORDER[skip:]:
        length = read_code(reader, LENGTH_CODES)
        if length:
            lengths[place] = length
            space -= 32 >> length
            if space <= 0:
                break
    if not lengths or (len(lengths) > 1 and space):
        raise ValueError("a code for lengths is not full")
    return PrefixCode(read_lengths(reader, PrefixCode(lengths), size))


def read_lengths(reader: Reader, code: PrefixCode, size: int) -> dict[int, int]:
    """Read the lengths of an alphabet's codes, which have a code of their own."""
    found: dict[int, int] = {}
    symbol, left, last, repeat, repeated = 0, 1 << 15, 8, 0, 0
    while symbol < size and left > 0:
        length = code.read(reader)
        value, count = length, 1
        if length < 16:
            repeat = 0
            last = length or last
        else:
            more = 2 if length == 16 else 3
            value = last if length == 16 else 0
            before = repeat if repeated == value else 0
            repeat = (before - 2 << more if before else 0) + reader.bits(more) + 3
            count, repeated = repeat - before, value
        if symbol + count > size:
            raise ValueError("a code has too many symbols")
        if value:
            found.update(dict.fromkeys(range(symbol, symbol + count), value))
            left -= count * ((1 << 15) >> value)
        symbol += count
    return found


def read_simple_code(reader: Reader, size: int) -> PrefixCode:
    count = 1 + reader.bits(2)
    width = (size - 1).bit_length()
    symbols = [reader.bits(width) for _ in range(count)]
    if len(set(symbols)) != count or max(symbols) >= size:
        raise ValueError("a code has a symbol twice")
    lengths = {1: (0,), 2: (1, 1), 3: (1, 2, 2), 4: (2, 2, 2, 2)}[count]
    if count == 4 and reader.flag():
        lengths = (1, 2, 3, 3)
    return PrefixCode(dict(zip(symbols, lengths, strict=True)))


def read_short(reader: Reader, width: int) -> int:
    """Read a small number; width: of the field that says how many bits it has."""
    if not reader.flag():
        return 0
    count = reader.bits(width)
    return (1 << count) + reader.bits(count)


class Distribution:
    """How often symbols come, as the state of an ANS coder uses it."""

    def __init__(self, counts: list[int], log_alphabet: int) -> None:
        size = 1 << log_alphabet
        if len(counts) > size:
            raise ValueError("an alphabet is too large")
        self.counts = counts + [0] * (size - len(counts))
        self.log_bucket = TABLE_BITS - log_alphabet
        bucket = 1 << self.log_bucket
        self.cutoffs, self.symbols, self.offsets = list(self.counts), [0] * size, [0] * size
        if TABLE in counts:
            self.cutoffs = [0] * size
            self.symbols = [counts.index(TABLE)] * size
            self.offsets = [bucket * index for index in range(size)]
            return
        over = [index for index in range(size) if self.cutoffs[index] > bucket]
        under = [index for index in range(size) if self.cutoffs[index] < bucket]
        while over:
            if not under:
                raise ValueError("a distribution does not add up")
            giver, taker = over.pop(), under.pop()
            self.cutoffs[giver] -= bucket - self.cutoffs[taker]
            self.symbols[taker], self.offsets[taker] = giver, self.cutoffs[giver]
            if self.cutoffs[giver] < bucket:
                under.append(giver)
            elif self.cutoffs[giver] > bucket:
                over.append(giver)
        for index in range(size):
            if self.cutoffs[index] == bucket:
                self.symbols[index], self.offsets[index], self.cutoffs[index] = index, 0, 0
            else:
                self.offsets[index] -= self.cutoffs[index]

    def find(self, low: int) -> tuple[int, int]:
        """Return the symbol that the low bits of a state mean, and the place in its range."""
        index, place = low >> self.log_bucket, low & (1 << self.log_bucket) - 1
        if place >= self.cutoffs[index]:
            return self.symbols[index], self.offsets[index] + place
        return index, place


def read_counts(reader: Reader) -> list[int]:
    """Read how often symbols come, of TABLE."""
    if reader.flag():
        first, *second = (read_short(reader, 3) for _ in range(1 + reader.flag()))
        counts = [0] * (1 + max(first, *second, 0))
        if second:
            if first == second[0]:
                raise ValueError("a distribution has a symbol twice")
            counts[first] = reader.bits(TABLE_BITS)
            counts[second[0]] = TABLE - counts[first]
        else:
            counts[first] = TABLE
        return counts
    if reader.flag():
        size = 1 + read_short(reader, 3)
        return [TABLE // size + (index < TABLE % size) for index in range(size)]
    length = 0
    while length < 3 and reader.flag():
        length += 1
    shift = reader.bits(length) + (1 << length) - 1
    if shift > TABLE_BITS + 1:
        raise ValueError("a distribution is too fine")
    return read_fine_counts(reader, shift)


def read_fine_counts(reader: Reader, shift: int) -> list[int]:
    size = 3 + read_short(reader, 3)
    logs: list[int] = []
    runs: dict[int, int] = {}
    largest, omitted = -1, -1
    while len(logs) < size:
        log = read_code(reader, LOG_CODES)
        if log == REPEAT_LOG:
            run = read_short(reader, 3) + 4
            runs[len(logs)] = run
            logs += [log] * run
            continue
        if log > largest:
            largest, omitted = log, len(logs)
        logs.append(log)
    if omitted < 0 or len(logs) > size or logs[omitted + 1 : omitted + 2] == [REPEAT_LOG]:
        raise ValueError("a distribution is damaged")
    counts: list[int] = []
    while len(counts) < size:
        index = len(counts)
        log = logs[index]
        if index in runs:
            counts += [counts[-1] if counts else 0] * runs[index]
        elif index == omitted or log == 0:
            counts.append(0)
        elif log == 1:
            counts.append(1)
        else:
            fine = max(0, min(log - 1, shift - (TABLE_BITS - log + 1 >> 1)))
            counts.append((1 << log - 1) + (reader.bits(fine) << log - 1 - fine))
    counts[omitted] = TABLE - sum(counts)
    if counts[omitted] <= 0:
        raise ValueError("a distribution does not add up")
    return counts


class Decoder:
    """Reads numbers that are entropy-coded by context."""

    def __init__(self, reader: Reader, contexts: int, depth: int = 0) -> None:
        if depth > 2:
            raise ValueError("codes are nested too deeply")
        self.reader = reader
        self.copies = reader.flag()
        if self.copies:
            self.least_copy = reader.number((224, 0), (512, 0), (4096, 0), (8, 15))
            self.least_length = reader.number((3, 0), (4, 0), (5, 2), (9, 8))
            self.length_config = read_config(reader, 8)
            contexts += 1
        self.clusters = read_clusters(reader, contexts, depth) if contexts > 1 else [0]
        count = max(self.clusters) + 1
        prefix = reader.flag()
        log_alphabet = PREFIX_ALPHABET if prefix else 5 + reader.bits(2)
        self.configs = [read_config(reader, log_alphabet) for _ in range(count)]
        self.codes: list[PrefixCode] = []
        self.distributions: list[Distribution] = []
        self.state = 0
        if prefix:
            sizes = [1 + read_short(reader, 4) for _ in range(count)]
            self.codes = [read_prefix_code(reader, size) for size in sizes]
        else:
            self.distributions = [
                Distribution(read_counts(reader), log_alphabet) for _ in range(count)
            ]
            self.state = reader.bits(32)
        self.window: list[int] = []
        self.left, self.source = 0, 0

    def token(self, cluster: int) -> int:
        if self.codes:
            return self.codes[cluster].read(self.reader)
        distribution = self.distributions[cluster]
        symbol, place = distribution.find(self.state & TABLE - 1)
        self.state = distribution.counts[symbol] * (self.state >> TABLE_BITS) + place
        if self.state < 1 << 16:
            self.state = self.state << 16 | self.reader.bits(16)
        return symbol

    def number(self, context: int) -> int:
        """Return the next number, coded for a context."""
        if not self.left:
            cluster = self.clusters[context]
            token = self.token(cluster)
            if not self.copies or token < self.least_copy:
                value = whole(self.reader, token, self.configs[cluster])
                if self.copies:
                    self.window.append(value)
                return value
            token -= self.least_copy
            self.left = whole(self.reader, token, self.length_config) + self.least_length
            cluster = self.clusters[-1]
            distance = 1 + whole(self.reader, self.token(cluster), self.configs[cluster])
            self.source = len(self.window) - min(distance, len(self.window), WINDOW)
        value = self.window[self.source] if self.source < len(self.window) else 0
        self.source += 1
        self.left -= 1
        self.window.append(value)
        return value


def read_config(reader: Reader, log_alphabet: int) -> Config:
    split = reader.bits(log_alphabet.bit_length())
    if split == log_alphabet:
        return split, 0, 0
    high = reader.bits(split.bit_length())
    if high > split:
        raise ValueError("a code has too many bits in its token")
    low = reader.bits((split - high).bit_length())
    if high + low > split:
        raise ValueError("a code has too many bits in its token")
    return split, high, low


def whole(reader: Reader, token: int, config: Config) -> int:
    """Return the number that a token and the bits after it make."""
    split, high, low = config
    if token < 1 << split:
        return token
    count = split - high - low + (token - (1 << split) >> high + low)
    if count > 32:
        raise ValueError("a number is too large")
    top = token >> low & (1 << high) - 1 | 1 << high
    return (top << count | reader.bits(count)) << low | token & (1 << low) - 1


def read_clusters(reader: Reader, contexts: int, depth: int) -> list[int]:
    """Return which code each context uses."""
    if reader.flag():
        width = reader.bits(2)
        return [reader.bits(width) for _ in range(contexts)]
    to_front = reader.flag()
    decoder = Decoder(reader, 1, depth + 1)
    found = [decoder.number(0) for _ in range(contexts)]
    if max(found) >= MOST_CLUSTERS:
        raise ValueError("too many codes")
    if to_front:
        order = list(range(MOST_CLUSTERS))
        for place, index in enumerate(found):
            found[place] = order.pop(index)
            order.insert(0, found[place])
    return found


def pack_bytes(writer: Writer, data: bytes) -> None:
    """Write bytes, each in eight bits, as a Decoder of several contexts reads them."""
    writer.flag(False)  # no copies
    writer.flag(True)  # one code for all contexts,
    writer.bits(0, 2)
    writer.flag(True)  # a prefix code,
    writer.bits(8, 4)  # whose tokens are the bytes,
    writer.bits(0, 4)
    writer.bits(0, 4)
    writer.flag(True)  # of 256,
    writer.bits(7, 4)
    writer.bits(127, 7)
    writer.bits(0, 2)
    for place in LENGTH_ORDER:  # all of length 8
        writer.bits(int(place == 8), 2)
    reversed_bytes = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
    writer.bits(int.from_bytes(data.translate(reversed_bytes), "little"), 8 * len(data))
