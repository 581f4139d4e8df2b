"""The page of a run, and of several: what a folder tells, curves, HTML; it needs no torch."""

__all__ = ["charts", "page", "reading", "style"]
