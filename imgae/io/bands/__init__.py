"""Reading and writing pictures by rows, format by format; imgae.io.large is what others use."""

__all__ = [
    "content",
    "inflating",
    "plain_rows",
    "plain_writing",
    "png_rows",
    "png_writing",
    "source",
    "tiff_rows",
    "tiff_writing",
    "writing",
]
