"""What a client sent, as sentences repeat it: it may be of any length."""

from typing import Final

LONGEST: Final = 400
"""Characters of a sentence,"""
QUOTED: Final = 80
"""and of what it quotes."""


def shortened(text: str, most: int = LONGEST) -> str:
    """Return a text, of which the middle is left out if it is long."""
    return text if len(text) <= most else f"{text[: most // 2]}...{text[-most // 4 :]}"


def quoted(value: object) -> str:
    """Return a value in quotes, as a sentence may hold it."""
    return shortened(repr(value), QUOTED)
