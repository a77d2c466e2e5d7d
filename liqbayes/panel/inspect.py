"""Inspection of a panel or of any file: what it is and what to know before a fit."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from liqbayes.contracts import AnyContract, list_contracts, load_contract
from liqbayes.errors import InputError
from liqbayes.panel import checks_market, checks_open_interest
from liqbayes.panel.archive_files import discover
from liqbayes.panel.columns import unit_in_name
from liqbayes.panel.files import load_table, sniff
from liqbayes.panel.findings import Finding, Inspection, errors_first
from liqbayes.panel.identify import identify_table
from liqbayes.panel.panel import MarketPanel
from liqbayes.panel.read import read_panel
from liqbayes.panel.times import SECOND, TIME_COLUMNS, bar_name, parse_stamps
from liqbayes.panel.values import to_numbers

Array = np.ndarray[Any, Any]

_CHECKS = (
    checks_market.check_coverage,
    checks_market.check_prices,
    checks_market.check_turnover,
    checks_open_interest.check_gaps,
    checks_open_interest.check_stale,
    checks_open_interest.check_flow,
    checks_open_interest.check_outliers,
    checks_open_interest.check_unit_slopes,
    checks_market.check_funding,
    checks_market.check_feed,
    checks_market.check_leverage,
    checks_market.check_positions_table,
    checks_market.check_returns,
)
# Read in place of an unknown contract: a linear one, the commonest kind.
_STAND_IN = "binance:BTCUSDT"
_AGGREGATORS = ("agg", "aggregate", "aggregated", "coinglass", "coinalyze")


def inspect_panel(
    panel_or_path: MarketPanel | str | Path,
    contract: AnyContract | str | Path | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    stamp: str = "open",
    tz: str | None = None,
) -> Inspection:
    """Report gaps, stale values, wrong units, stamps, funding and feed of a panel.

    A file that is no panel, or cannot be read, is described instead; only a path that does not
    exist or a wrong argument is an error.

    Parameters
    ----------
    panel_or_path : MarketPanel, str or Path
    contract : Contract, AggregateContract or str, optional
        Without it, it is taken from the file if liqbayes wrote it, else inferred from the file
        name, and the report says so.
    columns, stamp, tz : optional
        As in `read_panel`.

    Returns
    -------
    Inspection

    Raises
    ------
    InputError
        If the path does not exist or the contract is unknown.
    """
    if isinstance(panel_or_path, MarketPanel):
        source = str(panel_or_path.provenance.get("source", "panel in memory"))
        return _inspect_panel(panel_or_path, source)
    path = Path(panel_or_path)
    kind, words = sniff(path)
    if isinstance(contract, str | Path):
        contract = load_contract(contract)
    if kind in ("binary", "empty"):
        remedy = "give a parquet or CSV file of bars"
        return _no_panel(path, "no table", f"{words}: no table", remedy)
    if kind == "folder" or (contract is not None and contract.venue == "binance"):
        found = _archive(path, contract)
        if found is not None:
            return found
    try:
        table = load_table(path)
    except InputError as error:
        return _failed(path, "unreadable", f"{words} that cannot be read as a table", error)
    what = identify_table(table)
    if what.kind != "panel" and not columns:
        return _describe_other(path, table, what.kind, what.description, what.remedy)
    inferred = False
    extra: list[Finding] = []
    if contract is None and not _has_contract(path, kind):
        contract = infer_contract(path.name)
        inferred = contract is not None
        if contract is None:
            contract = load_contract(_STAND_IN)
            extra.append(
                Finding(
                    "warning",
                    "contract",
                    "unknown; read as a linear contract with quantities in coins",
                    remedy="give --contract VENUE:SYMBOL",
                )
            )
            try:
                panel = read_panel(path, contract, columns, stamp=stamp, tz=tz)
            except InputError as error:
                return _failed(path, "panel", what.description, error)
            return _with_table(panel, path, table, extra, None, inferred=False)
        extra.append(
            Finding(
                "info",
                "contract",
                f"{contract.name}, inferred from the file name",
                remedy="give --contract if it is another",
            )
        )
    try:
        panel = read_panel(path, contract, columns, stamp=stamp, tz=tz)
    except InputError as error:
        name = contract.name if contract else None
        return _failed(path, "panel", what.description, error, contract=name, inferred=inferred)
    return _with_table(panel, path, table, extra, panel.contract.name, inferred=inferred)


def infer_contract(file_name: str) -> AnyContract | None:
    """Contract named by a file such as ``binance_btcusdt_1h.parquet``; None if there is none."""
    words = re.split(r"[^a-z0-9]+", file_name.lower())
    for name in list_contracts():
        venue, symbol = name.split(":", 1)
        plain = re.sub(r"[^a-z0-9]", "", symbol.lower())
        joined = "_".join(words)
        symbol_found = plain in words or f"_{re.sub('[^a-z0-9]+', '_', symbol.lower())}_" in (
            f"_{joined}_"
        )
        venue_found = venue in words or (
            venue == "aggregate" and any(word in words for word in _AGGREGATORS)
        )
        if venue_found and symbol_found:
            return load_contract(name)
    return None


def _inspect_panel(
    panel: MarketPanel,
    source: str,
    *,
    contract: str | None = "",
    inferred: bool = False,
    extra: tuple[Finding, ...] = (),
    both: tuple[Array | None, Array | None] = (None, None),
) -> Inspection:
    """Run every check."""
    findings = list(extra)
    measures: dict[str, Any] = {}
    # Valid but absurd figures may overflow in a ratio; such a measure is then unknown.
    with np.errstate(all="ignore"):
        for check in _CHECKS:
            found, figures = check(panel)
            findings += found
            measures |= figures
        found, figures = checks_open_interest.check_stamp(panel, *both)
    findings += found
    measures |= figures
    for note in panel.provenance["notes"]:
        findings.append(Finding("info", "reading", note))
    start, end = str(pd.Timestamp(panel.time[0])), str(pd.Timestamp(panel.time[-1]))
    name = panel.contract.name if contract == "" else contract
    return Inspection(
        source=source,
        kind="panel",
        description=(
            f"a panel of {name or 'an unknown contract'}, {panel.n_bars} bars of "
            f"{bar_name(panel.bar_seconds)}, {start} to {end} UTC"
        ),
        contract=name,
        contract_inferred=inferred,
        bar_seconds=panel.bar_seconds,
        n_bars=panel.n_bars,
        start=start,
        end=end,
        known={n: float(np.isfinite(panel.values(n)).mean()) for n in panel.columns},
        measures={name: _known(figure) for name, figure in measures.items()},
        findings=errors_first(findings),
    )


def _known(figure: Any) -> Any:
    """None in place of a figure that is not finite, also inside a mapping."""
    if isinstance(figure, dict):
        return {name: _known(part) for name, part in figure.items()}
    return None if isinstance(figure, float) and not np.isfinite(figure) else figure


def _with_table(
    panel: MarketPanel,
    path: Path,
    table: pd.DataFrame,
    extra: list[Finding],
    contract: str | None,
    *,
    inferred: bool,
) -> Inspection:
    """Inspect a panel with what only the source table tells."""
    if not panel.has("volume"):
        candidates = [
            str(name)
            for name in table
            if "volume" in str(name) and table[name].notna().any() and unit_in_name(str(name))
        ]
        if candidates:
            unit = unit_in_name(candidates[0])
            extra.append(
                Finding(
                    "info",
                    "volume",
                    f"other volume columns: {', '.join(candidates)}",
                    remedy=f"--column volume={candidates[0]}:{unit}",
                )
            )
    both = (
        _aligned(table, "open_interest_base", panel),
        _aligned(table, "open_interest_quote", panel),
    )
    return _inspect_panel(
        panel, path.name, contract=contract, inferred=inferred, extra=tuple(extra), both=both
    )


def _aligned(table: pd.DataFrame, name: str, panel: MarketPanel) -> Array | None:
    """A column of the source table on the panel's grid, None if it has none."""
    if name not in table or not isinstance(table.index, pd.DatetimeIndex):
        return None
    try:
        values = pd.Series(to_numbers(table[name], name), index=parse_stamps(table.index))
    except InputError:
        return None  # the panel did not use this column, so it only costs a measure
    return values.reindex(pd.DatetimeIndex(panel.time)).to_numpy()


def _has_contract(path: Path, kind: str) -> bool:
    if kind != "parquet":
        return False
    from liqbayes.panel.storage import panel_metadata

    return panel_metadata(path) is not None


def _archive(path: Path, contract: AnyContract | None) -> Inspection | None:
    """Inspect Binance archives: as a panel where the contract is known; None for other files."""
    try:
        files, _ = discover(path)
    except InputError as error:
        if path.is_dir():
            return _failed(path, "folder", "a folder", error)
        return None
    counts: dict[str, int] = {}
    for entry in files:
        counts[entry.kind] = counts.get(entry.kind, 0) + 1
    symbols = sorted({entry.symbol for entry in files if entry.symbol})
    listed = ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items()))
    words = f"Binance archive files ({listed}) of {', '.join(symbols) or 'an unnamed symbol'}"
    if contract is None or "klines" not in counts:
        missing = "" if "klines" in counts else " and klines of the same days"
        return _no_panel(
            path, "binance archive", words, f"read them with --contract binance:SYMBOL{missing}"
        )
    try:
        panel = read_panel(path, contract)
    except InputError as error:
        return _failed(path, "binance archive", words, error, contract=contract.name)
    return _inspect_panel(panel, path.name)


def _no_panel(path: Path, kind: str, words: str, remedy: str) -> Inspection:
    finding = Finding("error", "no panel", f"this is {words}", remedy=remedy)
    return Inspection(path.name, kind, words, findings=(finding,))


def _failed(
    path: Path,
    kind: str,
    words: str,
    error: InputError,
    *,
    contract: str | None = None,
    inferred: bool = False,
) -> Inspection:
    finding = Finding("error", "reading", str(error))
    return Inspection(
        path.name, kind, words, contract, contract_inferred=inferred, findings=(finding,)
    )


def _describe_other(
    path: Path, table: pd.DataFrame, kind: str, words: str, remedy: str
) -> Inspection:
    """Describe a table that is no panel: its time span and spacing."""
    findings = [Finding("error", "no panel", f"this is {words}", remedy=remedy)]
    measures: dict[str, Any] = {"rows": len(table)}
    start = end = None
    stamps = _times_of(table)
    if stamps is not None and len(stamps):
        start, end = str(stamps.min()), str(stamps.max())
        words = f"{words}, {start} to {end} UTC"
        steps = np.diff(np.unique(stamps.asi8)).astype(np.float64) / SECOND
        if kind == "funding history" and len(steps):
            # Settlements are stamped some milliseconds late.
            hours, counts = np.unique(np.round(steps / 60) / 60, return_counts=True)
            usual = float(hours[np.argmax(counts)])
            late = int((hours > 1.5 * usual) @ counts)
            measures |= {"funding_interval_hours": usual, "funding_missing": late}
            findings.append(Finding("info", "funding interval", f"every {usual:g} h, {late} gaps"))
    return Inspection(
        path.name, kind, words, start=start, end=end, measures=measures, findings=tuple(findings)
    )


def _times_of(table: pd.DataFrame) -> pd.DatetimeIndex | None:
    """Stamps of any table, None if there are none that can be read."""
    try:
        if isinstance(table.index, pd.DatetimeIndex):
            return parse_stamps(table.index)
        for name in (*TIME_COLUMNS, "snapshot_utc", "create_time", "calc_time", "utc"):
            if name in table:
                return parse_stamps(table[name])
    except InputError:
        return None
    return None
