"""Fills of wide holes from patches of their surroundings."""

__all__ = ["field", "fill", "holes", "patches", "scales", "seams", "votes"]
