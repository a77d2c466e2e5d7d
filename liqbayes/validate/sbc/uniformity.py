"""Whether ranks are uniform: simultaneous ECDF test and correction for many quantities."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

FloatArray = NDArray[np.float64]
_SIMULATIONS = 20_000
_SEED = 214


def uniform_values(ranks: NDArray[np.int64], n_ranks: int, seed: int) -> FloatArray:
    """Ranks spread over their cells, uniform on (0, 1) where the ranks are uniform.

    Parameters
    ----------
    ranks : ndarray of int64, shape (..., panel)
        From 0 to ``n_ranks - 1``.
    n_ranks : int
    seed : int
    """
    jitter = np.random.default_rng(seed).random(ranks.shape)
    return (ranks + jitter) / n_ranks


def ecdf_p_values(values: FloatArray) -> FloatArray:
    """P values of the simultaneous test of uniformity.

    The statistic is the smallest binomial tail probability of the empirical distribution function
    over evenly spaced points (Säilynoja, Bürkner and Vehtari 2022, doi
    10.1007/s11222-022-10090-6); its law under uniformity is simulated, so that the test at level
    ``a`` rejects exactly where the function leaves the simultaneous band of level ``1 - a``.

    Parameters
    ----------
    values : ndarray, shape (quantity, panel)
        In (0, 1).

    Returns
    -------
    ndarray, shape (quantity,)
        At least ``1 / 20001``.
    """
    n = values.shape[1]
    null = np.sort(_statistic(np.random.default_rng(_SEED).random((_SIMULATIONS, n))))
    below = np.searchsorted(null, _statistic(values), side="right")
    return np.asarray((1 + below) / (1 + _SIMULATIONS))


def _statistic(values: FloatArray) -> FloatArray:
    """Smallest tail probability of each row."""
    n = values.shape[1]
    points = np.arange(1, n) / n
    cells = np.minimum((values * n).astype(np.int64), n - 1)
    counts = np.zeros((len(values), n), np.int64)
    np.add.at(counts, (np.arange(len(values))[:, None], cells), 1)
    reached = counts.cumsum(axis=1)[:, :-1]
    lower = bdtr(reached, n, points)
    upper = 1.0 - np.where(reached > 0, bdtr(np.maximum(reached - 1, 0), n, points), 0.0)
    return np.asarray(2.0 * np.minimum(lower, upper).min(axis=1))


def holm(p: FloatArray) -> FloatArray:
    """Adjusted p values that control the family-wise error (Holm 1979, jstor 4615733)."""
    order = np.argsort(p)
    factor = np.arange(p.size, 0, -1)
    out = np.empty_like(p)
    out[order] = np.minimum(np.maximum.accumulate(p[order] * factor), 1.0)
    return out
