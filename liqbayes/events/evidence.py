"""What the studies look at: prices, and maps and liquidations of every posterior draw."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from liqbayes.events.definitions import (
    BAND_EDGES,
    DENSE_QUANTILE,
    DENSITY_FLOOR,
    HORIZON_HOURS,
    REFERENCE_HOURS,
    REFERENCE_KNOWN,
    SLOW_HALF_LIFE_HOURS,
    VOLATILITY_HALF_LIFE_HOURS,
    VOLATILITY_LEAST_HOURS,
)

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
# Price falls towards longs' levels and rises towards shorts'.
SIGN = np.array([-1.0, 1.0])
# Bars whose reference quantiles are taken at once.
_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Evidence:
    """One market, its bars oldest first; NaN is unknown.

    Attributes
    ----------
    time : ndarray of datetime64[ns], shape (time,)
        Bar opens.
    bar_hours : float
    high, low, close : ndarray, shape (time,)
        Price that triggers liquidation.
    log_density : mapping of str to ndarray, shape (draw, side, time, span, band)
        By name of the map: log of the share of the side's open interest per unit of log price in
        each band beyond the bar's close, `spans` of volatility away; parameters are those fitted
        before the bar.
    dense : ndarray of bool, shape (draw, side, time, band)
        Bands of the first span that hold unusually much; False where unknown.
    flow : ndarray, shape (draw, side, time)
        Expected liquidation of each bar over the open interest before it.
    reported : ndarray, shape (side, time), optional
        What a feed reported of it; None without a feed.
    """

    time: NDArray[np.datetime64]
    bar_hours: float
    high: FloatArray
    low: FloatArray
    close: FloatArray
    log_density: Mapping[str, NDArray[np.float32]]
    dense: BoolArray
    flow: FloatArray
    reported: FloatArray | None = None

    @property
    def n_bars(self) -> int:
        """Number of bars."""
        return int(self.close.size)

    @cached_property
    def volatility(self) -> FloatArray:
        """Of one bar's return, as known at its close; shape (time,)."""
        return volatility(self.close, self.bar_hours)

    @cached_property
    def slow_volatility(self) -> FloatArray:
        """The same with a longer memory; shape (time,)."""
        return volatility(self.close, self.bar_hours, SLOW_HALF_LIFE_HOURS)

    @property
    def spans(self) -> tuple[int, ...]:
        """Spans of the bands, in bars."""
        return spans(self.bar_hours)

    def known(self, name: str) -> BoolArray:
        """Bars that a map exists of, shape (time,)."""
        return np.asarray(np.isfinite(self.log_density[name][..., 0, 0]).all(axis=(0, 1)))

    def back(self, bars: int) -> FloatArray:
        """Log return over the bars that end with each, shape (time,)."""
        return change(self.close, bars)

    def ahead(self, bars: int) -> FloatArray:
        """Log return over the bars after each, shape (time,)."""
        out = np.full(self.n_bars, np.nan)
        out[: self.n_bars - bars] = change(self.close, bars)[bars:]
        return out


def horizons(bar_hours: float) -> dict[float, int]:
    """Horizons in hours that are whole numbers of bars, and how many."""
    bars = {hours: hours / bar_hours for hours in HORIZON_HOURS}
    return {h: round(n) for h, n in bars.items() if n >= 1 and abs(n - round(n)) < 1e-9}


def spans(bar_hours: float) -> tuple[int, ...]:
    """One bar, for what a bar sweeps, and the horizons of reach; in bars, ascending."""
    return tuple(sorted({1, *horizons(bar_hours).values()}))


def change(close: FloatArray, bars: int) -> FloatArray:
    """Log change over so many bars, shape (time,)."""
    out = np.full(close.size, np.nan)
    out[bars:] = np.log(close[bars:] / close[:-bars])
    return out


def volatility(
    close: FloatArray, bar_hours: float, half_life_hours: float = VOLATILITY_HALF_LIFE_HOURS
) -> FloatArray:
    """Root of the exponentially weighted mean of squared returns up to each bar.

    Unknown returns take no part; NaN until ``VOLATILITY_LEAST_HOURS`` of returns are known.
    """
    squared = change(close, 1) ** 2
    known = np.isfinite(squared)
    keep = 0.5 ** (bar_hours / half_life_hours)
    total = weight = 0.0
    count = 0
    out = np.full(close.size, np.nan)
    for t in range(close.size):
        total, weight = keep * total, keep * weight
        if known[t]:
            total, weight, count = total + squared[t], weight + 1.0, count + 1
        if known[t] and count * bar_hours >= VOLATILITY_LEAST_HOURS and total > 0:
            out[t] = np.sqrt(total / weight)
    return out


def band_distances(sigma: FloatArray, of_spans: tuple[int, ...]) -> FloatArray:
    """Limits of the bands in log price, shape (time, span, edge)."""
    root = np.sqrt(np.array(of_spans, float))
    return np.asarray(sigma[:, None, None] * root[:, None] * np.array(BAND_EDGES))


def log_densities(share: FloatArray, distances: FloatArray) -> NDArray[np.float32]:
    """Log density of each band from the shares within its limits.

    Parameters
    ----------
    share : ndarray, shape (..., edge)
        Share of the side's open interest with a level nearer than each limit.
    distances : ndarray, shape (..., edge)
    """
    density = np.diff(share, axis=-1) / np.diff(distances, axis=-1)
    return np.log(np.maximum(density, 0.0) + DENSITY_FLOOR).astype(np.float32)


def dense_bands(log_density: NDArray[np.float32], bar_hours: float) -> BoolArray:
    """Bands above the quantile of the same band over the bars before.

    Parameters
    ----------
    log_density : ndarray, shape (draw, side, time, band)

    Returns
    -------
    ndarray of bool, same shape
        False where the band or too much of its past is unknown.
    """
    length = max(round(REFERENCE_HOURS / bar_hours), 2)
    n = log_density.shape[2]
    out = np.zeros(log_density.shape, bool)
    padded = np.concatenate(
        [np.full((*log_density.shape[:2], length, log_density.shape[3]), np.nan), log_density], 2
    )
    windows = np.lib.stride_tricks.sliding_window_view(padded, length, axis=2)
    for begin in range(0, n, _AT_ONCE):
        part = windows[:, :, begin : min(begin + _AT_ONCE, n)]
        known = np.isfinite(part).sum(axis=-1)
        enough = known >= REFERENCE_KNOWN * length
        # NaN sorts last, so that the known ones come first
        ordered = np.sort(part, axis=-1)
        place = np.minimum((DENSE_QUANTILE * np.maximum(known - 1, 0)).astype(int), length - 1)
        limit = np.take_along_axis(ordered, place[..., None], axis=-1)[..., 0]
        own = log_density[:, :, begin : begin + part.shape[2]]
        with np.errstate(invalid="ignore"):
            out[:, :, begin : begin + part.shape[2]] = enough & (own > limit)
    return out
