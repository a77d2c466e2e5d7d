"""What each bar sweeps of a map as it stood before the bar."""

import numpy as np
from numpy.typing import NDArray

from liqbayes.contracts import SIDES
from liqbayes.judge.sweeps import Sweeps
from liqbayes.peers import LevelMap

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def newest(levels: LevelMap, sweeps: Sweeps, max_age_hours: float) -> IntArray:
    """Newest snapshot known when each bar opens, shape (time,); -1 if older than allowed."""
    at = np.searchsorted(levels.time, sweeps.time, side="right") - 1
    age = (sweeps.time - levels.time[np.maximum(at, 0)]) / np.timedelta64(1, "h")
    return np.where((at >= 0) & (age <= max_age_hours), at, -1)


def held_by(
    levels: LevelMap, sweeps: Sweeps, *, relative: bool, max_age_hours: float
) -> FloatArray:
    """What each bar sweeps of a map, over the open interest before it.

    Parameters
    ----------
    levels : LevelMap
    sweeps : Sweeps
    relative : bool
        Amounts are shares of each snapshot's sum of their side, else quantities of the panel's
        unit.
    max_age_hours : float
        A bar whose newest snapshot is older has no map.

    Returns
    -------
    ndarray, shape (side, time)
        NaN where the map says nothing of the bar. Levels on the wrong side of the price are not
        swept; those at the price or at the bar's extreme are.
    """
    place = newest(levels, sweeps, max_age_hours)
    totals = levels.totals()
    order = np.lexsort((levels.side, levels.snapshot))
    key = 2 * levels.snapshot[order] + levels.side[order]
    bounds = np.searchsorted(key, np.arange(2 * levels.time.size + 1))
    log_low, log_high = np.log(levels.low[order]), np.log(levels.high[order])
    amount = levels.amount[order]
    out = np.full((len(SIDES), sweeps.n_bars), np.nan)
    for t in np.flatnonzero((place >= 0) & np.isfinite(sweeps.before)):
        price = np.log(sweeps.before[t])
        for j in range(len(SIDES)):
            scale = totals[j, place[t]] if relative else sweeps.interest[t]
            if not np.isfinite(scale) or not np.isfinite(sweeps.reach[j, t]):
                continue
            if scale == 0:
                out[j, t] = 0.0
                continue
            part = slice(bounds[2 * place[t] + j], bounds[2 * place[t] + j + 1])
            near, far = price - log_high[part], price - log_low[part]
            if j == 1:
                near, far = -far, -near
            share = share_within(near, far, float(sweeps.reach[j, t]))
            out[j, t] = float(amount[part] @ share) / scale
    return out


def share_within(near: FloatArray, far: FloatArray, reach: float) -> FloatArray:
    """Share of pieces, even between ``near`` and ``far``, that lies within 0 and ``reach``."""
    width = far - near
    point = width <= 0
    inside = np.minimum(far, reach) - np.maximum(near, 0.0)
    share = np.maximum(inside, 0.0) / np.where(point, 1.0, width)
    # levels come as prices, whose logarithm rounds
    slack = 1e-12
    return np.where(point, (near >= -slack) & (near <= reach + slack), share)
