"""Levels by time and price with their intervals, as the page keeps them."""

import json
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from liqbayes import outputs
from liqbayes.contracts import contract_from_dict
from liqbayes.page.pack import pack_amounts, pack_floats, pack_probabilities

SIDES = ("long", "short")
#: Draws that the map's quantiles are made of.
DRAWS = 150
#: Columns of the map: more than a screen can show.
COLUMNS = 1500


def surfaces(fit: xr.DataTree, levels: pd.DataFrame, *, draws: int = DRAWS) -> dict[str, Any]:
    """Everything that the linked figures need, in plain JSON values.

    Parameters
    ----------
    fit : DataTree
    levels : DataFrame
        ``levels.csv`` of the same fit. Its price grid is used, and its rows, of more draws and
        exact, stand for the last bar.
    draws : int
        About so many posterior draws.

    Returns
    -------
    dict
        ``time`` (bar open, milliseconds since 1970), ``bar_ms``, ``close``, ``bridged``, ``edges``
        (price) and the packed arrays ``levels`` and ``cumulative`` (quantile, time, side, price)
        in quote, and ``above`` (time, side, price): the probability that a bin holds more than
        ``threshold``.
    """
    mark = _mark(fit, levels)
    edges = _edges(levels)
    every = -(-fit["panel"].sizes["time"] // COLUMNS)
    kept = outputs.thin(fit, draws)
    sizes = kept["posterior"].sizes
    heat = outputs.liquidation_heatmap(
        kept,
        bins=edges.size - 1,
        price_range=(edges[0] / mark, edges[-1] / mark),
        every=every,
        cumulative=True,
    )
    kind = contract_from_dict(json.loads(fit.attrs["contract"])).kind
    worth = heat["price"].to_numpy() if kind == "linear" else np.ones(heat.sizes["price"])
    quote = heat["quantity"].to_numpy() * worth
    reached = heat["cumulative_quote"].to_numpy()
    for name, into in (("quote", quote), ("cumulative_quote", reached)):
        # of an aggregate the file values each leg at its levels, the map at the bar's price
        if kind != "aggregate":
            into[:, -1] = _last(levels, name)
    time = heat["time"].to_numpy().astype("datetime64[ms]").astype(np.int64)
    return {
        "time": time.tolist(),
        "bar_ms": 1000 * _bar_seconds(fit),
        "every": every,
        "draws": int(sizes["chain"] * sizes["draw"]),
        "close": pack_floats(heat["close"].to_numpy()),
        "bridged": np.flatnonzero(heat["bridged"].to_numpy()).tolist(),
        "edges": pack_floats(edges),
        "threshold": float(heat.attrs["threshold"]),
        "levels": pack_amounts(quote).to_dict(),
        "cumulative": pack_amounts(reached).to_dict(),
        "above": pack_probabilities(heat["p_above"].to_numpy()).to_dict(),
    }


def _mark(fit: xr.DataTree, levels: pd.DataFrame) -> float:
    """Mark price that the bins of the table are centred on, from their distance."""
    row = levels.iloc[0]
    return float(np.sqrt(row["price_low"] * row["price_high"]) / (1.0 + row["distance"]))


def _edges(levels: pd.DataFrame) -> Any:
    rows = levels[levels["side"] == "long"]
    return np.append(rows["price_low"].to_numpy(float), float(rows["price_high"].iloc[-1]))


def _last(levels: pd.DataFrame, name: str) -> Any:
    """Quantiles of the last bar (quantile, side, price) from the table."""
    sides = [levels[levels["side"] == side] for side in SIDES]
    names = (f"{name}_lo", name, f"{name}_hi")
    return np.array([[rows[n].to_numpy(float) for rows in sides] for n in names])


def _bar_seconds(fit: xr.DataTree) -> int:
    return int(json.loads(fit.attrs["panel_meta"])["bar_seconds"])
