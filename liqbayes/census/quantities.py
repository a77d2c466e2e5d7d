"""The standing quantities that are compared, of observed positions and of a posterior.

Every one is a share of a side's open interest, so that bounds exist: within an adverse move of
the price (at_risk); at an effective leverage of so much, which is the same with a move of
1/leverage, distance from the price being what a standing level has; and under water, the share
whose entry price lies on the losing side of the price (cost basis).
"""

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from liqbayes.outputs import at_risk, entry_price_distribution

FloatArray = NDArray[np.float64]

# Fixed before any run.
#: Adverse moves of at_risk, and effective leverages of the leverage density.
MOVES = (0.05, 0.1, 0.2)
LEVERAGES = (50.0, 8.0, 3.0)
UNDER_WATER = "under water"
SIDES = ("long", "short")


def names() -> tuple[str, ...]:
    """Names of the quantities."""
    return (
        *(f"at risk, {m:g}" for m in MOVES),
        *(f"leverage of {k:g} or more" for k in LEVERAGES),
        UNDER_WATER,
    )


def _moves() -> list[float]:
    return [*MOVES, *(1.0 / k for k in LEVERAGES)]


def of_positions(
    table: pd.DataFrame, price: float, *, level: str = "liquidation_price"
) -> FloatArray:
    """Whether each position counts, for each quantity; shape (quantity, position).

    Parameters
    ----------
    table : DataFrame
        Rows of a census.
    price : float
        The price that moves are counted from: that of the fit.
    level : str
        Column of the levels; none is never within a move, one already passed always.
    """
    side = table["side"].to_numpy(float)
    distance = side * (1.0 - table[level].to_numpy(float) / price)
    rows = [np.where(np.isnan(distance), 0.0, distance <= m) for m in _moves()]
    entry = table["entry_price"].to_numpy(float)
    rows.append(np.where(np.isnan(entry), np.nan, side * (entry - price) > 0))
    return np.array(rows, float)


def rule_levels(table: pd.DataFrame) -> pd.Series:
    """Levels by the usual rule: entry price x (1 -/+ 1 / leverage set by the trader)."""
    return table["entry_price"] * (1.0 - table["side"] / table["set_leverage"])


def of_fit(fit: xr.DataTree, group: str = "posterior") -> FloatArray:
    """Draws of each quantity at the last bar; shape (draw, side, quantity)."""
    ascending = [float(m) for m in np.unique(_moves())]
    risk = at_risk(fit, moves=ascending, group=group)
    values = risk.stack(sample=("chain", "draw")).transpose("sample", "side", "move").to_numpy()
    where = np.searchsorted(ascending, _moves())
    entry = entry_price_distribution(fit, bins=400, price_range=(0.5, 2.0), group=group)
    price = float(entry.attrs["mark_price"])
    above = entry["share"].where(entry["price"] > price, 0.0).sum("price") + entry["above"]
    wet = above.stack(sample=("chain", "draw")).transpose("sample", "side").to_numpy()
    # a rule's side can be empty
    wet = np.where(np.isnan(values[:, :, 0]), np.nan, wet)
    wet[:, 1] = 1.0 - wet[:, 1]
    return np.concatenate([values[:, :, where], wet[:, :, None]], axis=2)
