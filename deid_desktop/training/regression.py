"""Ridge regression on the traits of ``compose.shading``, for each place of a texture by itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_RIDGE = np.array([0.004, 0.004, 0.02, 0.02, 0.02], np.float32)
"""What each trait's square costs beside the mean square error."""
TRAITS = len(_RIDGE)


def regressed(
    squares: NDArray[np.floating], products: NDArray[np.floating], *, count: int
) -> NDArray[np.floating]:
    """Return the coefficients (…, TRAITS, m) of m values.

    Args:
        squares: (…, TRAITS, TRAITS) sums over pictures of the products of traits with each other.
        products: (…, TRAITS, m) the same with the values.
        count: of pictures.
    """
    return np.asarray(np.linalg.solve(squares + count * np.diag(_RIDGE), products))
