"""What the price path says before any parameter is known: segments, entries, the first book.

All functions work on log prices for the long side; the short side is the mirror image.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import ndtri

from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PricePath:
    """Price bars that trigger liquidation, cut into segments without unknown prices.

    Parameters
    ----------
    open, high, low, close : ndarray, shape (time,)
        Prices in quote units; NaN outside the segments.
    segments : tuple of (int, int)
        Half-open index ranges of bars that are followed as one book. The first bar of each
        range only fixes the book that the range starts with.
    """

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    segments: tuple[tuple[int, int], ...]

    @property
    def n_bars(self) -> int:
        """Number of bars, inside and outside segments."""
        return int(self.close.shape[0])

    def oriented(self, side: str) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Log open, favourable extreme, adverse extreme and close; shorts are mirrored."""
        if side == "long":
            return np.log(self.open), np.log(self.high), np.log(self.low), np.log(self.close)
        if side == "short":
            return -np.log(self.open), -np.log(self.low), -np.log(self.high), -np.log(self.close)
        raise InputError(f"side is {side!r}; use 'long' or 'short'.")


@dataclass(frozen=True)
class InitialBook:
    """Spread of the book that exists before a segment's first bar.

    Entries are ``age`` old, ages exponential with mean ``mean_age_bars``, of a share ``old_share``
    with mean ``old_age_bars``; the price moved since as a Brownian motion with the segment's own
    volatility per bar. Levels that such a path would already have reached are gone
    (Brownian-bridge barrier probability, e.g. Karatzas & Shreve 1991, §4.3.C).
    """

    mean_age_bars: float
    old_share: float = 0.0
    old_age_bars: float = 1.0
    age_nodes: int = 8
    offset_nodes: int = 15

    def ages(self) -> tuple[float, float]:
        """Mean age in bars, and the integral of its squared survival function."""
        young, m = 1.0 - self.old_share, self.mean_age_bars
        old, n = self.old_share, self.old_age_bars
        mean = young * m + old * n
        return mean, 0.5 * (young**2 * m + old**2 * n) + 2.0 * young * old * m * n / (m + n)


def entry_nodes(path: PricePath, side: str, n_nodes: int) -> tuple[FloatArray, FloatArray]:
    """Entry prices along each bar's ordered path and the adverse extreme still to come.

    The path is open, low, high, close when the bar closed up and open, high, low, close when it
    closed down; nodes sit at equal steps of path length.

    Returns
    -------
    entry, remaining : ndarray, shape (time, node)
        Oriented log prices; ``remaining`` is the lowest point of the path after the node.
    """
    o, h, low, c = path.oriented(side)
    adverse_first = (path.close >= path.open) == (side == "long")
    return _entry_nodes(o, h, low, c, adverse_first, n_nodes)


@njit(cache=True)
def _entry_nodes(
    o: FloatArray,
    h: FloatArray,
    low: FloatArray,
    c: FloatArray,
    adverse_first: NDArray[np.bool_],
    n_nodes: int,
) -> tuple[FloatArray, FloatArray]:
    n_bars = o.shape[0]
    entry = np.full((n_bars, n_nodes), np.nan)
    remaining = np.full((n_bars, n_nodes), np.nan)
    corner = np.empty(4)
    for t in range(n_bars):
        if np.isnan(c[t]):
            continue
        corner[0] = o[t]
        corner[3] = c[t]
        if adverse_first[t]:
            corner[1], corner[2] = low[t], h[t]
        else:
            corner[1], corner[2] = h[t], low[t]
        length = 0.0
        for i in range(3):
            length += abs(corner[i + 1] - corner[i])
        for j in range(n_nodes):
            target = length * (j + 0.5) / n_nodes
            i = 0
            while i < 2 and target > abs(corner[i + 1] - corner[i]):
                target -= abs(corner[i + 1] - corner[i])
                i += 1
            leg = abs(corner[i + 1] - corner[i])
            share = min(target / leg, 1.0) if leg > 0 else 1.0
            u = corner[i] + share * (corner[i + 1] - corner[i])
            lowest = u
            for q in range(i + 1, 4):
                lowest = min(lowest, corner[q])
            entry[t, j] = u
            remaining[t, j] = lowest
    return entry, remaining


def book_nodes(book: InitialBook, sigma: float) -> tuple[FloatArray, FloatArray]:
    """Offset of an earlier entry from the first close, and the variance of the move since."""
    quantiles = (np.arange(book.age_nodes) + 0.5) / book.age_nodes
    ages = -np.log1p(-quantiles) * book.mean_age_bars
    if book.old_share > 0.0:
        grid = np.geomspace(
            1e-3 * min(book.mean_age_bars, book.old_age_bars),
            20.0 * max(book.mean_age_bars, book.old_age_bars),
            2000,
        )
        older = (1.0 - book.old_share) * np.exp(-grid / book.mean_age_bars)
        older += book.old_share * np.exp(-grid / book.old_age_bars)
        ages = np.interp(quantiles, 1.0 - older, grid)
    normal = ndtri((np.arange(book.offset_nodes) + 0.5) / book.offset_nodes)
    scale = np.maximum(np.sqrt(ages) * sigma, 1e-6)
    return np.outer(scale, normal).ravel(), np.repeat(scale**2, book.offset_nodes)


def segment_volatility(path: PricePath, start: int, stop: int, seen: int | None = None) -> float:
    """Standard deviation of the log return of one bar, at least 1e-6.

    Of the segment's bars among the first ``seen``; of all segments' if it has fewer than three.
    """
    last = stop if seen is None else max(start, min(stop, seen))
    returns = np.diff(np.log(path.close[start:last]))
    if seen is not None and returns.size < 2:
        returns = np.diff(np.log(path.close[:seen]))
        returns = returns[np.isfinite(returns)]
    return max(float(np.std(returns)) if returns.size > 1 else 0.0, 1e-6)
