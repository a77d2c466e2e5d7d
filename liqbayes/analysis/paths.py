"""Price paths ahead of the last bar, and how often they reach a level."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta

from liqbayes.analysis.volatility import LEAST_SPANS, Volatility, fit_volatility
from liqbayes.errors import InputError
from liqbayes.panel import MarketPanel

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
# Paths by default: the Monte Carlo error of a probability is at most 0.8 %.
PATHS = 4000
# Draws of the volatility model's parameters among them.
SETS = 20


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
    bar_low, bar_high : ndarray of float32, shape (path, bar)
        Lowest and highest price within each bar alone; empty where not kept.
    sets : int
        Parameter draws of the volatility model; each made an equal stretch of the paths.
    about : mapping of str to float
        Parameters of the volatility model.
    """

    low: Float32Array
    high: Float32Array
    close: Float32Array
    mark_price: float
    bar_seconds: int
    bar_low: Float32Array = field(default_factory=lambda: np.empty((0, 0), np.float32))
    bar_high: Float32Array = field(default_factory=lambda: np.empty((0, 0), np.float32))
    sets: int = 1
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
        return self._reach(price, bars, slice(None))

    def reach_interval(
        self, price: ArrayLike, bars: int
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """5 % end, mean and 95 % end of `reach`, for what is unknown of the volatility model.

        Between the parameter draws the probability varies by its uncertainty and by Monte Carlo
        error, which one-way analysis of variance takes apart (Searle, Casella and McCulloch 1992,
        section 3.6); the interval is that of a beta distribution with the mean and the variance of
        both. With one set it is Monte Carlo error alone.

        Parameters and errors as in `reach`.
        """
        each = self.n_paths // self.sets
        parts = [
            self._reach(price, bars, slice(k * each, (k + 1) * each)) for k in range(self.sets)
        ]
        return self._spread(np.stack(parts))

    def share_interval(self, event: NDArray[np.bool_]) -> tuple[float, float, float]:
        """The same of any event of the paths.

        Parameters
        ----------
        event : ndarray of bool, shape (path,)
        """
        parts = event.reshape(self.sets, -1).mean(axis=1)
        low, mean, high = self._spread(parts)
        return float(low), float(mean), float(high)

    def _spread(self, parts: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Interval from the shares of equal sets of paths, shape (set, ...)."""
        mean = parts.mean(axis=0)
        # half a path more on either side: that no path of many gets there is not "never"
        p = (mean * self.n_paths + 0.5) / (self.n_paths + 1)
        variance = p * (1 - p) / (self.n_paths + 1)
        if self.sets > 1:
            error = (parts * (1 - parts)).mean(axis=0) / max(self.n_paths // self.sets - 1, 1)
            variance = variance + np.maximum(parts.var(axis=0, ddof=1) - error, 0.0)
        size = np.maximum(p * (1 - p) / variance - 1, 1e-3)
        low, high = (beta.ppf(q, p * size, (1 - p) * size) for q in (0.05, 0.95))
        return np.minimum(low, mean), mean, np.maximum(high, mean)

    def _reach(self, price: ArrayLike, bars: int, part: slice) -> FloatArray:
        if not 1 <= bars <= self.n_bars:
            raise InputError(
                f"bars is {bars}; these paths have {self.n_bars}. Draw longer ones, or ask for 1 "
                f"to {self.n_bars}."
            )
        levels = np.asarray(price, float)
        if (levels <= 0).any():
            raise InputError("a level is not positive; give prices above zero, or NaN.")
        # rounded as the paths are, so that a level at an extreme counts as reached
        factor = (levels / self.mark_price).astype(np.float32)
        low = np.sort(self.low[part, bars - 1])
        high = np.sort(self.high[part, bars - 1])
        below = np.searchsorted(low, factor, side="right")
        above = high.size - np.searchsorted(high, factor, side="left")
        hits = np.where(factor < 1, below, np.where(factor > 1, above, high.size))
        return np.asarray(np.where(np.isnan(factor), np.nan, hits / low.size))


def price_paths(
    panel: MarketPanel, mark_price: float, horizon_bars: int, n: int = PATHS, seed: int = 1
) -> PathSet:
    """Paths by a volatility model and a block bootstrap of the bars that it standardises.

    Volatility follows `liqbayes.analysis.volatility.Volatility` from the last bar on; each bar's
    high, low and close are those of a past bar in its own conditional standard deviations, scaled
    to the path's. Past bars are drawn in stretches of a day (`stationary_rows`). There is no
    drift. Parameters are drawn too: each of ``SETS`` draws makes an equal share of the paths.

    Parameters
    ----------
    panel : MarketPanel
        Bars up to the present.
    mark_price : float
        Where the paths begin.
    horizon_bars : int
        Bars ahead.
    n : int
        Paths; if no multiple of ``SETS`` the parameters stay at their estimates.
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
    """As `price_paths`, with a volatility model that is already fitted.

    Parameters that were given, not estimated, are not redrawn.
    """
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
    rng = np.random.default_rng(seed)
    sets = SETS if n % SETS == 0 and volatility.covariance is not None else 1
    models = volatility.redrawn(sets, rng) if sets > 1 else [volatility]
    bars = np.concatenate([m.bar_paths(horizon_bars, n // sets, rng) for m in models], axis=1)
    low, high = extremes(bars)
    close = np.cumsum(bars[2], axis=1)
    begin = close - bars[2]
    return PathSet(
        low=np.exp(low).astype(np.float32),
        high=np.exp(high).astype(np.float32),
        close=np.exp(close).astype(np.float32),
        bar_low=np.exp(begin + bars[1]).astype(np.float32),
        bar_high=np.exp(begin + bars[0]).astype(np.float32),
        mark_price=float(mark_price),
        bar_seconds=round(volatility.bar_hours * 3600),
        sets=sets,
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
