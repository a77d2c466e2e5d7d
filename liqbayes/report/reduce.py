"""From draws to what a file holds: 90 % equal-tailed intervals, with unknown kept unknown."""

import math
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.conventions import has_interval

INTERVAL = (0.05, 0.5, 0.95)


def triple(draws: xr.DataArray) -> list[float | None] | None:
    """Lower end, median and upper end over chain and draw; None if any draw is unknown.

    The ends are None where a single draw has no interval.
    """
    values = np.asarray(draws.to_numpy(), float).ravel()
    if values.size == 0 or not np.isfinite(values).all():
        return None
    if not has_interval(draws.sizes):
        return [None, float(values[0]), None]
    return [float(v) for v in np.quantile(values, INTERVAL)]


def interval(draws: xr.DataArray) -> tuple[NDArray[np.float64], ...]:
    """Lower end, median and upper end over chain and draw, each with the remaining dims.

    The ends are NaN where a single draw has no interval.
    """
    if not has_interval(draws.sizes):
        one = np.asarray(draws.isel(chain=0, draw=0).to_numpy(), float)
        return np.full_like(one, np.nan), one, np.full_like(one, np.nan)
    cut = draws.quantile(list(INTERVAL), dim=("chain", "draw"), skipna=False)
    return tuple(np.asarray(cut.sel(quantile=q).to_numpy(), float) for q in INTERVAL)


def bin_prior_share(posterior: xr.DataArray, prior: xr.DataArray) -> xr.DataArray:
    """How much of the prior's spread is left in a bin: squared ratio of 90 % widths, at most 1.

    For a normal posterior and prior this is the ratio of variances that
    `liqbayes.checks.prior_share` takes of whole outputs on their log or logit scale. A bin has no
    such scale, because it can be empty, and on its own scale the variances would follow the
    prior's heavy tail.

    Parameters
    ----------
    posterior, prior : DataArray
        Draws with dims ``chain`` and ``draw``; best of kind "expected", because the lumps in
        "realised" do not shrink with data.

    Returns
    -------
    DataArray
        Without ``chain`` and ``draw``; NaN where the prior has no spread.
    """
    widths = []
    for draws in (posterior, prior):
        cut = draws.quantile([INTERVAL[0], INTERVAL[2]], ("chain", "draw"), skipna=False)
        widths.append(cut.sel(quantile=INTERVAL[2]) - cut.sel(quantile=INTERVAL[0]))
    after, before = (w.drop_vars("quantile", errors="ignore") for w in widths)
    ratio = (after / before.where(before > 0)) ** 2
    return ratio.clip(max=1.0)


def plain(value: Any) -> Any:
    """Values that JSON can hold: numpy scalars unpacked, anything not finite as None."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
