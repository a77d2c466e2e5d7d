"""One law of price and turnover, free of parameters, that every forecast is made on."""

import numpy as np

from liqbayes.backtest.table import BarTable
from liqbayes.errors import InputError
from liqbayes.panel.blocks import MEAN_BLOCK_HOURS, PRICES, bar_moves, stationary_rows

# Past bars with known price and turnover without which no path is drawn.
LEAST_BARS = 48


def draw_path(table: BarTable, origin: int, horizon: int, rng: np.random.Generator) -> BarTable:
    """Rows before an origin, and after them a path by the stationary bootstrap.

    Stretches of past bars of geometric length are laid end to end
    (`liqbayes.panel.blocks.stationary_rows`): log moves of open, high, low and close from the close
    before, and turnover, of the same bar together. The past is not extended by what is drawn, and
    one path serves all forecasters.

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
    moves = bar_moves({name: getattr(past, name) for name in PRICES})
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
    rows = usable[stationary_rows(usable.size, (horizon,), leave, rng)]
    closes = start * np.exp(np.cumsum(moves["close"][rows]))
    starts = np.concatenate([[start], closes[:-1]])
    return past.append(
        open=starts * np.exp(moves["open"][rows]),
        high=starts * np.exp(moves["high"][rows]),
        low=starts * np.exp(moves["low"][rows]),
        close=closes,
        turnover=past.turnover[rows],
    )
