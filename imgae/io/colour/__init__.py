"""Colours: profiles (ICC), inks, and conversions into sRGB."""

__all__ = ["cms", "inks"]
