"""Search of pictures by pictures: vectors, the file that holds them, neighbours, groups, sheets."""

__all__ = [
    "choosing",
    "describe",
    "finding",
    "gather",
    "groups",
    "index",
    "nearest",
    "reading",
    "rows",
    "sheet",
    "store",
    "threshold",
]
