"""Price alone: what a map with levels spread evenly over distance would say."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.backtest.baselines.equation import Equation, FittedEquation
from liqbayes.backtest.baselines.terms import Terms, price_terms
from liqbayes.backtest.table import BarTable

IntArray = NDArray[np.int64]
SCALE = ("adverse", "range")


@dataclass(frozen=True)
class Distance:
    """Moves of the bar and its depth beyond earlier extremes, and the slow residual; no volume."""

    name: str = "distance"

    def fit(self, table: BarTable, stop: int) -> FittedEquation:
        """Fit to rows before ``stop``; an InputError if too few reports are known."""
        return Equation(self.name, _terms, SCALE).fit(table, stop)


def _terms(table: BarTable, side: int, rows: IntArray, centre: float) -> Mapping[str, Terms]:
    return {"price": price_terms(table, side, rows)}
