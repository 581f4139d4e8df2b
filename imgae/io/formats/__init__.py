"""The file formats, a module or a package each, and the table that lists them."""

__all__ = ["table"]
