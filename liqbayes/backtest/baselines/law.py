"""The law that all baselines share: a hurdle at zero and a location-scale law of what is positive.

    P(x = 0)                = logistic(h0 + h'X)
    log(x + 1e-6) | x > 0   = b0 + b'X + exp(g0 + g'S) e

with ``e`` from the past standardised residuals. Coefficients are penalised by normal priors whose
precision, one for each group of terms, maximises the evidence (MacKay 1992, doi
10.1162/neco.1992.4.3.415); the location and scale are those of Student's t (Lange, Little and
Taylor 1989, doi 10.1080/01621459.1989.10478852), so that single bars do not decide.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from liqbayes.backtest.scores import EPSILON

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
DEGREES = 4.0
ROUNDS = 12
# Change of every fitted value below which rounds end, in standard deviations of the residual.
SETTLED = 0.003
SCALE_PRECISION = 10.0
HURDLE_PRECISION = 1.0
# Of the hurdle's fit, each no longer than improves it.
NEWTON_STEPS = 100
# Limits of the evidence's precisions, of terms scaled to unit spread.
LEAST_PRECISION, MOST_PRECISION = 0.05, 1e5
# Standardised residuals are smoothed by a kernel of this width, in their own spread.
SMOOTHING = 0.15
# Leverage at which a leave-one-out residual is no longer stretched.
MOST_LEVERAGE = 0.8


@dataclass(frozen=True, eq=False)
class Law:
    """A fitted law.

    Attributes
    ----------
    location, scale, hurdle : ndarray
        Coefficients, the intercept first.
    location_covariance, hurdle_covariance : ndarray
        Of their approximate normal posteriors.
    residuals, chance : ndarray, shape (residual,)
        Standardised leave-one-out residuals and their weights, which sum to 1.
    tiny : ndarray
        Past positive reports below 1e-6, from which draws below it are taken.
    """

    location: FloatArray
    location_covariance: FloatArray
    scale: FloatArray
    hurdle: FloatArray
    hurdle_covariance: FloatArray
    residuals: FloatArray
    chance: FloatArray
    tiny: FloatArray

    def centre(self, terms: FloatArray) -> FloatArray:
        """Location of ``log(x + 1e-6)`` given ``x > 0``, shape (row,)."""
        return np.asarray(self.location[0] + terms @ self.location[1:])

    def draws(
        self, terms: FloatArray, scale_terms: FloatArray, size: int, rng: np.random.Generator
    ) -> FloatArray:
        """Draws of ``x``, parameters included, shape (row, size).

        Parameters
        ----------
        terms : ndarray, shape (row, term)
        scale_terms : ndarray, shape (row, scale term)
        size : int
        rng : numpy.random.Generator
        """
        shape = (len(terms), size)
        design = with_intercept(terms)
        pick = rng.choice(self.residuals.size, size=shape, p=self.chance)
        noise = self.residuals[pick] + SMOOTHING * rng.normal(size=shape)
        spread = np.exp(with_intercept(scale_terms) @ self.scale)
        location = (design @ self.location)[:, None] + _deviation(design, self.location_covariance)[
            :, None
        ] * rng.normal(size=shape)
        x = np.exp(location + spread[:, None] * noise) - EPSILON
        below = x <= 0
        x[below] = rng.choice(self.tiny, size=int(below.sum()))
        logit = (design @ self.hurdle)[:, None] + _deviation(design, self.hurdle_covariance)[
            :, None
        ] * rng.normal(size=shape)
        x[rng.random(shape) < expit(logit)] = 0.0
        return np.asarray(x)


def fit_law(
    terms: FloatArray,
    scale_terms: FloatArray,
    x: FloatArray,
    weight: FloatArray,
    groups: IntArray,
) -> Law:
    """Fit the law to known reports, some of them positive.

    Parameters
    ----------
    terms : ndarray, shape (report, term)
        Of about unit spread.
    scale_terms : ndarray, shape (report, scale term)
    x : ndarray, shape (report,)
        Reports over open interest, 0 where none.
    weight : ndarray, shape (report,)
    groups : ndarray of int, shape (term,)
        Terms of one group share the precision of their prior.
    """
    positive = x > 0
    z, w = np.log(x[positive] + EPSILON), weight[positive]
    design = with_intercept(terms[positive])
    spread = with_intercept(scale_terms[positive])
    location, covariance, scale, residuals = _location_scale(design, spread, z, w, groups)
    hurdle, hurdle_covariance = _logistic(with_intercept(terms), ~positive, weight)
    amounts = x[positive]
    tiny = amounts[amounts < EPSILON]
    return Law(
        location=location,
        location_covariance=covariance,
        scale=scale,
        hurdle=hurdle,
        hurdle_covariance=hurdle_covariance,
        residuals=residuals,
        chance=w / w.sum(),
        tiny=tiny if tiny.size else np.array([amounts.min()]),
    )


def with_intercept(terms: FloatArray) -> FloatArray:
    """The terms after a column of ones."""
    return np.concatenate([np.ones((len(terms), 1)), terms], axis=1)


def _deviation(design: FloatArray, covariance: FloatArray) -> FloatArray:
    """Standard deviation of a linear predictor."""
    return np.sqrt(np.maximum(((design @ covariance) * design).sum(axis=1), 0.0))


def _location_scale(
    design: FloatArray, spread: FloatArray, z: FloatArray, w: FloatArray, groups: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Posterior modes of location and scale in turn, with the evidence's precisions."""
    n, nu = z.size, DEGREES
    count = int(groups.max()) + 1 if groups.size else 0
    precision = np.ones(count)
    scale = np.zeros(spread.shape[1])
    scale[0] = np.log(0.8 * np.std(z) + 1e-6)
    log_scale, robust, error = np.full(n, scale[0]), np.ones(n), z
    ridge = np.append(0.0, np.full(spread.shape[1] - 1, SCALE_PRECISION))
    information = (spread * w[:, None]).T @ spread * (2 * nu / (nu + 3)) + np.diag(ridge + 1e-9)
    for _ in range(ROUNDS):
        trust = w * robust * np.exp(-2 * log_scale)
        prior = np.append(1e-6, precision[groups])
        covariance = np.linalg.inv((design * trust[:, None]).T @ design + np.diag(prior))
        location = covariance @ (design.T @ (trust * z))
        if count:
            known = 1.0 - prior[1:] * np.diag(covariance)[1:]
            size = np.bincount(groups, location[1:] ** 2, count)
            # a gamma hyperprior of shape and rate near 0 keeps the quotient finite
            precision = (np.bincount(groups, known, count) + 0.01) / (size + 1e-6)
            precision = np.clip(precision, LEAST_PRECISION, MOST_PRECISION)
        moved = np.abs(z - design @ location - error).max() * np.exp(-log_scale.min())
        error = z - design @ location
        for _ in range(2):
            squared = (error * np.exp(-log_scale)) ** 2
            pull = (nu + 1) * squared / (nu + squared) - 1.0
            step = np.linalg.solve(information, spread.T @ (w * pull) - ridge * scale)
            scale = scale + np.clip(step, -1.0, 1.0)
            log_scale = spread @ scale
        squared = (error * np.exp(-log_scale)) ** 2
        robust = (nu + 1) / (nu + squared)
        if moved < SETTLED:
            break
    trust = w * robust * np.exp(-2 * log_scale)
    leverage = trust * ((design @ covariance) * design).sum(axis=1)
    residuals = error * np.exp(-log_scale) / (1.0 - np.minimum(leverage, MOST_LEVERAGE))
    return location, covariance, scale, residuals


def _logistic(
    design: FloatArray, none: NDArray[np.bool_], weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Ridge-penalised logistic regression; half a zero in all rows where there was never one."""
    p = design.shape[1]
    if not none.any():
        share = 0.5 / (none.size + 1.0)
        return np.append(np.log(share / (1 - share)), np.zeros(p - 1)), np.zeros((p, p))
    target = none.astype(float)
    share = float(np.clip((weight @ target) / weight.sum(), 1e-6, 1 - 1e-6))
    found = np.append(np.log(share / (1 - share)), np.zeros(p - 1))
    prior = np.append(1e-3, np.full(p - 1, HURDLE_PRECISION))

    def objective(at: FloatArray) -> float:
        line = design @ at
        likely = weight @ (target * line - np.logaddexp(0.0, line))
        return float(likely - 0.5 * (prior @ at**2))

    best = objective(found)
    for _ in range(NEWTON_STEPS):
        chance = expit(design @ found)
        curve = (design * (weight * chance * (1 - chance))[:, None]).T @ design + np.diag(prior)
        step = np.linalg.solve(curve, design.T @ (weight * (target - chance)) - prior * found)
        # where zeros are rare a whole step may pass the mode by far and never come back
        while (value := objective(found + step)) < best and np.abs(step).max() > 1e-10:
            step = 0.5 * step
        found, best = found + step, max(value, best)
        if np.abs(step).max() < 1e-8:
            break
    return found, np.linalg.inv(curve)
