"""Small made-up panels for the tests of the model."""

import copy
import tomllib

import numpy as np
import pandas as pd

from liqbayes.model.spec import ModelSpec
from liqbayes.panel import MarketPanel
from liqbayes.resources import find_resource

LINEAR, INVERSE, AGGREGATE = "binance:BTCUSDT", "binance:BTCUSD_PERP", "aggregate:BTC"
UNTHROTTLED = "hyperliquid:BTC"


def spec_table():
    """The shipped baseline as a plain table that a test may change."""
    text = (find_resource("models") / "baseline" / "spec.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def small_spec(**book):
    """The baseline at low resolution; keywords change its sections ``book`` and ``resolution``."""
    table = copy.deepcopy(spec_table())
    table["resolution"].update(cells=10, entry_nodes=2, funding_blocks=3)
    table["book"].update(burn_in_hours=12.0, burn_in_share=0.2, minimum_bars=10, age_hours=60.0)
    for name, value in book.items():
        section = "resolution" if name in table["resolution"] else "book"
        table[section][name] = value
    return ModelSpec.from_mapping(table)


def bars(n=60, *, seed=0, start="2024-06-01", freq="1h", feed=True, funding=False, price=60_000.0):
    """Linear bars with open interest near 80,000 and, with ``feed``, reports with zeros."""
    rng = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(rng.normal(0, 0.008, n)))
    opens = np.concatenate(([price], close[:-1]))
    volume = 4_000 * rng.lognormal(0, 0.5, n)
    table = pd.DataFrame(
        {
            "open": opens,
            "high": np.maximum(opens, close) * (1 + rng.uniform(0.0005, 0.006, n)),
            "low": np.minimum(opens, close) * (1 - rng.uniform(0.0005, 0.006, n)),
            "close": close,
            "volume": volume,
            "open_interest": 80_000 * np.exp(np.cumsum(rng.normal(0, 0.006, n))),
        },
        index=pd.date_range(start, periods=n, freq=freq, name="timestamp"),
    )
    if feed:
        for side in ("long", "short"):
            some = rng.random(n) > 0.25
            table[f"{side}_liquidations"] = np.where(some, 40 * rng.lognormal(0, 1, n), 0.0)
    if funding:
        table["funding_rate"] = np.where(np.arange(n) % 8 == 0, rng.normal(1e-4, 2e-4, n), np.nan)
    return table


def panel(table=None, contract=LINEAR, **kwargs):
    return MarketPanel.from_frame(bars() if table is None else table, contract, **kwargs)


def aggregate(n=60, seed=0):
    """Bars of an aggregate: USD volume, a linear leg in coin and an inverse leg in USD."""
    table = bars(n, seed=seed, feed=False)
    rng = np.random.default_rng(seed + 1)
    linear = table.pop("open_interest")
    table["open_interest_linear"] = linear
    table["open_interest_inverse"] = 1e9 * np.exp(np.cumsum(rng.normal(0, 0.01, n)))
    table["volume"] *= table["close"]
    return table
