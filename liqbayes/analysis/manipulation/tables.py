"""Manipulation risk as tables."""

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from liqbayes.analysis.cascade.tables import NAMES, QUANTILES, interval
from liqbayes.conventions import has_interval

FloatArray = NDArray[np.float64]

#: Capital that the index counts by, quote currency.
UNIT_OF_CAPITAL = 1e6
#: Share of draws that may leave the priced range, where no gain is known: the largest cascades.
LARGEST_BEYOND = 0.05


def risk_table(result: xr.Dataset) -> pd.DataFrame:
    """One row a cluster, for the optimal schedule.

    ``forced``, ``gain``: quantiles over posterior draws and draws of the priors; ``spot_notional``,
    ``spot_cost``, ``capital``: over the priors alone. ``probability``: of a net gain above 0;
    ``index``: that probability per million of quote currency of mean capital at risk. Their
    ``low``, ``median`` and ``high`` are over the posterior draws: what not knowing the map does.
    Everything is NaN where ``reachable`` is False, probability and index also where more than
    `LARGEST_BEYOND` of the draws leave the priced range (``beyond``): what is left is not all.
    """
    one = result.sel(schedule="optimal")
    forced, gain = interval(one["forced"]), interval(one["gain"])
    known = one["gain"].notnull()
    wins = (one["gain"] > 0).where(known).mean("scenario")
    several = has_interval(result.sizes)
    rows = []
    for i in range(result.sizes["cluster"]):
        here = {"cluster": i}
        row: dict[str, object] = {
            name: one[name].to_numpy()[i]
            for name in ("cluster", "side", "price", "distance")
            if name in one.coords
        }
        row |= {
            "index_weight": result.attrs["index_weight"],
            "reachable": bool(one["reachable"][i]),
            "derivative": float(one["derivative"][i]),
            "leverage": float(one["leverage"][i]),
        }
        for name in ("spot_notional", "spot_cost", "capital"):
            row |= _spread(name, one[name].isel(here).to_numpy(), several=True)
        for name, value in (("forced", forced), ("gain", gain)):
            row |= {f"{name}_{level}": float(v[i]) for level, v in value.items()}
        chance = wins.isel(here).to_numpy().reshape(-1)
        capital = float(one["capital"].isel(here).mean()) / UNIT_OF_CAPITAL
        mean = float(np.mean(chance))
        row |= {"probability": mean, **_spread("probability", chance, several=several)}
        row["index"] = mean / capital
        row |= _spread("index", chance / capital, several=several)
        beyond = float(1.0 - known.isel(here).mean()) if row["reachable"] else np.nan
        row["beyond"] = beyond
        if beyond > LARGEST_BEYOND:
            odds = [name for name in row if name.startswith(("probability", "index"))]
            row |= dict.fromkeys([name for name in odds if name != "index_weight"], np.nan)
        rows.append(row)
    return pd.DataFrame(rows)


def schedule_table(result: xr.Dataset) -> pd.DataFrame:
    """The optimal schedule beside the naive one: cost and risk of the spot leg, net gain."""
    rows = []
    for name in result["schedule"].to_numpy():
        one = result.sel(schedule=name)
        gain = interval(one["gain"])
        for i in range(result.sizes["cluster"]):
            if not bool(one["reachable"][i]):
                continue
            rows.append(
                {
                    "cluster": int(one["cluster"][i]),
                    "index_weight": result.attrs["index_weight"],
                    "schedule": str(name),
                    **_spread("spot_cost", one["spot_cost"][:, i].to_numpy(), several=True),
                    **_spread(
                        "spot_deviation", one["spot_deviation"][:, i].to_numpy(), several=True
                    ),
                    **{f"gain_{level}": float(v[i]) for level, v in gain.items()},
                }
            )
    return pd.DataFrame(rows)


def _spread(name: str, values: FloatArray, *, several: bool) -> dict[str, float]:
    levels = np.quantile(values, QUANTILES)
    if not several:
        levels[[0, 2]] = np.nan
    return {f"{name}_{n}": float(v) for n, v in zip(NAMES, levels, strict=True)}
