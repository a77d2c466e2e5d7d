"""What normal returns and the past alone say, to stand beside the extreme value law."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]

# Of the intervals, and draws of the normal posterior.
LIMITS = (0.05, 0.5, 0.95)
_DRAWS = 4000
# Fewer periods say nothing of a spread.
LEAST_PERIODS = 30


@dataclass(frozen=True)
class Answer:
    """A level with its 90 % interval; an end that the data do not give is NaN.

    Attributes
    ----------
    low, median, high : float
        Adverse move, fraction of the entry price.
    """

    low: float
    median: float
    high: float


def normal_answer(
    change: FloatArray, side: str, probability: float, *, path: bool, seed: int = 0
) -> Answer:
    """Level under independent normal returns of the period, reference prior on mean and variance.

    Parameters
    ----------
    change : ndarray, shape (period,)
        Returns ``close/open - 1``; unknown ones are left out.
    side : {"long", "short"}
    probability : float
        Of a period.
    path : bool
        Whether the worst price within the period counts, by the reflection principle
        P(max > x) = 2 P(end > x) of a walk without drift, or its end alone.
    seed : int

    Raises
    ------
    InputError
        If there are fewer than 30 known periods.

    Notes
    -----
    variance | data ~ (n - 1) s² / χ²(n - 1), mean | variance ~ N(mean, variance / n) (Gelman et al.
    2013, Bayesian Data Analysis, 3rd ed., section 3.2).
    """
    x = _known(change)
    rng = np.random.default_rng(seed)
    n = x.size
    sd = np.sqrt((n - 1) * x.var(ddof=1) / rng.chisquare(n - 1, _DRAWS))
    mean = x.mean() + sd / np.sqrt(n) * rng.standard_normal(_DRAWS)
    drift = 0.0 if path else np.where(side == "long", -mean, mean)
    tail = probability / 2 if path else probability
    values = drift + sd * stats.norm.isf(tail)
    low, median, high = np.quantile(values, LIMITS)
    return Answer(float(low), float(median), float(high))


def historical_answer(adverse: FloatArray, probability: float) -> Answer:
    """Empirical quantile, with the distribution-free interval of order statistics.

    Parameters
    ----------
    adverse : ndarray, shape (period,)
        Adverse moves; unknown ones are left out.
    probability : float
        Of a period.

    Returns
    -------
    Answer
        ``high`` is NaN where the past has too few periods to bound the quantile from above,
        ``median`` too where it has fewer than one expected exceedance.

    Raises
    ------
    InputError
        If there are fewer than 30 known periods.

    Notes
    -----
    The number of periods below the quantile is binomial (Conover 1999, Practical Nonparametric
    Statistics, section 3.2); independent periods.
    """
    x = np.sort(_known(adverse))
    n = x.size
    least, most = (int(stats.binom.ppf(q, n, 1.0 - probability)) for q in LIMITS[::2])
    low = float(x[least - 1]) if least >= 1 else float("nan")
    high = float(x[most]) if most < n else float("nan")
    enough = n * probability >= 1.0
    median = float(np.quantile(x, 1.0 - probability)) if enough else float("nan")
    return Answer(low, median, high)


def _known(values: FloatArray) -> FloatArray:
    x = values[~np.isnan(values)]
    if x.size < LEAST_PERIODS:
        raise InputError(
            f"{x.size} holding periods are known; at least {LEAST_PERIODS} are needed. Use a "
            "longer panel or a shorter --holding."
        )
    return x
