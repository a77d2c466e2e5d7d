"""The CSV files as DataFrames: one function a file, from outputs with their draws."""

import numpy as np
import pandas as pd
import xarray as xr

from liqbayes.conventions import has_interval
from liqbayes.report.reduce import interval

SIDES = ("long", "short")
# Share of the side's open interest up to which a bin counts as empty in ``p_nonzero``: a drawn
# quantity is hardly ever exactly zero.
NOTHING = 1e-6


def levels_table(levels: xr.Dataset, prior_share: xr.DataArray) -> pd.DataFrame:
    """Table of ``levels.csv``: one row a side and price bin.

    Parameters
    ----------
    levels : Dataset
        Of `liqbayes.outputs.liquidation_levels`.
    prior_share : DataArray
        Share of the prior in each bin, dims ``side`` and ``price``.

    Returns
    -------
    DataFrame
        Columns side, price_low, price_high, distance (bin centre over mark price, minus 1), then
        quantity, quote and cumulative_quote, each _lo, median, _hi, p_nonzero, visited,
        prior_share. The cumulative amount runs from the mark outward and includes the bin;
        ``p_nonzero`` is the probability of more than `NOTHING` of the side's open interest.
    """
    from liqbayes.plots.bins import outward

    low = np.asarray(levels["price_low"].to_numpy(), float)
    high = np.asarray(levels["price_high"].to_numpy(), float)
    distance = np.sqrt(low * high) / float(levels.attrs["mark_price"]) - 1.0
    parts = []
    for side in SIDES:
        here = levels.sel(side=side)
        table = pd.DataFrame(
            {"side": side, "price_low": low, "price_high": high, "distance": distance}
        )
        _put(table, "quantity", here["quantity"])
        _put(table, "quote", here["quote"])
        _put(table, "cumulative_quote", outward(here["quote"], side))
        held = here["quantity"].sum("price") + here["below"] + here["above"] + here["none"]
        some = here["quantity"] > NOTHING * held
        known = here["quantity"].notnull().all(("chain", "draw")) & has_interval(levels.sizes)
        table["p_nonzero"] = some.mean(("chain", "draw")).where(known).to_numpy()
        table["visited"] = np.asarray(levels["visited"].to_numpy(), bool)
        table["prior_share"] = np.asarray(prior_share.sel(side=side).to_numpy(), float)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def delta_table(delta: xr.Dataset) -> pd.DataFrame:
    """Table of ``delta.csv``: one row a window, all ending at the last bar.

    Parameters
    ----------
    delta : Dataset
        Of `liqbayes.outputs.liquidation_delta`.

    Returns
    -------
    DataFrame
        Columns start, end (UTC), long_quote, short_quote and delta_quote (each _lo, median, _hi),
        p_positive. Amounts are NaN for windows that the panel does not cover.
    """
    table = pd.DataFrame({name: delta[name].to_numpy() for name in ("start", "end")})
    for name in ("long", "short", "delta"):
        _put(table, f"{name}_quote", delta[name])
    positive = (delta["delta"] > 0).mean(("chain", "draw"))
    known = delta["delta"].notnull().all(("chain", "draw")) & has_interval(delta.sizes)
    table["p_positive"] = positive.where(known).to_numpy()
    return table


def leverage_table(
    posterior: dict[str, xr.DataArray], prior: dict[str, xr.DataArray]
) -> pd.DataFrame:
    """Table of ``leverage.csv``: one row a weighting, side and leverage cell.

    Parameters
    ----------
    posterior, prior : dict of str to DataArray
        By weighting ("open_interest", "opened"), of `liqbayes.outputs.leverage_distribution`.

    Returns
    -------
    DataFrame
        Columns weighting, side, leverage_low, leverage_high, share and prior (the prior's share;
        each _lo, median, _hi), in ascending leverage.
    """
    parts = []
    for weighting, draws in posterior.items():
        for side in SIDES:
            table = pd.DataFrame(
                {
                    "weighting": weighting,
                    "side": side,
                    "leverage_low": draws["leverage_low"].to_numpy(),
                    "leverage_high": draws["leverage_high"].to_numpy(),
                }
            )
            _put(table, "share", draws.sel(side=side))
            _put(table, "prior", prior[weighting].sel(side=side))
            parts.append(table.sort_values("leverage_low"))
    return pd.concat(parts, ignore_index=True)


def entry_table(posterior: xr.Dataset, prior: xr.Dataset) -> pd.DataFrame:
    """Table of ``entry.csv``: one row a side and price bin.

    Parameters
    ----------
    posterior, prior : Dataset
        Of `liqbayes.outputs.entry_price_distribution`.

    Returns
    -------
    DataFrame
        Columns side, price_low, price_high, share and prior (each _lo, median, _hi).
    """
    parts = []
    for side in SIDES:
        table = pd.DataFrame(
            {
                "side": side,
                "price_low": posterior["price_low"].to_numpy(),
                "price_high": posterior["price_high"].to_numpy(),
            }
        )
        _put(table, "share", posterior["share"].sel(side=side))
        _put(table, "prior", prior["share"].sel(side=side))
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _put(table: pd.DataFrame, name: str, draws: xr.DataArray) -> None:
    low, middle, high = interval(draws)
    table[f"{name}_lo"], table[name], table[f"{name}_hi"] = low, middle, high
