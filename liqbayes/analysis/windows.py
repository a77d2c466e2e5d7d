"""Liquidations summed over windows, and the leverage of what was opened lately."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from liqbayes import outputs
from liqbayes.analysis.section import Section
from liqbayes.analysis.tables import amount, chance, put, rows
from liqbayes.conventions import DELTA_CONVENTION, has_interval
from liqbayes.outputs.context import Context
from liqbayes.outputs.windows import first_bar

if TYPE_CHECKING:
    from liqbayes.analysis.workspace import Workspace

#: Prior draws that the averages of leverage are shown beside.
PRIOR_DRAWS = 250
CONVENTIONS = (
    "positive ΔL (more longs liquidated) is read as bearish; this is a reading, not a result.",
)


def window_totals(flows: xr.Dataset, context: Context, windows: Sequence[str]) -> xr.Dataset:
    """Long, short and ΔL over windows that end at the last bar, in quote.

    Parameters
    ----------
    flows : Dataset
        As `liqbayes.realised_liquidations` returns it, of the same draws.
    context : Context
    windows : sequence of str
        Durations such as ``"4h"``.

    Returns
    -------
    Dataset
        ``long``, ``short``, ``delta`` (chain, draw, window); NaN where the window is no whole
        number of bars or holds a bar that is not modelled. ``reason`` (window) says which.
    """
    bars = flows["quote"].transpose("side", "chain", "draw", "time").to_numpy()
    history = context.evaluator.data.n_history
    sums = np.full((2, *bars.shape[1:3], len(windows)), np.nan)
    reasons = []
    for i, window in enumerate(windows):
        first = first_bar(context, window)
        reasons.append(
            "" if first is not None else "no whole number of bars, or not modelled throughout"
        )
        if first is not None:
            within = bars[..., first - history : context.last + 1 - history]
            sums[..., i] = within.astype(float).sum(-1)
    dims = ("chain", "draw", "window")
    unit = {"units": flows["quote"].attrs["units"]}
    return xr.Dataset(
        {
            "long": (dims, sums[0], unit),
            "short": (dims, sums[1], unit),
            "delta": (dims, sums[0] - sums[1], unit),
        },
        coords={
            "chain": flows["chain"],
            "draw": flows["draw"],
            "window": list(windows),
            "reason": ("window", reasons),
        },
        attrs={**flows.attrs, "convention": DELTA_CONVENTION},
    )


def section(work: "Workspace") -> Section:
    """Sums over the windows of the options, and average leverage."""
    totals = window_totals(work.flows, work.context, work.options.windows)
    table = pd.DataFrame({"window": list(work.options.windows)})
    for name in ("long", "short", "delta"):
        put(table, name, totals[name])
    known = totals["delta"].notnull().all(("chain", "draw"))
    table["p_positive"] = chance(totals["delta"] > 0).where(known).to_numpy()
    table["p_negative"] = chance(totals["delta"] < 0).where(known).to_numpy()
    table["reason"] = totals["reason"].to_numpy()
    leverage = leverage_table(work.thinned)
    unit = str(work.flows.attrs["quote_unit"])
    return Section(
        "windows",
        "Liquidations over windows, leverage of late",
        {"liquidations": table, "leverage": leverage},
        (*_delta_sentences(table, unit), *_leverage_sentences(leverage)),
        CONVENTIONS,
        {"long": unit, "short": unit, "delta": unit, "leverage": "x, harmonic mean by quantity"},
    )


def leverage_table(fit: xr.DataTree) -> pd.DataFrame:
    """Average effective leverage by side and window, posterior beside the prior where there is one.

    Columns: side, window ("open_interest": what is open), leverage (low, median, high), prior_low,
    prior_median, prior_high, and p_short_above: probability that the shorts' is higher.
    """
    posterior = outputs.average_leverage(fit)
    prior = None
    if has_interval(posterior.sizes) and "prior" in fit.children:
        prior = outputs.average_leverage(outputs.thin(fit, PRIOR_DRAWS), group="prior")
    above = chance(posterior.sel(side="short") > posterior.sel(side="long"))
    known = posterior.notnull().all(("chain", "draw", "side"))
    parts = []
    for side in ("long", "short"):
        table = pd.DataFrame({"side": side, "window": posterior["window"].to_numpy()})
        put(table, "leverage", posterior.sel(side=side))
        if prior is not None:
            put(table, "prior", prior.sel(side=side))
        table["p_short_above"] = above.where(known).to_numpy()
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _delta_sentences(table: pd.DataFrame, unit: str) -> list[str]:
    out = []
    for row in rows(table):
        if row.reason:
            out.append(f"Last {row.window}: not identified, {row.reason}.")
            continue
        tail = ""
        if np.isfinite(row.p_positive):
            tail = f"; P(ΔL > 0) = {row.p_positive:.2f}, P(ΔL < 0) = {row.p_negative:.2f}"
        out.append(f"Last {row.window}: ΔL {amount(row, 'delta', unit)}{tail}.")
    return out


def _leverage_sentences(table: pd.DataFrame) -> list[str]:
    standing = table[table["window"] == "open_interest"]
    return [
        f"Open {row.side}s have an average effective leverage of {amount(row, 'leverage', 'x')}."
        for row in rows(standing)
    ]
