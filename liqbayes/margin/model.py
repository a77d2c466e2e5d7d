"""Posterior of the generalised extreme value law of block maxima."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from numpy.typing import NDArray

from liqbayes.checks.convergence import convergence_reasons
from liqbayes.errors import InputError
from liqbayes.margin.gev import exceedances_of, gev_quantile, predictive_level
from liqbayes.sampling import SamplerConfig
from liqbayes.sampling.run import Compiled

FloatArray = NDArray[np.float64]

# Fewer maxima leave three parameters to their priors.
LEAST_BLOCKS = 20
# The likelihood is irregular below a shape of -0.5 (Smith 1985, doi 10.1093/biomet/72.1.67), and a
# law with a shape of 1 or more has no mean.
SHAPE_LOW, SHAPE_HIGH = -0.5, 1.0
PARAMETERS = ("location", "scale", "shape")
# Priors of location and scale for a holding period of one day; both grow with the square root of
# time. A walk with 4 % a day, as bitcoin in most years, has a median adverse excursion of 2.7 %.
LOCATION, LOCATION_SD = 0.03, 0.10
SCALE, LOG_SCALE_SD = 0.02, 1.0


@dataclass(frozen=True)
class ShapePrior:
    """Shape = -0.5 + 1.5 Φ(u) with u normal.

    Attributes
    ----------
    name : str
    mean, sd : float
        Of u.
    source : str
    """

    name: str
    mean: float
    sd: float
    source: str


SHAPE_PRIORS = {
    prior.name: prior
    for prior in (
        ShapePrior("flat", 0.0, 1.0, "uniform where the likelihood is regular and a mean exists"),
        # Φ((0.2 + 0.5) / 1.5) and Φ((0.5 + 0.5) / 1.5) are the 5 and 95 % points
        ShapePrior(
            "returns",
            0.1735,
            0.1564,
            "90 % between tail indices 5 and 2, as of most financial returns "
            "(Cont 2001, doi 10.1080/713665670, stylised fact 2)",
        ),
    )
}


def shape_prior(name: str) -> ShapePrior:
    """The prior of a name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in SHAPE_PRIORS:
        raise InputError(f"shape prior {name!r}; use one of {', '.join(SHAPE_PRIORS)}.")
    return SHAPE_PRIORS[name]


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
    """

    posterior: xr.Dataset
    diagnostics: dict[str, Any]
    reasons: tuple[str, ...]
    n_blocks: int
    seconds: float

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
    `ShapePrior`. The sampler moves in coordinates centred on Gumbel moments of the data, which
    changes its steps and not the posterior.
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
    compiled = _compiled(model)
    sampled = compiled.sample(run, model=model)
    if sampled.interrupted:
        raise KeyboardInterrupt
    z = sampled.z.transpose("chain", "draw", "parameter").to_numpy()
    natural = _centre(x) + _step(x) * z
    values = (natural[..., 0], np.exp(natural[..., 1]), _shape(natural[..., 2]))
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
    root = np.sqrt(days)
    mean = np.array([LOCATION * root, np.log(SCALE * root), prior.mean])
    sd = np.array([LOCATION_SD * root, LOG_SCALE_SD, prior.sd])
    centre, step = _centre(x), _step(x)
    with pm.Model(coords={"parameter": list(PARAMETERS)}) as model:
        data = pm.Data("maxima", x)
        offset, factor = pm.Data("centre", centre), pm.Data("step", step)
        z = pm.Normal(
            "z",
            mu=pm.Data("prior_mean", (mean - centre) / step),
            sigma=pm.Data("prior_sd", sd / step),
            dims="parameter",
            initval=np.zeros(3),
        )
        natural = offset + factor * z
        shape = SHAPE_LOW + (SHAPE_HIGH - SHAPE_LOW) * 0.5 * pt.erfc(-natural[2] / np.sqrt(2.0))
        pm.Potential("log_likelihood", _log_density(data, natural[0], natural[1], shape).sum())
    return model


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
    return np.array([float(np.mean(x)) - 0.5772 * scale, np.log(scale), -0.2533])


def _step(x: FloatArray) -> FloatArray:
    """Standard errors of that order; the sampler starts within one of the centre."""
    scale = float(np.std(x)) * np.sqrt(6.0) / np.pi
    wide = 1.0 / np.sqrt(x.size)
    return np.array([scale * wide, wide, wide])


def _shape(u: FloatArray) -> FloatArray:
    from scipy.special import ndtr

    return np.asarray(SHAPE_LOW + (SHAPE_HIGH - SHAPE_LOW) * ndtr(u))


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
