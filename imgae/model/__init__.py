"""Model files: what they promise, and how they run."""

__all__ = [
    "card",
    "contract",
    "machine",
    "onnxfile",
    "registry",
    "scores",
    "session",
    "stitch",
    "verify",
]
