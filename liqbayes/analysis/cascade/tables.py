"""A cascade as tables."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from liqbayes.analysis.impact import Prior
from liqbayes.conventions import has_interval
from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]

QUANTILES = (0.05, 0.5, 0.95)
NAMES = ("low", "median", "high")
#: Multiples of a shock whose probability is told.
FACTORS = (1.1, 1.25, 1.5, 2.0)


def interval(
    values: xr.DataArray, dims: Sequence[str] = ("chain", "draw", "scenario")
) -> dict[str, xr.DataArray]:
    """5, 50 and 95 % quantiles by name; limits are NaN where there is a single draw.

    A value that is unknown in some draws, or lies beyond the priced range in those that make the
    quantile, gives NaN: it is not identified.
    """
    stacked = values.transpose(..., *dims)
    flat = stacked.to_numpy().reshape(*stacked.shape[: -len(dims)], -1)
    ordered = np.sort(flat, axis=-1)  # NaN last, as inf before it
    ordered = np.where(np.isnan(ordered), np.inf, ordered)
    kept = [d for d in stacked.dims if d not in dims]
    several = has_interval(values.sizes)
    out = {}
    for name, at in zip(NAMES, QUANTILES, strict=True):
        quantile = ordered[..., round(at * (flat.shape[-1] - 1))]
        quantile = np.where(np.isfinite(quantile), quantile, np.nan)
        if name != "median" and not several:
            quantile = np.full_like(quantile, np.nan)
        out[name] = xr.DataArray(quantile, dims=kept, coords={d: values[d] for d in kept})
    return out


def rest_table(result: xr.Dataset) -> pd.DataFrame:
    """Where the price rests: a row for each side and shock.

    Columns ``rest_``, ``amplification_`` and ``triggered_`` with ``low``, ``median``, ``high``;
    ``beyond``: share of draws in which the price does not come to rest within the priced range.
    """
    rows = _rows(result, ("rest", "amplification", "triggered"))
    infinite = result["rest"].copy(data=np.isinf(result["rest"].to_numpy()))
    beyond = infinite.mean(("chain", "draw", "scenario"))
    rows["beyond"] = [
        float(beyond.sel(side=s, shock=x)) for s, x in zip(rows["side"], rows["shock"], strict=True)
    ]
    return rows


def reach_table(result: xr.Dataset, factors: Sequence[float] = FACTORS) -> pd.DataFrame:
    """Probability that a shock becomes at least so many times itself.

    ``probability`` is over everything; ``low``, ``median`` and ``high`` are its quantiles over the
    posterior draws, each with all draws of the priors: what not knowing the map does to it.

    Parameters
    ----------
    result : Dataset
        As `cascades` returns it.
    factors : sequence of float
        Thresholds (column ``becomes``) as multiples of the shock, above 1; a probability is unknown
        (NaN) where the threshold lies beyond the priced range.
    """
    rows = []
    several = has_interval(result.sizes)
    for j, side in enumerate(result["side"].to_numpy()):
        for shock in result["shock"].to_numpy():
            rest = result["rest"].sel(side=side, shock=shock)
            for threshold in (shock * f for f in factors):
                at = (rest >= threshold).mean("scenario").to_numpy().reshape(-1)
                if threshold >= result.attrs["priced_range"][j]:
                    at = np.full_like(at, np.nan)
                low, median, high = np.quantile(at, QUANTILES)
                rows.append(
                    {
                        "side": side,
                        "shock": shock,
                        "becomes": threshold,
                        "probability": at.mean(),
                        "low": low if several else np.nan,
                        "median": median,
                        "high": high if several else np.nan,
                    }
                )
    return pd.DataFrame(rows)


def shortfall_table(result: xr.Dataset, insurance_fund: float | None = None) -> pd.DataFrame:
    """What forced positions lose beyond their margin, and who carries it.

    Parameters
    ----------
    result : Dataset
        As `cascades` returns it.
    insurance_fund : float, optional
        What the venue's fund would pay, quote currency; 0 if it pays nothing. Without it what
        remains for auto-deleveraging is unknown (NaN).

    Returns
    -------
    DataFrame
        Quote currency: ``liquidated``, ``shortfall``, ``shortfall_triggered``, ``surplus``,
        ``uncovered`` (shortfall beyond the fund) and ``deleveraged`` (notional that would be closed
        against the other side once the fund is empty), each with ``low``, ``median``, ``high``.

    Raises
    ------
    InputError
        If the fund is negative or no number.
    """
    fund = np.nan if insurance_fund is None else float(insurance_fund)
    if insurance_fund is not None and not (np.isfinite(fund) and fund >= 0):
        raise InputError(f"insurance_fund is {insurance_fund}; give an amount of 0 or more.")
    shortfall = result["shortfall"]
    uncovered = (shortfall - fund).clip(min=0.0)
    # of no shortfall nothing is left; unknown stays unknown
    left = (uncovered / shortfall.where(shortfall > 0, 1.0)).where(shortfall.notnull())
    all_values = result.assign(uncovered=uncovered, deleveraged=left * result["bankrupt"])
    names = (
        "liquidated",
        "shortfall",
        "shortfall_triggered",
        "surplus",
        "bankrupt",
        "uncovered",
        "deleveraged",
    )
    return _rows(all_values, names)


def priors_table(priors: Sequence[Prior]) -> pd.DataFrame:
    """The priors with their quantiles, units and sources."""
    return pd.DataFrame(
        [
            {
                "prior": p.name,
                "distribution": p.distribution,
                **dict(zip(NAMES, p.quantile(np.array(QUANTILES)).tolist(), strict=True)),
                "unit": p.unit,
                "description": p.description,
                "source": p.source,
            }
            for p in priors
        ]
    )


def sensitivity_rows(
    label: str, setting: str, result: xr.Dataset, threshold: float
) -> list[dict[str, object]]:
    """One row a side for a result of one shock under one setting."""
    rest = interval(result["rest"].isel(shock=0))
    amplification = interval(result["amplification"].isel(shock=0))
    over = (result["rest"].isel(shock=0) >= threshold).mean(("chain", "draw", "scenario"))
    return [
        {
            "prior": label,
            "setting": setting,
            "side": str(side),
            "shock": float(result["shock"][0]),
            **{f"rest_{n}": float(v.sel(side=side)) for n, v in rest.items()},
            "amplification": float(amplification["median"].sel(side=side)),
            "becomes": threshold,
            "probability": float(over.sel(side=side)),
        }
        for side in result["side"].to_numpy()
    ]


def _rows(result: xr.Dataset, names: Sequence[str]) -> pd.DataFrame:
    found: Mapping[str, dict[str, xr.DataArray]] = {n: interval(result[n]) for n in names}
    return pd.DataFrame(
        [
            {
                "side": str(side),
                "shock": float(shock),
                **{
                    f"{name}_{level}": float(value.sel(side=side, shock=shock))
                    for name in names
                    for level, value in found[name].items()
                },
            }
            for side in result["side"].to_numpy()
            for shock in result["shock"].to_numpy()
        ]
    )
