"""Distance alone: what a forecaster expects who knows how far price went and nothing of positions.

The liquidations of a bar, as a share of open interest, are ``a r ** b`` with ``r`` the distance
swept. The power is the one that maximises the density score itself over the bars before, the scale
makes their totals agree; both are fitted anew every ``REFIT_BARS`` bars, so that the control never
looks ahead. It has the advantage of having seen the feed, which a tool's map may not have.

``Together`` gives a map the same advantage: distance and map, ``a r ** b z ** e`` with ``z`` the
map's density where the bar swept; ``e = 0`` is distance alone. What it gains over distance alone is
what the map adds, whatever its slope with distance and however the feed is throttled.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from liqbayes.judge.sweeps import FLOOR, Sweeps

FloatArray = NDArray[np.float64]
#: Bars with a sweep and a known report from which the first curve is fitted.
LEAST_PAST = 72
REFIT_BARS = 24
POWERS = (0.05, 8.0)
#: Power of the map's density: never negative, so that a map that is wrong is not turned round.
MAP_POWERS = (0.0, 4.0)


@dataclass(frozen=True)
class Distance:
    """Liquidations expected of a sweep, ``scale * reach ** power``; NaN before there is a past.

    Attributes
    ----------
    scale, power : ndarray, shape (side, time)
    """

    scale: FloatArray
    power: FloatArray

    def swept(self, sweeps: Sweeps) -> FloatArray:
        """What each bar sweeps, over open interest, shape (side, time)."""
        return np.asarray(self.scale * sweeps.reach**self.power)


def distance_alone(sweeps: Sweeps) -> Distance:
    """Fit the curve of each side from bars before, again and again."""
    shape = sweeps.reach.shape
    scale, power = np.full(shape, np.nan), np.full(shape, np.nan)
    usable = sweeps.swept
    for j in range(shape[0]):
        for start in range(0, shape[1], REFIT_BARS):
            past = np.flatnonzero(usable[j, :start])
            if past.size < LEAST_PAST or not sweeps.reported[j, past].any():
                continue
            of_past = sweeps.reach[j, past], sweeps.reported[j, past], sweeps.weight[past]
            part = slice(start, start + REFIT_BARS)
            scale[j, part], power[j, part] = fit_curve(*of_past)
    return Distance(scale, power)


def fit_curve(reach: FloatArray, reported: FloatArray, weight: FloatArray) -> tuple[float, float]:
    """Scale and power of one side.

    The power b maximises ``sum y log(r^b / sum(w r^b))`` with ``y = w x``, which is concave in b.

    Parameters
    ----------
    reach, reported, weight : ndarray, shape (bar,)
        Distance r, positive; share x of open interest reported; open interest w.

    Returns
    -------
    scale, power : float
    """
    log_reach, amount = np.log(reach), reported * weight

    def loss(b: float) -> float:
        powers = b * log_reach
        top = powers.max()
        total = top + np.log((weight * np.exp(powers - top)).sum())
        return float(total - (amount * powers).sum() / amount.sum())

    power = float(minimize_scalar(loss, bounds=POWERS, method="bounded").x)
    return float(amount.sum() / (weight * reach**power).sum()), power


@dataclass(frozen=True)
class Together:
    """Distance and a map, fitted to the bars before, again and again.

    Attributes
    ----------
    scale, power, map_power, level : ndarray, shape (side, time)
        NaN before there is a past; ``level`` is the map's mean density over past sweeps.
    """

    scale: FloatArray
    power: FloatArray
    map_power: FloatArray
    level: FloatArray

    def swept(self, held: FloatArray, sweeps: Sweeps) -> FloatArray:
        """What each bar sweeps, over open interest, shape (side, time).

        Parameters
        ----------
        held : ndarray, shape (side, time)
            What each bar sweeps of the map, over open interest.
        sweeps : Sweeps
        """
        density = floored(held, sweeps.reach, self.level)
        return np.asarray(self.scale * sweeps.reach**self.power * density**self.map_power)


def floored(held: FloatArray, reach: FloatArray, level: FloatArray | float) -> FloatArray:
    """Density over its usual level where a bar swept, mixed with a share ``FLOOR`` of evenness."""
    reached = np.where(reach > 0, reach, 1.0)
    return np.asarray((1.0 - FLOOR) * held / (reached * level) + FLOOR)


def together(held: FloatArray, sweeps: Sweeps) -> Together:
    """Fit distance and map of each side from bars before, again and again."""
    shape = sweeps.reach.shape
    fitted = np.full((4, *shape), np.nan)
    usable = sweeps.swept & np.isfinite(held)
    for j in range(shape[0]):
        start_at = np.array([1.0, 0.5])
        for start in range(0, shape[1], REFIT_BARS):
            past = np.flatnonzero(usable[j, :start])
            some = past.size >= LEAST_PAST and held[j, past].any()
            if not some or not sweeps.reported[j, past].any():
                continue
            reach, weight = sweeps.reach[j, past], sweeps.weight[past]
            level = float((held[j, past] * weight).sum() / (reach * weight).sum())
            logs = np.stack([np.log(reach), np.log(floored(held[j, past], reach, level))])
            amount = sweeps.reported[j, past] * weight
            start_at = _powers(logs, amount, weight, start_at)
            scale = amount.sum() / (weight * np.exp(start_at @ logs)).sum()
            part = slice(start, start + REFIT_BARS)
            fitted[:, j, part] = np.array([scale, *start_at, level])[:, None]
    return Together(*fitted)


def _powers(
    logs: FloatArray, amount: FloatArray, weight: FloatArray, start: FloatArray
) -> FloatArray:
    """Powers of distance and density that maximise the density score; a concave problem."""
    share = amount / amount.sum()

    def loss(powers: FloatArray) -> tuple[float, FloatArray]:
        terms = powers @ logs
        top = terms.max()
        expected = weight * np.exp(terms - top)
        total = expected.sum()
        value = top + np.log(total) - share @ terms
        return float(value), logs @ (expected / total - share)

    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=(POWERS, MAP_POWERS))
    return np.asarray(found.x, float)
