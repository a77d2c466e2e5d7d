"""Price and time bins: edges, densities, merging of draws."""

from typing import Any, cast

import numpy as np
import xarray as xr
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def price_edges(data: xr.Dataset | xr.DataArray) -> FloatArray:
    """Edges of contiguous price bins, ascending, shape (price + 1,)."""
    low = np.asarray(data["price_low"].to_numpy(), float)
    high = np.asarray(data["price_high"].to_numpy(), float)
    return np.append(low, high[-1])


def percent_widths(edges: FloatArray) -> FloatArray:
    """Width of each bin in percent of price (of log price, times 100), shape (price,)."""
    return np.asarray(100.0 * np.diff(np.log(edges)), float)


def time_edges(time: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Edges of columns that start at the stamps and last until the next one, shape (time + 1,)."""
    if time.size < 2:
        step = np.timedelta64(1, "h").astype("timedelta64[ns]")
    else:
        step = np.median(np.diff(time).astype("int64")).astype("timedelta64[ns]")
    return cast("NDArray[np.datetime64]", np.append(time, time[-1] + step))


def merge_price(data: xr.DataArray, edges: FloatArray, to: int) -> tuple[xr.DataArray, FloatArray]:
    """Sum neighbouring price bins, draw by draw, until about `to` are left.

    Parameters
    ----------
    data : DataArray
        Amounts per bin with dim ``price``.
    edges : ndarray, shape (price + 1,)
    to : int
        Wanted number of bins; never more than there are.

    Returns
    -------
    DataArray
        With dim ``price`` shortened; coordinates along it are dropped.
    ndarray
        Its edges. Bins that do not fill a group stay in a smaller last one: nothing is lost.
    """
    n = data.sizes["price"]
    step = max(1, n // max(1, to))
    starts = np.arange(0, n, step)
    axis = data.get_axis_num("price")
    merged = np.add.reduceat(data.to_numpy(), starts, axis=axis)
    out = xr.DataArray(merged, dims=data.dims)
    for name, coord in data.coords.items():
        if name in data.dims and name != "price":
            out = out.assign_coords({name: coord})
    return out, np.append(edges[starts], edges[-1])


def bands(data: xr.DataArray, levels: tuple[float, ...] = (0.05, 0.5, 0.95)) -> list[Any]:
    """Quantiles over chain and draw, one DataArray a level."""
    cut = data.quantile(list(levels), dim=("chain", "draw"), skipna=False)
    return [cut.sel(quantile=q) for q in levels]


def outward(data: xr.DataArray, side: str) -> xr.DataArray:
    """Cumulative sum from the mark outward: down for longs, up for shorts.

    What would be liquidated if price moved to the far edge of each bin.
    """
    if side == "short":
        return data.cumsum("price")
    return data.isel(price=slice(None, None, -1)).cumsum("price").isel(price=slice(None, None, -1))
