"""Open interest: its log change given price, volume and the liquidations predicted before it.

``log(OI_t / OI_{t-1}) ~ StudentT_4(alpha + beta'z_t - rho (L_long + L_short) / OI_{t-1},
sigma (V_t / OI_{t-1})^zeta)`` with ``z`` the return, its absolute value and the log range. A
one-step predictive (prequential) likelihood: location and scale use nothing of the bar's own open
interest, so no Jacobian is missing. With a weight below one that density is raised to it.
"""

from typing import Any

import numpy as np
import pymc as pm

from liqbayes.model.data import Leg, ModelData
from liqbayes.model.inputs import DEGREES_OF_FREEDOM, interest_inputs
from liqbayes.model.ops import Pack, call
from liqbayes.model.priors import ParameterLayout


def observe_open_interest(
    pack: Pack,
    layout: ParameterLayout,
    data: ModelData,
    leg: Leg,
    p: Any,
    predicted: Any,
    *,
    prefix: str = "",
    any_length: bool = False,
) -> None:
    """Score the changes of one leg; a gap contributes one term for the change across it."""
    # named dimensions fix a length
    dim = None if any_length else f"{prefix}change_{leg.name}"
    if dim is not None:
        pm.modelcontext(None).add_coord(dim, leg.term_to)
    location, scale = call(
        pack,
        "interest_moments",
        [p, predicted],
        interest_inputs(layout, data, leg),
    )
    change = np.log(leg.interest[leg.term_to] / leg.interest[leg.term_from])
    observed = pm.Data(f"{prefix}log_change_{leg.name}", change, dims=dim)
    change_of_leg = pm.StudentT(
        f"{prefix}open_interest_change_{leg.name}",
        nu=DEGREES_OF_FREEDOM,
        mu=location,
        sigma=scale,
        observed=observed,
        dims=dim,
    )
    if data.open_interest_weight < 1.0:
        # a term beside the distribution, so that predictive draws keep their law
        terms = pm.logp(change_of_leg, observed)
        pm.Potential(
            f"{prefix}open_interest_discount_{leg.name}",
            (data.open_interest_weight - 1.0) * terms.sum(),
        )
