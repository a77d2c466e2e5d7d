"""Inspection of coverage, prices, volume, funding, the liquidation feed and positions."""

from typing import Any

import numpy as np
import pandas as pd

from liqbayes.panel.findings import Finding, at_rows
from liqbayes.panel.gaps import known_bars, segments
from liqbayes.panel.panel import MarketPanel
from liqbayes.panel.regress import log_changes
from liqbayes.panel.times import bar_name

Report = tuple[list[Finding], dict[str, Any]]
_DAY = 86_400
_SIDES = ("long", "short")
_BREAK_DAYS = 90
_BREAK_RATIO = 3.0


def check_coverage(panel: MarketPanel) -> Report:
    """Usable share of bars, segments, and what was dropped."""
    findings: list[Finding] = []
    known = known_bars(panel)
    pieces = segments(panel)
    longest = max((stop - start for start, stop in pieces), default=0)
    measures = {
        "missing_bars": panel.provenance.get("missing_bars", 0),
        "usable_share": float(known.mean()),
        "segments": len(pieces),
        "longest_segment_bars": longest,
    }
    if not known.all():
        what = (
            f"price or volume unknown in {int((~known).sum())} of {panel.n_bars} bars: "
            f"{len(pieces)} segments, the longest {longest} bars; {known.mean():.1%} usable"
        )
        remedy = "each unknown bar ends a segment; fill it from the venue if you can"
        findings.append(at_rows("warning", "gaps", what, ~known, panel.time, remedy))
    else:
        findings.append(
            Finding("info", "gaps", f"none: one segment of {panel.n_bars} bars, 100% usable")
        )
    dropped = panel.provenance["dropped"]
    optional = {name: why for name, why in dropped.items() if name not in ("open_interest",)}
    if optional:
        listed = "; ".join(f"{name} ({why})" for name, why in optional.items())
        findings.append(Finding("info", "dropped columns", listed))
    for name, venue in panel.provenance["proxy"].items():
        where = "an unnamed venue" if venue == "unknown" else venue
        findings.append(
            Finding("info", "proxy", f"{name} is from {where}; its scale becomes a parameter")
        )
    if not panel.has("volume"):
        findings.append(
            Finding(
                "warning",
                "volume",
                "no volume: models that need it cannot be fitted",
                remedy="map it, another venue's if need be: --column volume=SOURCE[:UNIT]",
            )
        )
    return findings, measures


def check_prices(panel: MarketPanel) -> Report:
    """Opens far from the close before: bars of several sources, or missing trading."""
    opens, close = panel.values("open"), panel.values("close")
    jump = np.full(panel.n_bars, np.nan)
    jump[1:] = np.abs(np.log(opens[1:] / close[:-1]))
    ranges = np.log(panel.values("high") / panel.values("low"))
    usual = float(np.nanmedian(ranges)) if np.isfinite(ranges).any() else 0.0
    far = jump > max(5 * usual, 0.005)
    flat = (ranges == 0) & np.isfinite(ranges)
    findings = []
    if far.any():
        findings.append(
            at_rows(
                "warning",
                "price jumps",
                f"{int(far.sum())} bars open far from the close before (largest "
                f"{np.nanmax(jump):.1%}); no level between is seen as touched",
                far,
                panel.time,
                "check whether bars of two sources were joined",
            )
        )
    if flat.mean() > 0.02:
        findings.append(
            at_rows(
                "warning",
                "flat bars",
                f"{flat.mean():.1%} of bars have high = low: quotes without trades, or filled gaps",
                flat,
                panel.time,
                "leave filled bars out instead",
            )
        )
    return findings, {"median_log_range": usual, "flat_share": float(flat.mean())}


def check_turnover(panel: MarketPanel) -> Report:
    """Volume against open interest: a wrong unit or contract size shows here."""
    if not panel.has("volume"):
        return [], {}
    volume = panel.values("volume")
    findings = []
    zero = volume == 0
    if zero.any():
        level = "warning" if zero.mean() > 0.02 else "info"
        findings.append(
            at_rows(
                "warning" if level == "warning" else "info",
                "zero volume",
                f"volume is 0 in {int(zero.sum())} bars ({zero.mean():.2%})",
                zero,
                panel.time,
                "0 means that nothing traded; leave outages empty",
            )
        )
    measures: dict[str, Any] = {"zero_volume_share": float(zero.mean())}
    if panel.has("open_interest"):
        daily = float(np.nanmedian(volume)) * _DAY / panel.bar_seconds
        turnover = daily / float(np.nanmedian(panel.values("open_interest")))
        measures["daily_volume_per_open_interest"] = turnover
        if "volume" not in panel.provenance["proxy"] and not 0.02 < turnover < 100:
            findings.append(
                Finding(
                    "warning",
                    "turnover",
                    f"the volume of a day is {turnover:.3g} times the open interest; 0.1 to 30 is "
                    "usual",
                    remedy="check the units of both (base, quote, contracts), and that open "
                    "interest is one-sided",
                )
            )
    return findings, measures


def check_funding(panel: MarketPanel) -> Report:
    """Settlement spacing, missing settlements and size of the rates."""
    if not panel.has("funding_rate"):
        return [], {}
    rates = panel.values("funding_rate")
    where = np.flatnonzero(np.isfinite(rates))
    size = float(np.median(np.abs(rates[where])))
    findings = []
    measures: dict[str, Any] = {"funding_rows": len(where), "funding_median_abs": size}
    if size > 0.002:
        findings.append(
            Finding(
                "warning",
                "funding size",
                f"the median |funding rate| is {size:.4g}; 0.0001 is usual",
                remedy="give fractions, not per cent, and one settlement a row",
            )
        )
    if len(where) < 2:
        return findings, measures
    spacing = np.diff(where) * panel.bar_seconds / 3600
    values, counts = np.unique(spacing, return_counts=True)
    usual = float(values[np.argmax(counts)])
    longer = spacing > 1.5 * usual
    measures |= {"funding_interval_hours": usual, "funding_missing": int(longer.sum())}
    stated = float(panel.contract.funding_interval_hours or 0)
    per_row = panel.bar_seconds / 3600
    if stated and per_row > stated:
        what = (
            f"a bar of {bar_name(panel.bar_seconds)} holds {per_row / stated:g} settlements; the "
            "column is taken as their sum"
        )
        findings.append(
            Finding("info", "funding interval", what, remedy="check that it is no mean or last")
        )
    elif stated and abs(usual - stated) > 0.01:
        findings.append(
            Finding(
                "warning",
                "funding interval",
                f"rates are {usual:g} h apart, {panel.contract.name} settles every {stated:g} h",
                remedy="keep rates on settlement rows only and leave the others empty",
            )
        )
    else:
        findings.append(Finding("info", "funding interval", f"every {usual:g} h"))
    if longer.any():
        rows = np.zeros(panel.n_bars, dtype=bool)
        rows[where[1:][longer]] = True
        findings.append(
            at_rows(
                "info",
                "funding gaps",
                f"{int(longer.sum())} settlements come later than the usual interval",
                rows,
                panel.time,
            )
        )
    return findings, measures


def check_feed(panel: MarketPanel) -> Report:
    """Coverage, zeros, size and throttling of the liquidation feed, and breaks in its level."""
    names = [f"{side}_liquidations" for side in _SIDES if panel.has(f"{side}_liquidations")]
    if not names:
        return [Finding("info", "liquidation feed", "none in the panel")], {}
    findings: list[Finding] = []
    measures: dict[str, Any] = {}
    parts = []
    for name in names:
        values = panel.values(name)
        known = np.isfinite(values)
        zeros = float((values[known] == 0).mean())
        measures |= {f"{name}_known_share": float(known.mean()), f"{name}_zero_share": zeros}
        parts.append(f"{name} known in {known.mean():.1%} of bars, {zeros:.1%} of these zero")
    if len(names) == 1:
        findings.append(
            Finding("warning", "liquidation feed", f"only {names[0]}; the other side is unknown")
        )
    total = np.sum([panel.values(name) for name in names], axis=0)
    known = np.isfinite(total)
    if panel.has("volume") and not panel.provenance["proxy"].get("volume"):
        beyond = total > panel.values("volume")
        if beyond.any():
            findings.append(
                at_rows(
                    "warning",
                    "liquidations above volume",
                    f"reported liquidations exceed volume in {int(beyond.sum())} bars",
                    beyond,
                    panel.time,
                    "check the unit of the liquidation columns",
                )
            )
    daily = None
    if panel.has("open_interest"):
        share = total / panel.values("open_interest")
        series = (
            pd.Series(share, index=pd.DatetimeIndex(panel.time))
            .resample("1D")
            .sum(min_count=max(1, round(0.9 * _DAY / panel.bar_seconds)))
        )
        daily = series.dropna()
        if len(daily):
            measures["daily_liquidations_per_open_interest"] = float(daily.median())
            parts.append(f"median {daily.median():.2%} of open interest a day")
    findings.insert(0, Finding("info", "liquidation feed", "; ".join(parts)))
    first, last = pd.Timestamp(panel.time[known][0]), pd.Timestamp(panel.time[known][-1])
    findings += _throttling(panel, first, last, measures)
    if daily is not None:
        findings += _breaks(daily, measures)
    return findings, measures


def _throttling(
    panel: MarketPanel, first: pd.Timestamp, last: pd.Timestamp, measures: dict[str, Any]
) -> list[Finding]:
    """What the contract file says about the feed over the panel's span."""
    if panel.contract.kind == "aggregate":
        return []
    regimes = [panel.contract.feed_at(stamp.to_pydatetime()) for stamp in (first, last)]
    if regimes[1] is None:
        return [Finding("info", "feed throttling", "nothing is known about this venue's feed")]
    rate = regimes[1].max_orders_per_second
    measures["feed_max_orders_per_second"] = rate
    text = (
        "unthrottled"
        if rate is None
        else f"at most {rate:g} orders a second are reported: liquidations are a lower bound"
    )
    if regimes[0] != regimes[1]:
        text += "; the rule changed within the panel"
    return [Finding("info", "feed throttling", text)]


def _breaks(daily: "pd.Series[float]", measures: dict[str, Any]) -> list[Finding]:
    """The day at which the reported level changes most, if it changes for good."""
    if len(daily) < 2 * _BREAK_DAYS:
        return []
    middle = daily.rolling(_BREAK_DAYS).median()
    before = middle.iloc[_BREAK_DAYS - 1 : len(daily) - _BREAK_DAYS].to_numpy()
    after = middle.iloc[2 * _BREAK_DAYS - 1 :].to_numpy()
    size = min(len(before), len(after))
    if not size:
        return []
    ratio = np.maximum(after[:size], 1e-12) / np.maximum(before[:size], 1e-12)
    at = int(np.argmax(np.abs(np.log(ratio))))
    factor = float(ratio[at])
    day = daily.index[_BREAK_DAYS + at]
    measures["feed_break"] = {"day": str(day.date()), "factor": factor}
    if 1 / _BREAK_RATIO < factor < _BREAK_RATIO:
        return []
    return [
        Finding(
            "warning",
            "feed break",
            f"reported liquidations per open interest change by a factor {factor:.2g} around "
            f"{day.date()} (medians of {_BREAK_DAYS} days)",
            rows=(str(day.date()),),
            n_rows=1,
            remedy="throttling began or ended; fit the two spans apart with --since and --until",
        )
    ]


def check_leverage(panel: MarketPanel) -> Report:
    """Bars where mark prices are known, as triggers usually follow the mark."""
    marks = [name for name in panel.columns if name.startswith("mark_")]
    if marks:
        return [Finding("info", "mark price", f"given: {', '.join(marks)}")], {}
    trigger = getattr(panel.contract, "trigger_price", None)
    if trigger in ("mark", "oracle"):
        what = f"none; {panel.contract.name} triggers on the {trigger} price, bars are of trades"
        return [Finding("info", "mark price", what)], {}
    return [], {}


def check_positions_table(panel: MarketPanel) -> Report:
    """Share of open interest that the known positions cover."""
    table = panel.positions
    if table is None or not len(table):
        return [], {}
    latest = table[table["time"] == table["time"].max()]
    measures: dict[str, Any] = {"positions": len(table), "position_times": table["time"].nunique()}
    text = f"{len(table)} rows at {table['time'].nunique()} times"
    if panel.has("open_interest"):
        opens = pd.DatetimeIndex(panel.time)
        place = int(np.searchsorted(opens, table["time"].max(), side="right")) - 1
        held = panel.values("open_interest")[max(place, 0)]
        if np.isfinite(held):
            for side in _SIDES:
                share = float(latest.loc[latest["side"] == side, "size"].sum() / held)
                measures[f"positions_{side}_share"] = share
                text += f", {side} {share:.1%} of open interest"
    findings = [Finding("info", "positions", text)]
    over = [s for s in _SIDES if measures.get(f"positions_{s}_share", 0.0) > 1.0]
    if over:
        findings.append(
            Finding(
                "warning",
                "positions",
                f"the {' and '.join(over)} positions exceed open interest",
                remedy="check the unit of size, or rows of several contracts",
            )
        )
    return findings, measures


def check_returns(panel: MarketPanel) -> Report:
    """Spread of returns, for orientation."""
    moves = log_changes(panel.values("close"))
    known = np.isfinite(moves)
    spread = float(np.std(moves[known])) if known.any() else None
    return [], {"return_sd": spread}
