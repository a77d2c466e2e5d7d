"""Volatility of a panel's bars: EGARCH with Student-t errors, fitted by `arch`.

    log σ²_t = ω + α (|z_{t-1}| − √(2/π)) + γ z_{t-1} + β log σ²_{t-1},   r_t = σ_t z_t

Nelson 1991, doi 10.2307/2938260. It is stationary for every |β| < 1, whereas a GARCH fitted to
weeks of crypto hours often ends at a persistence of one; β is kept where a shock halves within a
quarter of the sample. And α >= |γ|: were large moves of one sign to lower volatility, the filter
could run off to none at all, each small σ making the next z larger (on invertibility see
Wintenberger 2013, doi 10.1111/sjos.12038). The fitted density only weighs the data: what is drawn
are the standardised bars themselves (filtered historical simulation, Barone-Adesi, Giannopoulos and
Vosper 1999, Journal of Futures Markets 19:583).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liqbayes.errors import InputError
from liqbayes.panel import MarketPanel
from liqbayes.panel.blocks import MEAN_BLOCK_HOURS, bar_moves, stationary_rows
from liqbayes.peers.bars import trigger_price

FloatArray = NDArray[np.float64]
# Bars with known moves without which the five parameters are not estimated.
LEAST_BARS = 200
# The sample must hold so many horizons, and so many half-lives of volatility: what takes longer
# cannot be told from a trend in it.
LEAST_SPANS = 4
# Where the likelihood is searched from, beside arch's own choice: omega, alpha, gamma, beta, nu.
_STARTS = ((0.0, 0.2, 0.0, 0.95, 4.0), (0.0, 0.1, -0.05, 0.8, 4.0))
_NAMES = ("omega", "alpha", "gamma", "beta", "nu")


# Standard deviations of what is believed of a parameter beyond the data, around its estimate: of
# the mean log variance, α, γ, logit β and log(ν − 2). They bound what it leaves open.
_SPREAD = np.array([1.0, 0.3, 0.3, 1.0, 0.7])
# Mean of |z| of a standard normal, which arch subtracts.
_ABSOLUTE = math.sqrt(2.0 / math.pi)


@dataclass(frozen=True)
class Volatility:
    """A fitted volatility model with the bars it standardises.

    Attributes
    ----------
    parameters : dict of str to float
        ``omega``, ``alpha``, ``gamma``, ``beta`` and ``nu`` of moves in units of ``scale``.
    scale : float
        Standard deviation of a bar's log move.
    bar_hours : float
    moves : ndarray, shape (known bar, 3)
        High, low and close of each bar, log from the close before.
    bars : ndarray, shape (known bar, 3)
        The same in conditional standard deviations of each bar; the mean close is zero.
    next_deviation : float
        Conditional standard deviation of the bar after the last.
    result : arch.univariate.base.ARCHModelFixedResult
    covariance : ndarray, shape (5, 5), or None
        Of the estimates, robust to the density (Bollerslev and Wooldridge 1992, doi
        10.1080/07474939208800229); None if the parameters were given.
    """

    parameters: dict[str, float]
    scale: float
    bar_hours: float
    moves: FloatArray
    bars: FloatArray
    next_deviation: float
    result: Any
    covariance: FloatArray | None

    @property
    def half_life_hours(self) -> float:
        """Hours in which half of a shock to log variance is gone."""
        beta = self.parameters["beta"]
        return float(np.log(0.5) / np.log(beta) * self.bar_hours) if beta > 0 else 0.0

    def bar_paths(self, horizon: int, n: int, rng: np.random.Generator) -> FloatArray:
        """High, low and close of each bar, log from the close before it.

        Parameters
        ----------
        horizon : int
            Bars.
        n : int
            Paths.
        rng : numpy.random.Generator

        Returns
        -------
        ndarray, shape (3, path, bar)
        """
        leave = min(1.0, self.bar_hours / MEAN_BLOCK_HOURS)
        rows = stationary_rows(self.bars.shape[0], (n, horizon), leave, rng)
        drawn = self.bars[rows]
        forecast = self.result.forecast(
            horizon=horizon,
            method="simulation",
            simulations=n,
            rng=lambda _: drawn[..., 2],
            reindex=False,
        )
        deviation = np.sqrt(forecast.simulations.residual_variances[-1]) * self.scale
        return np.asarray(np.moveaxis(drawn, -1, 0) * deviation)

    def redrawn(self, n: int, rng: np.random.Generator) -> list["Volatility"]:
        """The model at parameters drawn around their estimates.

        Normal around the estimate in coordinates without limits, with the precision of the
        estimates and that of ``_SPREAD`` added up.

        Raises
        ------
        InputError
            If the parameters were given, not estimated, or their covariance is unknown.
        """
        if self.covariance is None or not np.isfinite(self.covariance).all():
            raise InputError(
                "the covariance of the volatility model's parameters is unknown; no other "
                "parameters can be drawn. Estimate them, or begin the panel earlier."
            )
        p = self.parameters
        limit = _persistence_limit(self.moves.shape[0])
        # mean of |z| of these bars, so that ω does not move the level when α does
        gap = float(np.abs(self.bars[:, 2]).mean()) - _ABSOLUTE
        beta = min(max(p["beta"], 1e-3), limit * (1 - 1e-3))
        level = (p["omega"] + p["alpha"] * gap) / (1 - beta)
        jacobian = np.eye(5)
        jacobian[0] = np.array([1.0, gap, 0.0, level, 0.0]) / np.array(
            [1 - beta, 1 - beta, 1.0, 1 - beta, 1.0]
        )
        jacobian[3, 3] = 1 / beta + 1 / (limit - beta)
        jacobian[4, 4] = 1 / (p["nu"] - 2.0)
        known = np.linalg.pinv(jacobian @ self.covariance @ jacobian.T, hermitian=True)
        values, vectors = np.linalg.eigh(known)
        known = (vectors * np.maximum(values, 0.0)) @ vectors.T
        root = np.linalg.cholesky(np.linalg.inv(known + np.diag(_SPREAD**-2)))
        centre = np.array(
            [
                level,
                p["alpha"],
                p["gamma"],
                math.log(beta / (limit - beta)),
                math.log(p["nu"] - 2.0),
            ]
        )
        out = []
        for x in centre + rng.standard_normal((n, 5)) @ root.T:
            b = limit / (1 + math.exp(-x[3]))
            alpha = max(float(x[1]), 0.0)
            drawn = {
                "omega": (1 - b) * x[0] - alpha * gap,
                "alpha": alpha,
                "gamma": min(max(float(x[2]), -alpha), alpha),
                "beta": b,
                "nu": 2.0 + math.exp(x[4]),
                "scale": self.scale,
            }
            out.append(fit_moves(self.moves, self.bar_hours, parameters=drawn))
        return out


def fit_volatility(panel: MarketPanel) -> Volatility:
    """Fit the model to the moves of a panel's trigger price.

    Bars whose price or price before is unknown are left out, and volatility goes on over them.

    Parameters
    ----------
    panel : MarketPanel

    Returns
    -------
    Volatility

    Raises
    ------
    InputError
        If fewer than ``LEAST_BARS`` moves are known, price never moves, or no maximum of the
        likelihood is found.
    """
    return fit_moves(panel_moves(panel), panel.bar_seconds / 3600.0)


def panel_moves(panel: MarketPanel) -> FloatArray:
    """Known log moves of high, low and close from the close before, shape (known bar, 3)."""
    moves = bar_moves({name: trigger_price(panel, name) for name in ("high", "low", "close")})
    out = np.stack([moves["high"], moves["low"], moves["close"]], axis=1)
    return np.asarray(out[np.isfinite(out).all(axis=1)])


def fit_moves(
    moves: FloatArray, bar_hours: float, *, parameters: dict[str, float] | None = None
) -> Volatility:
    """Fit the model to moves, or filter them with parameters of an earlier fit of them.

    Parameters
    ----------
    moves : ndarray, shape (known bar, 3)
        As `panel_moves` returns them.
    bar_hours : float
    parameters : dict, optional
        ``omega``, ``alpha``, ``gamma``, ``beta``, ``nu`` and ``scale``; estimated by default.

    Raises
    ------
    InputError
        As `fit_volatility`.
    """
    n = moves.shape[0]
    if n < LEAST_BARS:
        raise InputError(
            f"the panel has {n} bars whose move is known; the volatility model needs {LEAST_BARS}. "
            "Begin the panel earlier, or use shorter bars."
        )
    scale = float(np.std(moves[:, 2])) if parameters is None else parameters["scale"]
    if not scale > 0:
        raise InputError("the price does not move in the panel; no path can be drawn from it.")
    model = _model(moves[:, 2] / scale)
    covariance = None
    if parameters is None:
        values, covariance = _estimate(model, n)
    else:
        values = np.array([parameters[name] for name in _NAMES])
    result = model.fix(values)
    deviation = np.asarray(result.conditional_volatility, float) * scale
    bars = moves / deviation[:, None]
    after = result.forecast(horizon=1, reindex=False).variance.to_numpy()[-1, 0]
    return Volatility(
        parameters=dict(zip(_NAMES, values.tolist(), strict=True)),
        scale=scale,
        bar_hours=bar_hours,
        moves=moves,
        # no drift: that of some weeks is noise, and would be the largest part of a long horizon
        bars=bars - bars[:, 2].mean(),
        next_deviation=float(np.sqrt(after)) * scale,
        result=result,
        covariance=covariance,
    )


def _model(returns: FloatArray) -> Any:
    """EGARCH(1,1) with its asymmetry whose shocks halve within a share of the sample."""
    from arch.univariate import EGARCH, StudentsT, ZeroMean

    limit = _persistence_limit(returns.size)

    class Bounded(EGARCH):
        def constraints(self) -> tuple[FloatArray, FloatArray]:
            # β <= limit, α + γ >= 0, α − γ >= 0; in the order ω, α, γ, β
            left = np.array([[0.0, 0.0, 0.0, -1.0], [0.0, 1.0, 1.0, 0.0], [0.0, 1.0, -1.0, 0.0]])
            return left, np.array([-limit, 0.0, 0.0])

    return ZeroMean(returns, volatility=Bounded(1, 1, 1), distribution=StudentsT(), rescale=False)


def _persistence_limit(n: int) -> float:
    return float(0.5 ** (LEAST_SPANS / n))


def _estimate(model: Any, n: int) -> tuple[FloatArray, FloatArray]:
    """Maximum of the likelihood over several beginnings of the search, and its covariance."""
    best = None
    for start in (None, *_STARTS):
        fitted = model.fit(
            disp="off",
            show_warning=False,
            starting_values=None if start is None else np.array(start),
        )
        better = best is None or fitted.loglikelihood > best.loglikelihood
        if fitted.convergence_flag == 0 and better:
            best = fitted
    if best is None:
        raise InputError(
            f"the likelihood of the volatility model has no maximum that can be found on these {n} "
            "bars; begin the panel earlier or later."
        )
    return np.asarray(best.params, float), np.asarray(best.param_cov, float)
