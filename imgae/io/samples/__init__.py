"""Samples: their bits, alpha that is multiplied in, and palettes."""

__all__ = ["associated", "depth", "frames", "packing", "palettes"]
