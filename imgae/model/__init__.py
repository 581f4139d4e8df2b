"""Model files: what they promise, and how they run."""
