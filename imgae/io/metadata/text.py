"""Comments: texts without a keyword, or with one before them, as some formats hold them."""

from typing import Final

COMMENT: Final = "Comment"
"""The keyword of a text that came without one."""


def decoded(comment: bytes) -> str:
    """Return a comment as text: as UTF-8, or as Latin-1 if it is none."""
    try:
        return comment.decode()
    except UnicodeDecodeError:
        return comment.decode("latin-1")


def as_comment(keyword: str, text: str) -> str:
    """Return a text as a comment, after its keyword if it has another than a comment's."""
    return text if keyword == COMMENT else f"{keyword}: {text}"
