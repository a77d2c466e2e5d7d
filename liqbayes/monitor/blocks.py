"""Means of blocks of bars, and whether the last of them differ from those of a fit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from liqbayes.monitor.limits import (
    BLOCK_BARS,
    BLOCK_FILLED,
    BLOCK_HOURS,
    LARGEST_MEMORY,
    LEAST_BLOCKS,
    WINDOW_BLOCKS,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Blocks:
    """How bars are divided into blocks: the fit's end at ``first``, later ones at the last bar.

    Attributes
    ----------
    first : int
        First new bar.
    n_bars : int
    length : int
        Bars of a block.
    """

    first: int
    n_bars: int
    length: int

    @classmethod
    def of(cls, first: int, n_bars: int, bar_hours: float) -> "Blocks":
        """Blocks of a day, or of ``BLOCK_BARS`` bars where those are longer."""
        return cls(first, n_bars, max(round(BLOCK_HOURS / bar_hours), BLOCK_BARS))

    @property
    def judged(self) -> int:
        """First bar of the window that is judged: the last ``WINDOW_BLOCKS`` whole blocks."""
        whole = min((self.n_bars - self.first) // self.length, WINDOW_BLOCKS)
        return self.n_bars - whole * self.length

    def inside(self, least: int = 0) -> list[tuple[int, int]]:
        """Whole blocks of the fit's bars from bar ``least`` on, in order."""
        n = (self.first - least) // self.length
        return [self._at(self.first, k) for k in range(n, 0, -1)]

    def later(self) -> list[tuple[int, int]]:
        """Whole blocks of the new bars, in order."""
        n = (self.n_bars - self.first) // self.length
        return [self._at(self.n_bars, k) for k in range(n, 0, -1)]

    def window(self) -> list[tuple[int, int]]:
        """Those of them that are judged."""
        return [block for block in self.later() if block[0] >= self.judged]

    def _at(self, end: int, k: int) -> tuple[int, int]:
        return end - k * self.length, end - (k - 1) * self.length

    def means(
        self, bars: IntArray, values: FloatArray, blocks: list[tuple[int, int]]
    ) -> FloatArray:
        """Mean of the known values of each block; NaN where too few are known.

        Parameters
        ----------
        bars : ndarray of int64, shape (observed,)
            In order.
        values : ndarray, shape (observed,)
            NaN where unknown.
        blocks : list of (int, int)

        Returns
        -------
        ndarray, shape (block,)
        """
        out = np.full(len(blocks), np.nan)
        for i, (a, b) in enumerate(blocks):
            inside = values[np.searchsorted(bars, a) : np.searchsorted(bars, b)]
            known = inside[np.isfinite(inside)]
            if known.size >= max(BLOCK_FILLED * (b - a), 2):
                out[i] = known.mean()
        return out


@dataclass(frozen=True)
class Shift:
    """By how much the mean of the judged blocks differs from that of the fit's.

    Attributes
    ----------
    before, after : float
        Means over blocks.
    p : float
        Chance of so large a difference, either way, if nothing changed.
    p_up : float
        Chance of so large a rise.
    low, high : float
        90 % interval of the mean after, if blocks vary as they did in the fit.
    """

    before: float
    after: float
    p: float
    p_up: float
    low: float
    high: float

    @property
    def change(self) -> float:
        """After minus before."""
        return self.after - self.before


def shift(before: FloatArray, after: FloatArray) -> Shift | None:
    """Compare means of two stretches of blocks.

    A t-test whose variance is that of the fit's blocks alone, as on a control chart: a rise of the
    variance is then a change too and not an excuse. Blocks follow an autoregression of first order
    with the correlation found in the fit, at least zero; effective numbers and degrees of freedom
    follow from it.

    Parameters
    ----------
    before, after : ndarray, shape (block,)
        NaN where unknown.

    Returns
    -------
    Shift or None
        None if the fit has fewer than ``LEAST_BLOCKS`` known blocks, or no block is known after.
    """
    known, later = before[np.isfinite(before)], after[np.isfinite(after)]
    if known.size < LEAST_BLOCKS or later.size == 0:
        return None
    centred = before - known.mean()
    pairs = centred[:-1] * centred[1:]
    spread = float(known.var(ddof=1))
    if not spread > 0:
        return None
    rho = float(np.nanmean(pairs) / known.var()) if np.isfinite(pairs).any() else 0.0
    rho = min(max(rho, 0.0), LARGEST_MEMORY)
    inside, now = _variance_of_mean(known.size, rho), _variance_of_mean(later.size, rho)
    freedom = max(1.0 / inside - 1.0, 2.0)
    error = float(np.sqrt(spread * (inside + now)))
    change = float(later.mean() - known.mean())
    p_up = float(student.sf(change / error, freedom))
    half = float(student.ppf(0.95, freedom)) * float(np.sqrt(spread * now))
    mean = float(later.mean())
    return Shift(
        float(known.mean()), mean, 2.0 * min(p_up, 1.0 - p_up), p_up, mean - half, mean + half
    )


def _variance_of_mean(n: int, rho: float) -> float:
    """Variance of the mean of n values of an autoregression, over that of one value."""
    lag = np.arange(1, n)
    return float((1.0 + 2.0 * ((1.0 - lag / n) * rho**lag).sum()) / n)
