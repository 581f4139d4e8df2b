"""The parts of TIFF: directories, segments, colours, tags; imgae.io.formats.tiff uses them."""

__all__ = [
    "build",
    "codecs",
    "colours",
    "container",
    "layout",
    "metadata",
    "notes",
    "segments",
    "stacks",
    "strips",
]
