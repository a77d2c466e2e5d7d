"""Execution over several periods: the schedule of Almgren & Chriss, and the naive one.

Almgren & Chriss 2001, Optimal execution of portfolio transactions, Journal of Risk 3(2), 5-39,
doi 10.21314/JOR.2001.041. Selling ``X`` over ``N`` periods of length ``τ`` with permanent impact
``γ`` per unit, temporary impact ``ε sgn(n) + η n / τ`` and volatility ``σ`` costs on average
``γ X² / 2 + ε X + (η - γτ/2)/τ Σ n_k²`` with variance ``σ² τ Σ x_k²``, ``x_k`` what is left.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Execution:
    """A quantity to be traded, and what that does to the price.

    Attributes
    ----------
    quantity : float
        ``X``.
    periods : int
        ``N``.
    period : float
        ``τ``, in the unit of time of the volatility and of ``temporary``.
    volatility : float
        ``σ``, price per square root of time.
    permanent : float
        ``γ``, price per unit.
    temporary : float
        ``η``, price per unit traded in a unit of time.
    spread : float
        ``ε``, price: half the spread, and fees.

    Raises
    ------
    InputError
        If a value is out of range, or if ``η <= γτ/2``: then one block would be cheaper than any
        schedule and the problem has no solution (section 2.2).
    """

    quantity: float
    periods: int
    period: float
    volatility: float
    permanent: float
    temporary: float
    spread: float = 0.0

    def __post_init__(self) -> None:
        if self.periods < 1:
            raise InputError(f"periods is {self.periods}; use at least 1.")
        for name in ("quantity", "period", "volatility"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise InputError(f"{name} is {value}; use a positive number.")
        for name in ("permanent", "spread"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise InputError(f"{name} is {value}; use 0 or more.")
        if not self.tempered > 0:
            raise InputError(
                f"temporary impact {self.temporary:g} does not exceed half the permanent impact of "
                f"a period ({self.permanent * self.period / 2:g}); use shorter periods."
            )

    @property
    def tempered(self) -> float:
        """``η - γτ/2`` (section 1.5)."""
        return self.temporary - 0.5 * self.permanent * self.period

    def naive(self) -> FloatArray:
        """What is left after each period if as much is traded in each, shape (N + 1,)."""
        return self.quantity * np.linspace(1.0, 0.0, self.periods + 1)

    def optimal(self, risk_aversion: float) -> FloatArray:
        """What is left after each period if cost plus ``risk_aversion`` times variance is least.

        ``x_k = X sinh(κ (T - t_k)) / sinh(κ T)`` with
        ``2 (cosh(κτ) - 1) / τ² = λ σ² / (η - γτ/2)``.

        Parameters
        ----------
        risk_aversion : float
            ``λ``, not negative; 0 gives `naive`.

        Returns
        -------
        ndarray, shape (N + 1,)
        """
        if not (np.isfinite(risk_aversion) and risk_aversion >= 0):
            raise InputError(f"risk_aversion is {risk_aversion}; use 0 or more.")
        return self.quantity * remaining_share(self.urgency(risk_aversion), self.periods)

    def urgency(self, risk_aversion: float) -> float:
        """``κ T``: how much of the trading comes early."""
        square = risk_aversion * self.volatility**2 / self.tempered
        return self.periods * float(np.arccosh(1.0 + 0.5 * square * self.period**2))

    def cost(self, left: FloatArray) -> float:
        """Expected cost of a schedule, quantity times price (section 1.5)."""
        traded = -np.diff(left)
        return float(
            0.5 * self.permanent * self.quantity**2
            + self.spread * np.abs(traded).sum()
            + self.tempered / self.period * (traded**2).sum()
        )

    def variance(self, left: FloatArray) -> float:
        """Variance of the cost of a schedule (section 1.4)."""
        return float(self.volatility**2 * self.period * (left[1:] ** 2).sum())


def remaining_share(urgency: float, periods: int) -> FloatArray:
    """Share left after each period at an urgency ``κ T``, shape (N + 1,)."""
    share = np.linspace(1.0, 0.0, periods + 1)
    if urgency < 1e-6:
        return share
    # sinh(a) / sinh(b) without overflow
    top = np.exp(urgency * (share - 1.0)) * -np.expm1(-2.0 * urgency * share)
    return np.asarray(top / -np.expm1(-2.0 * urgency))
