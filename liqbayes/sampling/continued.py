"""Draws of a fit for a model over more bars."""

import numpy as np
import xarray as xr

from liqbayes.errors import InputError
from liqbayes.model.evaluate import Evaluator


def continued(z: xr.DataArray, evaluator: Evaluator, seed: int) -> xr.DataArray:
    """Draws with coordinates for steps of a random walk that the fit did not reach.

    Those have seen no data: they are drawn from their prior, independently a draw.

    Parameters
    ----------
    z : xarray.DataArray, dims (chain, draw, parameter)
    evaluator : Evaluator
        Of all bars.
    seed : int

    Raises
    ------
    InputError
        If the fit has a parameter that the continued model does not have.
    """
    labels = evaluator.layout.labels
    have = [str(name) for name in z["parameter"].to_numpy()]
    lost = [name for name in have if name not in labels]
    if lost:
        raise InputError(
            f"the fit's parameters {', '.join(lost)} have no place in the continued panel; "
            "fit again."
        )
    values = z.transpose("chain", "draw", "parameter").to_numpy()
    out = np.random.default_rng([seed, 21]).standard_normal((*values.shape[:2], len(labels)))
    out[..., [labels.index(name) for name in have]] = values
    return xr.DataArray(out, dims=("chain", "draw", "parameter"), coords={"parameter": labels})
