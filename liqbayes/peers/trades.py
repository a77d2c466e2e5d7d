"""The rule of py-liquidation-map 1.0.1 (github.com/aoki-h-jp/py-liquidation-map, 2023).

Every taker trade i of quote value at least a threshold counts as a new position of its full size
at each of 10x, 25x, 50x and 100x, so each trade counts four times; a buy has its levels at
p (1 - d), a sell at p (1 + d), with d = 1/leverage: no maintenance margin, no fee, no closing. The
map at an instant holds all trades of a window that ends there, cut at the last price: levels of
longs above it and of shorts below it are dropped, and come back if price does. Its pictures bin
levels at width 10^(ceil(log10(highest price - lowest price)) - 2).

On bars one trade is what takers bought in the bar, another what they sold, each at the mean of the
bar's open, high, low and close: the finest that bars can say. The tool's threshold then compares
with a whole bar's taker volume, which on hours of large contracts is always above it. The window
is the tool's free choice; ``WINDOW_HOURS`` is ours.
"""

import numpy as np
from numpy.typing import NDArray

from liqbayes.contracts import SIDES
from liqbayes.panel import MarketPanel
from liqbayes.peers.bars import Bars, mean_price, taker_volumes
from liqbayes.peers.levels import LevelMap, stack

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
LEVERAGES = (10, 25, 50, 100)
#: Least quote value of a trade, the tool's default.
THRESHOLD_QUOTE = 100_000.0
#: Trades that are older are not on the map.
WINDOW_HOURS = 168.0


def positions(
    panel: MarketPanel, threshold_quote: float = THRESHOLD_QUOTE
) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Levels and amounts that each bar adds.

    Parameters
    ----------
    panel : MarketPanel
    threshold_quote : float
        Quote value below which a bar's taker volume adds nothing.

    Returns
    -------
    level : ndarray, shape (side, leverage, time)
        Prices; NaN where the bar's price is unknown.
    amount : ndarray, shape (side, time)
        In the panel's quantity unit, the same at each leverage; 0 below the threshold or where
        unknown.
    notes : tuple of str
    """
    price = mean_price(panel)
    bought, sold, notes = taker_volumes(panel)
    distance = 1.0 / np.array(LEVERAGES)[:, None]
    level = np.stack([price * (1.0 - distance), price * (1.0 + distance)])
    quantity = np.stack([bought, sold])
    value = quantity if panel.contract.quantity_unit == "USD" else quantity * price
    with np.errstate(invalid="ignore"):
        amount = np.where(value >= threshold_quote, quantity, 0.0)
    return level, amount, notes


def window_bars(bars: Bars, window_hours: float) -> int:
    """Bars of a window, at least one."""
    return max(1, min(round(window_hours / bars.bar_hours), bars.n_bars))


def swept(
    panel: MarketPanel,
    *,
    threshold_quote: float = THRESHOLD_QUOTE,
    window_hours: float = WINDOW_HOURS,
) -> FloatArray:
    """What each bar sweeps of the map at the close before it, shape (side, time)."""
    bars = Bars.of(panel)
    level, amount, _ = positions(panel, threshold_quote)
    low, high, last = bars.low, bars.high, bars.before
    out = np.zeros((len(SIDES), bars.n_bars))
    with np.errstate(invalid="ignore"):
        for lag in range(1, window_bars(bars, window_hours) + 1):
            for level_long, level_short in zip(level[0], level[1], strict=True):
                earlier = level_long[:-lag]
                hit = (earlier >= low[lag:]) & (earlier <= last[lag:])
                out[0, lag:] += np.where(hit, amount[0, :-lag], 0.0)
                earlier = level_short[:-lag]
                hit = (earlier <= high[lag:]) & (earlier >= last[lag:])
                out[1, lag:] += np.where(hit, amount[1, :-lag], 0.0)
    out[:, ~bars.known] = np.nan
    return out


def levels(
    panel: MarketPanel,
    shown: IntArray,
    *,
    threshold_quote: float = THRESHOLD_QUOTE,
    window_hours: float = WINDOW_HOURS,
) -> LevelMap:
    """The map at the close of the bars ``shown``, one point a position."""
    bars = Bars.of(panel)
    level, amount, notes = positions(panel, threshold_quote)
    n = window_bars(bars, window_hours)
    parts = []
    for i, t in enumerate(shown):
        inside = slice(max(0, t + 1 - n), t + 1)
        for j in range(len(SIDES)):
            price = level[j, :, inside]
            with np.errstate(invalid="ignore"):
                kept = price <= bars.close[t] if j == 0 else price >= bars.close[t]
            sizes = np.broadcast_to(amount[j, inside], price.shape)
            parts.append((i, j, price[kept], sizes[kept]))
    return stack(bars.end[shown], bars.close[shown], parts, notes)
