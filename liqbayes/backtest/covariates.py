"""Covariates of the feed equation: all but a map that says how much is liquidated in a bar."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from liqbayes.backtest.table import BarTable

FloatArray = NDArray[np.float64]
# Hours whose extremes a bar may pass: levels gather beyond them.
EXTREME_HOURS = (24.0, 168.0)
# Added to moves before their logarithm, a share of 1 % per square-root hour.
LEAST_MOVE = 0.02
# Added to reports before their logarithm, where they are scored too.
FLOOR = 1e-6
NAMES = (
    "adverse move",
    "its square",
    "adverse move along the bar's path",
    "return",
    "range",
    "turnover",
    "its square",
    "move x turnover",
    "beyond 24 h",
    "beyond 168 h",
    "volatility of a day",
    "last report, other side",
    "reports of a day, other side",
    "hour, sine",
    "hour, cosine",
)
LAGGED = ("volatility of a day", "last report, other side", "reports of a day, other side")
INTEREST_NAMES = ("change of open interest", "its fall")


def bar_covariates(table: BarTable, *, with_interest: bool) -> FloatArray:
    """Covariates of longs and shorts; shape (side, time, covariate), in the order of ``NAMES``.

    Row ``t`` uses rows before ``t`` whole and of row ``t`` price and turnover, and with
    ``with_interest`` its change of open interest (``INTEREST_NAMES``). Moves are in units of 1 %
    per square-root hour and enter by their logarithm. Unknown reports of the other side enter as
    the mean of those before; an unknown change as none. Rows with unknown price or turnover are
    NaN.
    """
    unit = 0.01 * np.sqrt(table.bar_hours)
    before = np.concatenate([table.open[:1], table.close[:-1]])
    before = np.where(np.isfinite(before), before, table.open)
    volume = np.log(np.maximum(table.turnover, 1e-6))
    volume = volume - np.log(0.125 * table.bar_hours)
    spread = np.log(np.log(table.high / table.low) / unit + LEAST_MOVE)
    change = np.diff(np.log(table.close), prepend=np.nan) / unit
    day = max(round(24.0 / table.bar_hours), 1)
    volatile = np.log(np.sqrt(_mean_before(change**2, max(day, 5))) + LEAST_MOVE)
    hour = (table.time - table.time.astype("datetime64[D]")) / np.timedelta64(1, "h")
    angle = 2.0 * np.pi * np.asarray(hour, float) / 24.0
    log_reports = np.log(table.reported + FLOOR)
    out = []
    for j, sign in enumerate((1.0, -1.0)):
        worst = np.log(table.low if j == 0 else table.high)
        adverse = np.maximum(sign * (np.log(before) - worst), 0.0) / unit
        move = np.log(adverse + LEAST_MOVE)
        other = _known_or_mean(log_reports[1 - j])
        beyond = []
        for hours in EXTREME_HOURS:
            bars = max(round(hours / table.bar_hours), 1)
            extreme = _lowest_before(sign * worst, bars)
            beyond.append(np.log1p(np.nan_to_num(np.maximum(extreme - sign * worst, 0.0)) / unit))
        out.append(
            [
                move,
                move**2,
                np.log(_along(table, j) / unit + LEAST_MOVE),
                sign * np.log(table.close / before) / unit,
                spread,
                volume,
                volume**2,
                move * volume,
                *beyond,
                volatile,
                np.concatenate([[0.0], other[:-1]]) if other.size else other,
                _mean_before(other, day),
                np.sin(angle),
                np.cos(angle),
            ]
        )
        if with_interest:
            moved = np.nan_to_num(table.change) / (0.4 * unit)
            out[-1] += [moved, np.minimum(moved, 0.0)]
    found = np.array(out).transpose(0, 2, 1)
    # the first bars have no day before them
    lags = [NAMES.index(name) for name in LAGGED]
    found[:, :, lags] = np.nan_to_num(found[:, :, lags])
    return np.asarray(found)


def _along(table: BarTable, side: int) -> FloatArray:
    """Largest adverse log move within the bar, of its path open, low, high, close or the mirror.

    The path goes to the low first where the bar closed up, as the geometry of levels takes it.
    """
    o, h, low, c = (np.log(getattr(table, name)) for name in ("open", "high", "low", "close"))
    up = c >= o
    fall_up, fall_down = np.maximum(o - low, h - c), h - low
    rise_up, rise_down = h - low, np.maximum(h - o, c - low)
    fall, rise = np.where(up, fall_up, fall_down), np.where(up, rise_up, rise_down)
    return np.asarray(fall if side == 0 else rise)


def _mean_before(values: FloatArray, bars: int) -> FloatArray:
    """Mean of the known values of so many bars before each; NaN where there is none."""
    padded = np.concatenate([np.full(bars, np.nan), values[:-1]])
    window = sliding_window_view(padded, bars)
    known = np.isfinite(window)
    n = known.sum(axis=1)
    total = np.where(known, window, 0.0).sum(axis=1)
    return np.asarray(np.where(n > 0, total / np.maximum(n, 1), np.nan))


def _known_or_mean(values: FloatArray) -> FloatArray:
    """Values with the mean of the known ones before in place of unknown ones."""
    known = np.isfinite(values)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))[:-1]])
    n = np.concatenate([[0], np.cumsum(known)[:-1]])
    mean = np.where(n > 0, total / np.maximum(n, 1), np.log(FLOOR))
    return np.where(known, values, mean)


def _lowest_before(values: FloatArray, bars: int) -> FloatArray:
    padded = np.concatenate([np.full(bars, np.nan), values[:-1]])
    return np.asarray(np.fmin.reduce(sliding_window_view(padded, bars), axis=1))
