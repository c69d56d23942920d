"""How likely a viewer looks at a place of the page at all: what a click must be weighed with to tell liking from being seen."""

import numpy as np

from processors.recommend.arrays import Floats

STEEPNESS = 0.7
"""Power of the place: looked at with (1 + place) ** -0.7. A middle value of those measured for result pages (Joachims et al. 2017,
"Unbiased Learning-to-Rank with Biased Feedback", use 0.5 to 2); the generated log has it, and a real one tells it by its exploration."""
PLACES = 20


def examined(places: int = PLACES) -> Floats:
    """By place from 0, the chance that it is looked at."""
    return np.arange(1, places + 1, dtype=np.float64) ** -STEEPNESS
