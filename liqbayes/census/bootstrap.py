"""Intervals of weighted means by the Bayesian bootstrap over accounts.

Rows of one account are not independent, so whole accounts are reweighted: weights of accounts are
Dirichlet(1, …, 1) (Rubin 1981, doi 10.1214/aos/1176345338), which never leaves a rare group empty.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Draws, and limits of the interval that is reported.
DRAWS = 4000
INTERVAL = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class AccountDraws:
    """Random weights of accounts, the same for every mean so that means can be compared.

    Attributes
    ----------
    weights : ndarray, shape (draw, account)
    """

    weights: FloatArray

    @classmethod
    def of(cls, n_accounts: int, rng: np.random.Generator, draws: int = DRAWS) -> "AccountDraws":
        """Independent exponential weights: normalised they are Dirichlet(1, …, 1)."""
        return cls(rng.standard_exponential((draws, n_accounts)))

    def mean(self, account: IntArray, weight: FloatArray, value: FloatArray) -> FloatArray:
        """Weighted mean over rows, shape (draw,); NaN without rows.

        Parameters
        ----------
        account : ndarray of int, shape (row,)
            Column of ``weights``.
        weight, value : ndarray, shape (row,)
        """
        size = self.weights.shape[1]
        above = self.weights @ np.bincount(account, weight * value, minlength=size)
        below = self.weights @ np.bincount(account, weight, minlength=size)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(above / below)


def quantiles(draws: FloatArray) -> tuple[float, float, float]:
    """Lower limit, median and upper limit; NaN if any draw is unknown."""
    if not np.isfinite(draws).all():
        return (np.nan, np.nan, np.nan)
    low, middle, high = np.quantile(draws, INTERVAL)
    return float(low), float(middle), float(high)


def effective(account: IntArray, weight: FloatArray) -> float:
    """Effective number of accounts behind a weighted mean (Kish): 1 / sum of squared shares."""
    total = np.bincount(account, weight) if account.size else np.zeros(1)
    return float(total.sum() ** 2 / (total**2).sum()) if total.sum() > 0 else 0.0
