"""How much each output would move if prior or data counted a little more or less."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.checks.identification import output_values
from liqbayes.model.likelihood import log_likelihood
from liqbayes.outputs import thin
from liqbayes.outputs.context import open_fit

FloatArray = NDArray[np.float64]
_DRAWS = 400
PRIOR, INTEREST, FEED = "prior", "open_interest", "liquidation_feed"
# Kallioinen et al. call a distribution sensitive to what moves it by more than this.
SENSITIVE = 0.05
LEAST_DRAWS = 100


def power_scaling(fit: xr.DataTree, draws: int = _DRAWS) -> dict[str, dict[str, float]]:
    """Power-scaling sensitivity of every output to the prior and to each channel.

    The change of the output's distribution, as a distance of cumulative distributions, by the
    logarithm of the power to which prior or likelihood is raised, found by importance sampling
    (Kallioinen et al. 2024, doi 10.1007/s11222-023-10366-5). Above 0.05 the output is sensitive:
    to the prior, which then contributes; to a channel, which then informs it.

    Parameters
    ----------
    fit : xarray.DataTree
    draws : int
        Posterior draws to use.

    Returns
    -------
    dict
        Output name to source (``prior``, ``open_interest`` and, with a feed,
        ``liquidation_feed``) to sensitivity; empty with fewer than ``LEAST_DRAWS`` draws, of
        which importance sampling can make nothing.
    """
    import arviz_stats

    few = thin(fit, draws)
    if few["posterior"].sizes["chain"] * few["posterior"].sizes["draw"] < LEAST_DRAWS:
        return {}
    values = {
        name: value
        for name, value in output_values(few, "posterior").items()
        # constant outputs and windows longer than the panel have no distribution to move
        if np.isfinite(value).all() and np.ptp(value) > 0
    }
    scored = _log_densities(few)
    coords = {"chain": few["posterior"]["chain"], "draw": np.arange(scored[PRIOR].shape[1])}

    def dataset(variables: dict[str, FloatArray]) -> xr.Dataset:
        return xr.Dataset(
            {name: (("chain", "draw"), value) for name, value in variables.items()}, coords=coords
        )

    tree = xr.DataTree.from_dict(
        {
            "posterior": dataset(values),
            "log_prior": dataset({PRIOR: scored[PRIOR]}),
            "log_likelihood": dataset({k: v for k, v in scored.items() if k != PRIOR}),
        }
    )
    found = {
        source: arviz_stats.psense(  # type: ignore[attr-defined, no-untyped-call]
            tree,
            group="prior" if source == PRIOR else "likelihood",
            group_var_names=[source],
        )
        for source in scored
    }
    return {name: {source: float(found[source][name]) for source in scored} for name in values}


def _log_densities(fit: xr.DataTree) -> dict[str, FloatArray]:
    """Log prior, and log likelihood of each channel, at every draw, shape (chain, draw)."""
    context = open_fit(fit, "posterior", "expected")
    out = {PRIOR: -0.5 * (context.z**2).sum(axis=2), INTEREST: np.zeros(context.shape)}
    if context.evaluator.data.feeds:
        out[FEED] = np.zeros(context.shape)
    for draw in context.draws():
        for name, terms in log_likelihood(context.evaluator, draw.p, draw.runs).items():
            channel = FEED if name.startswith("report_") else INTEREST
            out[channel][draw.index] += terms.sum()
    return out
