"""From which score on pictures count as nearly the same. Loads nothing, for the command line."""

from typing import Final

THRESHOLD: Final = 0.65
"""The least cosine. Of 97,020 pairs of different pictures that the model `search` was not trained
on, one in 10,000 has more than 0.52, and none more than 0.62; copies have 0.96 and more if noisy or
saved as JPEG, and 0.80 (median) if only 70 % of each side is left.
"""
