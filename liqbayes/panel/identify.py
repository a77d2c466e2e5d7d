"""Saying what a table is when it is no panel."""

from dataclasses import dataclass

import pandas as pd

from liqbayes.panel.columns import PRICES


@dataclass(frozen=True)
class TableKind:
    """A recognised kind of table.

    Attributes
    ----------
    kind : str
        Short identifier.
    description : str
        What it is, in words.
    remedy : str
        What to do with it.
    """

    kind: str
    description: str
    remedy: str


_JOIN = "Join it to a table of bars by time."
_BARS = "Aggregate it to bars with open, high, low, close first."

# Column names that must all be there; the first match wins, so the more specific come first.
_SIGNATURES: tuple[tuple[frozenset[str], TableKind], ...] = tuple(
    (frozenset(columns), TableKind(kind, description, remedy))
    for columns, kind, description, remedy in (
        (
            {"size", "entry_price", "liquidation_price"},
            "positions",
            "a table of positions with their liquidation prices",
            "Renamed to time, side, size, … it can be given as positions= beside a panel.",
        ),
        (
            {"user", "coin", "szi", "entry_px"},
            "position events",
            "a table of position changes of single accounts",
            "It is no market data; positions can be rebuilt from it.",
        ),
        (
            {"create_time", "sum_open_interest"},
            "binance metrics",
            "a Binance metrics archive (open interest every five minutes)",
            "Read it together with its klines: read_binance_archives.",
        ),
        (
            {"calc_time", "last_funding_rate"},
            "binance funding",
            "a Binance fundingRate archive",
            "Read it together with its klines: read_binance_archives.",
        ),
        (
            {"side", "order_type", "original_quantity", "average_price"},
            "binance liquidations",
            "a Binance liquidationSnapshot archive or a capture of its stream",
            "Read it together with its klines: read_binance_archives.",
        ),
        (
            {"agg_trade_id", "transact_time"},
            "trades",
            "a Binance aggTrades archive (single trades)",
            _BARS,
        ),
        (
            {"percentage", "depth", "notional"},
            "book depth",
            "a Binance bookDepth archive (depth in bands around the price)",
            "It is not used: it holds no bars and no positions.",
        ),
        (
            {"exchange", "local_timestamp", "open_interest", "mark_price"},
            "derivative ticker",
            "a tardis.dev derivative_ticker file (ticks of open interest and funding)",
            _BARS,
        ),
        (
            {"exchange", "local_timestamp", "side", "amount"},
            "ticks",
            "a tardis.dev file of single trades or liquidations",
            _BARS,
        ),
        (
            {"coin", "open_interest", "oracle_px", "mark_px"},
            "asset contexts",
            "a Hyperliquid asset_ctxs file (every coin each minute)",
            _BARS,
        ),
        ({"side", "price", "size"}, "trades", "a table of single trades", _BARS),
        ({"side", "price", "qty"}, "trades", "a table of single trades", _BARS),
        ({"side", "price", "amount"}, "trades", "a table of single trades", _BARS),
    )
)


def identify_table(table: pd.DataFrame) -> TableKind:
    """Say what a table is; ``kind`` is ``"panel"`` if it has the required prices."""
    names = {str(name).lower() for name in table.columns}
    rows = f"{len(table)} rows"
    if set(PRICES) <= names:
        return TableKind("panel", f"a table of bars, {rows}", "")
    for columns, found in _SIGNATURES:
        if columns <= names:
            detail = _detail(table, found.kind)
            return TableKind(found.kind, f"{found.description}, {rows}{detail}", found.remedy)
    if "funding_rate" in names:
        return TableKind("funding history", f"a funding history, {rows}", _JOIN)
    if {"open_interest", "open_interest_base", "open_interest_quote"} & names:
        return TableKind("open interest history", f"an open interest history, {rows}", _JOIN)
    listed = ", ".join(str(name) for name in table.columns[:12])
    return TableKind("table", f"a table of {rows} with the columns {listed}", _BARS)


def _detail(table: pd.DataFrame, kind: str) -> str:
    """A few facts about tables of positions."""
    if kind not in ("positions", "position events"):
        return ""
    parts = []
    for name, words in (
        ("snapshot_utc", "snapshots"),
        ("account", "accounts"),
        ("user", "users"),
        ("coin", "coins"),
    ):
        if name in table:
            parts.append(f"{table[name].nunique()} {words}")
    return f" ({', '.join(parts)})" if parts else ""
