"""Which accounts a census shows: a fitted inclusion model, and bounds without any.

Public censuses select accounts: large ones, winning ones. How the odds of being shown depend on
size and profit is learnt from accounts that were open at a snapshot, because an earlier and a
later one show them, and that it showed or missed. Accounts no snapshot ever showed are assumed to
follow the same odds; nothing in the data can test that. So the bounds of Manski (1989, doi
10.2307/145818) stand beside every estimate: the unobserved share of open interest can be anything.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.census.table import Census

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Fixed before any run.
#: An account counts as open at a snapshot if others within so many hours before and after show it.
BRACKET_HOURS = 48.0
#: Standard deviation of the normal prior on the coefficients.
RIDGE = 2.5
STEPS = 12
#: Notional and profit over notional that coefficients refer to one step of.
USUAL_NOTIONAL, PROFIT_STEP, MOST_PROFIT = 1e6, 0.1, 0.5


@dataclass(frozen=True)
class InclusionModel:
    """Draws of the coefficients: constant, log10 notional, profit over notional.

    Attributes
    ----------
    coefficients : ndarray, shape (draw, 3)
    rows, shown : int
        Sightings that could have been, and those among them that were.
    """

    coefficients: FloatArray
    rows: int
    shown: int

    def weights(self, features: FloatArray) -> FloatArray:
        """Inverse probability of being shown, shape (draw, account)."""
        return np.asarray(1.0 + np.exp(-self.coefficients @ features.T))


def features(census: Census) -> pd.DataFrame:
    """Log notional and profit over notional of every account and snapshot, over all markets.

    Returns
    -------
    DataFrame
        Indexed by ``account`` and ``time``, with columns ``constant``, ``notional``, ``profit``
        (0 where no entry price is known).
    """
    table = census.table
    value = table["size"] * table["mark_price"]
    gain = table["side"] * (table["mark_price"] - table["entry_price"]) * table["size"]
    by = pd.DataFrame(
        {"account": table["account"], "time": table["time"], "value": value, "gain": gain}
    )
    total = by.groupby(["account", "time"]).sum()
    profit = (total["gain"] / total["value"]).fillna(0.0).clip(-MOST_PROFIT, MOST_PROFIT)
    return pd.DataFrame(
        {
            "constant": 1.0,
            "notional": np.log10(total["value"] / USUAL_NOTIONAL),
            "profit": profit / PROFIT_STEP,
        }
    )


def fit_inclusion(census: Census, weights: FloatArray) -> InclusionModel:
    """Logistic regression of being shown, once for each draw of the accounts' weights.

    Parameters
    ----------
    census : Census
    weights : ndarray, shape (draw, account)
        See `AccountDraws`.
    """
    x, shown, account = _opportunities(census)
    draws = np.array([_logistic(x, shown, w[account]) for w in weights])
    return InclusionModel(draws, shown.size, int(shown.sum()))


def _opportunities(census: Census) -> tuple[FloatArray, FloatArray, IntArray]:
    """Features at the last sighting, whether shown, and account, of open accounts."""
    known = features(census)
    times = census.times
    hours = (times - times[0]) / np.timedelta64(1, "h")
    x, shown, account = [], [], []
    for who, of in known.groupby(level="account"):
        at = np.searchsorted(times, of.index.get_level_values("time").to_numpy("datetime64[ns]"))
        values = of.to_numpy()
        for i in range(1, times.size - 1):
            before, after = at[at < i], at[at > i]
            if not before.size or not after.size:
                continue
            if hours[i] - hours[before[-1]] > BRACKET_HOURS:
                continue
            if hours[after[0]] - hours[i] > BRACKET_HOURS:
                continue
            x.append(values[before.size - 1])
            shown.append(float(i in at))
            account.append(int(str(who)))
    return np.array(x).reshape(-1, 3), np.array(shown), np.array(account, np.int64)


def _logistic(x: FloatArray, y: FloatArray, weight: FloatArray) -> FloatArray:
    """Posterior mode of a weighted logistic regression, by Newton's method."""
    beta = np.zeros(x.shape[1])
    weight = weight / weight.mean() if weight.size else weight
    for _ in range(STEPS):
        p = 1.0 / (1.0 + np.exp(-x @ beta))
        gradient = x.T @ (weight * (y - p)) - beta / RIDGE**2
        curvature = (x.T * (weight * p * (1 - p))) @ x + np.eye(beta.size) / RIDGE**2
        beta = beta + np.linalg.solve(curvature, gradient)
    return beta


def bounds(share: float, observed: float) -> tuple[float, float]:
    """Least and most that a share of the whole can be, given that of an observed part.

    Parameters
    ----------
    share : float
        Among the observed.
    observed : float
        The observed part of the whole, in [0, 1].
    """
    return observed * share, observed * share + 1.0 - observed
