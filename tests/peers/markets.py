"""Small panels for the peers' rules."""

import numpy as np
import pandas as pd

from liqbayes.panel import MarketPanel


def market(seed: int, n: int = 60, *, contract: str = "binance:BTCUSDT", step: float = 0.01):
    """A random hourly panel with taker volume and moving open interest."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, step, n)))
    open_ = np.append(100.0, close[:-1])
    volume = rng.gamma(2.0, 4000.0, n)
    frame = pd.DataFrame(
        {
            "open": open_,
            "high": np.maximum(open_, close) * np.exp(rng.exponential(step / 2, n)),
            "low": np.minimum(open_, close) * np.exp(-rng.exponential(step / 2, n)),
            "close": close,
            "volume": volume,
            "taker_buy_volume": volume * rng.beta(8, 8, n),
            "open_interest": 5e4 * np.exp(np.cumsum(rng.normal(0, 0.01, n))),
        },
        index=pd.date_range("2024-01-01", periods=n, freq="h"),
    )
    return MarketPanel.from_frame(frame, contract)
