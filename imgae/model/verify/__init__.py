"""Checks that a model file does what its card says."""

__all__ = [
    "checks",
    "claims",
    "learnt",
    "probes",
    "receptive_field",
    "reference",
    "report",
    "worker",
]
