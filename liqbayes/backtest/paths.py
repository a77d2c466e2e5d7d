"""One law of price and turnover, free of parameters, that every forecast is made on."""

import numpy as np
from numpy.typing import NDArray

from liqbayes.backtest.table import BarTable
from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]
# Mean length of the stretches that a path is made of.
MEAN_BLOCK_HOURS = 24.0
# Past bars with known price and turnover without which no path is drawn.
LEAST_BARS = 48


def draw_path(table: BarTable, origin: int, horizon: int, rng: np.random.Generator) -> BarTable:
    """Rows before an origin, and after them a path by the stationary bootstrap.

    Stretches of past bars of geometric length are laid end to end (Politis and Romano 1994, doi
    10.1080/01621459.1994.10476870): log moves of open, high, low and close from the close before,
    and turnover, of the same bar together. The past is not extended by what is drawn, and one path
    serves all forecasters.

    Parameters
    ----------
    table : BarTable
    origin : int
        Rows that may be used.
    horizon : int
        Bars of the path.
    rng : numpy.random.Generator

    Returns
    -------
    BarTable
        With ``origin + horizon`` rows.

    Raises
    ------
    InputError
        If fewer than ``LEAST_BARS`` bars before the origin can be drawn from, or the price before
        it is unknown.
    """
    past = table.rows(None, origin)
    before = np.concatenate([[np.nan], past.close[:-1]])
    moves = {
        name: np.log(getattr(past, name) / before) for name in ("open", "high", "low", "close")
    }
    usable = np.flatnonzero(np.isfinite(sum(moves.values()) + past.turnover))
    if usable.size < LEAST_BARS:
        raise InputError(
            f"{usable.size} bars before bar {origin} have known price and turnover; a path needs "
            f"{LEAST_BARS} to be drawn from. Begin the panel earlier."
        )
    start = float(past.close[-1]) if origin else np.nan
    if not np.isfinite(start):
        raise InputError(f"the price before bar {origin} is unknown; no path can begin there.")
    leave = min(1.0, table.bar_hours / MEAN_BLOCK_HOURS)
    fresh = rng.random(horizon) < leave
    fresh[0] = True
    begins = rng.integers(usable.size, size=horizon)
    at = np.empty(horizon, np.int64)
    for h in range(horizon):
        at[h] = begins[h] if fresh[h] else (at[h - 1] + 1) % usable.size
    rows = usable[at]
    closes = start * np.exp(np.cumsum(moves["close"][rows]))
    starts = np.concatenate([[start], closes[:-1]])
    return past.append(
        open=starts * np.exp(moves["open"][rows]),
        high=starts * np.exp(moves["high"][rows]),
        low=starts * np.exp(moves["low"][rows]),
        close=closes,
        turnover=past.turnover[rows],
    )
