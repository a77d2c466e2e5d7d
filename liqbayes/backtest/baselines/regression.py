"""Move, range, volume and what past reports left over: the equation that a map has to beat."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.backtest.baselines.equation import Equation, FittedEquation
from liqbayes.backtest.baselines.terms import Terms, price_terms, volume_terms
from liqbayes.backtest.table import BarTable

IntArray = NDArray[np.int64]
SCALE = ("adverse", "range", "turnover")


@dataclass(frozen=True)
class Regression:
    """Terms of price and volume, their products, and the slow residual."""

    name: str = "regression"

    def fit(self, table: BarTable, stop: int) -> FittedEquation:
        """Fit to rows before ``stop``; an InputError if too few reports are known."""
        return Equation(self.name, regression_terms, SCALE).fit(table, stop)


def regression_terms(
    table: BarTable, side: int, rows: IntArray, centre: float
) -> Mapping[str, Terms]:
    """Terms of price and volume in one group."""
    return {
        "bar": price_terms(table, side, rows) | volume_terms(table, side, rows, centre),
    }
