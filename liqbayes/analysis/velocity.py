"""Velocity: liquidations per hour, and per per cent that price moved against the side."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from liqbayes.analysis.section import Section
from liqbayes.analysis.tables import amount, put, rows
from liqbayes.outputs.context import Context
from liqbayes.outputs.windows import first_bar

if TYPE_CHECKING:
    from liqbayes.analysis.workspace import Workspace

FloatArray = NDArray[np.float64]

#: An adverse move below this fraction of price has no liquidations "per 1 %".
LEAST_MOVE = 1e-4


def adverse_moves(context: Context) -> FloatArray:
    """How far each bar went against each side from the close before it, shape (2, time).

    As a fraction of that close: fall to the low for longs, rise to the high for shorts; at least
    zero. Panel bars; NaN in bars that are not modelled.
    """
    data = context.evaluator.data
    path = data.path
    out = np.full((2, data.n_bars), np.nan)
    for first, stop in path.segments:
        before = path.close[first : stop - 1]
        bars = slice(first + 1, stop)
        out[0, bars] = np.maximum(1.0 - path.low[bars] / before, 0.0)
        out[1, bars] = np.maximum(path.high[bars] / before - 1.0, 0.0)
    return out[:, data.n_history :]


def liquidation_velocity(flows: xr.Dataset, context: Context) -> xr.Dataset:
    """Liquidations of every bar as a rate in time and in price.

    Parameters
    ----------
    flows : Dataset
        As `liqbayes.realised_liquidations` returns it, of the same draws.
    context : Context

    Returns
    -------
    Dataset
        ``per_hour`` (quote an hour) and ``per_percent`` (quote per 1 % of adverse move), (chain,
        draw, side, time), with ``move`` (side, time), a fraction. ``per_percent`` is NaN where the
        move is below `LEAST_MOVE`: a rate of nothing is unknown, not zero.
    """
    move = xr.DataArray(adverse_moves(context), dims=("side", "time"))
    quote = flows["quote"]
    per_hour = quote / context.evaluator.data.bar_hours
    per_percent = quote / (100.0 * move).where(move >= LEAST_MOVE).astype(np.float32)
    unit = flows.attrs["quote_unit"]
    return xr.Dataset(
        {
            "per_hour": per_hour.assign_attrs(units=f"{unit} an hour"),
            "per_percent": per_percent.assign_attrs(units=f"{unit} per 1 %"),
            "move": move.assign_attrs(units="fraction of the close before"),
        },
        attrs=flows.attrs,
    )


def velocity_windows(flows: xr.Dataset, context: Context, windows: tuple[str, ...]) -> xr.Dataset:
    """Rates over windows that end at the last bar: sums over sums.

    Returns
    -------
    Dataset
        ``per_hour`` and ``per_percent`` (chain, draw, side, window): liquidations over hours, and
        over the sum of the bars' adverse moves. NaN where the window is not modelled throughout.
    """
    data = context.evaluator.data
    quote = flows["quote"].transpose("chain", "draw", "side", "time").to_numpy()
    move = adverse_moves(context)
    shape = (*quote.shape[:3], len(windows))
    per_hour, per_percent = np.full(shape, np.nan), np.full(shape, np.nan)
    for i, window in enumerate(windows):
        first = first_bar(context, window)
        if first is None:
            continue
        bars = slice(first - data.n_history, context.last + 1 - data.n_history)
        total = quote[..., bars].sum(axis=-1, dtype=float)
        moved = move[:, bars].sum(axis=1)
        per_hour[..., i] = total / ((bars.stop - bars.start) * data.bar_hours)
        per_percent[..., i] = total / np.where(moved >= LEAST_MOVE, 100.0 * moved, np.nan)
    dims = ("chain", "draw", "side", "window")
    return xr.Dataset(
        {"per_hour": (dims, per_hour), "per_percent": (dims, per_percent)},
        coords={
            **{name: flows[name] for name in ("chain", "draw", "side")},
            "window": list(windows),
        },
        attrs=flows.attrs,
    )


def section(work: "Workspace") -> Section:
    """Rates by bar and by window."""
    bars = liquidation_velocity(work.flows, work.context)
    late = velocity_windows(work.flows, work.context, work.options.windows)
    unit = str(work.flows.attrs["quote_unit"])
    by_bar, by_window = [], []
    for side in ("long", "short"):
        table = pd.DataFrame({"time": bars["time"].to_numpy(), "side": side})
        table["move"] = bars["move"].sel(side=side).to_numpy()
        windows = pd.DataFrame({"window": late["window"].to_numpy(), "side": side})
        for name in ("per_hour", "per_percent"):
            put(table, name, bars[name].sel(side=side))
            put(windows, name, late[name].sel(side=side))
        table["bridged"] = bars["bridged"].to_numpy()
        by_bar.append(table)
        by_window.append(windows)
    windows = pd.concat(by_window, ignore_index=True)
    longest = windows[np.isfinite(windows["per_hour_median"])].groupby("side").tail(1)
    findings = [
        f"Last {row.window}, {row.side}s: "
        f"{amount(row, 'per_hour', unit)} an hour, "
        f"{amount(row, 'per_percent', unit)} per "
        "1 % of adverse moves."
        for row in rows(longest)
    ]
    return Section(
        "velocity",
        "Velocity of liquidations",
        {"windows": windows, "bars": pd.concat(by_bar, ignore_index=True)},
        tuple(findings),
        (),
        {
            "per_hour": f"{unit} an hour",
            "per_percent": f"{unit} per 1 % against the side",
            "move": "fraction of the close before, against the side",
        },
    )
