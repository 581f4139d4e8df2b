"""TIFF: its directories, segments, colours and tags."""

__all__ = [
    "build",
    "codecs",
    "colours",
    "container",
    "format",
    "layout",
    "metadata",
    "notes",
    "segments",
    "stacks",
    "strips",
]
