"""Panels to measure on: cheap random walks, since speed does not depend on realism."""

import numpy as np
import pandas as pd

from liqbayes.contracts import load_contract
from liqbayes.panel import MarketPanel


def walk(bars: int, seed: int = 1) -> MarketPanel:
    """An hourly market with volatility clustering, volume, open interest, funding and a feed."""
    rng = np.random.default_rng(seed)
    volatility = 0.005 * np.exp(0.3 * np.sin(np.arange(bars) / 37.0) + rng.normal(0, 0.3, bars))
    close = 60_000.0 * np.exp(np.cumsum(volatility * rng.standard_normal(bars)))
    open_ = np.concatenate([[60_000.0], close[:-1]])
    high = np.maximum(open_, close) * np.exp(0.5 * volatility * np.abs(rng.standard_normal(bars)))
    low = np.minimum(open_, close) * np.exp(-0.5 * volatility * np.abs(rng.standard_normal(bars)))
    interest = 80_000.0 * np.exp(np.cumsum(rng.normal(0, 0.003, bars)))
    funding = np.full(bars, np.nan)
    funding[::8] = 1e-4 + 1e-4 * rng.standard_normal(funding[::8].size)
    share = np.log(high / low)
    frame = pd.DataFrame(
        {
            "open": open_,
            "high": high,
            "low": low,
            "close": close,
            "volume": interest * 0.12 * np.exp(rng.normal(0, 0.4, bars)),
            "open_interest": interest,
            "funding_rate": funding,
            "long_liquidations": 0.02 * share * interest * rng.gamma(0.5, 2, bars) * 0.05,
            "short_liquidations": 0.02 * share * interest * rng.gamma(0.5, 2, bars) * 0.05,
        },
        index=pd.date_range("2024-01-01", periods=bars, freq="h"),
    )
    return MarketPanel.from_frame(frame, load_contract("binance:BTCUSDT"))
