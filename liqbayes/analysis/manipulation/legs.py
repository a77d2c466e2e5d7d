"""Costs and gains of the two legs, in units of quote currency."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.analysis.impact import Prior
from liqbayes.analysis.manipulation.schedule import remaining_share
from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]

SPOT_PRIORS = (
    Prior(
        "spot_volume",
        "lognormal",
        0.3,
        0.5,
        "share of the perpetual's volume",
        "Turnover of the spot markets in the index.",
        "Chosen: derivatives are most of the turnover in crypto; no figure for this pair.",
    ),
    Prior(
        "permanent_share",
        "beta",
        10.0,
        5.0,
        "share of peak impact",
        "What is left of an order's impact when it ends.",
        "Two thirds of the peak on the same day, a third after 50 days, US stocks (Bucci et al. "
        "2018, arXiv 1901.05332); less for uninformed orders on bitcoin (Donier & Bonart, arXiv "
        "1412.4503).",
        high=0.9,
    ),
    Prior(
        "half_spread",
        "lognormal",
        0.00005,
        0.7,
        "share of price",
        "Half the spread paid on spot and perpetual.",
        "Chosen: a tick to a few basis points in large pairs.",
    ),
    Prior(
        "spot_fee",
        "lognormal",
        0.0005,
        0.5,
        "share of notional",
        "Taker fee on spot.",
        "Chosen: 2 to 10 basis points by volume tier.",
    ),
)


@dataclass(frozen=True)
class Attack:
    """What is assumed of whoever pushes; a scenario for judging exposure.

    Attributes
    ----------
    hours : float
        Duration of the push, and again of its unwinding.
    periods : int
        Periods of the schedule.
    urgency : float
        ``κ T`` of the schedule of Almgren & Chriss; 3 is that of their example.
    leverage : float
        Notional over margin of the derivative position, or as much as the venue allows at its size.
    participation : float
        Share of the forced flow that its exit can take.
    index_weight : float
        Weight in the index of the venues pushed, which is also their share of spot volume; 1 pushes
        all of them alike.
    outlier_band : float
        Deviation from the other venues at which an index drops a venue (Binance: 5 % from the
        median, Price Index of USDⓈ-M Futures, 2020).

    Raises
    ------
    InputError
        On a value out of range.
    """

    hours: float = 1.0
    periods: int = 12
    urgency: float = 3.0
    leverage: float = 10.0
    participation: float = 0.25
    index_weight: float = 1.0
    outlier_band: float = 0.05

    def __post_init__(self) -> None:
        for name in ("hours", "urgency", "outlier_band"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise InputError(f"{name} is {value}; use a positive number.")
        if self.periods < 2:
            raise InputError(f"periods is {self.periods}; use at least 2.")
        if not (np.isfinite(self.leverage) and self.leverage >= 1):
            raise InputError(f"leverage is {self.leverage}; use 1 or more.")
        for name in ("participation", "index_weight"):
            value = getattr(self, name)
            if not 0 < value <= 1:
                raise InputError(f"{name} is {value}; use a share above 0 up to 1.")


@dataclass(frozen=True)
class SpotPush:
    """The spot leg under every draw of the priors; arrays of shape (scenario,).

    Attributes
    ----------
    notional : ndarray
        What must be traded, quote currency.
    cost : ndarray
        Expected cost of push and unwinding, quote currency: spread, fees and temporary impact of
        both. Linear permanent impact returns in the unwinding, as it must where a round trip shall
        not earn (Huberman & Stanzl 2004, doi 10.1111/j.1468-0262.2004.00531.x).
    loading : (float, float, float)
        Of the price's noise: what multiplies the shock of the push, its independent part, and that
        of the unwinding.
    deviation : ndarray
        Standard deviation of what the price's noise does to the leg, quote currency.
    """

    notional: FloatArray
    cost: FloatArray
    loading: tuple[float, float, float]
    deviation: FloatArray


def spot_push(
    distance: float,
    attack: Attack,
    drawn: dict[str, FloatArray],
    volatility: float,
    volume: float,
    *,
    naive: bool = False,
) -> SpotPush:
    """What it takes to move the index by a log distance and let it go again.

    The venues pushed have to move by ``distance / index_weight``. The square-root law gives the
    quantity; over the hours of the push its secant gives the linear impact of Almgren & Chriss:
    the permanent share is permanent, the rest temporary at an even pace. The schedule is optimal
    for closing a position; building one with the same risk is the same problem with time reversed,
    so the push runs along it backwards and the unwinding forwards.

    Parameters
    ----------
    distance : float
        Log distance of the target.
    attack : Attack
    drawn : dict of str to ndarray
        Draws of the priors of impact and spot.
    volatility, volume : float
        Of the perpetual, a day.
    naive : bool
        Trade evenly instead of by the optimal schedule.

    Raises
    ------
    InputError
        If the periods are too few for the permanent share (see `Execution`).
    """
    needed = distance / attack.index_weight
    own_volume = drawn["spot_volume"] * volume * attack.index_weight
    notional = own_volume * (needed / (drawn["impact_coefficient"] * volatility)) ** (
        1.0 / drawn["impact_exponent"]
    )
    left = remaining_share(0.0 if naive else attack.urgency, attack.periods)
    traded = -np.diff(left)
    permanent = drawn["permanent_share"]
    # η - γτ/2 over τ with η = (1 - φ) D T / Q and γ = φ D / Q, per unit of Q
    tempered = needed * ((1.0 - permanent) * attack.periods - 0.5 * permanent)
    if not (tempered > 0).all():
        raise InputError(
            f"with {attack.periods} periods a permanent share of {permanent.max():.3g} leaves no "
            "optimal schedule; use more periods."
        )
    temporary = tempered * float((traded**2).sum())
    cost = 2.0 * notional * (temporary + drawn["half_spread"] + drawn["spot_fee"])
    # the position held is at risk: it grows along the schedule backwards and is unwound along it
    held = 0.5 * (left[1:] + left[:-1])
    mean, square = float(held.mean()), float((held**2).mean())
    loading = (mean, float(np.sqrt(max(square - mean**2, 0.0))), float(np.sqrt(square)))
    deviation = notional * volatility * np.sqrt(attack.hours / 24.0 * 2.0 * square)
    return SpotPush(notional, cost, loading, deviation)


def worst_excursion(end: FloatArray, deviation: float, uniform: FloatArray) -> FloatArray:
    """Largest value on the way of a Brownian bridge from 0 to ``end``.

    ``(e + (e² - 2 v log U)^0.5) / 2`` with variance ``v`` (Glasserman 2003, section 6.4,
    doi 10.1007/978-0-387-21617-1).
    """
    return np.asarray(0.5 * (end + np.sqrt(end**2 - 2.0 * deviation**2 * np.log(uniform))))
