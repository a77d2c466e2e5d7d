"""How likely price is at a level within a horizon."""

from collections.abc import Mapping

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
