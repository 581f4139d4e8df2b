"""Many pictures: what is to be done, by which engine, and what has been done."""

__all__ = ["watch"]
