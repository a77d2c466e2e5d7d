"""Slow residual of the liquidation feed, in innovation form.

The share of liquidations that a feed reports, and what the map misses, vary over hours and days.
Treating hundreds of hours as independent facts about the level would overstate what the feed
says. The filter below predicts the slow part of the log residual from past residuals only (the
innovation form of a first-order state-space model, e.g. Durbin & Koopman 2012, section 2.2 and
4.3), so the likelihood stays a product of one-step predictive densities and can be simulated.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@njit(cache=True)
def slow_residual(  # type: ignore[no-untyped-def]
    raw: FloatArray, known: FloatArray, start, memory: float, gain: float
) -> FloatArray:
    """Predict each bar's slow residual from the bars before it.

    ``e_{t+1} = memory (e_t + gain k_t (raw_t - e_t))`` with ``e = 0`` at a segment's start.

    Parameters
    ----------
    raw : ndarray, shape (time,)
        Log residual of the feed; ignored where unknown.
    known : ndarray, shape (time,)
        1 where the residual exists, else 0.
    start : ndarray of int64, shape (time,)
        1 at a segment's first bar, 0 inside, -1 outside.
    memory, gain : float
        Share of the slow part that is left after one bar, and weight of a new residual.

    Returns
    -------
    ndarray, shape (time,)
        Predicted slow residual.
    """
    out = np.zeros(raw.shape[0])
    e = 0.0
    for t in range(raw.shape[0]):
        if start[t] != 0:
            e = 0.0
        out[t] = e
        if known[t] > 0:
            e += gain * (raw[t] - e)
        e *= memory
    return out


@njit(cache=True)
def slow_residual_reverse(  # type: ignore[no-untyped-def]
    cot: FloatArray, filtered: FloatArray, raw: FloatArray, known: FloatArray, start,
    memory: float, gain: float,
):
    """Adjoint of ``slow_residual`` by ``raw``, ``memory`` and ``gain``."""
    raw_bar = np.zeros(raw.shape[0])
    memory_bar = 0.0
    gain_bar = 0.0
    e_bar = 0.0  # by the value handed to the next bar
    for t in range(raw.shape[0] - 1, -1, -1):
        e = filtered[t]
        updated = e
        if known[t] > 0:
            updated += gain * (raw[t] - e)
        memory_bar += e_bar * updated
        u_bar = e_bar * memory
        if known[t] > 0:
            raw_bar[t] = gain * u_bar
            gain_bar += u_bar * (raw[t] - e)
            u_bar *= 1.0 - gain
        e_bar = cot[t] + u_bar
        if start[t] != 0:
            e_bar = 0.0
    return raw_bar, memory_bar, gain_bar
