"""The past alone: reports, moves and volume of earlier bars; nothing of the bar itself."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.backtest.baselines.equation import Equation, FittedEquation
from liqbayes.backtest.baselines.terms import (
    Path,
    Spans,
    Terms,
    before,
    known_mean,
    log_move,
    log_turnover,
)
from liqbayes.backtest.scores import log_ratio
from liqbayes.backtest.table import BarTable

IntArray = NDArray[np.int64]
SCALE = ("own, short", "range, short")


@dataclass(frozen=True)
class Autoregressive:
    """Means of past log reports over several horizons, with those of range and turnover.

    The horizons are those of the heterogeneous autoregression of volatility (Corsi 2009, doi
    10.1093/jjfinec/nbp001), with exponential weights, which bridge unknown reports.
    """

    name: str = "autoregressive"

    def fit(self, table: BarTable, stop: int) -> FittedEquation:
        """Fit to rows before ``stop``; an InputError if too few reports are known."""
        return Equation(self.name, _terms, SCALE, slow=False).fit(table, stop)


def _terms(table: BarTable, side: int, rows: IntArray, centre: float) -> Mapping[str, Terms]:
    path, spans = Path.of(table, side), Spans.of(table)
    z = log_ratio(table.reported)
    none = np.where(np.isfinite(table.reported), (table.reported == 0).astype(float), np.nan)
    series = {
        "own": z[side],
        "other": z[1 - side],
        "zeros": none[side],
        "range": log_move(path.high - path.low),
        "turnover": log_turnover(table),
        "fall": path.open - path.close,
    }
    horizons = {"bar": 0.1, "short": 3.0, "day": float(spans.day), "week": float(spans.week)}
    out = {}
    for name, values in series.items():
        for horizon, half_life in horizons.items():
            out[f"{name}, {horizon}"] = known_mean(values, rows, half_life, 2 * spans.week)[0]
    lows = before(path.low, rows, spans.day)
    last = before(path.close, rows, 1)[:, 0]
    out["close above low of day"] = log_move(last - np.fmin.reduce(lows, axis=1))
    return {"past": out}
