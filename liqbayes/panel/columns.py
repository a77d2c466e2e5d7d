"""Names of the panel's columns and how a table's columns are matched to them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from liqbayes.errors import InputError

Unit = Literal["base", "quote", "contracts", "panel"]
Kind = Literal["price", "flow", "stock", "fraction", "ratio"]


@dataclass(frozen=True)
class Column:
    """One canonical column of a panel.

    Attributes
    ----------
    name : str
        Canonical name.
    kind : {"price", "flow", "stock", "fraction", "ratio"}
        A flow is a quantity added up over the bar, a stock a quantity at one instant.
    long_name : str
        Text for axes and the attributes of the dataset.
    aliases : tuple of str
        Names tried, with and without a unit suffix, when a table is read.
    aggregate_only : bool
        Whether only aggregate contracts have the column.
    """

    name: str
    kind: Kind
    long_name: str
    aliases: tuple[str, ...]
    aggregate_only: bool = False

    @property
    def is_quantity(self) -> bool:
        """Whether the column is an amount of contracts and so has a unit to convert."""
        return self.kind in ("flow", "stock")


PRICES = ("open", "high", "low", "close")
MARKS = ("mark_open", "mark_high", "mark_low", "mark_close")
LEGS = ("open_interest_linear", "open_interest_inverse")

_COLUMNS = (
    *(Column(name, "price", f"{name} price of the bar", (name,)) for name in PRICES),
    Column("volume", "flow", "traded volume, one-sided", ("volume",)),
    Column("open_interest", "stock", "open interest at bar close, one-sided", ("open_interest",)),
    Column(
        "taker_buy_volume",
        "flow",
        "volume whose taker bought",
        ("taker_buy_volume", "taker_buy"),
    ),
    Column("funding_rate", "fraction", "funding at settlement, paid by longs", ("funding_rate",)),
    Column(
        "long_liquidations",
        "flow",
        "reported liquidations of longs",
        ("long_liquidations", "long_liq"),
    ),
    Column(
        "short_liquidations",
        "flow",
        "reported liquidations of shorts",
        ("short_liquidations", "short_liq"),
    ),
    Column("leverage_ratio", "ratio", "reported leverage ratio", ("leverage_ratio",)),
    *(Column(name, "price", f"{name[5:]} mark price of the bar", (name,)) for name in MARKS),
    Column(
        "open_interest_linear",
        "stock",
        "open interest of the linear leg at bar close",
        ("open_interest_linear", "oi_stable_margin"),
        aggregate_only=True,
    ),
    Column(
        "open_interest_inverse",
        "stock",
        "open interest of the inverse leg at bar close",
        ("open_interest_inverse", "oi_coin_margin"),
        aggregate_only=True,
    ),
)
COLUMNS: dict[str, Column] = {column.name: column for column in _COLUMNS}
REQUIRED = PRICES

# Words in a column name that say the figure is another venue's. Longest first, so that
# "all_exchange" is found before a shorter word inside it.
_VENUE_WORDS = (
    "all_exchange",
    "hyperliquid",
    "coinbase",
    "bitfinex",
    "bitstamp",
    "binance",
    "deribit",
    "bitget",
    "bitmex",
    "kraken",
    "kucoin",
    "huobi",
    "bybit",
    "dydx",
    "gate",
    "okex",
    "okx",
    "htx",
)
_UNIT_IN_NAME = re.compile(r"_(base|quote|contracts|usdt?)(?=_|$)")
_UNITS: dict[str, Unit] = {"base": "base", "quote": "quote", "contracts": "contracts"}


@dataclass(frozen=True)
class Source:
    """Which column of a table feeds a canonical column.

    Attributes
    ----------
    target, column : str
        Canonical name and name in the table.
    unit : {"base", "quote", "contracts", "panel"}
        Unit of the table's column; ``"panel"`` means already in the panel's unit.
    proxy : str or None
        The venue whose figure it is, where that is not the contract's venue.
    explicit : bool
        Whether the user named it.
    """

    target: str
    column: str
    unit: Unit
    proxy: str | None
    explicit: bool


def allowed_names(kind: str) -> tuple[str, ...]:
    """Canonical names for a contract of kind ``"linear"``, ``"inverse"`` or ``"aggregate"``."""
    return tuple(c.name for c in _COLUMNS if kind == "aggregate" or not c.aggregate_only)


def unit_in_name(name: str) -> Unit | None:
    """Unit stated by a name such as ``volume_base`` or ``oi_usd``; None if it states none."""
    found = _UNIT_IN_NAME.findall(name)
    if not found:
        return None
    return _UNITS.get(found[-1], "quote")


def foreign_venue(name: str, venue: str) -> str | None:
    """Venue named by a column, or ``"unknown"`` for ``proxy_``, where it is not `venue`."""
    words = f"_{name.lower()}_"
    for word in _VENUE_WORDS:
        if f"_{word}_" in words and word != venue:
            return word
    return "unknown" if name.lower().startswith("proxy_") else None


def parse_mapping(columns: Mapping[str, str] | None, *, kind: str, venue: str) -> dict[str, Source]:
    """Read ``{"volume": "SOURCE[:base|quote|contracts][:proxy[=VENUE]]"}``.

    Parameters
    ----------
    columns : mapping of str to str, or None
        Canonical name to source column with optional unit and proxy mark.
    kind, venue : str
        Those of the contract: they decide which names exist and which venue is foreign.

    Returns
    -------
    dict of str to Source

    Raises
    ------
    InputError
        For a name that is no panel column, an empty source, or a unit where none belongs.
    """
    names = allowed_names(kind)
    sources = {}
    for target, text in (columns or {}).items():
        if target not in names:
            raise InputError(
                f"columns maps {target!r}, which is no panel column of this contract; "
                f"the names are {', '.join(names)}."
            )
        if not isinstance(text, str):
            raise InputError(
                f"columns maps {target!r} to {text!r}; give 'SOURCE' or 'SOURCE:UNIT' as text."
            )
        sources[target] = _parse_source(target, text, venue)
    return sources


def _parse_source(target: str, text: str, venue: str) -> Source:
    parts = text.split(":")
    proxy: str | None = None
    unit: Unit | None = None
    marked = len(parts) > 1 and (parts[-1] == "proxy" or parts[-1].startswith("proxy="))
    if marked:
        proxy = parts.pop().removeprefix("proxy").removeprefix("=") or "unknown"
    if len(parts) > 1:
        stated = parts.pop()
        if stated not in _UNITS:
            raise InputError(
                f"column {target!r} is mapped to {text!r}; {stated!r} is no unit. Allowed: "
                "base, quote, contracts, as in 'volume=my_volume:base'."
            )
        unit = _UNITS[stated]
    name = ":".join(parts)
    if not name:
        raise InputError(f"column {target!r} is mapped to {text!r}, which names no source column.")
    if not COLUMNS[target].is_quantity:
        if unit is not None:
            raise InputError(
                f"column {target!r} is mapped to {text!r}; it is no quantity and takes no unit. "
                f"Write '{target}={name}'."
            )
        unit = "panel"
    if not marked:
        proxy = foreign_venue(name, venue)
    return Source(target, name, unit or unit_in_name(name) or "panel", proxy, explicit=True)


def find_sources(
    available: Sequence[str],
    known: Mapping[str, bool],
    *,
    kind: str,
    venue: str,
    mapping: Mapping[str, Source],
) -> tuple[dict[str, Source], dict[str, str]]:
    """Choose the source of every canonical column.

    Linear contracts take a ``_base`` column first, inverse contracts and aggregates ``_quote``,
    because each is then conserved in its own unit without any conversion.

    Parameters
    ----------
    available : sequence of str
        Columns of the table.
    known : mapping of str to bool
        Whether a column has any value at all; an empty one is passed over for the next candidate.
    kind, venue : str
        Those of the contract.
    mapping : mapping of str to Source
        The user's choices, which win.

    Returns
    -------
    sources : dict of str to Source
    empty : dict of str to str
        Canonical name to the all-NaN table column it would have come from.

    Raises
    ------
    InputError
        If a mapped column is not in the table.
    """
    sources: dict[str, Source] = {}
    empty: dict[str, str] = {}
    for name in allowed_names(kind):
        if name in mapping:
            chosen = mapping[name]
            if chosen.column not in available:
                raise InputError(
                    f"column {name!r} is mapped to {chosen.column!r}, which the file does not "
                    f"have; its columns are {', '.join(map(str, available))}."
                )
            candidates = [chosen]
        else:
            candidates = [c for c in _candidates(name, kind, venue) if c.column in available]
        for candidate in candidates:
            if known[candidate.column]:
                sources[name] = candidate
                break
        else:
            if candidates:
                empty[name] = candidates[0].column
    return sources, empty


def _candidates(name: str, kind: str, venue: str) -> list[Source]:
    column = COLUMNS[name]
    if not column.is_quantity:
        return [Source(name, alias, "panel", None, explicit=False) for alias in column.aliases]
    in_base = kind == "linear" or name == "open_interest_linear"
    order: tuple[Unit, ...] = (
        ("base", "panel", "contracts", "quote")
        if in_base
        else ("quote", "panel", "contracts", "base")
    )
    return [
        Source(name, alias if unit == "panel" else f"{alias}_{unit}", unit, None, explicit=False)
        for unit in order
        for alias in column.aliases
        # Without a suffix only the canonical name itself says that the unit is the panel's.
        if unit != "panel" or alias == name
    ]
