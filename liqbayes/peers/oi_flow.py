"""The time-evolving heatmap of github.com/gptprojectmanager/liquidations (2025), "oi-flow".

Per bar, in this order: levels of longs at or above the low and of shorts at or below the high are
consumed; a rise of open interest opens at the close, on the long side if the bar closed at or
above its open and on the short side otherwise, 15, 30, 25, 20 and 10 % at 5x, 10x, 25x, 50x and
100x; a fall is taken pro rata from all that is left on both sides, at most all of it.

As published a level is E (1 - 1/L + m/L) for longs and E (1 + 1/L - m/L) for shorts with m =
0.004: the maintenance margin is divided by the leverage, so 10x at 100 gives 90.04 where the
equity of an isolated position equals m times its value at 90.36. ``corrected`` is that equality:
E (1 - 1/L) / (1 - m) and E (1 + 1/L) / (1 + m) on linear contracts, E (1 + m) / (1 + 1/L) and
E (1 - m) / (1 - 1/L) on inverse ones.

Differences: changes are of the panel's quantity unit, of an aggregate's legs in their own units,
whereas the tool is given changes of open interest in quote value, which take every move of price
for a flow; it drops positions below 0.01 USDT; candles are of the price that triggers liquidation.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from liqbayes.contracts import SIDES
from liqbayes.panel import MarketPanel
from liqbayes.panel.columns import LEGS
from liqbayes.peers.bars import Bars
from liqbayes.peers.levels import LevelMap, stack

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
LEVERAGES = np.array([5.0, 10.0, 25.0, 50.0, 100.0])
WEIGHTS = np.array([0.15, 0.30, 0.25, 0.20, 0.10])
MAINTENANCE_RATE = 0.004
PUBLISHED, CORRECTED = "oi-flow", "oi-flow-corrected"

# Prices and amounts of one side, both (level,).
Book = tuple[FloatArray, FloatArray]


def level_prices(entry: float, side: int, *, corrected: bool, kind: str = "linear") -> FloatArray:
    """Levels of positions opened at a price, shape (leverage,).

    Parameters
    ----------
    entry : float
    side : int
        0 long, 1 short.
    corrected : bool
        Isolated-margin level instead of the published formula.
    kind : str
        Of the contract; matters to the corrected level alone. An aggregate counts as linear.
    """
    inverse, m = 1.0 / LEVERAGES, MAINTENANCE_RATE
    sign = -1.0 if side == 0 else 1.0
    if not corrected:
        return np.asarray(entry * (1.0 + sign * (inverse - m * inverse)))
    if kind == "inverse":
        return np.asarray(entry * (1.0 - sign * m) / (1.0 - sign * inverse))
    return np.asarray(entry * (1.0 + sign * inverse) / (1.0 + sign * m))


def changes(panel: MarketPanel) -> FloatArray:
    """Change of open interest since it was last known, shape (time,); 0 where unknown.

    Of an aggregate in quote: that of each leg in its own unit, valued at the close.
    """
    if not panel.has(LEGS[0]):
        return _since_known(panel.values("open_interest"))
    linear, inverse = (_since_known(panel.values(name)) for name in LEGS)
    return np.asarray(linear * np.nan_to_num(panel.values("close")) + inverse)


def _since_known(values: FloatArray) -> FloatArray:
    interest = np.array(values, float)
    out = np.zeros(interest.size)
    known = np.flatnonzero(np.isfinite(interest))
    out[known[1:]] = np.diff(interest[known])
    return out


def books(
    bars: Bars, change: FloatArray, *, corrected: bool
) -> Iterator[tuple[FloatArray, tuple[Book, Book]]]:
    """What each bar consumes, shape (side,), and both books after it."""
    empty = (np.zeros(0), np.zeros(0))
    price, amount = [empty[0], empty[0]], [empty[1], empty[1]]
    for t in range(bars.n_bars):
        gone = np.zeros(2)
        if np.isfinite(bars.low[t]) and np.isfinite(bars.high[t]):
            for j in range(2):
                hit = price[j] >= bars.low[t] if j == 0 else price[j] <= bars.high[t]
                gone[j] = amount[j][hit].sum()
                price[j], amount[j] = price[j][~hit], amount[j][~hit]
        delta = change[t]
        if delta > 0 and np.isfinite(bars.open[t]) and np.isfinite(bars.close[t]):
            j = 0 if bars.close[t] >= bars.open[t] else 1
            at = level_prices(float(bars.close[t]), j, corrected=corrected, kind=bars.kind)
            price[j] = np.concatenate([price[j], at])
            amount[j] = np.concatenate([amount[j], delta * WEIGHTS])
        elif delta < 0:
            total = amount[0].sum() + amount[1].sum()
            left = 1.0 - min(-delta / total, 1.0) if total > 0 else 1.0
            amount = [left * each for each in amount]
        yield gone, ((price[0], amount[0]), (price[1], amount[1]))


def swept(panel: MarketPanel, *, corrected: bool = False) -> FloatArray:
    """What each bar consumes of the levels drawn from bars before it, shape (side, time)."""
    bars = Bars.of(panel)
    out = np.stack([gone for gone, _ in books(bars, changes(panel), corrected=corrected)], axis=1)
    out[:, ~bars.known] = np.nan
    return out


def levels(panel: MarketPanel, shown: IntArray, *, corrected: bool = False) -> LevelMap:
    """The map at the close of the bars ``shown``, one point a position."""
    bars = Bars.of(panel)
    place = {int(t): i for i, t in enumerate(shown)}
    parts: list[tuple[int, int, FloatArray, FloatArray]] = []
    for t, (_, sides) in enumerate(books(bars, changes(panel), corrected=corrected)):
        if t in place:
            parts.extend((place[t], j, *sides[j]) for j in range(len(SIDES)))
    return stack(bars.end[shown], bars.close[shown], parts)
