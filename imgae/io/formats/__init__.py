"""The file formats, one a module, and the table that lists them."""

__all__ = ["table"]
