"""Small price panels."""

import numpy as np
import pandas as pd

from liqbayes.panel import MarketPanel


def walk(n: int, *, hours: int = 24, seed: int = 0, contract: str = "bitmex:XBTUSD") -> MarketPanel:
    """Bars of a walk with Student t returns of four degrees of freedom, 4 % a day."""
    rng = np.random.default_rng(seed)
    steps = 12
    size = 0.04 * np.sqrt(hours / 24 / steps / 2)
    path = np.exp(np.cumsum(size * rng.standard_t(4, n * steps)).reshape(n, steps))
    opened = np.append(1.0, path[:-1, -1])
    frame = pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(path.max(axis=1), opened),
            "low": np.minimum(path.min(axis=1), opened),
            "close": path[:, -1],
            "volume": np.ones(n),
        },
        index=pd.date_range("2020-01-01", periods=n, freq=f"{hours}h"),
    )
    prices = ["open", "high", "low", "close"]
    frame[prices] *= 9000.0
    return MarketPanel.from_frame(frame, contract)


def with_gap(panel: MarketPanel, bars: slice) -> MarketPanel:
    """The same with prices of some bars unknown."""
    frame = panel.to_frame()
    frame.iloc[bars] = np.nan
    return MarketPanel.from_frame(frame, panel.contract)
