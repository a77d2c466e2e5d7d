"""From step records in linear coordinates to bars in the contract's own units."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.simulate import kernels as k
from liqbayes.simulate.book import FloatArray
from liqbayes.simulate.setup import Clock, Setup

#: Columns of `SimulatedMarket.bars` that add up over bars; the others are end-of-bar values.
FLOWS = (
    "long_liquidations",
    "short_liquidations",
    "long_liquidations_quote",
    "short_liquidations_quote",
    "long_opened",
    "short_opened",
    "long_closed",
    "short_closed",
    "long_opened_over_leverage",
    "short_opened_over_leverage",
)


def bar_times(clock: Clock, bars: int, bar_seconds: int) -> pd.DatetimeIndex:
    """Open times of the published bars, UTC without zone."""
    seconds = clock.start + bar_seconds * np.arange(bars, dtype=np.int64)
    return pd.DatetimeIndex(seconds.astype("datetime64[s]").astype("datetime64[ns]"), name="time")


def _summed(record: FloatArray, bars: int, column: int) -> FloatArray:
    return np.asarray(record[:, column].reshape(bars, -1).sum(axis=1), dtype=np.float64)


def price_frame(record: FloatArray, setup: Setup, index: pd.DatetimeIndex) -> pd.DataFrame:
    """Mark price bars and volumes from the published step records, contract units."""
    bars = len(index)
    steps = record.reshape(bars, -1, k.RECORD_WIDTH)
    opened, closed = steps[:, 0, k.OPEN], steps[:, -1, k.CLOSE]
    high, low = steps[:, :, k.HIGH].max(axis=1), steps[:, :, k.LOW].min(axis=1)
    volume, bought = _summed(record, bars, k.VOLUME), _summed(record, bars, k.TAKER_BUY)
    if setup.orientation < 0:
        opened, closed, high, low = 1 / opened, 1 / closed, 1 / low, 1 / high
        bought = np.maximum(volume - bought, 0.0)
    return pd.DataFrame(
        {
            "open": opened,
            "high": high,
            "low": low,
            "close": closed,
            "volume": volume,
            "taker_buy_volume": bought,
        },
        index=index,
    )


def true_bars(
    record: FloatArray, held: FloatArray, setup: Setup, index: pd.DatetimeIndex
) -> pd.DataFrame:
    """What happened to both sides in every bar, quantity units.

    Parameters
    ----------
    record : ndarray, shape (step, column)
        Published step records.
    held : ndarray, shape (bar + 1, 2)
        Sum of position sizes per row before the first bar and at the end of each.
    setup : Setup
        Constants of the market.
    index : DatetimeIndex
        Open times of the bars.
    """
    bars = len(index)
    columns: dict[str, FloatArray] = {}
    for side, row in sides(setup):
        lost = _summed(record, bars, k.LIQUIDATED + row)
        worth = _summed(record, bars, k.LIQUIDATED_VALUE + row)
        columns[f"{side}_liquidations"] = lost
        columns[f"{side}_liquidations_quote"] = worth if setup.orientation > 0 else lost
        columns[f"{side}_opened"] = _summed(record, bars, k.OPENED + row)
        columns[f"{side}_closed"] = _summed(record, bars, k.CLOSED + row)
        columns[f"{side}_opened_over_leverage"] = _summed(record, bars, k.OPENED_INVERSE + row)
        columns[f"{side}_open_interest_before"] = held[:-1, row]
        columns[f"{side}_open_interest"] = held[1:, row]
    return pd.DataFrame(columns, index=index)


def sides(setup: Setup) -> tuple[tuple[str, int], tuple[str, int]]:
    """Side names with their row in linear coordinates."""
    return (("long", 0), ("short", 1)) if setup.orientation > 0 else (("long", 1), ("short", 0))


def with_wicks(
    frame: pd.DataFrame, over: NDArray[np.float64], *, publish_mark: bool
) -> pd.DataFrame:
    """Add the overshoot of the traded high and low; optionally keep the mark price beside it.

    Parameters
    ----------
    frame : DataFrame
        Mark price bars.
    over : ndarray, shape (2, bar)
        Overshoot of the high and the low of each bar, as a fraction.
    publish_mark : bool
    """
    out = frame.copy()
    if publish_mark:
        for name in ("open", "high", "low", "close"):
            out[f"mark_{name}"] = frame[name]
    out["high"] = frame["high"] * (1 + over[0])
    out["low"] = frame["low"] * (1 - np.minimum(over[1], 0.5))
    return out
