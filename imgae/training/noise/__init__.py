"""What noise pictures have, measured from noisy pictures alone or from pairs."""

__all__ = ["blocks", "fit", "model", "places", "spectrum"]
