"""From terms of both sides to one design: scaled, with deviations of the sides apart."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.backtest.baselines.terms import Spans, Terms, known_mean
from liqbayes.backtest.table import BarTable
from liqbayes.contracts import SIDES

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# (table, side, rows, usual log turnover) to terms of these rows, by group
GroupsOf = Callable[[BarTable, int, IntArray, float], Mapping[str, Terms]]
LARGEST_TERM = 5.0
SIGNS = np.array([1.0, -1.0])
# Half-life in bars of the shorter mean of residuals; that of the longer one is a day.
SHORT = 3.0
# Weight of the prior mean 0 in a mean of residuals, in bars.
SHRINKAGE = 2.0


@dataclass(frozen=True)
class RawTerms:
    """Terms of both sides: ``values`` of shape (side, row, term), their names and groups."""

    values: FloatArray
    names: tuple[str, ...]
    groups: IntArray


def raw_terms(groups_of: GroupsOf, table: BarTable, rows: IntArray, centre: float) -> RawTerms:
    """Terms of some rows for both sides; NaN where unknown."""
    values, names, groups = [], [], []
    for side in range(len(SIDES)):
        found = groups_of(table, side, rows, centre)
        columns = [column for terms in found.values() for column in terms.values()]
        values.append(np.stack(columns, axis=1) if columns else np.zeros((rows.size, 0)))
        names = [name for terms in found.values() for name in terms]
        groups = [i for i, terms in enumerate(found.values()) for _ in terms]
    return RawTerms(np.stack(values), tuple(names), np.array(groups, np.int64))


@dataclass(frozen=True)
class Scaler:
    """Weighted mean and spread of each term over the reports fitted to."""

    mean: FloatArray
    spread: FloatArray

    @classmethod
    def of(cls, terms: FloatArray, weight: FloatArray) -> "Scaler":
        """Of terms of shape (report, term), NaN left out."""
        known = np.isfinite(terms)
        total = np.maximum(weight @ known, 1e-300)
        mean = weight @ np.where(known, terms, 0.0) / total
        spread = np.sqrt(weight @ np.where(known, (terms - mean) ** 2, 0.0) / total)
        return cls(mean, np.where(spread > 1e-9, spread, 1.0))

    def __call__(self, terms: FloatArray) -> FloatArray:
        """Scaled terms, within five spreads; a term unknown for want of bars is its mean."""
        scaled = (terms - self.mean) / self.spread
        return np.clip(np.nan_to_num(scaled, nan=0.0), -LARGEST_TERM, LARGEST_TERM)


def sided(scaled: FloatArray, slow: FloatArray) -> FloatArray:
    """Design of both sides: common terms, then their deviations, which change sign with the side.

    Parameters
    ----------
    scaled : ndarray, shape (side, row, term)
    slow : ndarray, shape (side, row, slow term)

    Returns
    -------
    ndarray, shape (side, row, column)
        Terms, side, deviations of terms, slow terms, deviations of slow terms.
    """
    sign = np.broadcast_to(SIGNS[:, None, None], (*scaled.shape[:2], 1))
    return np.concatenate([scaled, sign, sign * scaled, slow, sign * slow], axis=2)


def sided_groups(groups: IntArray, slow: int) -> IntArray:
    """Group of each column of `sided`: those of the terms, one for all deviations, one for slow."""
    first = int(groups.max()) + 1 if groups.size else 0
    apart = np.full(groups.size + 1, first)
    return np.concatenate([groups, apart, np.full(slow, first + 1), np.full(slow, first)])


def slow_terms(residuals: FloatArray, rows: IntArray, spans: Spans) -> FloatArray:
    """Means of past residuals, of the side and of the other one.

    Parameters
    ----------
    residuals : ndarray, shape (side, bar)
        NaN where a report is unknown.
    rows : ndarray of int, shape (row,)
    spans : Spans

    Returns
    -------
    ndarray, shape (side, row, 4)
    """
    columns = []
    for half_life in (SHORT, float(spans.day)):
        own = []
        for each in residuals:
            mean, weight = known_mean(each, rows, half_life, spans.week)
            own.append(np.nan_to_num(mean) * weight / (weight + SHRINKAGE))
        both = np.stack(own)
        columns += [both, both[::-1]]
    return np.stack(columns, axis=2)
