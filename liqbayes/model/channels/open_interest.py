"""Open interest: its log change given price, volume and the liquidations predicted before it.

A one-step predictive (prequential) likelihood: location and scale use nothing of the bar's own
open interest, so no Jacobian is missing (design of the recursion, ``docs/explanation/engine.md``).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from liqbayes.model.data import ModelData
from liqbayes.model.spec import ModelSpec

# Student-t degrees of freedom; fixed, because they trade off against the scale.
DEGREES_OF_FREEDOM = 4.0
# Prior scale of an hourly log change of open interest (Binance BTC, ETH and SOL perpetuals,
# June-July 2024: 0.2-1.3 % by volume quintile).
HOURLY_SCALE = 0.004


@dataclass(frozen=True)
class OpenInterestParameters:
    """Random variables of the channel, with ``leg`` dims where the legs differ."""

    drift: Any
    response: Any
    scale: Any
    volume_exponent: Any
    counterparty_share: Any


def open_interest_parameters(spec: ModelSpec, n_legs: int) -> OpenInterestParameters:
    """Create the channel's random variables."""
    return OpenInterestParameters(
        drift=spec.prior("oi_drift").variable(dims="leg"),
        response=spec.prior("oi_response").variable(dims="covariate"),
        scale=spec.prior("oi_scale").variable(dims="leg"),
        volume_exponent=spec.prior("oi_volume_exponent").variable(),
        counterparty_share=spec.prior("counterparty_closing_share").variable(),
    )


def step_location_scale(
    p: OpenInterestParameters,
    leg: int,
    unit: float,
    covariates: Any,
    relative_volume: Any,
    predicted_share: Any,
    xp: Any = pt,
) -> tuple[Any, Any]:
    """Location and scale of each bar's log change; arrays or graph alike.

    Parameters
    ----------
    p : OpenInterestParameters
    leg : int
    unit : float
        Scale of a log change of one bar.
    covariates : (time, 3)
    relative_volume : (time,)
        Volume over open interest before the bar, relative to its mean.
    predicted_share : (time,)
        Predicted liquidations of both sides over the open interest before the bar.
    """
    location = (
        unit * (p.drift[leg] + xp.dot(covariates, p.response))
        - p.counterparty_share * predicted_share
    )
    scale = unit * p.scale[leg] * xp.exp(p.volume_exponent * xp.log(relative_volume))
    return location, scale


def change_unit(bar_hours: float) -> float:
    """Prior scale of one bar's log change: the hourly scale times the root of its length."""
    return float(HOURLY_SCALE * np.sqrt(bar_hours))


def observe_open_interest(
    data: ModelData, leg_index: int, location: Any, scale: Any
) -> None:
    """Score the changes of one leg; a gap contributes one term for the change across it.

    Inside a gap the steps' locations add and their squared scales add.
    """
    leg = data.legs[leg_index]
    begin, end = leg.term_from, leg.term_to
    if (end - begin == 1).all():
        mu, sigma = location[end], scale[end]
    else:
        total = pt.concatenate([pt.zeros(1), pt.cumsum(location)])
        variance = pt.concatenate([pt.zeros(1), pt.cumsum(scale**2)])
        mu = total[end + 1] - total[begin + 1]
        sigma = pt.sqrt(variance[end + 1] - variance[begin + 1])
    change = pm.Data(
        f"log_change_{leg.name}", np.log(leg.interest[end] / leg.interest[begin]),
        dims=f"term_{leg.name}",
    )
    pm.StudentT(
        f"open_interest_change_{leg.name}", nu=DEGREES_OF_FREEDOM, mu=mu, sigma=sigma,
        observed=change, dims=f"term_{leg.name}",
    )
