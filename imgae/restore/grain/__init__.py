"""Grain and noise that continue in what was filled."""

__all__ = ["field", "fills", "noise", "surroundings"]
