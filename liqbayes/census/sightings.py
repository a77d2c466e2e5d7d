"""What became of a position, from snapshots in which its account may be missing.

An account that is in a snapshot with another position only has closed this one. An account that is
not there is unknown: it may have left the market or only the sample. So what is kept of a position
is an interval, a point where the account was seen.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.census.table import Census

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Sightings:
    """Positions of one market as matrices, (position, snapshot).

    A position is an account and a side.

    Attributes
    ----------
    account, side : ndarray, shape (position,)
    hours : ndarray, shape (snapshot,)
        Since the first snapshot.
    size : ndarray
        0 where the account was seen without the position, NaN where it was not seen.
    level : ndarray
        Liquidation price; infinite where there is a position without one, NaN without position.
    value : ndarray
        Notional at the mark price; NaN without position.
    """

    account: IntArray
    side: IntArray
    hours: FloatArray
    size: FloatArray
    level: FloatArray
    value: FloatArray

    @classmethod
    def of(cls, census: Census, market: str) -> "Sightings":
        """Matrices of one market; an account counts as seen with a position in any market."""
        table, times = census.table, census.times
        seen = np.zeros((census.accounts.size, times.size), bool)
        at = np.searchsorted(times, table["time"].to_numpy("datetime64[ns]"))
        seen[np.searchsorted(census.accounts, table["account"]), at] = True
        own = (table["market"] == market).to_numpy()
        mine, at = table[own], at[own]
        keys, row = np.unique(mine[["account", "side"]].to_numpy(), axis=0, return_inverse=True)
        row = row.ravel()
        account_row = np.searchsorted(census.accounts, keys[:, 0])
        size = np.where(seen[account_row], 0.0, np.nan)
        level = np.full(size.shape, np.nan)
        value = np.full(size.shape, np.nan)
        size[row, at] = mine["size"]
        level[row, at] = mine["liquidation_price"].fillna(np.inf)
        value[row, at] = mine["size"] * mine["mark_price"]
        hours = (times - times[0]) / np.timedelta64(1, "h")
        return cls(keys[:, 0], keys[:, 1], hours, size, level, value)

    def starts(self, at: int) -> IntArray:
        """Positions that are open at a snapshot."""
        return np.flatnonzero(self.size[:, at] > 0)

    def nearest(self, rows: IntArray, hour: float, tolerance: float, after: FloatArray) -> IntArray:
        """Snapshot nearest to an hour in which each account was seen, -1 if none is near.

        Parameters
        ----------
        rows : ndarray of int
            Positions.
        hour, tolerance : float
            Hours since the first snapshot, and how far a snapshot may be from it.
        after : ndarray, shape (position,)
            Hour that it must come after: the start, or the touch.
        """
        gap = np.abs(self.hours - hour)
        usable = np.isfinite(self.size[rows]) & (gap <= tolerance)
        gaps = np.where(usable & (self.hours > after[:, None]), gap, np.inf)
        best = gaps.argmin(axis=1)
        return np.where(np.isfinite(gaps[np.arange(rows.size), best]), best, -1)

    def kept(
        self, rows: IntArray, at: int, horizon: float, tolerance: float, after: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Least and most that can be kept of positions some hours after a snapshot.

        Additions do not count as kept. Where the account is unseen then, at most what the last
        sighting showed can be left, and at least what a later one shows: 0 if there is none.
        Sightings that do not come after the hours ``after`` say nothing of what happened then.

        Returns
        -------
        low, high : ndarray, shape (position,)
            Equal where the account was seen within the tolerance.
        """
        share = np.minimum(self.size[rows] / self.size[rows, [at]][:, None], 1.0)
        hour = self.hours[at] + horizon
        known = np.isfinite(share)
        before = known & (self.hours <= hour) & (np.arange(self.hours.size) >= at)
        later = known & (self.hours > hour)
        index = np.arange(rows.size)
        last = before.shape[1] - 1 - before[:, ::-1].argmax(axis=1)
        high = share[index, last]
        low = np.where(later.any(axis=1), share[index, later.argmax(axis=1)], 0.0)
        low = np.minimum(low, high)
        near = self.nearest(rows, hour, tolerance, after)
        exact = share[index, near]
        return np.where(near >= 0, exact, low), np.where(near >= 0, exact, high)


def first_touch(
    level: FloatArray, side: IntArray, low: FloatArray, high: FloatArray, beyond: float
) -> IntArray:
    """First bar in which price reaches each level, the number of bars if none does.

    Parameters
    ----------
    level : ndarray, shape (position,)
        Infinite where there is none.
    side : ndarray, shape (position,)
    low, high : ndarray, shape (bar,)
        Extremes of bars that begin after the level was seen; NaN where unknown.
    beyond : float
        How far past the level price must go, as a fraction of it.
    """
    falls = np.fmin.accumulate(low) if low.size else low
    rises = np.fmax.accumulate(high) if high.size else high
    reached = np.where(
        (side > 0)[:, None],
        np.isfinite(level)[:, None] & (falls <= level[:, None] * (1 - beyond)),
        rises >= level[:, None] * (1 + beyond),
    )
    return np.where(reached.any(axis=1), reached.argmax(axis=1), low.size)
