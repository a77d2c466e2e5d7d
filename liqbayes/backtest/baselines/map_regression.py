"""A deterministic map's swept amount turned into a distribution by the regression's equation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from liqbayes.backtest.baselines.equation import Equation, FittedEquation
from liqbayes.backtest.baselines.regression import SCALE, regression_terms
from liqbayes.backtest.baselines.terms import Terms
from liqbayes.backtest.table import BarTable
from liqbayes.contracts import SIDES
from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# Amount over open interest that each bar sweeps, shape (side, bar): of the bars known when the map
# was made, or as a function of a table, for bars that are drawn.
Swept = FloatArray | Callable[[BarTable], FloatArray]
# Added to a swept amount before its logarithm, in the side's median of what is swept at all.
FLOOR = 0.05


@dataclass(frozen=True, eq=False)
class MapRegression:
    """The regression with the log of what the bar sweeps of a map.

    Attributes
    ----------
    name : str
    swept : ndarray, shape (side, bar), or callable
        What each bar of the table sweeps of the map that bars before it had drawn, over open
        interest before the bar (any unit of amount does: only ratios count); NaN where the map says
        nothing, 0 where it says none. A function is given the table, and is needed where bars are
        drawn (task ``forecast``).
    """

    name: str
    swept: Swept
    _made: WeakKeyDictionary[BarTable, FloatArray] = field(
        default_factory=WeakKeyDictionary, init=False, repr=False
    )

    def fit(self, table: BarTable, stop: int) -> FittedEquation:
        """Fit to rows before ``stop``.

        Raises
        ------
        InputError
            If too few reports are known, or the map sweeps nothing before ``stop``.
        """
        past = self.amounts(table.rows(None, stop))[:, :stop]
        typical = []
        for i, side in enumerate(SIDES):
            positive = past[i][past[i] > 0]
            if not positive.size:
                raise InputError(
                    f"the map of {self.name!r} sweeps no {side} level in the {stop} bars before "
                    "the origin; there is nothing to learn from it."
                )
            typical.append(float(np.median(positive)))

        def known(of: BarTable, rows: IntArray) -> NDArray[np.bool_]:
            return np.asarray(np.isfinite(self.amounts(of)[:, rows]).all(axis=0))

        def groups_of(
            of: BarTable, side: int, rows: IntArray, centre: float
        ) -> Mapping[str, Terms]:
            bar = dict(regression_terms(of, side, rows, centre))
            ratio = self.amounts(of)[side] / typical[side]
            return bar | {"map": _map_terms(ratio, rows, bar["bar"])}

        return Equation(self.name, groups_of, SCALE, known=known).fit(table, stop)

    def amounts(self, table: BarTable) -> FloatArray:
        """Swept amounts of a table's bars, asked for once a table; NaN beyond the bars known.

        Raises
        ------
        InputError
            If they are negative or of another shape.
        """
        if table not in self._made:
            self._made[table] = self._amounts(table)
        return self._made[table]

    def _amounts(self, table: BarTable) -> FloatArray:
        given = np.asarray(self.swept(table) if callable(self.swept) else self.swept, float)
        if given.ndim != 2 or given.shape[0] != len(SIDES):
            raise InputError(f"swept has shape {given.shape}; give (side, bar), longs first.")
        if (given < 0).any() or np.isinf(given).any():
            raise InputError("swept amounts must be finite and not negative; NaN is unknown.")
        if callable(self.swept) and given.shape[1] != table.n_bars:
            raise InputError(f"swept has {given.shape[1]} bars, the table {table.n_bars}.")
        out = np.full((len(SIDES), table.n_bars), np.nan)
        n = min(given.shape[1], table.n_bars)
        out[:, :n] = given[:, :n]
        return out


def _map_terms(ratio: FloatArray, rows: IntArray, bar: Terms) -> Terms:
    """Log of the swept amount in units of the usual one, its square and products."""
    swept = ratio[rows]
    log = np.log(swept + FLOOR)
    last = np.where(rows > 0, ratio[np.maximum(rows - 1, 0)], np.nan)
    return {
        "swept": log,
        "swept squared": log**2,
        "swept nothing": (swept == 0).astype(float),
        "swept x turnover": log * bar["turnover"],
        "swept x adverse": log * (bar["adverse"] + 0.5),
        "swept before": np.log(last + FLOOR),
    }
