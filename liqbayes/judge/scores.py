"""Scores of a map at the levels that bars swept, with what each bar adds to their error.

Both scores ask only where a map is dense, not how much there is in all: they do not change when
all amounts are multiplied. A score comes with its influence by bar (its derivative with respect to
the bar's weight), whose block bootstrap is the score's (Künsch 1989, section 4, doi
10.1214/aos/1176347265).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.judge.sweeps import FLOOR, Sweeps

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
TOP = 0.25
#: How far from the border of the quarter sweeps tell what lies at it, share of all.
BORDER = 0.1
#: Sweeps of like distance that are ranked among themselves, at least.
LEAST_ALIKE = 40


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


def gain(held: FloatArray, sweeps: Sweeps, use: BoolArray) -> Score:
    """Information gain of a map over an even spread of open interest, nats a unit of notional.

    A liquidated unit of notional falls in bar t with probability proportional to what the map
    holds where bar t swept. The score is the mean log of this probability over that of a map that
    spreads open interest evenly over log price: the conditional log likelihood of a point process
    given its total, the gain per event of earthquake forecasts (Rhoades et al. 2011, doi
    10.2478/s11600-011-0013-5).

    Parameters
    ----------
    held : ndarray, shape (side, time)
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
    mass = np.where(use, np.nan_to_num(held) * weight, 0.0)
    if not mass.sum() > 0:
        return Score(float(np.log(FLOOR)), np.where(use.any(axis=0), 0.0, np.nan))
    level = mass.sum() / even.sum()
    part = (1 - FLOOR) * mass / np.where(even > 0, even * level, 1.0)
    term = np.log(part + FLOOR)
    total = amount.sum()
    value = float((amount * term).sum() / total)
    by_level = -float((amount * part / (part + FLOOR)).sum()) / (total * level)
    own = amount * (term - value) / total + by_level * (mass - level * even) / even.sum()
    return Score(value, _by_bar(own, use))


def top_share(held: FloatArray, sweeps: Sweeps, use: BoolArray, *, by_distance: bool) -> Score:
    """Share of liquidated notional in the densest quarter of what was swept.

    A sweep's density is what the map holds in it over its length; a quarter is by length.

    Parameters
    ----------
    held : ndarray, shape (side, time)
        What each bar sweeps of the map, over open interest.
    sweeps : Sweeps
    use : ndarray of bool, shape (side, time)
        Bars that count; all have swept something.
    by_distance : bool
        Rank sweeps among those of about the same length only, each counting the same.

    Returns
    -------
    Score
        ``TOP`` for a map that knows nothing: sweeps of equal density share their place.
    """
    weight = np.broadcast_to(sweeps.weight, use.shape)
    amount = np.where(use, np.nan_to_num(sweeps.reported) * weight, 0.0)
    inside, border = np.zeros(use.shape), np.zeros(use.shape)
    for j in range(use.shape[0]):
        bars = np.flatnonzero(use[j])
        if not bars.size:
            continue
        alike = [bars]
        if by_distance:
            by_length = bars[np.argsort(sweeps.reach[j, bars], kind="stable")]
            alike = np.array_split(by_length, max(1, bars.size // LEAST_ALIKE))
        for group in alike:
            length = sweeps.reach[j, group]
            counts = np.ones(group.size) if by_distance else length
            member, near = _top(held[j, group] / length, counts)
            inside[j, group] = amount[j, group] * member
            # more weight in the quarter moves its border up: what lies at the border leaves it
            rate = amount[j, group][near].sum() / counts[near].sum()
            border[j, group] = rate * counts * (member - TOP)
    total = amount.sum()
    value = float(inside.sum() / total)
    return Score(value, _by_bar((inside - value * amount - border) / total, use))


def _top(density: FloatArray, counts: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Membership, 0 to 1, in the densest quarter by ``counts``, and what is near its border.

    Ties share their membership; ``near`` are those within ``BORDER`` of all counts of it.
    """
    _, group = np.unique(-density, return_inverse=True)
    size = np.bincount(group, counts)
    below = np.cumsum(size)
    above, all_of_it = below - size, below[-1]
    member = np.clip((TOP * all_of_it - above) / size, 0.0, 1.0)
    near = (above <= (TOP + BORDER) * all_of_it) & (below >= (TOP - BORDER) * all_of_it)
    return np.asarray(member[group]), np.asarray(near[group])


def _by_bar(own: FloatArray, use: BoolArray) -> FloatArray:
    """Influence of a bar, times the number of bars, so that a mean has that of the sum."""
    counted = use.any(axis=0)
    return np.where(counted, own.sum(axis=0) * counted.sum(), np.nan)
