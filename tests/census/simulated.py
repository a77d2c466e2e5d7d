"""Censuses whose truth is known: accounts that hold one position each while price falls."""

import numpy as np
import pandas as pd

from liqbayes.census import Census, census_of
from liqbayes.panel import MarketPanel

START = np.datetime64("2026-02-03T00:00:00", "ns")
HOURS = 120
SNAPSHOT_EVERY = 6


def panel(fall: float = 0.3, hours: int = HOURS) -> MarketPanel:
    """Hours in which price falls steadily from 100 by a fraction, after two quiet ones."""
    close = 100.0 * np.exp(np.linspace(0.0, np.log1p(-fall), hours))
    open_ = np.append(100.0, close[:-1])
    frame = pd.DataFrame(
        {
            "open": open_,
            "high": np.maximum(open_, close),
            "low": np.minimum(open_, close),
            "close": close,
            "volume": 10.0,
            "open_interest": 1000.0,
        },
        index=pd.date_range(START, periods=hours, freq="h"),
    )
    return MarketPanel.from_frame(frame, "hyperliquid:BTC")


def census(
    rng: np.random.Generator,
    market: MarketPanel,
    *,
    accounts: int = 120,
    closed: float = 0.7,
    renewal_per_day: float = 0.0,
    seen: float = 1.0,
) -> Census:
    """Longs with levels spread below price; a touched one closes or gets a new level.

    Parameters
    ----------
    closed : float
        Chance that a touched position closes.
    renewal_per_day : float
        Rate at which untouched levels are drawn anew at the price of the hour.
    seen : float
        Chance that a snapshot shows an account, open or not.
    """
    low, close = market.values("low"), market.values("close")
    level = 100.0 * (1 - rng.uniform(0.02, 0.9, accounts))
    size = rng.lognormal(0.0, 0.5, accounts)
    alive = np.ones(accounts, bool)
    rows = []
    for hour in range(HOURS):
        if hour % SNAPSHOT_EVERY == 0:
            mark = market.values("open")[hour]
            shown = np.flatnonzero(rng.uniform(size=accounts) < seen)
            for i in shown:
                # another market shows that an account without the position was looked at
                rows.append((hour, i, "ETH", 1.0, 0.1, 1.0))
                if alive[i]:
                    rows.append((hour, i, "BTC", size[i], level[i], mark))
        touched = alive & (low[hour] <= level)
        leaves = touched & (rng.uniform(size=accounts) < closed)
        renewed = rng.uniform(size=accounts) < -np.expm1(-renewal_per_day / 24)
        anew = (touched & ~leaves) | (alive & ~touched & renewed)
        level[anew] = close[hour] * (1 - rng.uniform(0.05, 0.9, int(anew.sum())))
        alive &= ~leaves
    frame = pd.DataFrame(
        rows, columns=["hour", "account", "market", "size", "liquidation_price", "mark_price"]
    )
    frame["time"] = START + pd.to_timedelta(frame.pop("hour"), unit="h").to_numpy()
    frame["side"] = "long"
    return census_of(frame)
