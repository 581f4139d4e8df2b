"""The page and the API that `imgae serve` offers."""

__all__ = [
    "app",
    "detecting",
    "endpoints",
    "fields",
    "guard",
    "jobs",
    "openapi",
    "pictures",
    "problems",
    "schemas",
    "shown",
    "spans",
    "state",
    "store",
    "strokes",
    "uploads",
    "work",
]
