"""The feed equation as a regression: covariates, a slow residual, a hurdle, a scale that varies.

For each side, with ``x`` the reports over open interest and ``phi`` the covariates of the bar::

    log x | x > 0 = b'phi + e + s(m) u        e' = r (e + g (log x - b'phi - e))
    P(x > 0) = logistic(c'[phi, e])           log s(m) = a0 + a1 m,  m = b'phi + e

``e`` is the exponentially smoothed residual of earlier bars, as in ``engine.reports``; ``s`` falls
with the mean as lumps make it do; ``u`` has the law of the training residuals. With a map, the log
of the liquidation that the map expects in the bar is one more covariate, and nothing else differs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from liqbayes.backtest.covariates import bar_covariates
from liqbayes.backtest.forecaster import check_request
from liqbayes.backtest.table import BarTable
from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# What a map expects of each bar of a table, over open interest before it: (side, time).
type Mapped = Callable[[BarTable, str], FloatArray]
# Added to a map's share before the logarithm, as to the reports where they are scored.
FLOOR = 1e-6
# Memory in hours and gain of the slow residual that are tried; a gain of 0 is none.
MEMORY_HOURS, GAIN = (6.0, 24.0, 96.0, 384.0), (0.0, 0.05, 0.1, 0.2, 0.4)
# Penalties on standardised coefficients that are tried, in observations.
PENALTY = (0.3, 3.0, 30.0)
# Positive reports without which no equation is fitted, beside three a coefficient.
LEAST_REPORTS = 40
ITERATIONS = 50


@dataclass(frozen=True)
class SideEquation:
    """The fitted equation of one side.

    Attributes
    ----------
    centre, spread : ndarray, shape (covariate,)
        Standardisation of the covariates.
    coefficient : ndarray, shape (covariate + 1,)
        Of the location, its constant first.
    memory, gain : float
        Of the slow residual: what is left of it a bar later, weight of a new residual.
    hurdle : ndarray, shape (covariate + 2,)
        Constant, covariates, slow residual.
    scale : tuple of float
        ``a0`` and ``a1`` with the location centred at ``middle``.
    middle : float
    residuals : ndarray
        Standardised training residuals, ascending.
    """

    centre: FloatArray
    spread: FloatArray
    coefficient: FloatArray
    memory: float
    gain: float
    hurdle: FloatArray
    scale: tuple[float, float]
    middle: float
    residuals: FloatArray

    def draws(
        self,
        covariates: FloatArray,
        reported: FloatArray,
        bars: IntArray,
        size: int,
        rng: np.random.Generator,
    ) -> FloatArray:
        """Draws of the reports of some bars, shape (bar, draw); NaN where a covariate is."""
        phi = (covariates - self.centre) / self.spread
        line = self.coefficient[0] + phi @ self.coefficient[1:]
        slow = slow_residual(_log(reported) - line, self.memory, self.gain)[bars]
        location = line[bars] + slow
        chance = 1.0 / (1.0 + np.exp(-_hurdle_design(phi[bars], slow) @ self.hurdle))
        spread = np.exp(_log_scale(location, self.middle, self.scale))
        shape = (bars.size, size)
        # a smoothed bootstrap (Silverman and Young 1987, doi 10.1093/biomet/74.3.469)
        width = 1.06 * self.residuals.size**-0.2
        noise = rng.choice(self.residuals, shape) + width * rng.standard_normal(shape)
        noise /= np.sqrt(1.0 + width**2)
        value = np.exp(location[:, None] + spread[:, None] * noise)
        out = np.where(rng.random(shape) < chance[:, None], value, 0.0)
        out[~np.isfinite(line[bars])] = np.nan
        return np.asarray(out)


@dataclass(frozen=True)
class FittedEquation:
    """The equations of longs and shorts.

    Attributes
    ----------
    equations : mapping of bool to tuple of SideEquation
        With and without the bar's own open interest.
    mapped : Mapped, optional
        The map whose expected liquidation is a covariate.
    """

    equations: Mapping[bool, tuple[SideEquation, ...]]
    mapped: Mapped | None = None

    def draws(
        self, table: BarTable, bars: IntArray, *, task: str, size: int, rng: np.random.Generator
    ) -> FloatArray:
        """See ``forecaster.Fitted.draws``."""
        rows = check_request(table, bars, task, size)
        use = task == "conditional-oi"
        covariates = all_covariates(table, task, self.mapped)
        return np.stack(
            [
                side.draws(covariates[j], table.reported[j], rows, size, rng)
                for j, side in enumerate(self.equations[use])
            ]
        )


def all_covariates(table: BarTable, task: str, mapped: Mapped | None) -> FloatArray:
    """Covariates of both sides, shape (side, time, covariate); the map's comes last."""
    own = bar_covariates(table, with_interest=task == "conditional-oi")
    if mapped is None:
        return own
    with np.errstate(invalid="ignore"):
        extra = np.log(np.maximum(mapped(table, task), 0.0) + FLOOR)
    return np.concatenate([own, extra[:, :, None]], axis=2)


def fit_equation(table: BarTable, stop: int, mapped: Mapped | None = None) -> FittedEquation:
    """Fit both sides to the rows before ``stop``, with and without open interest of the bar.

    Parameters
    ----------
    table : BarTable
    stop : int
    mapped : Mapped, optional
        The map whose expected liquidation is a covariate.

    Raises
    ------
    InputError
        If a side has too few positive reports before ``stop``.
    """
    past = table.rows(None, stop)
    equations = {}
    for task in ("conditional", "conditional-oi"):
        covariates = all_covariates(past, task, mapped)
        if mapped is not None:
            # bars without a map teach the rest, so that both arms learn from the same bars
            covariates[:, :, -1] = [_filled(row) for row in covariates[:, :, -1]]
        equations[task == "conditional-oi"] = tuple(
            fit_side(covariates[j], past.reported[j], past.bar_hours) for j in range(2)
        )
    return FittedEquation(equations, mapped)


def fit_side(covariates: FloatArray, reported: FloatArray, hours: float) -> SideEquation:
    """Fit one side.

    Memory, gain and penalty are those with the smallest generalised cross-validation error (Golub,
    Heath and Wahba 1979, doi 10.1080/00401706.1979.10489751) of the one-step residuals, which are
    linear in the coefficients given the other two.

    Parameters
    ----------
    covariates : ndarray, shape (time, covariate)
        NaN rows are left out.
    reported : ndarray, shape (time,)
        Over open interest; NaN is unknown, 0 none.
    hours : float
        Length of a bar.
    """
    usable = np.isfinite(covariates).all(axis=1)
    known = usable & np.isfinite(reported)
    some = known & (reported > 0)
    least = max(LEAST_REPORTS, 3 * covariates.shape[1])
    if some.sum() < least:
        raise InputError(
            f"{int(some.sum())} bars with a report come before the origin; the feed equation "
            f"needs {least}. Use a longer panel."
        )
    centre = covariates[known].mean(axis=0)
    spread = np.maximum(covariates[known].std(axis=0), 1e-9)
    phi = (covariates - centre) / spread
    y = np.where(some, _log(reported), np.nan)
    design = np.column_stack([np.ones(len(phi)), phi])
    best = None
    pairs = [(MEMORY_HOURS[0], 0.0), *product(MEMORY_HOURS, GAIN[1:])]
    memories = np.exp(-hours / np.array([kept for kept, _ in pairs]))
    gains = np.array([gain for _, gain in pairs])
    moved = _innovations(np.column_stack([y, design]), some, memories, gains)
    for memory, gain, one in zip(memories.tolist(), gains.tolist(), moved, strict=True):
        target, left = one[:, 0], one[:, 1:]
        gram, cross = left.T @ left, left.T @ target
        for penalty in PENALTY:
            shrink = np.diag([0.0, *[penalty] * phi.shape[1]])
            solved = np.linalg.solve(gram + shrink, np.column_stack([cross, gram]))
            coefficient, degrees = solved[:, 0], float(np.trace(solved[:, 1:]))
            n = target.size
            error = n * float(((target - left @ coefficient) ** 2).sum()) / (n - degrees) ** 2
            if best is None or error < best[0]:
                best = error, memory, gain, penalty, coefficient
    assert best is not None
    _, memory, gain, penalty, coefficient = best
    line = design @ coefficient
    slow = slow_residual(y - line, memory, gain)
    location = line + slow
    residual = (y - location)[some]
    middle = float(location[some].mean())
    scale = _fit_scale(residual, location[some] - middle)
    standard = residual / np.exp(_log_scale(location[some], middle, scale))
    hurdle = _logistic(_hurdle_design(phi[known], slow[known]), (reported[known] > 0), penalty)
    return SideEquation(
        centre=centre,
        spread=spread,
        coefficient=coefficient,
        memory=memory,
        gain=gain,
        hurdle=hurdle,
        scale=scale,
        middle=middle,
        residuals=np.sort(standard / np.sqrt(np.mean(standard**2))),
    )


def _filled(values: FloatArray) -> FloatArray:
    """Values with the mean of the known ones in place of unknown ones."""
    known = np.isfinite(values)
    return np.where(known, values, values[known].mean() if known.any() else np.nan)


def slow_residual(residual: FloatArray, memory: float, gain: float) -> FloatArray:
    """Slow residual predicted for each bar from the residuals before it; NaN ones say nothing."""
    out = np.zeros(residual.size)
    e = 0.0
    for t, value in enumerate(residual.tolist()):
        out[t] = e
        if np.isfinite(value):
            e += gain * (value - e)
        e *= memory
    return out


def _innovations(
    columns: FloatArray, some: NDArray[np.bool_], memories: FloatArray, gains: FloatArray
) -> FloatArray:
    """Each column less its own exponential smoothing; shape (pair, bar with a report, column).

    The smoothing is linear, so that one-step residuals are linear in the coefficients.
    """
    kept = []
    e = np.zeros((gains.size, columns.shape[1]))
    memory, gain = memories[:, None], gains[:, None]
    for row, known in zip(columns, some.tolist(), strict=True):
        if known:
            kept.append(row - e)
            e = e + gain * kept[-1]
        e = memory * e
    return np.stack(kept, axis=1)


def _log(reported: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(reported > 0, np.log(np.where(reported > 0, reported, 1.0)), np.nan)


def _log_scale(location: FloatArray, middle: float, scale: tuple[float, float]) -> FloatArray:
    # beyond the training range a line would run away
    return np.clip(scale[0] + scale[1] * (location - middle), scale[0] - 1.5, scale[0] + 1.5)


def _fit_scale(residual: FloatArray, location: FloatArray) -> tuple[float, float]:
    """Maximum likelihood of a normal law whose log scale is linear (Newton's method)."""
    design = np.column_stack([np.ones(residual.size), location])
    a = np.array([0.5 * np.log(np.mean(residual**2)), 0.0])
    for _ in range(ITERATIONS):
        ratio = residual**2 * np.exp(-2.0 * np.clip(design @ a, -20.0, 20.0))
        slope = design.T @ (ratio - 1.0)
        curve = 2.0 * (design * ratio[:, None]).T @ design + 1e-6 * np.eye(2)
        step = np.linalg.solve(curve, slope)
        a = a + np.clip(step, -0.5, 0.5)
        if np.abs(step).max() < 1e-8:
            break
    return float(a[0]), float(a[1])


def _hurdle_design(phi: FloatArray, slow: FloatArray) -> FloatArray:
    return np.column_stack([np.ones(len(phi)), phi, slow])


def _logistic(design: FloatArray, some: NDArray[np.bool_], penalty: float) -> FloatArray:
    """Penalised logistic regression by iteratively reweighted least squares."""
    shrink = np.diag([1e-3, *[penalty] * (design.shape[1] - 1)])
    share = np.clip(some.mean(), 0.5 / some.size, 1.0 - 0.5 / some.size)
    c = np.zeros(design.shape[1])
    c[0] = np.log(share / (1.0 - share))
    for _ in range(ITERATIONS):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ c, -30.0, 30.0)))
        weight = np.maximum(p * (1.0 - p), 1e-6)
        slope = design.T @ (some - p) - shrink @ c
        step = np.linalg.solve((design * weight[:, None]).T @ design + shrink, slope)
        c = c + np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-8:
            break
    return c
