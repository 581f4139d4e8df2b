"""AVIF: its items and sequences, and the headers of AV1."""

__all__ = ["av1", "format", "items", "sequences"]
