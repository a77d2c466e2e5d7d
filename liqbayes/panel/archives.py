"""Panels from Binance's public archive: klines, metrics, funding and liquidations on one grid."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from liqbayes.contracts import AnyContract, Contract, load_contract
from liqbayes.errors import InputError
from liqbayes.panel.archive_files import (
    ArchiveFile,
    ArchiveKind,
    covered_days,
    discover,
    read_archive,
)
from liqbayes.panel.archive_tables import (
    Array,
    clean_funding,
    clean_klines,
    clean_liquidations,
    clean_metrics,
)
from liqbayes.panel.panel import MarketPanel
from liqbayes.panel.times import SECOND, bar_name, parse_bar, parse_stamps
from liqbayes.panel.units import check_units

_DAY = 86_400
_WEEK = 7 * _DAY
_KLINE_COLUMNS = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "taker_buy_volume",
)


def read_binance_archives(
    paths: str | Path | Iterable[str | Path],
    contract: AnyContract | str | Path,
    bar: Any = None,
    *,
    positions: pd.DataFrame | None = None,
) -> MarketPanel:
    """Build a panel from files of Binance's public archive.

    Parameters
    ----------
    paths : path, or iterable of paths
        Files (zip or CSV, as downloaded) or folders of them: klines (needed), metrics,
        fundingRate, liquidationSnapshot; markPriceKlines are told by their folder's name.
    contract : Contract or str
        A Binance contract, such as ``"binance:BTCUSDT"`` or ``"binance:BTCUSD_PERP"``.
    bar : str or int, optional
        Bar length such as ``"1h"``, a multiple of the klines' own; without it the klines' own.
    positions : DataFrame, optional
        Known positions.

    Returns
    -------
    MarketPanel
        A bar is known only if all its klines are there. Open interest is the last snapshot
        before bar close, at most a quarter of a bar or 15 minutes old. Settlements of one bar are
        added. Liquidations are zero on covered days without any, NaN on days without a file.

    Raises
    ------
    InputError
        For files of other symbols, damaged files, conflicting rows, or no klines.

    Notes
    -----
    COIN-M volume is in contracts, and the column named ``quote_volume`` holds coins; both follow
    from the contract being inverse. What was dropped, moved or taken as unknown is listed in
    ``provenance["notes"]``.
    """
    contract = load_contract(contract) if isinstance(contract, str | Path) else contract
    if not isinstance(contract, Contract) or contract.venue != "binance":
        raise InputError(
            f"the files are Binance archives, the contract is {contract.name}; give a Binance "
            "contract such as 'binance:BTCUSDT'."
        )
    files, ignored = discover(paths)
    alone = isinstance(paths, str | Path) and not Path(paths).is_dir()
    files, foreign = _of_symbol(files, contract.symbol, strict=alone)
    notes = [f"{len(foreign)} files of other symbols ignored"] if foreign else []
    groups: dict[ArchiveKind, list[ArchiveFile]] = {}
    for entry in files:
        groups.setdefault(entry.kind, []).append(entry)
    if "klines" not in groups:
        kinds = ", ".join(sorted(groups)) or "nothing"
        raise InputError(
            f"no klines of {contract.symbol} among the files ({kinds}); a panel needs them. "
            "Download klines of the same days into the folder."
        )

    klines, more = clean_klines(_concat(groups["klines"]), _KLINE_COLUMNS)
    notes += more
    if len(klines) > 1 and not klines["volume"].any():
        raise InputError(
            "every kline has volume 0: these are mark, index or premium klines. Put mark price "
            "klines into a folder named markPriceKlines, and add the traded klines."
        )
    interval = _interval(groups["klines"], klines.index)
    seconds = interval if bar is None else parse_bar(bar)
    bars, more = _to_bars(klines, interval, seconds)
    notes += more
    grid = pd.DatetimeIndex(bars.index)
    size = contract.contract_size if contract.kind == "inverse" else 1.0
    frame = bars[["open", "high", "low", "close"]].copy()
    frame["volume"] = bars["volume"] * size
    frame["taker_buy_volume"] = bars["taker_buy_volume"] * size
    unit = f"contracts x {size:g} USD" if contract.kind == "inverse" else "as given"
    conversions = {"volume": f"klines volume: {unit}", "taker_buy_volume": f"klines: {unit}"}
    _check_kline_units(bars, contract, size)

    if "mark" in groups:
        marks, more = clean_klines(_concat(groups["mark"]), ("open", "high", "low", "close"))
        notes += [f"mark price: {note}" for note in more]
        marks, _ = _to_bars(marks, _interval(groups["mark"], marks.index), seconds)
        for name in ("open", "high", "low", "close"):
            frame[f"mark_{name}"] = marks[name].reindex(grid)
    if "metrics" in groups:
        metrics, more = clean_metrics(_concat(groups["metrics"]), contract.symbol)
        notes += more
        frame["open_interest"] = _last_before_close(metrics, grid, seconds) * size
        conversions["open_interest"] = f"metrics sum_open_interest: {unit}"
        _check_metrics_units(metrics, bars["close"], seconds, contract, size)
    if "funding" in groups:
        funding, more = clean_funding(_concat(groups["funding"]))
        notes += more
        frame["funding_rate"] = _sum_in_bars(
            funding.index, funding["funding_rate"].to_numpy(), grid, seconds
        )
    if "liquidations" in groups:
        events, covered, more = _liquidations(groups["liquidations"], contract.symbol)
        notes += more
        days = _covered_bars(covered, grid, seconds)
        for side in ("long", "short"):
            rows = events[events["side"] == side]
            total = _sum_in_bars(rows.index, rows["quantity"].to_numpy(), grid, seconds) * size
            frame[f"{side}_liquidations"] = np.where(days, np.nan_to_num(total), np.nan)
            conversions[f"{side}_liquidations"] = f"liquidationSnapshot: {unit}"
    columns = {str(name): frame[name].to_numpy() for name in frame}
    check_units(columns, contract, seconds, {})
    provenance = {
        "source": "Binance archive: "
        + ", ".join(f"{len(group)} {kind}" for kind, group in sorted(groups.items())),
        "conversions": conversions,
        "notes": notes,
        "ignored_files": ignored,
        "unknown_bars": int(frame["close"].isna().sum()),
    }
    return MarketPanel.from_frame(
        frame, contract, provenance=provenance, positions=positions, bar_seconds=seconds
    )


def _of_symbol(
    files: list[ArchiveFile], symbol: str, *, strict: bool
) -> tuple[list[ArchiveFile], list[ArchiveFile]]:
    mine = [entry for entry in files if entry.symbol in (None, symbol)]
    foreign = [entry for entry in files if entry.symbol not in (None, symbol)]
    if foreign and (strict or not mine):
        raise InputError(
            f"{foreign[0].path.name} is of {foreign[0].symbol}, the contract is {symbol}; give "
            "the files of the contract's symbol."
        )
    return mine, foreign


def _concat(entries: list[ArchiveFile]) -> pd.DataFrame:
    tables = []
    for entry in entries:
        table = read_archive(entry)
        if len(table):
            tables.append(table)
    if not tables:
        raise InputError(f"the {entries[0].kind} files have no rows; download them again.")
    return pd.concat(tables, ignore_index=True)


def _interval(entries: list[ArchiveFile], index: pd.Index) -> int:
    """Length of the klines in seconds, from the file names or else from the stamps."""
    named = {entry.interval for entry in entries if entry.interval is not None}
    if len(named) > 1:
        raise InputError(
            f"klines of {', '.join(bar_name(seconds) for seconds in sorted(named))} are mixed; "
            "give the files of one length."
        )
    if named:
        return named.pop()
    if len(index) < 2:
        raise InputError(f"{len(index)} kline(s) given; a panel needs more.")
    spacings, counts = np.unique(np.diff(pd.DatetimeIndex(index).asi8), return_counts=True)
    return max(1, int(spacings[np.argmax(counts)]) // SECOND)


def _to_bars(klines: pd.DataFrame, interval: int, seconds: int) -> tuple[pd.DataFrame, list[str]]:
    """Aggregate klines to bars; a bar with a missing kline is unknown."""
    if seconds % interval:
        raise InputError(
            f"bar={bar_name(seconds)!r} is no multiple of the klines' {bar_name(interval)}; "
            "allowed are multiples of it."
        )
    index = pd.DatetimeIndex(klines.index)
    # Binance's weeks start on Monday, the epoch on a Thursday.
    phase = 4 * _DAY if seconds % _WEEK == 0 else 0
    off = (index.asi8 - phase * SECOND) % (interval * SECOND) != 0
    if off.any():
        raise InputError(
            f"{int(off.sum())} klines do not start on a {bar_name(interval)} boundary, first "
            f"{index[off][0]}; the files are damaged or of another interval."
        )
    width = seconds * SECOND
    opens = (index.asi8 - phase * SECOND) // width * width + phase * SECOND
    frame = klines.set_axis(pd.DatetimeIndex(opens.view("datetime64[ns]")), axis=0)
    grouped = frame.groupby(level=0)
    rules = {"open": "first", "high": "max", "low": "min", "close": "last"}
    bars = grouped.agg({name: rules.get(str(name), "sum") for name in frame.columns})
    expected = seconds // interval
    count = grouped.size().to_numpy()
    partial = count < expected
    notes = []
    full = np.flatnonzero(~partial)
    if not len(full):
        raise InputError(
            f"no bar of {bar_name(seconds)} has all its {expected} klines; give more files or a "
            "shorter bar."
        )
    cut = int(full[0] + len(partial) - 1 - full[-1])
    if cut:
        notes.append(f"{cut} unfinished bars at the ends dropped")
    bars.loc[partial] = np.nan
    inner = partial[full[0] : full[-1] + 1]
    if inner.any():
        notes.append(f"{int(inner.sum())} bars with missing klines taken as unknown")
    bars = bars.iloc[full[0] : full[-1] + 1]
    grid = pd.date_range(bars.index[0], bars.index[-1], freq=pd.Timedelta(seconds=seconds))
    absent = len(grid) - len(bars)
    if absent:
        notes.append(f"{absent} bars without any kline are unknown")
    return bars.reindex(grid), notes


def _last_before_close(metrics: pd.DataFrame, grid: pd.DatetimeIndex, seconds: int) -> Array:
    """Last snapshot at or before bar close that is fresh enough; NaN where there is none."""
    known = metrics["open_interest"].dropna()
    values = np.full(len(grid), np.nan)
    if known.empty:
        return values
    stamps = pd.DatetimeIndex(known.index).asi8
    closes = grid.as_unit("ns").asi8 + seconds * SECOND
    place = np.searchsorted(stamps, closes, side="right") - 1
    age = closes - stamps[np.maximum(place, 0)]
    fresh = (place >= 0) & (age <= min(seconds / 4, 900) * SECOND)
    values[fresh] = known.to_numpy()[place[fresh]]
    return values


def _sum_in_bars(stamps: pd.Index, amounts: Array, grid: pd.DatetimeIndex, seconds: int) -> Array:
    """Sum of the amounts in each bar; NaN in bars without any."""
    opens = grid.as_unit("ns").asi8
    place = (pd.DatetimeIndex(stamps).as_unit("ns").asi8 - opens[0]) // (seconds * SECOND)
    inside = (place >= 0) & (place < len(grid)) & np.isfinite(amounts)
    total = np.full(len(grid), np.nan)
    rows = place[inside]
    total[rows] = 0.0
    np.add.at(total, rows, amounts[inside])
    return total


def _liquidations(
    entries: list[ArchiveFile], symbol: str
) -> tuple[pd.DataFrame, set[int], list[str]]:
    """Orders of all files and the days that the files speak for."""
    tables: list[pd.DataFrame] = []
    covered: set[int] = set()
    for entry in entries:
        table = read_archive(entry)
        stamps = parse_stamps(table["time"]).to_numpy() if len(table) else np.array([])
        covered |= covered_days(entry, stamps)
        if len(table):
            tables.append(table)
    if not tables:
        empty = pd.DataFrame({"side": [], "quantity": []}, index=pd.DatetimeIndex([]))
        return empty, covered, []
    events, notes = clean_liquidations(pd.concat(tables, ignore_index=True), symbol)
    return events, covered, notes


def _covered_bars(days: set[int], grid: pd.DatetimeIndex, seconds: int) -> Array:
    """Bars that lie wholly within covered days."""
    opens = grid.as_unit("ns").asi8 // SECOND
    first, last = opens // _DAY, (opens + seconds - 1) // _DAY
    return np.array(
        [all(day in days for day in range(a, b + 1)) for a, b in zip(first, last, strict=True)],
        dtype=bool,
    )


def _check_kline_units(bars: pd.DataFrame, contract: Contract, size: float) -> None:
    """The two volume columns must give a price: else the files are of the other market."""
    traded = (bars["volume"] > 0) & (bars["quote_volume"] > 0)
    if not traded.any():
        return
    volume, quote = bars["volume"][traded], bars["quote_volume"][traded]
    ratio = volume * size / quote if contract.kind == "inverse" else quote / volume
    apart = float((ratio / bars["close"][traded]).median())
    if not 0.8 < apart < 1.25:
        raise InputError(
            f"volume and quote_volume imply a price {apart:.4g} times the close: the klines are "
            f"not of {contract.name} ({contract.kind}). USD-M and COIN-M archives have different "
            "units (COIN-M: contracts, and coins in quote_volume); check folder and contract."
        )


def _check_metrics_units(
    metrics: pd.DataFrame, close: pd.Series, seconds: int, contract: Contract, size: float
) -> None:
    """Open interest and its value must give a price near the closes."""
    priced = metrics[(metrics["open_interest"] > 0) & (metrics["value"] > 0)]
    step = pd.Timedelta(seconds=seconds)
    price = close.reindex((pd.DatetimeIndex(priced.index) - step).floor(step)).to_numpy()
    amount, value = priced["open_interest"].to_numpy(), priced["value"].to_numpy()
    ratio = (amount * size / value if contract.kind == "inverse" else value / amount) / price
    ratio = ratio[np.isfinite(ratio)]
    if len(ratio) and not 0.8 < float(np.median(ratio)) < 1.25:
        raise InputError(
            "open interest and its value in the metrics imply a price "
            f"{float(np.median(ratio)):.4g} times the close: the metrics are not of "
            f"{contract.name}. Check that klines and metrics are of the same market."
        )
