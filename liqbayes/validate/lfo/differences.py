"""Difference of two models' scores, bar by bar, and how sure it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FloatArray = NDArray[np.float64]
RESAMPLES = 2000
# A bootstrap of fewer blocks has too few values to say how they vary.
LEAST_BLOCKS = 10
PROBABILITY = 0.95
BETTER, WORSE, UNDECIDED, TOO_FEW = "better", "worse", "not decided", "too few days"


@dataclass(frozen=True)
class Difference:
    """Summed difference of scores.

    Attributes
    ----------
    value : float
    se : float
        Standard error over time and draws together; NaN below ``LEAST_BLOCKS`` blocks.
    low, high : float
        95 % interval, by Student's t with one degree of freedom less than there are blocks.
    verdict : str
    """

    value: float
    se: float
    low: float
    high: float
    verdict: str


def difference(
    score: FloatArray, reference: FloatArray, mcse: float, block: int, seed: int
) -> Difference:
    """Compare a model's scores with those of a reference, paired by bar.

    Parameters
    ----------
    score, reference : ndarray, shape (bar,)
        Of the same bars, in order of time.
    mcse : float
        Monte Carlo standard error of the summed difference.
    block : int
        Bars of a block.
    seed : int

    Returns
    -------
    Difference
        Whose verdict is ``better`` or ``worse`` only where the interval excludes 0.
    """
    values = score - reference
    total = float(values.sum())
    if values.size < LEAST_BLOCKS * block:
        return Difference(total, np.nan, np.nan, np.nan, TOO_FEW)
    se = float(np.hypot(block_bootstrap_se(values, block, seed), mcse))
    # few blocks know their own spread badly: with ten of them a normal interval would exclude 0
    # twice as often as it says
    wide = float(stats.t.ppf(0.5 + PROBABILITY / 2, values.size / block - 1)) * se
    low, high = total - wide, total + wide
    verdict = BETTER if low > 0 else WORSE if high < 0 else UNDECIDED
    return Difference(total, se, low, high, verdict)


def block_bootstrap_se(values: FloatArray, block: int, seed: int) -> float:
    """Standard error of a sum of dependent values by the moving-block bootstrap.

    Künsch 1989, doi 10.1214/aos/1176347265: overlapping blocks are drawn with replacement and laid
    end to end; the last is cut to the series' length.

    Parameters
    ----------
    values : ndarray, shape (time,)
    block : int
        Length of a block, at most that of the series.
    seed : int
    """
    n = values.size
    whole, rest = divmod(n, block)
    running = np.concatenate([[0.0], np.cumsum(values)])
    starts = np.random.default_rng(seed).integers(
        n - block + 1, size=(RESAMPLES, whole + (rest > 0))
    )
    length = np.full(starts.shape[1], block)
    if rest:
        length[-1] = rest
    sums = (running[starts + length] - running[starts]).sum(axis=1)
    return float(sums.std(ddof=1))
