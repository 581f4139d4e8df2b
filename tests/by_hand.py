"""What the command line makes of a picture, for what is to be equal to it."""

import uuid

from imgae.cli import main


def by_hand(command, source, *words):
    """Return the bytes of a result."""
    out = source.with_name(f"{uuid.uuid4().hex}{source.suffix}")
    assert main([command, str(source), "-o", str(out), "--quiet", *map(str, words)]) == 0
    return out.read_bytes()
