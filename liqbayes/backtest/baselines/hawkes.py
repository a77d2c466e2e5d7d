"""Self-exciting liquidations: amounts breed amounts, and the bar's move and volume carry both.

The intensity of a side's reported amount, in units of open interest a bar, is

    lambda_t = exp(c'B_t) (mu + sum_{side, half-life} alpha E_t)

with ``E_t`` the exponentially weighted means of past reports of either side, so that mixtures of
exponential kernels stand for slower decay; ``B_t`` are moves and turnover of the bar. In continuous
time it is Hawkes' process (1971, doi 10.1093/biomet/58.1.83) with marks and an exogenous factor;
here it is fitted to amounts by bar, because orders are not published. What the intensity leaves
open (spread, zeros, tails) follows the law that all baselines share, with the log intensity as its
term.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from liqbayes.backtest.baselines.design import SIGNS, RawTerms, Scaler, raw_terms
from liqbayes.backtest.baselines.equation import (
    HALF_LIFE,
    Equation,
    FittedEquation,
    check_past,
)
from liqbayes.backtest.baselines.law import DEGREES
from liqbayes.backtest.baselines.terms import (
    Spans,
    Terms,
    known_mean,
    price_terms,
    usable,
    volume_terms,
)
from liqbayes.backtest.scores import EPSILON, log_ratio
from liqbayes.backtest.table import BarTable
from liqbayes.contracts import SIDES

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# Half-lives of the kernels in bars; a day stands beside them.
SHORT_KERNELS = (0.7, 3.0)
SCALE = ("log intensity", "adverse")
# Precision of normal priors: of scaled factors, and of log weights of kernels around e^-1 each.
FACTOR_PRECISION, KERNEL_PRECISION = 10.0, 0.5
# Past amounts count up to this quantile of them, or one crash would be all that is remembered.
LARGEST = 0.995


@dataclass(frozen=True)
class Hawkes:
    """Self- and cross-exciting intensity of reported amounts with an exogenous factor."""

    name: str = "hawkes"

    def fit(self, table: BarTable, stop: int) -> FittedEquation:
        """Fit to rows before ``stop``; an InputError if too few reports are known."""
        past = table.rows(None, stop)
        check_past(past, self.name)
        intensity = fit_intensity(past)

        def groups_of(
            of: BarTable, side: int, rows: IntArray, centre: float
        ) -> Mapping[str, Terms]:
            terms = {"log intensity": intensity.log_rate(of, side, rows)}
            adverse = price_terms(of, side, rows)["adverse"]
            return {"intensity": terms, "scale": {"adverse": adverse}}

        return Equation(self.name, groups_of, SCALE, slow=False).fit(table, stop)


@dataclass(frozen=True, eq=False)
class Intensity:
    """Fitted intensity.

    Attributes
    ----------
    factor : ndarray, shape (factor,)
        Exponents of scaled moves and turnover, common to the sides.
    base : ndarray, shape (side,)
        Log of ``mu`` in units of ``unit``.
    kernels : ndarray, shape (2 * half-life,)
        Log of ``alpha``, own side first.
    unit, limit : ndarray, shape (side,)
        Mean of past reports, and the largest amount that is remembered.
    centre : float
        Usual log turnover.
    scaler : Scaler
        Of the factors.
    """

    factor: FloatArray
    base: FloatArray
    kernels: FloatArray
    unit: FloatArray
    limit: FloatArray
    centre: float
    scaler: Scaler

    def log_rate(self, table: BarTable, side: int, rows: IntArray) -> FloatArray:
        """Log of the intensity of some rows."""
        factors = self.scaler(_factors(table, rows, self.centre).values)[side]
        excitation = _excitation(table, side, rows, self.unit, self.limit)
        level = np.exp(self.base[side]) + excitation @ np.exp(self.kernels)
        return np.asarray(factors @ self.factor + np.log(level * self.unit[side]))


def fit_intensity(past: BarTable) -> Intensity:
    """Penalised maximum likelihood under Student-t errors of ``log(x + 1e-6)``."""
    n, spans = past.n_bars, Spans.of(past)
    rows = np.arange(n)
    inside = usable(past, rows) & (rows >= min(spans.day, n // 4))
    side, bar = np.nonzero(np.isfinite(past.reported) & inside)
    x = past.reported[side, bar]
    unit = np.array([past.reported[i][inside & (past.reported[i] >= 0)].mean() for i in (0, 1)])
    limit = np.array([np.nanquantile(past.reported[i], LARGEST) for i in (0, 1)])
    centre = float(np.median(np.log(np.maximum(past.turnover[inside], 1e-8))))
    weight = 0.5 ** ((n - bar) / HALF_LIFE)
    raw = _factors(past, rows, centre)
    scaler = Scaler.of(raw.values[side, bar], weight)
    factors = scaler(raw.values)[side, bar]
    excitation = np.stack([_excitation(past, i, rows, unit, limit) for i in range(len(SIDES))])
    excited, z = excitation[side, bar], log_ratio(x)
    p, k = factors.shape[1], excited.shape[1]
    log_unit, sign = np.log(unit)[side], SIGNS[side]
    nu = DEGREES

    def loss(v: FloatArray) -> tuple[float, FloatArray]:
        factor, common, apart, kernels, log_spread = np.split(v, [p, p + 1, p + 2, p + 2 + k])
        mu, alpha = np.exp(common[0] + sign * apart[0]), np.exp(kernels)
        level = mu + excited @ alpha
        rate = np.exp(factors @ factor + log_unit) * level
        error = (z - np.log(rate + EPSILON)) * np.exp(-log_spread[0])
        tail = 1 + error**2 / nu
        value = float(weight @ ((nu + 1) / 2 * np.log(tail) + log_spread[0]))
        value += 0.5 * FACTOR_PRECISION * float(factor @ factor)
        value += 0.5 * KERNEL_PRECISION * float(((kernels + 1) ** 2).sum() + apart @ apart)
        pull = -weight * (nu + 1) / nu * error / tail * np.exp(-log_spread[0])
        pull = pull * rate / (rate + EPSILON)
        of_base = pull * mu / level
        slope = np.concatenate(
            [
                factors.T @ pull + FACTOR_PRECISION * factor,
                [of_base.sum(), of_base @ sign + KERNEL_PRECISION * apart[0]],
                (excited.T @ (pull / level)) * alpha + KERNEL_PRECISION * (kernels + 1),
                [float(weight @ (1 - (nu + 1) / nu * error**2 / tail))],
            ]
        )
        return value, slope

    start = np.concatenate([np.zeros(p), [-1.0, 0.0], np.full(k, -1.0), [0.3]])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    base = found[p] + SIGNS * found[p + 1]
    return Intensity(found[:p], base, found[p + 2 : p + 2 + k], unit, limit, centre, scaler)


def _factors(table: BarTable, rows: IntArray, centre: float) -> RawTerms:
    """Moves and turnover of the bar."""

    def groups_of(of: BarTable, side: int, at: IntArray, middle: float) -> Mapping[str, Terms]:
        return {"factor": price_terms(of, side, at) | volume_terms(of, side, at, middle)}

    return raw_terms(groups_of, table, rows, centre)


def _excitation(
    table: BarTable, side: int, rows: IntArray, unit: FloatArray, limit: FloatArray
) -> FloatArray:
    """Means of past amounts in units of their mean, own side first; shape (row, kernel)."""
    spans = Spans.of(table)
    columns = []
    for j in (side, 1 - side):
        amounts = np.minimum(table.reported[j], limit[j]) / unit[j]
        for half_life in (*SHORT_KERNELS, float(spans.day)):
            mean, _ = known_mean(amounts, rows, half_life, spans.week)
            # where nothing is known yet, the mean of all
            columns.append(np.where(np.isfinite(mean), mean, 1.0))
    return np.stack(columns, axis=1)
