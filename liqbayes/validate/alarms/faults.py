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

    def until(self, bars: int) -> "Market":
        """The same market, seen up to a bar."""
        if bars >= self.panel.n_bars:
            return self
        return replace(self, panel=self.panel.slice(None, self.panel.time[bars]))

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
    return spliced(given, replace(given.config, leverage=market_preset("high-leverage").leverage))


FAULTS: Mapping[str, Callable[[Market], MarketPanel]] = {
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
    price = float(frame["close"].to_numpy()[n - 1] / other["open"].to_numpy()[0])
    interest = frame["open_interest"].to_numpy()[n - 1]
    amount = float(interest / other["open_interest"].to_numpy()[0])
    for name in frame.columns:
        if name in other:
            factor = price if name in PRICES else amount if name in AMOUNTS else 1.0
            values = frame[name].to_numpy().copy()
            values[n:] = factor * other[name].to_numpy()
            frame[name] = values
    return given.with_frame(frame)


def _scaled(given: Market, columns: tuple[str, ...], after: float, factor: float) -> MarketPanel:
    return given.with_frame(_times(given.panel.to_frame(), given, columns, after, factor))


def _times(
    frame: pd.DataFrame, given: Market, columns: tuple[str, ...], after: float, factor: float
) -> pd.DataFrame:
    """Columns times a factor from a share of the continuation on."""
    start = given.fitted + round(after * (given.panel.n_bars - given.fitted))
    for name in columns:
        values = frame[name].to_numpy().copy()
        values[start:] *= factor
        frame[name] = values
    return frame
