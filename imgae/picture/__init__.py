"""Pictures as values: pixels, and what is computed from them without files or models."""
