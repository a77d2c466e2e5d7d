"""The true book of a simulated market in the form of the outputs."""

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from liqbayes.panel import MarketPanel
from liqbayes.simulate import SimulatedMarket

FloatArray = NDArray[np.float64]
SIDES = ("long", "short")


def true_levels(market: SimulatedMarket, like: xr.Dataset) -> xr.Dataset:
    """Every position's liquidation level, counted in the bins of `liquidation_levels`.

    Parameters
    ----------
    market : SimulatedMarket
        Of a linear contract, whose last bar ``like`` refers to.
    like : Dataset
        Levels of a fit of it: its grid is used.

    Returns
    -------
    Dataset
        ``quantity`` and ``quote`` (chain, draw, side, price), one chain and draw. Positions
        without a level or with one outside the grid are left out.
    """
    edges = np.append(like["price_low"].to_numpy(), like["price_high"].to_numpy()[-1])
    quantity = np.stack(
        [
            np.histogram(
                held["liquidation_price"].to_numpy(float),
                edges,
                weights=held["size"].to_numpy(float),
            )[0]
            for held in (_side(market, side).dropna(subset="liquidation_price") for side in SIDES)
        ]
    )[None, None]
    dims = ("chain", "draw", "side", "price")
    return xr.Dataset(
        {"quantity": (dims, quantity), "quote": (dims, quantity * like["price"].to_numpy())},
        coords={
            "chain": [0],
            "draw": [0],
            "side": list(SIDES),
            **{name: like[name] for name in ("price", "price_low", "price_high", "visited")},
        },
        attrs=like.attrs,
    )


def true_entries(market: SimulatedMarket, edges: FloatArray) -> FloatArray:
    """Quantity of each side by entry price, shape (side, bin)."""
    return np.stack(
        [
            np.histogram(held["entry_price"], edges, weights=held["size"])[0]
            for held in (_side(market, side) for side in SIDES)
        ]
    ).astype(float)


def true_in_profit(market: SimulatedMarket) -> dict[str, float]:
    """Share of each side's quantity whose entry is on the winning side of the last price."""
    mark = float(market.truth["mark_price"])
    out = {}
    for side, sign in (("long", 1.0), ("short", -1.0)):
        held = _side(market, side)
        won = sign * (mark - held["entry_price"].to_numpy(float)) > 0
        size = held["size"].to_numpy(float)
        out[side] = float(size[won].sum() / size.sum())
    return out


def entry_edges(panel: MarketPanel, grid: FloatArray, parts: int) -> FloatArray:
    """Edges of ``parts`` wide bins over the prices of a panel, out of the edges of a grid.

    The first and last reach on to the ends of the grid, so that nothing is left out.
    """
    low, high = float(panel.values("low").min()), float(panel.values("high").max())
    wanted = np.geomspace(low, high, parts + 1)[1:-1]
    inner = np.unique(np.searchsorted(grid, wanted))
    inner = inner[(inner > 0) & (inner < grid.size - 1)]
    return np.asarray(grid[np.concatenate([[0], inner, [grid.size - 1]])], float)


def _side(market: SimulatedMarket, side: str) -> pd.DataFrame:
    return market.positions[market.positions["side"] == side]
