"""Tables of bars for tests, with a law of liquidations that is known."""

from typing import Any

import numpy as np

from liqbayes.backtest.table import BarTable


def price_bars(n: int, rng: np.random.Generator, scale: float = 0.006) -> dict[str, Any]:
    """Open, high, low and close of a random walk with volatility that persists."""
    volatility = scale * np.exp(
        0.4 * np.convolve(rng.normal(size=n + 11), np.ones(12) / 3, "valid")
    )
    steps = rng.normal(size=(n, 12)) * (volatility / np.sqrt(12))[:, None]
    path = np.log(60000.0) + np.cumsum(steps.ravel()).reshape(n, 12)
    first = np.concatenate([[np.log(60000.0)], path[:-1, -1]])
    inside = np.column_stack([first, path])
    return {
        "open": np.exp(first),
        "high": np.exp(inside.max(axis=1)),
        "low": np.exp(inside.min(axis=1)),
        "close": np.exp(path[:, -1]),
    }


def random_table(n: int = 300, seed: int = 0, bar_hours: float = 1.0) -> BarTable:
    """Reports that follow the adverse move and turnover, with zeros and a level that wanders."""
    rng = np.random.default_rng(seed)
    price = price_bars(n, rng, 0.006 * np.sqrt(bar_hours))
    turnover = 0.1 * bar_hours * np.exp(0.5 * rng.normal(size=n))
    adverse = np.stack(
        [np.log(price["open"] / price["low"]), np.log(price["high"] / price["open"])]
    )
    level = np.cumsum(0.05 * rng.normal(size=n))
    log_x = (
        -9.0 + level + 1.2 * np.log(adverse / adverse.mean() + 0.05) + np.log(turnover / 0.1)
    ) + rng.normal(size=(2, n))
    x = np.where(rng.random((2, n)) < 1 / (1 + np.exp(log_x + 11.5)), 0.0, np.exp(log_x))
    x[:, 0] = np.nan
    return BarTable(
        time=np.datetime64("2024-01-01", "ns")
        + np.arange(n) * np.timedelta64(round(bar_hours * 3600), "s"),
        bar_hours=bar_hours,
        turnover=turnover,
        change=np.concatenate([[np.nan], 0.01 * rng.normal(size=n - 1)]),
        reported=x,
        **price,
    )
