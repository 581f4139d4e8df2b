"""From which score on pictures count as nearly the same. Loads nothing, for the command line."""

from typing import Final

THRESHOLD: Final = 0.9
"""The least cosine."""
