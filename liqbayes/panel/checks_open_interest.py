"""Inspection of open interest: gaps, stale values, flows, outliers, units and stamp."""

from typing import Any

import numpy as np
import pandas as pd

from liqbayes.panel.columns import LEGS
from liqbayes.panel.findings import Finding, at_rows
from liqbayes.panel.gaps import open_interest_bridged, runs
from liqbayes.panel.panel import MarketPanel
from liqbayes.panel.regress import (
    Estimate,
    log_changes,
    offset_by_activity,
    offset_by_price,
    slope_on_return,
)

Array = np.ndarray[Any, Any]
Report = tuple[list[Finding], dict[str, Any]]

_STALE_RUN = 4
_OUTLIER = 15.0
_SPIKE = 8.0


def check_gaps(panel: MarketPanel) -> Report:
    """Bars without open interest, and how many of them can be bridged."""
    if not panel.has("open_interest"):
        why = panel.provenance["dropped"].get("open_interest")
        what = "no open interest" + (f" ({why})" if why else "")
        remedy = "map it with --column open_interest=SOURCE[:base|quote|contracts]"
        return [Finding("warning", "open interest", what, remedy=remedy)], {}
    unknown = ~np.isfinite(panel.values("open_interest"))
    _, bridged = open_interest_bridged(panel)
    gaps = runs(unknown)
    longest = max((stop - start for start, stop in gaps), default=0)
    measures = {
        "open_interest_unknown_share": float(unknown.mean()),
        "open_interest_gaps": len(gaps),
        "open_interest_longest_gap_bars": longest,
        "open_interest_bridged_share": float(bridged.mean()),
    }
    if not gaps:
        return [], measures
    what = (
        f"open interest unknown in {unknown.mean():.1%} of bars, {len(gaps)} gaps, longest "
        f"{longest} bars; {int(bridged.sum())} bars can be bridged"
    )
    return [at_rows("warning", "open interest gaps", what, unknown, panel.time)], measures


def check_stale(panel: MarketPanel) -> Report:
    """Runs of one unchanged value while the market traded."""
    if not panel.has("open_interest"):
        return [], {}
    values = panel.values("open_interest")
    same = np.zeros(panel.n_bars, dtype=bool)
    same[1:] = np.diff(values) == 0
    if panel.has("volume"):
        same &= panel.values("volume") > 0
    long_runs = [(a, b) for a, b in runs(same) if b - a >= _STALE_RUN - 1]
    share = float(same.mean())
    measures = {"open_interest_stale_share": share, "open_interest_stale_runs": len(long_runs)}
    if not long_runs and share < 0.02:
        return [], measures
    rows = np.zeros(panel.n_bars, dtype=bool)
    for start, stop in long_runs:
        rows[start:stop] = True
    longest = max((b - a + 1 for a, b in long_runs), default=2)
    what = (
        f"open interest repeats the value before in {share:.1%} of bars, up to {longest} bars in "
        "a row"
    )
    remedy = "leave stale cells empty: a repeated value claims that nothing changed"
    return [at_rows("warning", "stale open interest", what, rows, panel.time, remedy)], measures


def check_flow(panel: MarketPanel) -> Report:
    """|ΔOI| above volume: a flag, because block trades and ADL print no volume."""
    if not (panel.has("open_interest") and panel.has("volume")):
        return [], {}
    flow = np.zeros(panel.n_bars)
    flow[1:] = np.abs(np.diff(panel.values("open_interest")))
    volume = panel.values("volume")
    known = np.isfinite(flow[1:]) & np.isfinite(volume[1:]) & (volume[1:] > 0)
    ratio = float(np.median(flow[1:][known] / volume[1:][known])) if known.any() else None
    beyond = flow > volume
    measures = {"median_flow_per_volume": ratio, "flow_above_volume": int(beyond.sum())}
    if not beyond.any():
        return [], measures
    proxy = panel.provenance["proxy"].get("volume")
    what = f"|ΔOI| exceeds volume in {int(beyond.sum())} bars ({beyond.mean():.1%})"
    remedy = (
        f"volume is a proxy ({proxy}); its scale is a parameter"
        if proxy
        else "possible with block trades or ADL; if frequent, check units and the OI stamp"
    )
    level = "warning" if not proxy and beyond.mean() > 0.01 else "info"
    finding = at_rows(
        "warning" if level == "warning" else "info",
        "flow above volume",
        what,
        beyond,
        panel.time,
        remedy,
    )
    return [finding], measures


def check_outliers(panel: MarketPanel) -> Report:
    """Changes of open interest far outside the usual, and spikes that come back at once."""
    if not panel.has("open_interest"):
        return [], {}
    changes = log_changes(panel.values("open_interest"))
    known = np.isfinite(changes)
    if known.sum() < 20:
        return [], {}
    middle = float(np.median(changes[known]))
    scale = 1.4826 * float(np.median(np.abs(changes[known] - middle)))
    if scale == 0:
        return [], {"open_interest_change_scale": 0.0}
    score = np.abs(changes - middle) / scale
    far = score > _OUTLIER
    after = np.append(changes[1:], np.nan)
    spike = (
        (score > _SPIKE)
        & (np.abs(after - middle) > _SPIKE * scale)
        & (np.abs(changes + after) < 0.25 * np.abs(changes))
    )
    findings = []
    if spike.any():
        findings.append(
            at_rows(
                "warning",
                "open interest spikes",
                f"{int(spike.sum())} values leave and return within one bar: likely glitches",
                spike,
                panel.time,
                "leave these cells empty if the venue's own chart does not show them",
            )
        )
    far &= ~spike
    if far.any():
        worst = int(np.nanargmax(np.where(far, np.abs(changes), np.nan)))
        move = float(log_changes(panel.values("close"))[worst])
        findings.append(
            at_rows(
                "info",
                "open interest outliers",
                f"{int(far.sum())} changes beyond {_OUTLIER:.0f} robust deviations; largest "
                f"{np.expm1(changes[worst]):+.1%} at {pd.Timestamp(panel.time[worst])} with price "
                f"{np.expm1(move):+.1%}",
                far,
                panel.time,
                "crashes are real; a change without a price move is suspect",
            )
        )
    return findings, {
        "open_interest_change_scale": scale,
        "open_interest_outliers": int(far.sum()),
        "open_interest_spikes": int(spike.sum()),
    }


def check_unit_slopes(panel: MarketPanel) -> Report:
    """Open interest in the wrong currency moves mechanically with price."""
    findings: list[Finding] = []
    measures: dict[str, Any] = {}
    cases: list[tuple[str, str]] = []
    if panel.contract.kind != "aggregate":
        cases = [("open_interest", panel.contract.kind)]
    elif panel.has(LEGS[0]):
        cases = [(LEGS[0], "linear"), (LEGS[1], "inverse")]
    for name, kind in cases:
        if not panel.has(name):
            continue
        slope = slope_on_return(panel.values(name), panel.values("close"))
        measures[f"{name}_slope_on_return"] = _plain(slope)
        if slope is None:
            continue
        figure = f"slope of Δlog {name} on the return is {slope.value:+.2f} ± {slope.error:.2f}"
        if kind == "inverse" and slope.value + 2 * slope.error < -0.15:
            findings.append(
                Finding(
                    "warning",
                    "unit of open interest",
                    f"{figure}: it looks given in coins, whose amount falls when price rises",
                    remedy=f"map the USD column, or name the unit: {name}=SOURCE:base",
                )
            )
        elif kind == "linear" and slope.value - 2 * slope.error > 0.6:
            findings.append(
                Finding(
                    "warning",
                    "unit of open interest",
                    f"{figure}: it looks given in quote units, whose amount rises with price",
                    remedy=f"map the base column, or name the unit: {name}=SOURCE:quote",
                )
            )
    return findings, measures


def check_stamp(panel: MarketPanel, base: Array | None, quote: Array | None) -> Report:
    """When open interest was read, against what the panel says.

    Parameters
    ----------
    panel : MarketPanel
    base, quote : (n_bars,) arrays, or None
        Open interest in both units where the source has them.
    """
    if not panel.has("open_interest"):
        return [], {}
    bar = panel.bar_seconds
    stated = panel.open_interest_offset_seconds
    by_price = (
        offset_by_price(base, quote, panel.values("open"), panel.values("close"), bar)
        if base is not None and quote is not None
        else None
    )
    by_activity = offset_by_activity(
        panel.values("open_interest"), panel.values("high"), panel.values("low"), bar
    )
    measures = {
        "open_interest_offset_stated_seconds": stated,
        "open_interest_offset_by_price_seconds": _plain(by_price),
        "open_interest_offset_by_activity_seconds": _plain(by_activity),
    }
    best, how = (by_price, "valuation price") if by_price else (by_activity, "moves with ranges")
    shown = f"taken as {stated:+.0f} s from bar close"
    if best is None:
        return [Finding("info", "open interest stamp", f"{shown}; not testable here")], measures
    seen = f"estimated {best.value:+.0f} ± {best.error:.0f} s from its {how}"
    # A quarter of a bar is what these estimates can tell apart; see the reference page.
    apart = abs(best.value - stated) - 2 * best.error > 0.25 * bar
    if not apart:
        return [Finding("info", "open interest stamp", f"{shown}; {seen}")], measures
    half = round(best.value / bar * 2) / 2 * bar
    return [
        Finding(
            "warning",
            "open interest stamp",
            f"{shown}, but {seen}",
            remedy=f"if so, read the file in Python with read_panel(..., "
            f"open_interest_offset_seconds={half:.0f}); it changes only the price at which open "
            "interest is converted between units, and what is stated here",
        )
    ], measures


def _plain(estimate: Estimate | None) -> dict[str, float] | None:
    return None if estimate is None else dict(estimate._asdict())
