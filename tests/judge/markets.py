"""Panels whose reports follow a known map."""

from functools import cache

import numpy as np
import pandas as pd

from liqbayes.panel import MarketPanel
from liqbayes.peers import LevelMap

CELLS, SPACING = 80, 0.001


@cache
def known_market(seed: int = 0, n: int = 500) -> tuple[MarketPanel, LevelMap]:
    """A panel and the map that its liquidations are drawn from, a snapshot at every bar close.

    Levels lie in ranges of 0.1 % from the close on; their amounts wander apart from each other and
    from price. A bar's report is what it sweeps, times noise.
    """
    rng = np.random.default_rng(seed)
    scale = 0.004 * np.exp(0.5 * np.sin(np.arange(n) / 40))
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, scale)))
    open_ = np.append(100.0, close[:-1])
    high = np.maximum(open_, close) * np.exp(rng.exponential(scale / 2))
    low = np.minimum(open_, close) * np.exp(-rng.exponential(scale / 2))
    log_weight = np.zeros((n, 2, CELLS))
    log_weight[0] = rng.normal(0, 1, (2, CELLS))
    for t in range(1, n):
        log_weight[t] = 0.95 * log_weight[t - 1] + rng.normal(0, np.sqrt(1 - 0.95**2), (2, CELLS))
    amount = 1000.0 * np.exp(1.2 * log_weight)
    flow = rng.normal(0, 0.004, n)
    interest = 5e4 * np.exp(np.cumsum(flow) - np.linspace(0, flow.sum(), n))
    amount *= interest[:, None, None] / amount.sum(axis=2, keepdims=True)
    edges = SPACING * np.arange(CELLS + 1)
    reported = np.full((2, n), np.nan)
    for t in range(1, n):
        for j, reach in enumerate((np.log(close[t - 1] / low[t]), np.log(high[t] / close[t - 1]))):
            swept = np.clip((reach - edges[:-1]) / SPACING, 0, 1)
            reported[j, t] = 0.3 * (swept * amount[t - 1, j]).sum() * rng.gamma(4.0) / 4.0
    frame = pd.DataFrame(
        {
            "open": open_,
            "high": high,
            "low": low,
            "close": close,
            "volume": rng.gamma(2.0, 4000.0, n),
            "open_interest": interest,
            "long_liquidations": reported[0],
            "short_liquidations": reported[1],
        },
        index=pd.date_range("2024-01-01", periods=n, freq="h"),
    )
    panel = MarketPanel.from_frame(frame, "binance:BTCUSDT")
    ends = (panel.time + np.timedelta64(1, "h")).astype("datetime64[ns]")
    snapshot, side, cell = (a.ravel() for a in np.indices((n, 2, CELLS)))
    near, far = close[snapshot], close[snapshot]
    sign = np.where(side == 0, -1.0, 1.0)
    one, two = near * np.exp(sign * edges[cell]), far * np.exp(sign * edges[cell + 1])
    levels = LevelMap(
        ends, snapshot, side, np.minimum(one, two), np.maximum(one, two), amount.ravel()
    )
    return panel, levels


def shuffled(levels: LevelMap, seed: int = 0) -> LevelMap:
    """The amounts of another snapshot at the same distances: right on average, wrong each time."""
    order = np.random.default_rng(seed).permutation(levels.time.size)
    amount = levels.amount.reshape(levels.time.size, -1)[order].ravel()
    return LevelMap(
        levels.time, levels.snapshot, levels.side, levels.low, levels.high, amount, levels.notes
    )
