"""What the bar and the bars before it say: terms of regressions, mirrored between the sides.

A short's adverse move is up: its terms are those of a long on the reciprocal price, so that
swapping the sides and mirroring the price swaps the forecasts. Moves are in units of 1 % per
square-root hour, so that they mean the same at every bar length.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.backtest.table import BarTable

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Terms = dict[str, FloatArray]
# (table, side, rows, centre of log turnover) to terms of these rows
TermsOf = Callable[[BarTable, int, IntArray, float], Terms]
MOVE_UNIT = 0.01
# Added to moves before their logarithm: 5 % of a unit, less than the usual bar moves.
FLOOR = 0.05
# Bars whose extreme a bar has to pass; the last of them, and all longer ones, give way to a week.
EXTREMES = (1, 2, 4, 8, 16, 32, 64, 128)
NEAR = 4
LEAST_TURNOVER = 1e-8


@dataclass(frozen=True)
class Spans:
    """Bars of a day and of a week; of longer bars, at least 7 and 30 of them."""

    day: int
    week: int

    @classmethod
    def of(cls, table: BarTable) -> "Spans":
        """Spans of a table's bars."""
        return cls(max(round(24 / table.bar_hours), 7), max(round(168 / table.bar_hours), 30))


@dataclass(frozen=True)
class Path:
    """Log prices such that down is adverse to the side, in units of the move."""

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray

    @classmethod
    def of(cls, table: BarTable, side: int) -> "Path":
        """Path of longs (side 0), or of shorts (1) mirrored."""
        unit = MOVE_UNIT * np.sqrt(table.bar_hours)
        o, h, low, c = (
            np.log(values) / unit for values in (table.open, table.high, table.low, table.close)
        )
        return cls(o, h, low, c) if side == 0 else cls(-o, -low, -h, -c)


def before(values: FloatArray, rows: IntArray, count: int) -> FloatArray:
    """Values of the bars before each row, the nearest first; shape (row, count)."""
    index = rows[:, None] - np.arange(1, count + 1)
    return np.where(index >= 0, values[np.maximum(index, 0)], np.nan)


def lowest_before(values: FloatArray, rows: IntArray, count: int) -> FloatArray:
    """Lowest known value of the bars before each row; shape (row, count), over 1 .. count bars."""
    return np.asarray(np.fmin.accumulate(before(values, rows, count), axis=1))


def known_mean(
    values: FloatArray, rows: IntArray, half_life: float, count: int
) -> tuple[FloatArray, FloatArray]:
    """Exponentially weighted mean of known values before each row, and the sum of their weights.

    The bar before has weight 1; ``count`` bars are looked at, no more than twelve half-lives. The
    mean is NaN where nothing is known.
    """
    count = min(count, max(round(12 * half_life), 1))
    seen = before(values, rows, count)
    weight = 0.5 ** (np.arange(count) / half_life)
    known = np.isfinite(seen)
    total = known @ weight
    summed = np.where(known, seen, 0.0) @ weight
    return np.where(total > 0, summed / np.maximum(total, 1e-300), np.nan), np.asarray(total)


def log_move(move: FloatArray) -> FloatArray:
    """Log of a move that is at least 0, floored."""
    return np.asarray(np.log(np.maximum(move, 0.0) + FLOOR))


def log_turnover(table: BarTable) -> FloatArray:
    """Log of volume over open interest."""
    return np.asarray(np.log(np.maximum(table.turnover, LEAST_TURNOVER)))


def adverse(path: Path, rows: IntArray) -> tuple[FloatArray, FloatArray]:
    """Largest adverse and favourable move of a bar from the close before it or from its open."""
    start, close = path.open[rows], before(path.close, rows, 1)[:, 0]
    down = np.maximum(np.fmax(start, close) - path.low[rows], 0.0)
    up = np.maximum(path.high[rows] - np.fmin(start, close), 0.0)
    return down, up


def price_terms(table: BarTable, side: int, rows: IntArray, centre: float = 0.0) -> Terms:
    """Moves, range and how far the bar passes the extremes of the bars before it.

    The depth beyond the low of the last 1, 2, 4 ... bars is what a map with levels spread evenly
    over distance would find untouched.

    Parameters
    ----------
    table : BarTable
    side : {0, 1}
    rows : ndarray of int, shape (row,)
    centre : float
        Not used: price alone.

    Returns
    -------
    dict of str to ndarray, shape (row,)
    """
    path, spans = Path.of(table, side), Spans.of(table)
    down, up = adverse(path, rows)
    low, high, close, start = (x[rows] for x in (path.low, path.high, path.close, path.open))
    lows = lowest_before(path.low, rows, spans.week)
    highs = -lowest_before(-path.high, rows, spans.week)
    fall = log_move(down)
    span = np.maximum(high - low, 1e-9)
    back = np.tanh(start - close)
    out = {
        "adverse": fall,
        "favourable": log_move(up),
        "range": log_move(high - low),
        "return": back,
        "adverse squared": (fall + 0.5) ** 2,
        "adverse beyond": np.maximum(fall + 0.5, 0.0),
        "close in range": (close - low) / span,
        "open in range": (start - low) / span,
        "from high of day": log_move(highs[:, spans.day - 1] - low),
        "from high of week": log_move(highs[:, -1] - low),
        "above low of day": log_move(low - lows[:, spans.day - 1]),
        "return x adverse": back * (fall + 0.5),
    }
    for count in depths(spans):
        out[f"beyond {count}"] = log_move(lows[:, count - 1] - low)
    out["beyond x adverse"] = (out[f"beyond {NEAR}"] + 1.0) * (fall + 0.5)
    last = rows - 1
    lagged = adverse(path, np.maximum(last, 0))[0]
    out["adverse before"] = np.where(last >= 0, log_move(lagged), np.nan)
    out["return before"] = np.tanh(before(path.open - path.close, rows, 1)[:, 0])
    return out


def depths(spans: Spans) -> tuple[int, ...]:
    """Bars whose extremes are looked at."""
    return (*(count for count in EXTREMES if count < spans.week), spans.week)


def volume_terms(table: BarTable, side: int, rows: IntArray, centre: float) -> Terms:
    """Turnover and how it works together with the moves.

    Parameters
    ----------
    table : BarTable
    side : {0, 1}
    rows : ndarray of int, shape (row,)
    centre : float
        Usual log turnover, from the rows fitted to.
    """
    spans = Spans.of(table)
    price = price_terms(table, side, rows)
    turnover = log_turnover(table)
    above = turnover[rows] - centre
    return {
        "turnover": above,
        "turnover squared": above**2,
        "turnover x adverse": above * (price["adverse"] + 0.5),
        "turnover x beyond": above * (price[f"beyond {NEAR}"] + 1.0),
        "turnover x beyond week": above * (price[f"beyond {spans.week}"] + 2.0),
        "turnover x return": above * price["return"],
        "turnover before": before(turnover, rows, 1)[:, 0] - centre,
    }


def change_terms(table: BarTable, rows: IntArray) -> Terms:
    """Change of open interest over the bar itself, for the task ``conditional-oi``."""
    change = table.change[rows]
    return {
        "change": change,
        "fall of open interest": np.maximum(-change, 0.0),
        "size of change": np.log(np.abs(change) + 1e-3),
    }


def usable(table: BarTable, rows: IntArray) -> NDArray[np.bool_]:
    """Rows of known price and turnover."""
    columns = (table.open, table.high, table.low, table.close, table.turnover)
    return np.asarray(np.all([np.isfinite(values[rows]) for values in columns], axis=0))
