"""How likely price is at a level within a horizon."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from liqbayes.analysis.paths import PathSet


def reach_probability(
    paths: PathSet, price: ArrayLike, horizons: Mapping[str, int]
) -> xr.DataArray:
    """Probability that price is at each level within each horizon.

    Parameters
    ----------
    paths : PathSet
    price : array_like, shape (level,)
    horizons : mapping of str to int
        Name to bars.

    Returns
    -------
    DataArray, dims (level, horizon, bound)
        ``bound``: "low", "median" and "high": `PathSet.reach_interval`. Falls with distance, rises
        with the horizon.

    Raises
    ------
    InputError
        If the paths are shorter than a horizon, or a price is not positive.
    """
    levels = np.atleast_1d(np.asarray(price, float))
    found = [np.stack(paths.reach_interval(levels, bars), axis=-1) for bars in horizons.values()]
    return xr.DataArray(
        np.stack(found, axis=1),
        dims=("level", "horizon", "bound"),
        coords={
            "price": ("level", levels),
            "horizon": list(horizons),
            "bound": ["low", "median", "high"],
        },
        attrs={"units": "probability", "mark_price": paths.mark_price},
    )


def split_horizons(
    horizons: Sequence[str], bar_seconds: int, largest: int
) -> tuple[dict[str, int], dict[str, str]]:
    """Horizons that the paths support, in bars, and those that they do not, with the reason.

    Parameters
    ----------
    horizons : sequence of str
    bar_seconds : int
    largest : int
        Bars that the volatility model supports.
    """
    from liqbayes.outputs.windows import duration_seconds

    bars: dict[str, int] = {}
    reasons: dict[str, str] = {}
    for name in horizons:
        seconds = duration_seconds(name)
        if seconds % bar_seconds:
            reasons[name] = f"no whole number of bars of {bar_seconds} s"
        elif seconds // bar_seconds > largest:
            reasons[name] = (
                f"{seconds // bar_seconds} bars, more than the {largest} that the panel supports"
            )
        else:
            bars[name] = seconds // bar_seconds
    return bars, reasons
