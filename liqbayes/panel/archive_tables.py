"""Cleaning the tables of Binance archives: order, doubles, stamps and glitches.

Every function returns a table sorted by time without repeats, and what it had to change.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from liqbayes.errors import InputError
from liqbayes.panel.rows import join_some
from liqbayes.panel.times import SECOND, parse_stamps
from liqbayes.panel.values import to_numbers

Array = np.ndarray[Any, Any]
Notes = list[str]

# Since this instant a metrics row stamped T holds the snapshot of T + 5 min, before it of T.
METRICS_SWITCH = pd.Timestamp("2024-03-04")
_METRICS_STEP = pd.Timedelta(minutes=5)
_MINUTE = 60 * SECOND
# Excursions and ramps below are steps of feed outages. Real open interest does not fall by this
# much and come back within half an hour: what is closed must be opened again by trades.
_FLICKER = 0.08
_FLICKER_ROWS = 6
_RAMP_GAP = pd.Timedelta(minutes=15)
_RAMP_LENGTH = pd.Timedelta(hours=2)
_RAMP = 0.05


def clean_klines(table: pd.DataFrame, columns: tuple[str, ...]) -> tuple[pd.DataFrame, Notes]:
    """Klines indexed by open time.

    Parameters
    ----------
    table : DataFrame
        Concatenated files, any order; ms and µs may be mixed.
    columns : tuple of str
        Those to keep, as numbers.

    Raises
    ------
    InputError
        If one open time has two different klines.
    """
    index = parse_stamps(table["open_time"])
    values = {name: to_numbers(table[name], name) for name in columns}
    frame = pd.DataFrame(values, index=index).sort_index(kind="stable")
    repeated = frame.index.duplicated(keep="first")
    notes = []
    if repeated.any():
        once = frame[~repeated]
        again = frame[repeated]
        same = np.isclose(
            again.to_numpy(), once.loc[again.index].to_numpy(), rtol=1e-12, atol=0, equal_nan=True
        ).all(axis=1)
        if not same.all():
            stamps = [str(stamp) for stamp in again.index[~same].unique()]
            raise InputError(
                "two different klines for one open time: "
                f"{join_some(stamps[:4], len(stamps))}. The folder mixes symbols, markets or "
                "intervals; give the files of one."
            )
        notes.append(f"{int(repeated.sum())} repeated klines dropped")
        frame = once
    return frame, notes


def clean_metrics(table: pd.DataFrame, symbol: str) -> tuple[pd.DataFrame, Notes]:
    """Open-interest snapshots indexed by the instant they were taken.

    Handles: rows of other symbols, unsorted and doubled rows, stamps a second late, the meaning of
    the stamp that changed at 2024-03-04 00:00 UTC, zeros, isolated flicker between full and
    partial sums, and the ramp of partial sums after an outage. Values taken out become NaN.

    Parameters
    ----------
    table : DataFrame
        Concatenated metrics files.
    symbol : str

    Returns
    -------
    frame : DataFrame
        ``open_interest`` (base units or contracts) and ``value`` (quote or base units).
    notes : list of str
    """
    symbols = table["symbol"].astype(str)
    mine = (symbols == symbol).to_numpy()
    if not mine.any():
        raise InputError(
            f"the metrics files are of {', '.join(sorted(symbols.unique())[:4])}, not of {symbol}; "
            "give the files of the contract's symbol."
        )
    notes = []
    if not mine.all():
        notes.append(f"{int((~mine).sum())} metrics rows of other symbols ignored")
    table = table[mine]
    stamps = parse_stamps(table["create_time"])
    # Rows are often stamped a second or two after the minute.
    stamps = pd.DatetimeIndex(
        ((stamps.asi8 + _MINUTE // 2) // _MINUTE * _MINUTE).view("datetime64[ns]")
    )
    late = np.asarray(stamps >= METRICS_SWITCH)
    taken = stamps.where(~late, stamps + _METRICS_STEP)
    if late.any():
        notes.append(
            f"{int(late.sum())} metrics rows from 2024-03-04 on moved 5 minutes later: since then "
            "a row holds the snapshot at the end of its interval"
        )
    frame = pd.DataFrame(
        {
            "open_interest": to_numbers(table["sum_open_interest"], "sum_open_interest"),
            "value": to_numbers(table["sum_open_interest_value"], "sum_open_interest_value"),
        },
        index=taken,
    ).sort_index(kind="stable")
    # A doubled row may carry a zero beside the real figure: keep the last positive one.
    order = np.where(frame["open_interest"].to_numpy() > 0, 1, 0)
    frame = frame.iloc[
        np.lexsort((np.arange(len(frame)), order, pd.DatetimeIndex(frame.index).asi8))
    ]
    repeated = frame.index.duplicated(keep="last")
    if repeated.any():
        notes.append(f"{int(repeated.sum())} repeated metrics rows dropped")
        frame = frame[~repeated]
    open_interest = frame["open_interest"].to_numpy(copy=True)
    for unusable, words in (
        (open_interest <= 0, "zero open interest"),
        (np.isinf(open_interest), "infinite open interest"),
    ):
        if unusable.any():
            open_interest[unusable] = np.nan
            notes.append(f"{int(unusable.sum())} metrics rows with {words} taken as unknown")
    # In this order: what is left of a ramp would look like flicker.
    for find, words in (
        (_ramps, "in the ramp of partial sums after an outage"),
        (_flicker, "flickering between full and partial sums"),
    ):
        mask = find(open_interest, frame.index)
        if mask.any():
            open_interest[mask] = np.nan
            notes.append(f"{int(mask.sum())} metrics rows {words} taken as unknown")
    return frame.assign(open_interest=open_interest), notes


def _flicker(values: Array, index: pd.Index) -> Array:
    """Rows far from the median of the half hour before and after: short excursions, not steps."""
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = pd.Series(np.log(values), index=index)
    middle = logs.rolling(2 * _FLICKER_ROWS + 1, center=True, min_periods=_FLICKER_ROWS).median()
    return np.asarray((logs - middle).abs() > _FLICKER)


def _ramps(values: Array, index: pd.Index) -> Array:
    """Rows after an outage that are still below both the level before and the level to come."""
    bad = np.zeros(len(values), dtype=bool)
    known = np.flatnonzero(np.isfinite(values))
    stamps = index.to_numpy(dtype="datetime64[ns]")
    for before, after in pairwise(known):
        if stamps[after] - stamps[before] < _RAMP_GAP.to_timedelta64():
            continue
        ahead = known[known >= after]
        inside = ahead[stamps[ahead] < stamps[after] + _RAMP_LENGTH.to_timedelta64()]
        later = ahead[len(inside) : len(inside) + 12]
        if not len(later):
            continue
        floor = (1 - _RAMP) * min(values[before], float(np.median(values[later])))
        low = values[inside] < floor
        # Only the rows up to the first full sum: later dips are not the ramp.
        stop = int(np.argmin(low)) if not low.all() else len(low)
        bad[inside[:stop]] = True
    return bad


def clean_funding(table: pd.DataFrame) -> tuple[pd.DataFrame, Notes]:
    """Settlements indexed by their time, rounded to the minute (stamps are some ms late)."""
    stamps = parse_stamps(table["calc_time"])
    rounded = pd.DatetimeIndex(
        ((stamps.asi8 + _MINUTE // 2) // _MINUTE * _MINUTE).view("datetime64[ns]")
    )
    rates = to_numbers(table["last_funding_rate"], "last_funding_rate")
    frame = pd.DataFrame({"funding_rate": rates}, index=rounded).sort_index(kind="stable")
    repeated = frame.index.duplicated(keep="first")
    notes = []
    if repeated.any():
        again = frame[repeated]["funding_rate"]
        once = frame[~repeated]["funding_rate"]
        differ = again.to_numpy() != once.loc[again.index].to_numpy()
        if differ.any():
            stamps_text = [str(stamp) for stamp in again.index[differ]]
            raise InputError(
                "two different funding rates for one settlement: "
                f"{join_some(stamps_text[:4], len(stamps_text))}. The files mix symbols; give the "
                "files of one."
            )
        notes.append(f"{int(repeated.sum())} repeated settlements dropped")
        frame = frame[~repeated]
    return frame, notes


def clean_liquidations(table: pd.DataFrame, symbol: str) -> tuple[pd.DataFrame, Notes]:
    """Filled liquidation orders indexed by time.

    Every row of the archive appears twice, and the snapshots of one order's partial fills differ
    only in the last fill and the running total: the largest total of an order is what was filled.
    SELL orders close longs.

    Returns
    -------
    frame : DataFrame
        ``side`` (``"long"`` or ``"short"``: who was liquidated), ``quantity`` (base units or
        contracts).
    notes : list of str
    """
    notes = []
    if "symbol" in table:
        mine = (table["symbol"].astype(str) == symbol).to_numpy()
        if not mine.any():
            others = ", ".join(table["symbol"].astype(str).unique()[:4])
            raise InputError(
                f"the liquidation files are of {others}, not of {symbol}; give the files of the "
                "contract's symbol."
            )
        table = table[mine]
    side = table["side"].astype(str).str.upper()
    wrong = ~side.isin(["BUY", "SELL"])
    if wrong.any():
        raise InputError(
            f"liquidation side {side[wrong].iloc[0]!r} in the archive; allowed: BUY, SELL."
        )
    filled = (
        "accumulated_fill_quantity"
        if "accumulated_fill_quantity" in table
        else ("original_quantity")
    )
    orders = pd.DataFrame(
        {
            "time": parse_stamps(table["time"]),
            "side": np.where(side == "SELL", "long", "short"),
            "original": to_numbers(table["original_quantity"], "original_quantity"),
            "price": to_numbers(table["price"], "price"),
            "quantity": to_numbers(table[filled], filled),
        }
    )
    if "order_status" in table:
        status = table["order_status"].astype(str).str.upper().to_numpy()
        partial = status != "FILLED"
        if partial.any():
            # The order comes again when it is filled; counting both would count it twice.
            notes.append(f"{int(partial.sum())} liquidation rows not FILLED ignored")
            orders = orders[~partial]
    before = len(orders)
    keys = ["time", "side", "original", "price"]
    orders = orders.groupby(keys).agg({"quantity": "max"}).reset_index()
    if len(orders) < before:
        notes.append(f"{before - len(orders)} repeated liquidation rows dropped")
    unusable = ~(np.isfinite(orders["quantity"]) & (orders["quantity"] > 0))
    if unusable.any():
        raise InputError(
            f"{int(unusable.sum())} liquidation rows without a positive quantity, first at "
            f"{orders['time'][unusable].iloc[0]}; check the file."
        )
    frame = orders.set_index("time").sort_index(kind="stable")
    return frame[["side", "quantity"]], notes
