"""What a row keeps of a forecaster's draws: scores and quantiles of every bar, totals of days."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.backtest.scores import score_bars
from liqbayes.backtest.table import BarTable
from liqbayes.contracts import SIDES

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
SCORES = (
    "crps_log",
    "crps",
    "log_score",
    "interval_score",
    "coverage50",
    "coverage90",
    "width90",
    "pit_low",
    "pit_high",
)
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
# Quantiles of a day's total that a risk desk asks for.
DAY_QUANTILES = (0.95, 0.99)
# Rows are text: enough digits that sums of scores do not feel it.
DIGITS = 7


def record(draws: FloatArray, table: BarTable, bars: IntArray) -> dict[str, Any]:
    """Scores and quantiles of both sides as plain JSON values.

    Parameters
    ----------
    draws : ndarray, shape (side, bar, draw)
        Of reports over open interest; NaN throughout bars that were not forecast.
    table : BarTable
    bars : ndarray of int, shape (bar,)

    Returns
    -------
    dict
        Side to the scores of ``SCORES``, each a list of a value a bar, and ``quantiles``, a list a
        level of ``QUANTILES``; None is unknown.
    """
    out = {}
    for j, side in enumerate(SIDES):
        scores = score_bars(draws[j], table.reported[j, bars])
        levels = np.quantile(draws[j], QUANTILES, axis=1)
        out[side] = {
            **{name: _plain(getattr(scores, name)) for name in SCORES},
            "quantiles": [_plain(level) for level in levels],
        }
    return out


def day_totals(draws: FloatArray, table: BarTable, bars: IntArray) -> dict[str, Any]:
    """Totals of whole UTC days and their upper quantiles, as plain JSON values.

    A total is the sum of a day's reports over open interest. Its draws are sums of one-step draws,
    each given the reports before its bar, so that they vary as much as one-step errors do.

    Returns
    -------
    dict
        Side to a list of days with ``day``, ``total`` and ``quantiles`` (``DAY_QUANTILES``).
    """
    days = pd.DatetimeIndex(table.time[bars]).floor("D")
    whole = max(round(24.0 / table.bar_hours), 1)
    out: dict[str, Any] = {side: [] for side in SIDES}
    for day in days.unique():
        within = np.flatnonzero(days == day)
        for j, side in enumerate(SIDES):
            total = table.reported[j, bars[within]].sum()
            drawn = draws[j, within].sum(axis=0)
            if within.size == whole and np.isfinite(total) and np.isfinite(drawn).all():
                out[side].append(
                    {
                        "day": str(day.date()),
                        "total": float(total),
                        "quantiles": _plain(np.quantile(drawn, DAY_QUANTILES)),
                    }
                )
    return out


def side_scores(frame: pd.DataFrame) -> dict[str, float | int | None]:
    """Mean scores over the known bars of a table of bars, and their number ``n``."""
    known = frame[frame["crps_log"].notna()]
    names = [name for name in SCORES if not name.startswith("pit")]
    means = known[names].mean()
    return {
        **{name: float(means[name]) if len(known) else None for name in names},
        "n": len(known),
    }


def _plain(values: FloatArray) -> list[float | None]:
    return [float(f"{v:.{DIGITS}g}") if np.isfinite(v) else None for v in values.tolist()]
