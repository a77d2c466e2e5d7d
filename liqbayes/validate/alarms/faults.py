"""Faults that are planted in the bars after a fit: each is something that happens to real feeds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from liqbayes.panel import MarketPanel
from liqbayes.simulate import MarketConfig, market_preset, simulate_market

FEED = ("long_liquidations", "short_liquidations")
PRICES = ("open", "high", "low", "close", "mark_open", "mark_high", "mark_low", "mark_close")
AMOUNTS = ("volume", "open_interest", *FEED)
NONE = "no fault"
# Seeds of the markets that are spliced on, far from those of the fitted ones.
_SPLICED = 100_000


@dataclass(frozen=True)
class Market:
    """A simulated market with a fitted part and a continuation.

    Attributes
    ----------
    config : MarketConfig
    seed : int
    panel : MarketPanel
    fitted : int
        Bars that are fitted.
    """

    config: MarketConfig
    seed: int
    panel: MarketPanel
    fitted: int

    @property
    def before(self) -> MarketPanel:
        """The bars that are fitted."""
        return self.panel.slice(None, self.panel.time[self.fitted])

    def with_frame(self, frame: pd.DataFrame) -> MarketPanel:
        """A panel of other values in the same bars."""
        return MarketPanel.from_frame(
            frame,
            self.panel.contract,
            provenance=self.panel.provenance,
            bar_seconds=self.panel.bar_seconds,
        )


def market(config: MarketConfig, seed: int, fitted: int) -> Market:
    """Simulate ``config.bars`` bars, the first ``fitted`` of which will be fitted."""
    return Market(config, seed, simulate_market(config, seed).panel, fitted)


def no_fault(given: Market) -> MarketPanel:
    """The same market, continued."""
    return given.panel


def feed_stops(given: Market) -> MarketPanel:
    """Reports are zero from two thirds of the continuation on."""
    return _scaled(given, FEED, 2 / 3, 0.0)


def feed_unknown(given: Market) -> MarketPanel:
    """Reports are unknown from two thirds of the continuation on."""
    return _scaled(given, FEED, 2 / 3, np.nan)


def reporting_halves_twice(given: Market) -> MarketPanel:
    """The share of liquidations that is reported halves at once, and again after a third."""
    return given.with_frame(
        _times(_times(given.panel.to_frame(), given, FEED, 0.0, 0.5), given, FEED, 1 / 3, 0.5)
    )


def open_interest_unit(given: Market) -> MarketPanel:
    """From half of the continuation on open interest counts both sides: a factor of two."""
    return _scaled(given, ("open_interest",), 1 / 2, 2.0)


def volatility_triples(given: Market) -> MarketPanel:
    """Another stretch of the market at three times its volatility."""
    price = replace(
        given.config.price, hourly_volatility=3.0 * given.config.price.hourly_volatility
    )
    return spliced(given, replace(given.config, price=price))


def leverage_regime(given: Market) -> MarketPanel:
    """Another stretch of the market whose traders bring the collateral of ``high-leverage``."""
    return spliced(
        given, replace(given.config, leverage=market_preset("high-leverage").leverage)
    )


FAULTS: Mapping[str, Callable[[Market], MarketPanel]] = {
    NONE: no_fault,
    "feed stops (zeros)": feed_stops,
    "feed stops (unknown)": feed_unknown,
    "reporting halves twice": reporting_halves_twice,
    "open interest counts both sides": open_interest_unit,
    "volatility triples": volatility_triples,
    "leverage of another regime": leverage_regime,
}


def spliced(given: Market, config: MarketConfig) -> MarketPanel:
    """The fitted bars, then those of another simulation, joined in price and open interest.

    The book behind the later bars is not the one that was fitted: a market that changes its
    traders overnight.
    """
    n = given.fitted
    bars = given.panel.n_bars - n
    other = simulate_market(replace(config, bars=bars), given.seed + _SPLICED).panel.to_frame()
    frame = given.panel.to_frame()
    last = frame.iloc[n - 1]
    price = last["close"] / other["open"].iloc[0]
    amount = last["open_interest"] / other["open_interest"].iloc[0]
    for name in frame.columns:
        if name in other:
            factor = price if name in PRICES else amount if name in AMOUNTS else 1.0
            frame.iloc[n:, frame.columns.get_loc(name)] = factor * other[name].to_numpy()
    return given.with_frame(frame)


def _scaled(given: Market, columns: tuple[str, ...], after: float, factor: float) -> MarketPanel:
    return given.with_frame(_times(given.panel.to_frame(), given, columns, after, factor))


def _times(
    frame: pd.DataFrame, given: Market, columns: tuple[str, ...], after: float, factor: float
) -> pd.DataFrame:
    """Columns times a factor from a share of the continuation on."""
    start = given.fitted + round(after * (given.panel.n_bars - given.fitted))
    for name in columns:
        frame.iloc[start:, frame.columns.get_loc(name)] *= factor
    return frame
