"""A map's amounts in distance cells, bar by bar, as they stood before the bar."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liqbayes.contracts import SIDES
from liqbayes.judge.sweeps import Sweeps
from liqbayes.peers import LevelMap

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class CellMap:
    """What a map holds in each distance cell before each bar.

    Attributes
    ----------
    amount : ndarray, shape (side, time, cell)
        Over the open interest before the bar; NaN where the map says nothing of the bar.
    """

    amount: NDArray[np.floating[Any]]

    def __post_init__(self) -> None:
        """Freeze the array."""
        self.amount.flags.writeable = False

    @property
    def known(self) -> NDArray[np.bool_]:
        """Bars of which the map says something, shape (side, time)."""
        return np.asarray(np.isfinite(self.amount).all(axis=2))


def newest(levels: LevelMap, sweeps: Sweeps, max_age_hours: float) -> IntArray:
    """Newest snapshot known when each bar opens, shape (time,); -1 if older than allowed."""
    at = np.searchsorted(levels.time, sweeps.time, side="right") - 1
    age = (sweeps.time - levels.time[np.maximum(at, 0)]) / np.timedelta64(1, "h")
    return np.where((at >= 0) & (age <= max_age_hours), at, -1)


def in_cells(levels: LevelMap, sweeps: Sweeps, *, relative: bool, max_age_hours: float) -> CellMap:
    """Sort levels into distance cells.

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
    CellMap
        Levels on the wrong side of the price are in no cell. A side that a snapshot leaves empty
        holds nothing.
    """
    place = newest(levels, sweeps, max_age_hours)
    totals = levels.totals()
    order = np.lexsort((levels.side, levels.snapshot))
    key = 2 * levels.snapshot[order] + levels.side[order]
    bounds = np.searchsorted(key, np.arange(2 * levels.time.size + 1))
    log_low, log_high = np.log(levels.low[order]), np.log(levels.high[order])
    amount = levels.amount[order]
    out = np.full((len(SIDES), sweeps.n_bars, sweeps.n_cells), np.nan)
    for t in np.flatnonzero((place >= 0) & np.isfinite(sweeps.before)):
        price = np.log(sweeps.before[t])
        for j in range(len(SIDES)):
            total = totals[j, place[t]]
            scale = total if relative else sweeps.interest[t]
            if not scale > 0:
                out[j, t] = 0.0 if np.isfinite(scale) else np.nan
                continue
            part = slice(bounds[2 * place[t] + j], bounds[2 * place[t] + j + 1])
            near, far = price - log_high[part], price - log_low[part]
            if j == 1:
                near, far = -far, -near
            out[j, t] = _spread(near, far, amount[part], sweeps.edges) / scale
    return CellMap(out)


def _spread(near: FloatArray, far: FloatArray, amount: FloatArray, edges: FloatArray) -> FloatArray:
    """Amounts in cells between ascending edges, of pieces that are even from near to far."""
    point = far <= near
    out = np.histogram(near[point], edges, weights=amount[point])[0].astype(float)
    if point.all():
        return out
    low, high, mass = near[~point], far[~point], amount[~point]
    slope = mass / (high - low)
    at = np.concatenate([low, high])
    order = np.argsort(at)
    at = at[order]
    rate = np.cumsum(np.concatenate([slope, -slope])[order])
    held = np.concatenate([[0.0], np.cumsum(rate[:-1] * np.diff(at))])
    return np.asarray(out + np.maximum(np.diff(np.interp(edges, at, held)), 0.0))
