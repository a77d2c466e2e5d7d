"""Reading a panel from a file of bars."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from liqbayes.contracts import AnyContract, load_contract
from liqbayes.errors import InputError
from liqbayes.panel.archive_files import is_archive
from liqbayes.panel.columns import (
    COLUMNS,
    PRICES,
    Source,
    find_sources,
    parse_mapping,
)
from liqbayes.panel.files import load_table, sniff
from liqbayes.panel.identify import identify_table
from liqbayes.panel.panel import MarketPanel
from liqbayes.panel.times import (
    TIME_COLUMNS,
    bar_length,
    check_offset,
    check_order,
    parse_stamps,
    to_bar_open,
    within,
)
from liqbayes.panel.units import (
    bar_price,
    check_open_interest_pair,
    check_units,
    convert,
    instant_price,
    wanted_unit,
)
from liqbayes.panel.values import check_values, to_numbers

Array = np.ndarray[Any, Any]


def read_panel(
    path: str | Path,
    contract: AnyContract | str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    since: Any = None,
    until: Any = None,
    stamp: str = "open",
    tz: str | None = None,
    *,
    open_interest_offset_seconds: float = 0.0,
    positions: pd.DataFrame | None = None,
) -> MarketPanel:
    """Read a panel from parquet or CSV (also .csv.gz and .zip).

    Parameters
    ----------
    path : str or Path
        A table of bars; a file written by `MarketPanel.to_parquet`; or a Binance archive or a
        folder of them, see `read_binance_archives`.
    contract : Contract, AggregateContract or str
        What the bars are of, such as ``"binance:BTCUSDT"``. May be left out for files written by
        `MarketPanel.to_parquet`, which carry it.
    columns : mapping of str to str, optional
        ``{"volume": "SOURCE[:base|quote|contracts]"}`` overrides the choice by name. Add
        ``:proxy`` or ``:proxy=VENUE`` where the figure is another venue's; names that start with
        ``proxy_`` or contain another venue's name are marked without that.
    since, until : optional
        Bars with ``since <= open < until``, UTC.
    stamp : {"open", "close"}
        Whether a stamp is the start or the end of its bar.
    tz : str, optional
        Zone of naive stamps; without it they are UTC.
    open_interest_offset_seconds : float
        When open interest was read, relative to bar close; negative before it.
    positions : DataFrame, optional
        Known positions, see `check_positions`.

    Returns
    -------
    MarketPanel

    Raises
    ------
    InputError
        Naming rows and remedy; no number is ever guessed.

    Notes
    -----
    Stamps come from a DatetimeIndex or a column ``timestamp``, ``time``, ``open_time`` or
    ``date``. Flows convert between base and quote at ``volume_quote / volume_base`` of the bar,
    else at its OHLC mean; open interest converts at the price of the instant it was read, which is
    the close. Linear contracts take ``_base`` columns first, inverse ones ``_quote``.
    """
    path = Path(path)
    kind, _ = sniff(path)
    contract = load_contract(contract) if isinstance(contract, str | Path) else contract
    if kind == "folder" or is_archive(path):
        return _read_archive(path, contract, columns, since, until, positions)
    table = load_table(path)
    if kind == "parquet":
        stored = _restore(path, table, contract, columns)
        if stored is not None:
            panel = stored if since is None and until is None else stored.slice(since, until)
            if open_interest_offset_seconds:
                panel = panel.with_open_interest_offset(open_interest_offset_seconds)
            return panel
    contract = _need(contract)
    provenance: dict[str, Any] = {
        "source": path.name,
        "open_interest_offset_seconds": open_interest_offset_seconds,
    }
    return panel_from_table(
        table,
        contract,
        columns=columns,
        since=since,
        until=until,
        stamp=stamp,
        tz=tz,
        provenance=provenance,
        positions=positions,
    )


def panel_from_table(
    table: pd.DataFrame,
    contract: AnyContract,
    *,
    columns: Mapping[str, str] | None = None,
    since: Any = None,
    until: Any = None,
    stamp: str = "open",
    tz: str | None = None,
    provenance: Mapping[str, Any] | None = None,
    positions: pd.DataFrame | None = None,
) -> MarketPanel:
    """Match, convert and validate a table in memory; parameters as in `read_panel`."""
    mapping = parse_mapping(columns, kind=contract.kind, venue=contract.venue)
    table = _lower_names(table, keep={source.column for source in mapping.values()})
    origin: dict[str, Any] = {"open_interest_offset_seconds": 0.0, **(provenance or {})}
    _require_prices(table, mapping)
    index, time_column = _stamps(table, tz)
    if time_column is not None:
        table = table.drop(columns=time_column)
    check_order(index)
    index = to_bar_open(index, stamp)
    keep = within(index, since, until)
    index, table = index[keep], table.loc[keep]
    seconds = bar_length(index)

    known = {str(name): bool(table[name].notna().any()) for name in table}
    sources, empty = find_sources(
        list(known), known, kind=contract.kind, venue=contract.venue, mapping=mapping
    )
    numbers = {
        source.column: to_numbers(table[source.column], source.column)
        for source in sources.values()
    }
    prices = {name: numbers[sources[name].column] for name in PRICES if name in sources}
    check_values(prices, index, {})
    missing = [name for name in PRICES if name not in sources]
    if missing:
        raise InputError(
            f"the required column(s) {', '.join(missing)} are all NaN in the rows chosen; a panel "
            "needs open, high, low, close."
        )

    def other(name: str) -> Array | None:
        return to_numbers(table[name], name) if known.get(name) else None

    # Absurd figures may overflow here; check_values below refuses what results.
    with np.errstate(all="ignore"):
        values, conversions = _convert_all(
            numbers,
            sources,
            prices,
            contract,
            seconds,
            offset=check_offset(origin["open_interest_offset_seconds"]),
            volumes=(other("volume_base"), other("volume_quote")),
            open_interest=(other("open_interest_base"), other("open_interest_quote")),
        )
        _settle_total(values, sources, contract)
    proxies = {n: s.proxy for n, s in sources.items() if s.proxy is not None and n in values}
    check_values(values, index, proxies)
    check_units(values, contract, seconds, proxies)
    used = {source.column for source in sources.values()}
    if columns:
        origin["columns"] = dict(columns)
    origin |= {
        "conversions": {name: text for name, text in conversions.items() if name in values},
        "proxy": proxies,
        "dropped": {
            name: f"column {column!r} is all NaN"
            for name, column in empty.items()
            if name not in values
        },
        "unused_columns": [name for name in known if name not in used],
    }
    frame = pd.DataFrame(values, index=index)
    return MarketPanel.from_frame(
        frame, contract, provenance=origin, positions=positions, bar_seconds=seconds
    )


def _convert_all(
    numbers: Mapping[str, Array],
    sources: Mapping[str, Source],
    prices: Mapping[str, Array],
    contract: AnyContract,
    seconds: int,
    *,
    offset: float,
    volumes: tuple[Array | None, Array | None],
    open_interest: tuple[Array | None, Array | None],
) -> tuple[dict[str, Array], dict[str, str]]:
    """Canonical columns in the panel's units, and how each was obtained."""
    flow_price, flow_rule = bar_price(prices, *volumes)
    stock_price = instant_price(prices, offset, seconds)
    base, quote = open_interest
    if base is not None and quote is not None:
        check_open_interest_pair(base, quote, prices["close"])
    values: dict[str, Array] = {}
    conversions: dict[str, str] = {}
    for name, source in sources.items():
        given = numbers[source.column]
        if not COLUMNS[name].is_quantity:
            values[name], conversions[name] = given, f"{source.column}: as given"
            continue
        stock = COLUMNS[name].kind == "stock"
        price, rule = (stock_price, "when it was read") if stock else (flow_price, flow_rule)
        values[name], how = convert(given, source.unit, contract, name, price)
        conversions[name] = _describe(source, how, contract, rule)
    return values, conversions


def _read_archive(
    path: Path,
    contract: AnyContract | None,
    columns: Mapping[str, str] | None,
    since: Any,
    until: Any,
    positions: pd.DataFrame | None,
) -> MarketPanel:
    from liqbayes.panel.archives import read_binance_archives

    if columns:
        raise InputError(
            f"{path} is a Binance archive, whose columns and units are known; leave columns out."
        )
    panel = read_binance_archives(path, _need(contract), positions=positions)
    return panel if since is None and until is None else panel.slice(since, until)


def _need(contract: AnyContract | None) -> AnyContract:
    if contract is None:
        raise InputError(
            "the file does not say which contract it is of; give contract=, such as "
            "'binance:BTCUSDT'."
        )
    return contract


def _restore(
    path: Path,
    table: pd.DataFrame,
    contract: AnyContract | None,
    columns: Mapping[str, str] | None,
) -> MarketPanel | None:
    """Panel written by `MarketPanel.to_parquet`, None for any other parquet file."""
    from liqbayes.panel.storage import (
        panel_metadata,
        restore_panel,
        stored_contract,
    )

    meta = panel_metadata(path)
    if meta is None:
        return None
    if columns:
        raise InputError(
            f"{path} was written by liqbayes and its columns are canonical; leave columns out."
        )
    saved = stored_contract(meta)
    if contract is not None and contract.name != saved.name:
        raise InputError(
            f"{path} holds a panel of {saved.name}, not of {contract.name}; leave contract out."
        )
    return restore_panel(table, meta, contract or saved)


def _lower_names(table: pd.DataFrame, keep: set[str]) -> pd.DataFrame:
    """Spell names in lower case where that is unambiguous and the user did not name them."""
    taken = set(table.columns)
    renamed = {}
    for name in table.columns:
        lower = name.lower()
        if lower not in taken and name not in keep:
            renamed[name] = lower
            taken.add(lower)
    return table.rename(columns=renamed)


def _require_prices(table: pd.DataFrame, mapping: Mapping[str, Source]) -> None:
    missing = [name for name in PRICES if name not in table and name not in mapping]
    if missing:
        found = identify_table(table)
        raise InputError(
            f"the file has no column {', '.join(missing)}: it is {found.description}. "
            f"{found.remedy} A panel needs open, high, low, close; other names can be mapped, "
            "e.g. columns={'open': 'SOURCE'}."
        )


def _stamps(table: pd.DataFrame, tz: str | None) -> tuple[pd.DatetimeIndex, str | None]:
    """Stamps as given (not yet bar opens), and the column they came from."""
    if isinstance(table.index, pd.DatetimeIndex):
        return parse_stamps(table.index, tz=tz), None
    for name in TIME_COLUMNS:
        if name in table:
            return parse_stamps(table[name], tz=tz), name
    if table.index.name in TIME_COLUMNS:
        return parse_stamps(table.index, tz=tz), None
    # A frame saved with an unnamed DatetimeIndex; text only, because numbers are row numbers.
    first = str(table.columns[0]) if len(table.columns) else ""
    if first.startswith("unnamed") and not pd.api.types.is_numeric_dtype(table[first].dtype):
        return parse_stamps(table[first], tz=tz), first
    raise InputError(
        f"the file has no time column; name it one of {', '.join(TIME_COLUMNS)}, or give a "
        f"DatetimeIndex. Its columns are {', '.join(map(str, table.columns[:15]))}."
    )


def _describe(source: Source, rule: str, contract: AnyContract, price_rule: str) -> str:
    text = f"{source.column}: {rule}"
    if rule in ("quote / price", "base x price"):
        return f"{text}, price: {price_rule}"
    if source.unit == "panel" and COLUMNS[source.target].is_quantity:
        wanted = wanted_unit(contract, source.target)
        return f"{text}, taken to be in {contract.base if wanted == 'base' else 'quote units'}"
    return text


def _settle_total(
    values: dict[str, Array], sources: Mapping[str, Source], contract: AnyContract
) -> None:
    """Aggregates: the total follows from the legs; a total beside them must agree."""
    if contract.kind != "aggregate":
        return
    linear, inverse = values.get("open_interest_linear"), values.get("open_interest_inverse")
    if linear is None or inverse is None:
        # One leg alone cannot be modelled; the total then stands alone.
        values.pop("open_interest_linear", None)
        values.pop("open_interest_inverse", None)
        return
    total = values.pop("open_interest", None)
    if total is None:
        return
    ratio = total / (linear * values["close"] + inverse)
    middle = float(np.median(ratio[np.isfinite(ratio)])) if np.isfinite(ratio).any() else 1.0
    if not 0.9 < middle < 1.1:
        raise InputError(
            f"the total open interest ({sources['open_interest'].column}) is {middle:.3g} times "
            "the sum of its legs (linear x close + inverse, median); check the legs' units: "
            "linear in coins, inverse in USD."
        )
