"""Bars of a known law, paths and books whose answers are known."""

import numpy as np
import pandas as pd
import xarray as xr

from liqbayes.analysis.paths import PathSet
from liqbayes.panel import MarketPanel

MARK = 1000.0


def brownian_bars(n: int, deviation: float, seed: int) -> np.ndarray:
    """High, low and close of bars of Brownian motion, with its exact extremes within a bar.

    Given the close x of a bar, the maximum m of a bridge has P(m > y) = exp(−2 y (y − x) / σ²).
    """
    rng = np.random.default_rng(seed)
    x = rng.normal(0.0, deviation, n)
    up, down = (-2 * deviation**2 * np.log(rng.random(n)) for _ in range(2))
    return np.stack([(x + np.sqrt(x**2 + up)) / 2, (x - np.sqrt(x**2 + down)) / 2, x], axis=1)


def panel_of(moves: np.ndarray, price: float = 60_000.0, freq: str = "1h") -> MarketPanel:
    """Panel whose bars have these log moves of high, low and close from the close before."""
    close = price * np.exp(np.cumsum(moves[:, 2]))
    before = np.append(price, close[:-1])
    frame = pd.DataFrame(
        {
            "open": before,
            "high": before * np.exp(np.maximum(moves[:, 0], np.maximum(moves[:, 2], 0))),
            "low": before * np.exp(np.minimum(moves[:, 1], np.minimum(moves[:, 2], 0))),
            "close": close,
            "volume": np.full(close.size, 100.0),
            "open_interest": np.full(close.size, 1000.0),
        },
        index=pd.date_range("2024-01-01", periods=close.size, freq=freq),
    )
    return MarketPanel.from_frame(frame, "binance:BTCUSDT")


def paths_of(bars: list[list[tuple[float, float]]], mark: float = MARK) -> PathSet:
    """Paths from (low, high) prices of each bar; closes in the middle."""
    low, high = (np.array([[b[i] / mark for b in path] for path in bars]) for i in (0, 1))
    return PathSet(
        low=np.minimum(np.minimum.accumulate(low, axis=1), 1.0).astype(np.float32),
        high=np.maximum(np.maximum.accumulate(high, axis=1), 1.0).astype(np.float32),
        close=((low + high) / 2).astype(np.float32),
        mark_price=mark,
        bar_seconds=3600,
        bar_low=low.astype(np.float32),
        bar_high=high.astype(np.float32),
    )


def book(quote: np.ndarray, edges: np.ndarray, mark: float = MARK) -> xr.Dataset:
    """Levels with quote (chain, draw, side, price) in bins between edges."""
    middle = np.sqrt(edges[:-1] * edges[1:])
    dims = ("chain", "draw", "side", "price")
    return xr.Dataset(
        {"quantity": (dims, quote / middle), "quote": (dims, quote)},
        coords={
            "chain": np.arange(quote.shape[0]),
            "draw": np.arange(quote.shape[1]),
            "side": ["long", "short"],
            "price": middle,
            "price_low": ("price", edges[:-1]),
            "price_high": ("price", edges[1:]),
        },
        attrs={"mark_price": mark, "quote_unit": "USDT", "unit": "BTC", "kind": "realised"},
    )
