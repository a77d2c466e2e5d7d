"""Scores of predictive draws, and the reference that any fit has to beat."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
# values that a reference needs before it is one
LEAST_VALUES = 12


def crps(drawn: FloatArray, value: FloatArray) -> FloatArray:
    """Continuous ranked probability score of each value.

    ``E|X - y| - E|X - X'| / 2`` (Gneiting and Raftery 2007, doi 10.1198/016214506000001437,
    equation 21), with the second expectation over pairs of different draws, so that the score does
    not depend on their number (Ferro 2014, doi 10.1002/qj.2270).

    Parameters
    ----------
    drawn : ndarray, shape (draw, observed)
    value : ndarray, shape (observed,)

    Returns
    -------
    ndarray, shape (observed,)
        In the unit of the values.
    """
    m = len(drawn)
    ordered = np.sort(drawn, axis=0)
    weight = (2.0 * np.arange(1, m + 1) - m - 1.0)[:, None]
    # the sum over all pairs of |x_i - x_j| is twice this
    pairs = (weight * ordered).sum(axis=0)
    return np.asarray(np.abs(drawn - value).mean(axis=0) - pairs / (m * (m - 1.0)))


def reference_score(value: FloatArray, bars: NDArray[np.int64], length: int) -> FloatArray:
    """Score of forecasting each value by the values of the bars before it.

    The empirical distribution of what the preceding ``length`` bars showed: it knows nothing of
    price or volume, and adapts to whatever the market does.

    Parameters
    ----------
    value : ndarray, shape (observed,)
    bars : ndarray of int64, shape (observed,)
        In order.
    length : int

    Returns
    -------
    ndarray, shape (observed,)
        NaN with fewer than ``LEAST_VALUES`` values before.
    """
    out = np.full(value.size, np.nan)
    first = np.searchsorted(bars, bars - length)
    for i in range(value.size):
        if i - first[i] >= LEAST_VALUES:
            out[i] = crps(value[first[i] : i, None], value[i : i + 1])[0]
    return out
