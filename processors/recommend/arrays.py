"""Names of the arrays that pass between the modules."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def grown(array: NDArray[np.generic], size: int) -> NDArray[np.generic]:
    """A copy with room for `size` entries along the first axis, the new ones zero."""
    wider = np.zeros((size, *array.shape[1:]), array.dtype)
    wider[: len(array)] = array
    return wider
