"""Scores of a map at the levels that bars swept, with what each bar adds to their error.

Both scores ask only where a map is dense, not how much there is in all: they do not change when
all amounts are multiplied. A score comes with its influence by bar (its derivative with respect to
the bar's weight), whose block bootstrap is the score's (Künsch 1989, section 4, doi
10.1214/aos/1176347265).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liqbayes.judge.sweeps import FLOOR, Sweeps

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
# in single precision where a draw's map is
AnyArray = NDArray[np.floating[Any]]
TOP = 0.25
#: Swept cells that a distance needs to be ranked by itself; farther ones are taken together.
LEAST_CELLS = 40


@dataclass(frozen=True)
class Score:
    """A score and how much it owes to each bar.

    Attributes
    ----------
    value : float
    influence : ndarray, shape (time,)
        Sums to zero over the bars that count; NaN elsewhere.
    """

    value: float
    influence: FloatArray

    def minus(self, other: "Score") -> "Score":
        """Difference of two scores over the same bars."""
        return Score(self.value - other.value, self.influence - other.influence)

    @property
    def series(self) -> FloatArray:
        """Terms whose mean is the score, shape (time,)."""
        return self.value + self.influence


def gain(swept: FloatArray, sweeps: Sweeps, use: BoolArray) -> Score:
    """Information gain of a map over an even spread of open interest, nats a unit of notional.

    A liquidated unit of notional falls in bar t with probability proportional to what the map
    holds where bar t swept. The score is the mean log of this probability over that of a map that
    spreads open interest evenly over log price: the conditional log likelihood of a point process
    given its total, the gain per event of earthquake forecasts (Rhoades et al. 2011, doi
    10.2478/s11600-011-0013-5).

    Parameters
    ----------
    swept : ndarray, shape (side, time)
        What each bar sweeps of the map, over open interest.
    sweeps : Sweeps
    use : ndarray of bool, shape (side, time)
        Bars that count; all have swept something.

    Returns
    -------
    Score
        0 for an even spread, log(FLOOR) for a map that is empty wherever price went.
    """
    weight = np.broadcast_to(sweeps.weight, use.shape)
    amount = np.where(use, np.nan_to_num(sweeps.reported) * weight, 0.0)
    even = np.where(use, np.nan_to_num(sweeps.reach) * weight, 0.0)
    held = np.where(use, np.nan_to_num(swept) * weight, 0.0)
    if not held.sum() > 0:
        return Score(float(np.log(FLOOR)), np.where(use.any(axis=0), 0.0, np.nan))
    level = held.sum() / even.sum()
    part = (1 - FLOOR) * held / np.where(even > 0, even * level, 1.0)
    term = np.log(part + FLOOR)
    total = amount.sum()
    value = float((amount * term).sum() / total)
    by_level = -float((amount * part / (part + FLOOR)).sum()) / (total * level)
    own = amount * (term - value) / total + by_level * (held - level * even) / even.sum()
    return Score(value, _by_bar(own, use))


def top_share(density: AnyArray, sweeps: Sweeps, use: BoolArray, *, by_distance: bool) -> Score:
    """Share of liquidated notional in the densest quarter of the swept levels.

    Parameters
    ----------
    density : ndarray, shape (side, time, cell)
        What the map holds in each cell, over open interest.
    sweeps : Sweeps
    use : ndarray of bool, shape (side, time)
    by_distance : bool
        Rank levels among those of the same distance only; then distance alone has 25 %.

    Returns
    -------
    Score
        ``TOP`` for a map that knows nothing: levels of equal density share their place.
    """
    exposure = sweeps.exposure * use[..., None]
    swept = exposure.sum(axis=2)
    weight = np.broadcast_to(sweeps.weight, use.shape)
    amount = np.where(use, np.nan_to_num(sweeps.reported) * weight, 0.0)
    rate = np.where(swept > 0, amount / np.where(swept > 0, swept, 1.0), 0.0)
    inside = np.zeros(use.shape)
    for j in range(use.shape[0]):
        for cells in _strata(exposure[j]) if by_distance else [np.arange(sweeps.n_cells)]:
            member = _top(density[j][:, cells], exposure[j][:, cells])
            inside[j] += (member * exposure[j][:, cells]).sum(axis=1) * rate[j]
    total = amount.sum()
    value = float(inside.sum() / total)
    return Score(value, _by_bar((inside - value * amount) / total, use))


def _strata(exposure: FloatArray) -> list[NDArray[np.int64]]:
    """Cells, near to far, each by itself while enough bars swept it."""
    seen = exposure.sum(axis=0)
    strata: list[NDArray[np.int64]] = []
    begin = 0
    for k in range(seen.size):
        if seen[begin : k + 1].sum() >= LEAST_CELLS:
            strata.append(np.arange(begin, k + 1))
            begin = k + 1
    rest = np.arange(begin, seen.size)
    if rest.size and strata:
        strata[-1] = np.concatenate([strata[-1], rest])
    elif rest.size:
        strata.append(rest)
    return strata


def _top(density: AnyArray, exposure: FloatArray) -> FloatArray:
    """Membership, 0 to 1, in the densest quarter by exposure; ties share it."""
    counted = exposure > 0
    _, group = np.unique(-density[counted], return_inverse=True)
    size = np.bincount(group, exposure[counted])
    above = np.cumsum(size) - size
    room = np.clip((TOP * size.sum() - above) / np.maximum(size, 1e-300), 0.0, 1.0)
    out = np.zeros(density.shape)
    out[counted] = room[group]
    return out


def _by_bar(own: FloatArray, use: BoolArray) -> FloatArray:
    """Influence of a bar, times the number of bars, so that a mean has that of the sum."""
    counted = use.any(axis=0)
    return np.where(counted, own.sum(axis=0) * counted.sum(), np.nan)
