"""Arguments of the engine's kernels for one model and one data set.

Graph, simulation and outputs take them from here, so that they cannot drift apart.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from liqbayes.errors import SpecError
from liqbayes.model.data import SIDES, USUAL_TURNOVER_PER_DAY, Leg, ModelData
from liqbayes.model.priors import ParameterLayout
from liqbayes.model.spec import ModelSpec

# Prior scale of an hourly log change of open interest (Binance BTC, ETH and SOL perpetuals,
# June-July 2024: 0.2-1.3 % by volume quintile).
HOURLY_CHANGE = 0.004
# Of that change's Student t law; fixed, because degrees of freedom trade off against its scale.
DEGREES_OF_FREEDOM = 4.0

BOOK = ("opening_share_of_volume", "renewal_hazard_per_day", "touch_to_close_share")
SHARES = ("no_level_logit", "tail_logit", "high_leverage_logit", "side_tilt", "deviation")
FEED = (
    "reported_share",
    "feed_order_size",
    "feed_busy_share",
    "feed_floor_per_hour",
    "feed_noise",
    "liquidated_positions",
    "feed_memory_hours",
    "feed_gain",
)
INTEREST = (
    "counterparty_closing_share",
    "oi_drift",
    "oi_scale",
    "oi_volume_exponent",
    "oi_response",
)
HOLDING = ("fast_share", "speed_ratio", "rest_book_share", "rest_speed")
# how slow holders, churners and the long-lived rest lean to high leverage, in class tilts
LEAN = (0.0, 1.0, -1.0)
WALK = ("mix_walk_scale", "mix_step")
TURNOVER_WALK = ("turnover_walk_scale", "turnover_step")
# parameters that only act as a product once there is a feed
PRODUCT = ("opening_share_of_volume", "high_leverage_logit", "forced_share", "reported_share")


def parameter_layout(spec: ModelSpec, data: ModelData) -> ParameterLayout:
    """Parameters that the model has for these data, in a fixed order.

    Raises
    ------
    SpecError
        If the specification is a rule, which has none.
    """
    if spec.rule is not None:
        raise SpecError(
            f"{spec.name} is a rule with a fixed mix of leverage: it has no parameters that could "
            "be sampled, drawn or calibrated. Use liqbayes.fit and the outputs."
        )
    names = [
        *BOOK,
        "forced_share",
        *SHARES,
        "effective_positions",
        "liquidated_positions",
        *INTEREST,
    ]
    if spec.holding_classes > 1:
        names += (*HOLDING, "class_tilt")
    repeated = {
        "mix_step": ("step", int(data.block_week.max())),
        "turnover_step": ("turnover_walk", data.n_turnover_steps),
    }
    if repeated["mix_step"][1]:
        names += WALK
    if repeated["turnover_step"][1]:
        names += TURNOVER_WALK
    if data.block_capped.any():
        names.append("cap_effect")
    if data.proxy_volume:
        names.append("volume_scale")
    if np.unique(data.block_funding).size > 1:
        names.append("funding_tilt")
    if data.feeds:
        names += [n for n in FEED if n not in names]
    priors = tuple(
        spec.prior(n).repeated(*repeated[n]) if n in repeated else spec.prior(n) for n in names
    )
    return ParameterLayout.of(
        priors, PRODUCT if data.feeds else (), spec.correlated, spec.correlation
    )


def natural_inputs(layout: ParameterLayout) -> tuple[Any, ...]:
    """Arguments of ``engine.parameters.natural`` after ``z``."""
    return layout.location, layout.matrix, layout.kind


def share_inputs(layout: ParameterLayout, data: ModelData) -> tuple[Any, ...]:
    """Arguments of ``engine.shares.cell_shares`` after ``p``."""
    tail = [
        layout.index("tail_logit", "3"),
        layout.index("tail_logit", "8"),
        layout.index("high_leverage_logit"),
        layout.index("tail_logit", "50"),
    ]
    tilt = layout.index("funding_tilt") if layout.has("funding_tilt") else -1
    where = np.concatenate(
        [
            layout.where("no_level_logit"),
            tail,
            layout.where("side_tilt"),
            [tilt],
            layout.where("deviation"),
        ]
    ).astype(np.int64)
    weight, factor = data.cells.tail_matrix()
    n_terms = layout.where("deviation").size
    return (
        where,
        weight,
        factor,
        data.cells.low_fraction(),
        data.cells.is_high(),
        data.cells.basis(n_terms),
        data.block_funding,
        walk_where(layout, WALK),
        data.block_week,
        layout.index("class_tilt") if layout.has("class_tilt") else -1,
        np.array(LEAN if layout.has("class_tilt") else (0.0,)),
        layout.index("cap_effect") if layout.has("cap_effect") else -1,
        data.block_capped,
    )


def walk_where(layout: ParameterLayout, names: tuple[str, str]) -> NDArray[np.int64]:
    """Indices for ``engine.steps.walked`` of a random walk's scale and steps."""
    return layout.where(*names) if layout.has(names[0]) else np.zeros(0, np.int64)


def class_where(layout: ParameterLayout) -> NDArray[np.int64]:
    """Indices for ``engine.classes.holding_classes``."""
    if not layout.has("fast_share"):
        return np.full(len(HOLDING), -1, np.int64)
    return layout.where(*HOLDING)


def book_inputs(layout: ParameterLayout, data: ModelData, leg: Leg) -> tuple[Any, ...]:
    """Arguments of ``engine.book.book`` after ``p`` and ``shares``."""
    scale = layout.index("volume_scale") if layout.has("volume_scale") else -1
    return (
        np.append(layout.where(*BOOK), scale),
        class_where(layout),
        data.bar_hours / 24.0,
        leg.turnover,
        leg.interest,
        data.start,
        data.block,
        walk_where(layout, TURNOVER_WALK),
        data.turnover_step,
        *(array for side in SIDES for array in leg.touches[side].arrays),
    )


def interest_inputs(layout: ParameterLayout, data: ModelData, leg: Leg) -> tuple[Any, ...]:
    """Arguments of ``engine.interest.interest_moments`` after the predicted liquidations."""
    usual = USUAL_TURNOVER_PER_DAY * data.bar_hours / 24.0
    return (
        layout.where(*INTEREST),
        HOURLY_CHANGE * float(np.sqrt(data.bar_hours)),
        data.covariates,
        # a fixed reference: with the panel's own mean a bar's prior would depend on all bars
        np.log(np.maximum(leg.turnover / usual, 1e-3)),
        leg.before,
        leg.term_from + 1,
        leg.term_to,
    )


def report_inputs(layout: ParameterLayout, data: ModelData) -> tuple[Any, ...]:
    """Arguments of ``engine.reports.report_moments`` after ``p`` and ``expected``."""
    where = [
        [layout.index(n, side if n == "liquidated_positions" else None) for n in FEED]
        for side in SIDES
    ]
    before = data.common_before()
    with np.errstate(divide="ignore"):
        log_past = np.log(np.stack([data.feeds[side].reported for side in SIDES]) / before)
    return np.array(where, np.int64), data.bar_hours, before, data.capacity, log_past, data.start
