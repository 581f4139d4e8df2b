"""JPEG XL: its headers, frames, colours and profiles."""

__all__ = ["bits", "colours", "entropy", "format", "frames", "header", "profile"]
