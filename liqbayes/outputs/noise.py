"""Lumpiness of a real book: shares of a price set are Beta, shares of all bins Dirichlet.

With ``N`` effective positions the share of a side's open interest in a price set with expected
share ``p`` is Beta(N p, N (1 - p)), consistently for every binning (a Dirichlet process around the
expected book, Ferguson 1973, doi 10.1214/aos/1176342360).
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def lumpy_shares(shares: FloatArray, positions: float, rng: np.random.Generator) -> FloatArray:
    """Dirichlet draw around expected shares that sum to one.

    Parameters
    ----------
    shares : ndarray, shape (bin,)
    positions : float
        Effective number of positions.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (bin,)
        Non-negative, summing to one; bins without expected mass stay empty.
    """
    weight = rng.standard_gamma(np.maximum(positions * shares, 0.0))
    total = weight.sum()
    if not total > 0:
        # every gamma underflowed: a book of next to no positions is one position
        weight = np.zeros_like(shares)
        weight[rng.choice(shares.size, p=shares / shares.sum())] = 1.0
        return weight
    return np.asarray(weight / total)
