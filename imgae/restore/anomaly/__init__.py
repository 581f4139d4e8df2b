"""What differs from good pictures: fitting a model of them, scores, boxes and heat maps."""

__all__ = [
    "boxes",
    "calibrate",
    "cells",
    "fit",
    "graph",
    "heat",
    "normal",
    "scorer",
    "sources",
    "statistics",
]
