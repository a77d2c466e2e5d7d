"""Location and scale of the log changes of open interest, and back-propagation.

A term spans the bars from one known open interest to the next; over a gap the steps' locations
add and their squared scales add.
"""

import numpy as np
from numba import njit


@njit(cache=True)
def interest_moments(  # type: ignore[no-untyped-def]
    p, predicted, where, unit, covariates, log_volume, before, first, last
):
    """Moments of each scored log change.

    Parameters
    ----------
    p : ndarray, shape (parameter,)
    predicted : ndarray, shape (2, time)
        Liquidations of longs and shorts predicted before the bar's open interest is known.
    where : ndarray of int64
        Indices into ``p``: counterparty share, drift, scale, volume exponent, then responses.
    unit : float
        Prior scale of one bar's log change.
    covariates : ndarray, shape (time, covariate)
    log_volume : ndarray, shape (time,)
        Log of volume over open interest, relative to a fixed usual value.
    before : ndarray, shape (time,)
        Open interest before the bar.
    first, last : ndarray of int64, shape (term,)
        First and last bar of each term.

    Returns
    -------
    location, scale : ndarray, shape (term,)
    """
    n = first.shape[0]
    location = np.zeros(n)
    scale = np.zeros(n)
    share, drift = p[where[0]], p[where[1]]
    size, exponent = p[where[2]] * unit, p[where[3]]
    for i in range(n):
        variance = 0.0
        for t in range(first[i], last[i] + 1):
            mean = drift
            for j in range(covariates.shape[1]):
                mean += covariates[t, j] * p[where[4 + j]]
            location[i] += unit * mean
            location[i] -= share * (predicted[0, t] + predicted[1, t]) / before[t]
            variance += np.exp(2.0 * exponent * log_volume[t])
        scale[i] = size * np.sqrt(variance)
    return location, scale


@njit(cache=True)
def interest_moments_reverse(  # type: ignore[no-untyped-def]
    location_bar,
    scale_bar,
    location,
    scale,
    p,
    predicted,
    where,
    unit,
    covariates,
    log_volume,
    before,
    first,
    last,
):
    """Adjoint of ``interest_moments`` by ``p`` and ``predicted``."""
    p_bar = np.zeros_like(p)
    predicted_bar = np.zeros_like(predicted)
    size, exponent = p[where[2]] * unit, p[where[3]]
    for i in range(first.shape[0]):
        p_bar[where[2]] += scale_bar[i] * scale[i] / p[where[2]]
        by_variance = 0.5 * scale_bar[i] * size * size / scale[i]
        for t in range(first[i], last[i] + 1):
            p_bar[where[1]] += unit * location_bar[i]
            for j in range(covariates.shape[1]):
                p_bar[where[4 + j]] += unit * location_bar[i] * covariates[t, j]
            p_bar[where[0]] -= location_bar[i] * (predicted[0, t] + predicted[1, t]) / before[t]
            predicted_bar[0, t] -= location_bar[i] * p[where[0]] / before[t]
            p_bar[where[3]] += (
                by_variance * np.exp(2.0 * exponent * log_volume[t]) * 2.0 * log_volume[t]
            )
    predicted_bar[1] = predicted_bar[0]
    return p_bar, predicted_bar
