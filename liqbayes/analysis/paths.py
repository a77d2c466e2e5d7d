"""Price paths ahead of the last bar, and how often they reach a level."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liqbayes.analysis.volatility import LEAST_SPANS, Volatility, fit_volatility
from liqbayes.errors import InputError
from liqbayes.panel import MarketPanel

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
# Paths by default: the Monte Carlo error of a probability is at most 0.8 %.
PATHS = 4000


@dataclass(frozen=True)
class PathSet:
    """Price paths as factors of the mark price that they begin at.

    Every bar's extremes are those of a whole past bar, so that a level passed and left again
    within a bar counts as reached.

    Attributes
    ----------
    low, high : ndarray of float32, shape (path, bar)
        Lowest and highest price from the start to the end of each bar (running, at most and at
        least 1).
    close : ndarray of float32, shape (path, bar)
    mark_price : float
    bar_seconds : int
    about : mapping of str to float
        Parameters of the volatility model.
    """

    low: Float32Array
    high: Float32Array
    close: Float32Array
    mark_price: float
    bar_seconds: int
    about: Mapping[str, float] = field(default_factory=dict)

    @property
    def n_paths(self) -> int:
        """Number of paths."""
        return int(self.close.shape[0])

    @property
    def n_bars(self) -> int:
        """Number of bars."""
        return int(self.close.shape[1])

    def reach(self, price: ArrayLike, bars: int) -> FloatArray:
        """Probability that price is at a level within so many bars.

        Parameters
        ----------
        price : array_like
            Levels, any shape; one at the mark price is reached at once, NaN gives NaN.
        bars : int
            From the mark price on.

        Returns
        -------
        ndarray
            Share of paths, in the shape of ``price``.

        Raises
        ------
        InputError
            If the paths are shorter, or a price is not positive.
        """
        if not 1 <= bars <= self.n_bars:
            raise InputError(
                f"bars is {bars}; these paths have {self.n_bars}. Draw longer ones, or ask for 1 "
                f"to {self.n_bars}."
            )
        levels = np.asarray(price, float)
        if (levels <= 0).any():
            raise InputError("a level is not positive; give prices above zero, or NaN.")
        factor = levels / self.mark_price
        low = np.sort(self.low[:, bars - 1].astype(float))
        high = np.sort(self.high[:, bars - 1].astype(float))
        below = np.searchsorted(low, factor, side="right")
        above = high.size - np.searchsorted(high, factor, side="left")
        hits = np.where(factor < 1, below, np.where(factor > 1, above, high.size))
        return np.asarray(np.where(np.isnan(factor), np.nan, hits / self.n_paths))


def price_paths(
    panel: MarketPanel, mark_price: float, horizon_bars: int, n: int = PATHS, seed: int = 1
) -> PathSet:
    """Paths by a volatility model and a block bootstrap of the bars that it standardises.

    Volatility follows `liqbayes.analysis.volatility.Volatility` from the last bar on; each bar's
    high, low and close are those of a past bar in its own conditional standard deviations, scaled
    to the path's. Past bars are drawn in stretches of a day (`stationary_rows`). There is no
    drift. The model's parameters are at their maximum: their error is not in the paths.

    Parameters
    ----------
    panel : MarketPanel
        Bars up to the present.
    mark_price : float
        Where the paths begin.
    horizon_bars : int
        Bars ahead.
    n : int
        Paths.
    seed : int

    Returns
    -------
    PathSet

    Raises
    ------
    InputError
        If the panel does not hold ``LEAST_SPANS`` horizons, or no model can be fitted to it.
    """
    return draw_paths(fit_volatility(panel), mark_price, horizon_bars, n, seed)


def draw_paths(
    volatility: Volatility, mark_price: float, horizon_bars: int, n: int = PATHS, seed: int = 1
) -> PathSet:
    """As `price_paths`, with a volatility model that is already fitted."""
    if not (np.isfinite(mark_price) and mark_price > 0):
        raise InputError(f"mark_price is {mark_price}; give a positive price.")
    if n < 1:
        raise InputError(f"n is {n}; draw at least 1 path.")
    known = volatility.bars.shape[0]
    if horizon_bars < 1 or horizon_bars > largest_horizon(known):
        hours = volatility.bar_hours
        raise InputError(
            f"the horizon of {horizon_bars} bars ({horizon_bars * hours:g} h) is not supported: "
            f"the volatility model knows {known} bars and answers for 1 to "
            f"{largest_horizon(known)} ({largest_horizon(known) * hours:g} h), a "
            f"{LEAST_SPANS}th of them. Shorten the horizon or begin the panel earlier."
        )
    bars = volatility.bar_paths(horizon_bars, n, np.random.default_rng(seed))
    low, high = extremes(bars)
    return PathSet(
        low=np.exp(low).astype(np.float32),
        high=np.exp(high).astype(np.float32),
        close=np.exp(np.cumsum(bars[2], axis=1)).astype(np.float32),
        mark_price=float(mark_price),
        bar_seconds=round(volatility.bar_hours * 3600),
        about={**volatility.parameters, "scale": volatility.scale},
    )


def extremes(bars: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest log price from the start to the end of each bar.

    Parameters
    ----------
    bars : ndarray, shape (3, path, bar)
        High, low and close of each bar, log from the close before it.

    Returns
    -------
    tuple of ndarray, shape (path, bar)
        At most and at least zero.
    """
    begin = np.cumsum(bars[2], axis=1) - bars[2]
    low = np.minimum.accumulate(begin + bars[1], axis=1)
    high = np.maximum.accumulate(begin + bars[0], axis=1)
    return np.minimum(low, 0.0), np.maximum(high, 0.0)


def largest_horizon(known_bars: int) -> int:
    """Bars ahead that a sample of so many bars supports."""
    return known_bars // LEAST_SPANS
