"""Posterior of the generalised extreme value law of block maxima."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from numpy.typing import NDArray
from scipy.special import expit, logit

from liqbayes.checks.convergence import convergence_reasons
from liqbayes.errors import InputError
from liqbayes.margin.gev import exceedances_of, gev_quantile, predictive_level
from liqbayes.margin.priors import (
    LOCATION,
    LOCATION_SD,
    LOG_SCALE_SD,
    SCALE,
    SHAPE_HIGH,
    SHAPE_LOW,
    ShapePrior,
    shape_prior,
)
from liqbayes.sampling import SamplerConfig
from liqbayes.sampling.run import Compiled

FloatArray = NDArray[np.float64]

# Fewer maxima leave three parameters to their priors.
LEAST_BLOCKS = 20
# Acceptance aimed at when a run is repeated, and what is added to its seed.
CAREFUL, _SECOND = 0.995, 2_000_003
PARAMETERS = ("location", "scale", "shape")


@dataclass(frozen=True)
class GevFit:
    """Draws of location, scale and shape, and whether chains agree.

    Attributes
    ----------
    posterior : Dataset
        ``location``, ``scale``, ``shape`` with dims (chain, draw).
    diagnostics : dict
        As of `liqbayes.checks.convergence.diagnostics`, over the three parameters.
    reasons : tuple of str
        Why the fit has not converged; empty if it has.
    n_blocks : int
    seconds : float
        Of the last attempt.
    attempts : int
        2 if the first had not converged.
    """

    posterior: xr.Dataset
    diagnostics: dict[str, Any]
    reasons: tuple[str, ...]
    n_blocks: int
    seconds: float
    attempts: int = 1

    @cached_property
    def draws(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Location, scale and shape, shape (chain * draw,) each."""
        location, scale, shape = (self.posterior[name].to_numpy().ravel() for name in PARAMETERS)
        return location, scale, shape

    def level(self, probability: float, periods: float = 1.0) -> xr.DataArray:
        """Level that a period exceeds with a probability, dims (chain, draw).

        Parameters
        ----------
        probability : float
            Of a period; of the whole block with ``periods=1``.
        periods : float
            Independent periods of a block.
        """
        e = float(exceedances_of(probability, periods))
        values = gev_quantile(e, *(self.posterior[name].to_numpy() for name in PARAMETERS))
        return xr.DataArray(values, dims=("chain", "draw"), coords=self.posterior.coords)

    def predictive(self, probability: float, periods: float = 1.0) -> float:
        """Level that the next period exceeds with a probability, tail unknown as it is."""
        return predictive_level(probability, periods, *self.draws)


def fit_gev(
    maxima: FloatArray,
    *,
    days: float = 1.0,
    prior: str = "flat",
    config: SamplerConfig | None = None,
) -> GevFit:
    """Sample the posterior of a GEV law.

    Parameters
    ----------
    maxima : ndarray, shape (block,)
        Block maxima, as fractions of price.
    days : float
        Length of the holding period; scales the priors of location and scale.
    prior : str
        Of the shape, a name in `SHAPE_PRIORS`.
    config : SamplerConfig, optional
        Four chains of 1000 draws by default. The sampler is nutpie whatever it names.

    Returns
    -------
    GevFit

    Raises
    ------
    InputError
        If maxima are too few, not finite or all the same, or ``days`` is not positive.
    SamplingError
        If the sampler cannot run.

    Notes
    -----
    Location ~ Normal(0.03 √days, 0.1 √days), log scale ~ Normal(log(0.02 √days), 1), shape as
    `ShapePrior`. The sampler moves in coordinates centred on Gumbel moments of the data and bounded
    by the largest maximum, which changes its steps and not the posterior. A run that has not
    converged is sampled once more, with shorter steps and twice the draws.
    """
    about = shape_prior(prior)
    x = np.asarray(maxima, dtype=np.float64)
    if x.ndim != 1 or not np.isfinite(x).all():
        raise InputError("block maxima must be one row of finite numbers.")
    if x.size < LEAST_BLOCKS:
        raise InputError(
            f"{x.size} block maxima are too few for a tail; at least {LEAST_BLOCKS} are needed. "
            "Use shorter blocks or a longer panel."
        )
    if not np.ptp(x) > 0:
        raise InputError("all block maxima are the same; there is no tail to fit.")
    if not days > 0 or not np.isfinite(days):
        raise InputError(f"days is {days}; use a positive number.")
    run = config or SamplerConfig(draws=1000, tune=700, chains=4, cores=1, target_accept=0.9)
    model = _model(x, days, about)
    fit = _sampled(x, model, run)
    if fit.reasons:
        again = replace(
            run,
            draws=2 * run.draws,
            tune=2 * run.tune,
            target_accept=CAREFUL,
            seed=run.seed + _SECOND,
        )
        return replace(_sampled(x, model, again), attempts=2)
    return fit


def _sampled(x: FloatArray, model: pm.Model, run: SamplerConfig) -> GevFit:
    sampled = _compiled(model).sample(run, model=model)
    if sampled.interrupted:
        raise KeyboardInterrupt
    z = sampled.z.transpose("chain", "draw", "parameter").to_numpy()
    natural = _centre(x) + _step(x) * z
    location, scale = natural[..., 0], np.exp(natural[..., 1])
    low = _lowest_shape(float(x.max()), location, scale, np)
    shape = low + (SHAPE_HIGH - low) * expit(natural[..., 2])
    values = (location, scale, shape)
    posterior = xr.Dataset(
        {name: (("chain", "draw"), v) for name, v in zip(PARAMETERS, values, strict=True)},
        coords={"chain": np.arange(z.shape[0]), "draw": np.arange(z.shape[1])},
    )
    found = _diagnostics(posterior, sampled.stats)
    return GevFit(posterior, found, convergence_reasons(found), int(x.size), sampled.seconds)


_COMPILED: list[Compiled] = []


def _compiled(model: pm.Model) -> Compiled:
    """One density for all maxima and priors, compiled at first use in a process."""
    if not _COMPILED:
        _COMPILED.append(Compiled(model))
    return _COMPILED[0]


def _model(x: FloatArray, days: float, prior: ShapePrior) -> pm.Model:
    """The density in coordinates that no maximum can leave the support of.

    A bounded tail must end above the largest maximum, so the shape is written as a share of what
    location and scale leave of its range; the Jacobian keeps the prior what it is.
    """
    root = np.sqrt(days)
    with pm.Model(coords={"parameter": list(PARAMETERS)}) as model:
        data = pm.Data("maxima", x)
        offset, factor = pm.Data("centre", _centre(x)), pm.Data("step", _step(x))
        mean = pm.Data("prior_mean", np.array([LOCATION * root, np.log(SCALE * root)]))
        sd = pm.Data("prior_sd", np.array([LOCATION_SD * root, LOG_SCALE_SD]))
        beta = pm.Data("prior_shape", np.array([prior.a, prior.b]))
        z = pm.Flat("z", dims="parameter", initval=np.zeros(3))
        natural = offset + factor * z
        location, log_scale = natural[0], natural[1]
        low = _lowest_shape(data.max(), location, pt.exp(log_scale), pt)
        share = pt.sigmoid(natural[2])
        shape = low + (SHAPE_HIGH - low) * share
        w = (shape - SHAPE_LOW) / (SHAPE_HIGH - SHAPE_LOW)
        pm.Potential("log_prior", -0.5 * (((natural[:2] - mean) / sd) ** 2).sum())
        pm.Potential(
            "log_prior_shape",
            (beta[0] - 1.0) * pt.log(w)
            + (beta[1] - 1.0) * pt.log1p(-w)
            + pt.log(SHAPE_HIGH - low)
            + pt.log(share)
            + pt.log1p(-share),
        )
        pm.Potential("log_likelihood", _log_density(data, location, log_scale, shape).sum())
    return model


def _lowest_shape(largest: Any, location: Any, scale: Any, library: Any) -> Any:
    """Smallest shape whose support has the largest maximum; never below the prior's."""
    gap = largest - location
    binding = gap > -scale / SHAPE_LOW
    return library.where(binding, -scale / library.where(binding, gap, 1.0), SHAPE_LOW)


def _log_density(x: Any, location: Any, log_scale: Any, shape: Any) -> Any:
    """Log density of each maximum (Coles 2001, eq. 3.7), -inf outside the support."""
    y = (x - location) * pt.exp(-log_scale)
    flat = pt.abs(shape) < 1e-6
    xi = pt.switch(flat, 1.0, shape)
    inside = 1.0 + xi * y > 0
    # the logarithm of the quantity that is exponentially distributed with rate 1 at -t
    t = pt.switch(flat, y - 0.5 * shape * y**2, pt.log(pt.switch(inside, 1.0 + xi * y, 1.0)) / xi)
    return pt.switch(inside | flat, -log_scale - (1.0 + shape) * t - pt.exp(-t), -np.inf)


def _centre(x: FloatArray) -> FloatArray:
    """Gumbel moments of the data, and a shape of 0.1, whose support has every maximum."""
    scale = float(np.std(x)) * np.sqrt(6.0) / np.pi
    location = float(np.mean(x)) - 0.5772 * scale
    low = float(_lowest_shape(float(x.max()), location, scale, np))
    return np.array([location, np.log(scale), logit((0.1 - low) / (SHAPE_HIGH - low))])


def _step(x: FloatArray) -> FloatArray:
    """Standard errors of that order; the sampler starts within one of the centre."""
    scale = float(np.std(x)) * np.sqrt(6.0) / np.pi
    wide = 1.0 / np.sqrt(x.size)
    return np.array([scale * wide, wide, wide])


def _diagnostics(posterior: xr.Dataset, stats: xr.Dataset) -> dict[str, Any]:
    import arviz as az

    several = posterior.sizes["chain"] > 1
    rhat = {k: float(v) for k, v in az.rhat(posterior).items()} if several else {}
    bulk = {k: float(v) for k, v in az.ess(posterior, method="bulk").items()}
    tail = {k: float(v) for k, v in az.ess(posterior, method="tail").items()}
    energy = stats["energy"].transpose("chain", "draw").to_numpy()
    return {
        "worst_rhat": max(rhat, key=lambda k: rhat[k]) if rhat else None,
        "max_rhat": max(rhat.values()) if rhat else None,
        "worst_ess_bulk": min(bulk, key=lambda k: bulk[k]),
        "min_ess_bulk": min(bulk.values()),
        "worst_ess_tail": min(tail, key=lambda k: tail[k]),
        "min_ess_tail": min(tail.values()),
        "divergences": int(stats["diverging"].sum()),
        "divergent_share": float(stats["diverging"].mean()),
        "min_ebfmi": float(
            (np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1)).min()
        ),
    }
