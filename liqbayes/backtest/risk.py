"""Tests that a risk desk puts to upper quantiles: exceptions too many, clustered, by zone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import xlog1py, xlogy

from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]
LEVELS = (0.95, 0.99)
LEAST_BARS = 500
SIGNIFICANCE = 0.05
PASSED, FAILED, TOO_FEW = "passed", "failed", "insufficient data"
# Basel Committee 1996, Supervisory framework for the use of backtesting: cumulative probabilities
# at which the yellow and the red zone begin.
YELLOW, RED = 0.95, 0.9999
ZONES = ("green", "yellow", "red")


@dataclass(frozen=True)
class LikelihoodRatio:
    """A likelihood-ratio statistic and its asymptotic p-value."""

    statistic: float
    p_value: float


@dataclass(frozen=True)
class QuantileTest:
    """Exceptions of one quantile.

    Attributes
    ----------
    level : float
        Of the quantile; ``1 - level`` of reports should exceed it.
    n, exceptions : int
    expected : float
    kupiec, independence, conditional : LikelihoodRatio or None
        Right number; independent of the bar before; both. None below ``LEAST_BARS`` bars.
    verdict : str
        ``failed`` if Kupiec's or the conditional test has a p-value below 5 %.
    """

    level: float
    n: int
    exceptions: int
    expected: float
    kupiec: LikelihoodRatio | None
    independence: LikelihoodRatio | None
    conditional: LikelihoodRatio | None
    verdict: str


@dataclass(frozen=True)
class Zone:
    """Basel zone of a number of exceptions.

    Attributes
    ----------
    level : float
    n, exceptions : int
    yellow_from, red_from : int
        Least exceptions of these zones at this ``n``.
    zone : str
    """

    level: float
    n: int
    exceptions: int
    yellow_from: int
    red_from: int
    zone: str


def exceedances(
    pit_low: FloatArray, pit_high: FloatArray, level: float, rng: np.random.Generator
) -> FloatArray:
    """1 where the report exceeds the quantile, 0 where not, NaN where unknown.

    By the probability integral transform, uniform inside its interval: where the quantile lies in
    the mass at zero, a report of zero exceeds it as often as it has to, and no more seldom.

    Parameters
    ----------
    pit_low, pit_high : ndarray, shape (bar,)
        As `scores.score_bars` returns them.
    level : float
    rng : Generator

    Returns
    -------
    ndarray, shape (bar,)
    """
    pit = pit_low + (pit_high - pit_low) * rng.random(pit_low.shape)
    return np.where(np.isfinite(pit), (pit > level).astype(float), np.nan)


def quantile_test(exceeded: FloatArray, level: float) -> QuantileTest:
    """Kupiec's and Christoffersen's tests of a quantile.

    Parameters
    ----------
    exceeded : ndarray, shape (bar,)
        As `exceedances` returns them, in order of time; a pair with an unknown bar is no pair.
    level : float

    Returns
    -------
    QuantileTest
    """
    _check_level(level)
    known = exceeded[np.isfinite(exceeded)]
    n, hits = known.size, int(known.sum())
    expected = n * (1.0 - level)
    if n < LEAST_BARS:
        return QuantileTest(level, n, hits, expected, None, None, None, TOO_FEW)
    first = kupiec(hits, n, 1.0 - level)
    second = independence(*transitions(exceeded))
    both = _ratio(first.statistic + second.statistic, 2)
    verdict = FAILED if min(first.p_value, both.p_value) < SIGNIFICANCE else PASSED
    return QuantileTest(level, n, hits, expected, first, second, both, verdict)


def kupiec(exceptions: int, n: int, probability: float) -> LikelihoodRatio:
    """Proportion-of-failures test.

    ``LR = 2 log[(x/n)^x (1 - x/n)^(n - x) / (p^x (1 - p)^(n - x))]``, chi-squared with one degree
    of freedom (Kupiec 1995, doi 10.3905/jod.1995.407942).
    """
    share = exceptions / n
    return _ratio(2 * (_loglik(exceptions, n, share) - _loglik(exceptions, n, probability)), 1)


def transitions(exceeded: FloatArray) -> tuple[int, int, int, int]:
    """Pairs of consecutive known bars: none-none, none-exception, exception-none, both."""
    before, after = exceeded[:-1], exceeded[1:]
    known = np.isfinite(before) & np.isfinite(after)
    code = (2 * before[known] + after[known]).astype(int)
    counts = np.bincount(code, minlength=4)
    return int(counts[0]), int(counts[1]), int(counts[2]), int(counts[3])


def independence(n00: int, n01: int, n10: int, n11: int) -> LikelihoodRatio:
    """Whether an exception makes another one in the next bar more or less likely.

    Against a first-order Markov chain; chi-squared with one degree of freedom (Christoffersen 1998,
    section 3.2, doi 10.2307/2527341). 0 where no exception is followed by anything.
    """
    calm, after = n00 + n01, n10 + n11
    if calm == 0 or after == 0:
        return _ratio(0.0, 1)
    apart = _loglik(n01, calm, n01 / calm) + _loglik(n11, after, n11 / after)
    pooled = _loglik(n01 + n11, calm + after, (n01 + n11) / (calm + after))
    return _ratio(2 * (apart - pooled), 1)


def basel_zone(exceptions: int, n: int, level: float = 0.99) -> Zone:
    """Zone of a number of exceptions among ``n`` daily totals.

    The yellow zone begins at the least number that a right model reaches or stays below with a
    probability of 95 %, the red zone at 99.99 %: at ``n = 250`` and 99 %, 5 and 10 (Basel Committee
    1996, table 2).

    Raises
    ------
    InputError
        For no days, or more exceptions than days.
    """
    _check_level(level)
    if n < 1 or not 0 <= exceptions <= n:
        raise InputError(f"{exceptions} exceptions of {n} days are given; 0 to n of 1 or more.")
    yellow = int(stats.binom.ppf(YELLOW, n, 1.0 - level))
    red = int(stats.binom.ppf(RED, n, 1.0 - level))
    # a number of exceptions that a right model cannot fail to stay below condemns nothing
    yellow, red = max(yellow, 1), max(red, yellow + 1, 2)
    zone = ZONES[int(exceptions >= yellow) + int(exceptions >= red)]
    return Zone(level, n, exceptions, yellow, red, zone)


def _check_level(level: float) -> None:
    if not 0.5 < level < 1.0:
        raise InputError(f"the level is {level}; upper quantiles lie between 0.5 and 1.")


def _loglik(hits: int, n: int, p: float) -> float:
    return float(xlogy(hits, p) + xlog1py(n - hits, -p))


def _ratio(statistic: float, degrees: int) -> LikelihoodRatio:
    value = max(statistic, 0.0)
    return LikelihoodRatio(value, float(stats.chi2.sf(value, degrees)))
