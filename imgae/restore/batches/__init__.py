"""Many pictures: which there are, where results go, what is done already, the run, its report."""

__all__ = [
    "api",
    "cluster",
    "denoising",
    "engine",
    "inputs",
    "joining",
    "journal",
    "mask_file",
    "masks",
    "outputs",
    "record",
    "rehearsal",
    "room",
    "run",
    "watch",
    "work",
]
