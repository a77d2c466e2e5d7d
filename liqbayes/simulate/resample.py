"""The same market on coarser bars."""

import numpy as np
import pandas as pd

from liqbayes.errors import InputError
from liqbayes.panel import MarketPanel
from liqbayes.simulate.bars import FLOWS
from liqbayes.simulate.market import SimulatedMarket
from liqbayes.simulate.truth import liquidation_totals
from liqbayes.simulate.validation import require, whole

_FIRST = ("open", "mark_open")
_HIGHEST = ("high", "mark_high")
_LOWEST = ("low", "mark_low")
_SUMMED = ("volume", "taker_buy_volume", "long_liquidations", "short_liquidations")


def resample_market(market: SimulatedMarket, bar_seconds: int) -> SimulatedMarket:
    """Aggregate a market to longer bars; the book stays what it is.

    Flows and funding are summed, prices are first, highest, lowest and last, open interest is the
    last. The truth keeps what was known on the finer bars, but its totals leave out the first
    longer bar.

    Parameters
    ----------
    market : SimulatedMarket
        A market with shorter bars.
    bar_seconds : int
        New bar length, a multiple of the old one.

    Raises
    ------
    InputError
        If the market does not consist of whole longer bars counted from midnight UTC.
    """
    panel = market.panel
    seconds = whole("bar_seconds", bar_seconds, panel.bar_seconds, 86_400)
    require(
        seconds % panel.bar_seconds == 0,
        "bar_seconds",
        bar_seconds,
        f"a multiple of the market's {panel.bar_seconds} s",
    )
    factor = bar_seconds // panel.bar_seconds
    start = int(panel.time[0].astype("datetime64[s]").astype(np.int64))
    if panel.n_bars % factor or start % bar_seconds:
        raise InputError(
            f"{panel.n_bars} bars of {panel.bar_seconds} s from {panel.time[0]} are not whole bars "
            f"of {bar_seconds} s counted from midnight UTC; choose bars= and start= so that they "
            "are, such as whole days."
        )
    group = np.arange(panel.n_bars) // factor
    frame = panel.to_frame()
    grouped = frame.groupby(group)
    columns = {}
    for name in frame.columns:
        values = grouped[name]
        if name in _FIRST:
            columns[name] = values.first()
        elif name in _HIGHEST:
            columns[name] = values.max()
        elif name in _LOWEST:
            columns[name] = values.min()
        elif name in _SUMMED:
            columns[name] = values.sum()
        elif name == "funding_rate":
            columns[name] = values.sum(min_count=1)
        else:
            columns[name] = values.last()
    coarse = _indexed(pd.DataFrame(columns), frame.index[::factor])
    flows = market.bars.groupby(group)
    bars = pd.DataFrame(
        {
            name: flows[name].sum()
            if name in FLOWS
            else flows[name].first()
            if name.endswith("_before")
            else flows[name].last()
            for name in market.bars.columns
        }
    )
    return SimulatedMarket(
        panel=MarketPanel.from_frame(
            coarse,
            panel.contract,
            provenance=panel.provenance | {"resampled_from_seconds": panel.bar_seconds},
            positions=market.positions,
            bar_seconds=bar_seconds,
        ),
        positions=market.positions,
        bars=_indexed(bars, frame.index[::factor]),
        truth=market.truth | liquidation_totals(bars),
        config=market.config,
    )


def _indexed(table: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    table.index = pd.DatetimeIndex(index, name="time")
    return table
