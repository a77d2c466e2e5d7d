"""From rows of blocks to one table of bars."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.backtest.record import QUANTILES, SCORES
from liqbayes.backtest.table import BarTable
from liqbayes.contracts import SIDES

FloatArray = NDArray[np.float64]
KEYS = ("task", "name", "side", "bar")


def quantile_name(level: float) -> str:
    """Name of a column, such as ``q05``."""
    return f"q{round(100 * level):02d}"


def bars_frame(rows: Iterable[Mapping[str, Any]], table: BarTable) -> pd.DataFrame:
    """Scores and quantiles of every bar, forecaster, task and side.

    Returns
    -------
    DataFrame
        Columns ``task``, ``name``, ``side``, ``bar``, ``time`` (bar open), ``test`` (of the test
        block), ``observed`` (reports over open interest), the scores of ``record.SCORES`` and the
        quantiles ``q01`` to ``q99`` of reports over open interest; NaN where a bar could not be
        forecast or its report is unknown.
    """
    parts = []
    for row in rows:
        if "error" in row:
            continue
        bars = np.arange(row["start"], row["stop"])
        for task, names in row["tasks"].items():
            for name, sides in names.items():
                for j, side in enumerate(SIDES):
                    found = sides[side]
                    part = pd.DataFrame(
                        {
                            "task": task,
                            "name": name,
                            "side": side,
                            "bar": bars,
                            "time": table.time[bars],
                            "test": row["test"],
                            "observed": table.reported[j, bars],
                            **{score: _floats(found[score]) for score in SCORES},
                        }
                    )
                    quantiles = np.array([_floats(q) for q in found["quantiles"]])
                    for i, level in enumerate(QUANTILES):
                        part[quantile_name(level)] = quantiles[i]
                    parts.append(part)
    if not parts:
        columns = (*KEYS, "time", "test", "observed", *SCORES, *map(quantile_name, QUANTILES))
        return pd.DataFrame({column: [] for column in columns})
    return pd.concat(parts, ignore_index=True).sort_values(list(KEYS), ignore_index=True)


def _floats(values: Sequence[float | None]) -> FloatArray:
    return np.array([np.nan if v is None else v for v in values], float)


def by_bar(frame: pd.DataFrame, task: str, side: str, score: str) -> pd.DataFrame:
    """One score of all forecasters: a row a bar, a column a forecaster."""
    chosen = frame[(frame["task"] == task) & (frame["side"] == side)]
    return chosen.pivot(index="bar", columns="name", values=score)


def day_volatility(table: BarTable) -> pd.Series:
    """Realised volatility of each UTC day, per square-root day.

    The root of the sum of squared log returns, close to close; a day that is not whole is scaled
    up by its bars.
    """
    change = np.diff(np.log(table.close), prepend=np.nan)
    days = pd.DatetimeIndex(table.time).floor("D")
    squares = pd.Series(change**2, index=days).groupby(level=0)
    a_day = max(24.0 / table.bar_hours, 1.0)
    return pd.Series(np.sqrt(squares.mean() * a_day))
