"""Generalised extreme value law, in the sign convention of Coles: shape above 0 is a heavy tail.

``scipy.stats.genextreme`` and the hydrological literature write the shape with the other sign.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import boxcox, inv_boxcox

from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]


def gev_quantile(
    exceedances: ArrayLike, location: ArrayLike, scale: ArrayLike, shape: ArrayLike
) -> FloatArray:
    """Level that is exceeded so many times a block in the mean.

    Parameters
    ----------
    exceedances : array
        Expected number in a block, above 0: ``-log(1 - p)`` for a block maximum that exceeds with
        probability p, ``k`` times that for each of k independent periods of the block.
    location, scale, shape : array
        Broadcast against each other and ``exceedances``.

    Returns
    -------
    ndarray
        ``location + scale (e**-shape - 1) / shape``, its limit ``location - scale log e`` at shape
        0 (Coles 2001, An Introduction to Statistical Modeling of Extreme Values, eq. 3.4).
    """
    e = np.asarray(exceedances, dtype=np.float64)
    if not np.all(e > 0):
        raise InputError("the expected number of exceedances must be above 0.")
    place, width, xi = (np.asarray(v, dtype=np.float64) for v in (location, scale, shape))
    return np.asarray(place + width * boxcox(1.0 / e, xi))


def gev_exceedances(
    level: ArrayLike, location: ArrayLike, scale: ArrayLike, shape: ArrayLike
) -> FloatArray:
    """Expected number of exceedances of a level in a block; the inverse of `gev_quantile`.

    Returns
    -------
    ndarray
        ``(1 + shape (level - location) / scale) ** (-1 / shape)`` (Coles 2001, eq. 3.2): inf below
        the support, 0 above it.
    """
    x, place, width, xi = (np.asarray(v, dtype=np.float64) for v in (level, location, scale, shape))
    y = (x - place) / width
    inside = 1.0 + xi * y > 0
    with np.errstate(divide="ignore", over="ignore"):
        value = 1.0 / inv_boxcox(np.where(inside, y, 0.0), xi)
    return np.asarray(np.where(inside, value, np.where(xi > 0, np.inf, 0.0)))


def exceedances_of(probability: ArrayLike, periods: float = 1.0) -> FloatArray:
    """Expected exceedances in a block of periods that each exceed with a probability.

    Periods are taken as independent: the block's maximum stays below the level with probability
    ``(1 - p) ** periods`` (Longin 1999, Journal of Futures Markets 19:127-152).
    """
    p = np.asarray(probability, dtype=np.float64)
    if not np.all((p > 0) & (p < 1)):
        raise InputError(f"the probability is {p.tolist()}; use more than 0, less than 1.")
    return np.asarray(-periods * np.log1p(-p))


def predictive_level(
    probability: float,
    periods: float,
    location: FloatArray,
    scale: FloatArray,
    shape: FloatArray,
) -> float:
    """Level whose posterior mean probability of being exceeded in a period is as chosen.

    The quantile of the posterior predictive law; above the posterior median of the quantile,
    because what is not known of the tail adds to the risk.

    Parameters
    ----------
    probability : float
    periods : float
        Periods in a block.
    location, scale, shape : ndarray
        Draws, any one shape.
    """
    from scipy.optimize import brentq

    each = gev_quantile(exceedances_of(probability, periods), location, scale, shape)

    def excess(level: float) -> float:
        e = gev_exceedances(level, location, scale, shape)
        return float(np.mean(-np.expm1(-e / periods))) - probability

    low, high = float(each.min()), float(each.max())
    if not low < high:
        return low
    return float(brentq(excess, low, high, xtol=1e-10))
