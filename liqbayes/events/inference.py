"""Estimates with intervals that know blocks of time and posterior draws, and their tests."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from liqbayes.events.definitions import (
    ALPHA,
    BLOCK_HORIZONS,
    BLOCK_HOURS,
    LEAST_BLOCKS,
    POWER,
    PROBABILITY,
)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """An effect, averaged over posterior draws of the map.

    Attributes
    ----------
    value : float
    error : float
        Standard error of the average over draws.
    total_error : float
        Root of the mean square, over draws, of a draw's own standard error and of its distance from
        the average: what is not known of the effect if one of the draws were the map.
    blocks : float
        Blocks of time that it rests on; one fewer are the degrees of freedom.
    n : int
        Events, or bars, on average over draws.
    reason : str
        Why there is no estimate; empty where there is one.
    """

    value: float
    error: float
    total_error: float
    blocks: float
    n: int
    reason: str = ""

    def interval(
        self, probability: float = PROBABILITY, *, total: bool = False
    ) -> tuple[float, float]:
        """Equal-tailed, by Student's t; with ``total``, by the total error."""
        if self.reason:
            return np.nan, np.nan
        error = self.total_error if total else self.error
        wide = self._t(0.5 + probability / 2) * error
        return self.value - wide, self.value + wide

    def p_value(self) -> float:
        """Two-sided, of no effect."""
        if self.reason:
            return np.nan
        return float(2.0 * stats.t.sf(abs(self.value) / self.error, self.blocks - 1.0))

    def detectable(self, alpha: float = ALPHA, power: float = POWER) -> float:
        """Size of effect that a two-sided test at ``alpha`` finds with probability ``power``."""
        if self.reason:
            return np.nan
        return (self._t(1.0 - alpha / 2) + self._t(power)) * self.error

    def _t(self, probability: float) -> float:
        return float(stats.t.ppf(probability, self.blocks - 1.0))


def nothing(reason: str, n: int = 0) -> Estimate:
    """No estimate, and why."""
    return Estimate(np.nan, np.nan, np.nan, np.nan, n, reason)


def block_bars(horizon_bars: int, bar_hours: float) -> int:
    """Bars of a block of the bootstrap."""
    return max(round(BLOCK_HOURS / bar_hours), round(BLOCK_HORIZONS * horizon_bars), 2)


def block_variance(influence: FloatArray, block: int) -> FloatArray:
    """Variance of the sums of series by a circular block bootstrap in closed form.

    Of infinitely many resamples, blocks being drawn independently, it is the number of blocks times
    the variance of a block's sum over all starting points (Politis and Romano 1992, in LePage and
    Billard, Exploring the Limits of Bootstrap). Blocks of length ``L`` weigh a lag ``k`` by
    ``1 - k / L`` and so lose part of what series remember; ``2 V(L) - V(L / 2)`` weighs all lags up
    to ``L / 2`` fully (Politis and Romano 1995, doi 10.1111/j.1467-9892.1995.tb00223.x). The larger
    of the two is taken, times ``n / (n - L)``, because blocks vary around the mean of all of them.

    Parameters
    ----------
    influence : ndarray, shape (..., time)
    block : int
        Bars of a block.

    Returns
    -------
    ndarray, shape (...,)
    """
    n = influence.shape[-1]
    whole = _plain_variance(influence, min(block, n))
    half = _plain_variance(influence, max(min(block, n) // 2, 1))
    return np.asarray(np.maximum(whole, 2.0 * whole - half) * n / max(n - block, 1))


def _plain_variance(influence: FloatArray, length: int) -> FloatArray:
    n = influence.shape[-1]
    around = np.concatenate([influence, influence[..., : length - 1]], axis=-1)
    running = np.concatenate(
        [np.zeros((*influence.shape[:-1], 1)), np.cumsum(around, axis=-1)], axis=-1
    )
    sums = running[..., length:] - running[..., :-length]
    return np.asarray(sums.var(axis=-1) * n / length)


def combined(
    values: FloatArray, influence: FloatArray, *, block: int, studied: int, n: int
) -> Estimate:
    """One estimate of those under each draw of the map.

    Under each draw an event is one or is not; on average over draws it counts by its posterior
    probability. Given the maps, that average varies with what happened after the events: its
    standard error is the block bootstrap's of the averaged contributions, and a part for few draws.
    The total error is by the law of total variance.

    Parameters
    ----------
    values : ndarray, shape (draw,)
    influence : ndarray, shape (draw, time)
        What each bar contributes to the deviation of the value; 0 where nothing.
    block : int
    studied : int
        Bars under study.
    n : int
        Events.
    """
    blocks = studied / block
    if blocks < LEAST_BLOCKS:
        return nothing(few_blocks(studied, block), n)
    if not np.isfinite(values).all():
        return nothing("it cannot be estimated under some draws of the map", n)
    sampling = float(block_variance(influence.mean(axis=0), block))
    within = float(block_variance(influence, block).mean())
    between = float(values.var(ddof=1)) if values.size > 1 else 0.0
    if not within > 0:
        return nothing("nothing varies", n)
    error = float(np.sqrt(sampling + between / values.size))
    return Estimate(
        float(values.mean()), error, max(error, float(np.sqrt(within + between))), blocks, n
    )


def few_blocks(studied: int, block: int) -> str:
    """Why there is no interval."""
    return (
        f"{studied} bars are {studied / block:.1f} blocks of {block} bars, and {LEAST_BLOCKS} are "
        "needed; study a longer panel"
    )
