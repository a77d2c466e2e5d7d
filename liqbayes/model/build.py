"""From a specification and a panel to a ``pymc.Model``."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt

from liqbayes.model.channels.liquidation_feed import feed_parameters, observe_feed
from liqbayes.model.channels.open_interest import (
    change_unit,
    observe_open_interest,
    open_interest_parameters,
    step_location_scale,
)
from liqbayes.model.data import SIDES, Leg, ModelData, prepare
from liqbayes.model.leverage import KNOTS, cell_shares
from liqbayes.model.ops import cohort_recursion
from liqbayes.model.scale import data_axis_rotation
from liqbayes.model.spec import ModelSpec
from liqbayes.panel import MarketPanel


@dataclass(frozen=True)
class Scale:
    """Parameters that set the level of liquidations."""

    holding_hazard: Any
    high_leverage_logit: Any
    kappa: Any | None


def build_model(
    spec: ModelSpec, panel: MarketPanel, *, history: MarketPanel | None = None
) -> pm.Model:
    """Build the PyMC model of a panel; nothing is sampled and nothing is changed.

    Parameters
    ----------
    spec : ModelSpec
    panel : MarketPanel
    history : MarketPanel, optional
        Earlier bars that build the book but are not scored.

    Returns
    -------
    pymc.Model
        With named dims ``time``, ``side``, ``leg``, ``cell``, ``block``, ``covariate``.

    Raises
    ------
    SpecError, InputError
        See ``prepare``.
    """
    return build_from_data(spec, prepare(spec, panel, history))


def build_from_data(spec: ModelSpec, data: ModelData) -> pm.Model:
    """Build the model from prepared data."""
    with pm.Model(coords=_coords(spec, data)) as model:
        scale = _scale_parameters(spec, with_feed=bool(data.feeds))
        shares = _leverage_shares(spec, data, scale.high_leverage_logit)
        renewal = spec.prior("renewal_hazard_per_day").variable() * data.bar_hours / 24.0
        closed = spec.prior("touch_to_close_share").variable()
        hazard = scale.holding_hazard * data.bar_hours / 24.0
        spec.prior("effective_positions").variable(dims="side")
        oi = open_interest_parameters(spec, len(data.legs))
        unit = change_unit(data.bar_hours)
        expected_common = {side: 0.0 for side in SIDES}
        for i, leg in enumerate(data.legs):
            interest = pm.Data(f"interest_{leg.name}", leg.interest, dims="time")
            before = pt.concatenate([interest[:1], interest[:-1]])
            turnover = np.maximum(leg.volume, 0.0) / before
            flow = 2.0 * hazard / leg.mean_ratio * turnover
            predicted = 0.0
            for j, side in enumerate(SIDES):
                expected_side, predicted_side, _, _ = cohort_recursion(
                    flow, shares[j][None], closed, renewal, *_one_class(),
                    interest, *_constants(leg, data, side),
                )
                predicted = predicted + predicted_side
                expected_common[side] = expected_common[side] + expected_side * leg.to_common
            relative = pt.maximum(turnover / leg.mean_ratio, 1e-3)
            location, spread = step_location_scale(
                oi, i, unit, data.covariates, relative, predicted / before
            )
            observe_open_interest(data, i, location, spread)
        if data.feeds:
            before_common = np.roll(data.common_interest(), 1)
            feed = feed_parameters(spec, scale.kappa, data.bar_hours)
            observe_feed(
                data, feed, {s: v / before_common for s, v in expected_common.items()}
            )
    return model


def _coords(spec: ModelSpec, data: ModelData) -> dict[str, Any]:
    coords: dict[str, Any] = {
        "time": np.arange(data.n_bars),
        "side": list(SIDES),
        "leg": [leg.name for leg in data.legs],
        "cell": np.arange(data.cells.n_cells),
        "block": np.arange(data.block_funding.size),
        "covariate": ["return", "absolute_return", "log_range"],
        "threshold": [round(float(k), 2) for k in KNOTS],
        "tail": [round(float(k), 2) for k in KNOTS[1:]],
        "basis": np.arange(spec.deviation_terms),
    }
    for leg in data.legs:
        coords[f"term_{leg.name}"] = leg.term_to
    for side, feed in data.feeds.items():
        coords[f"report_bar_{side}"] = feed.bars
    return coords


def _scale_parameters(spec: ModelSpec, *, with_feed: bool) -> Scale:
    """Holding hazard, high-leverage weight and, with a feed, the reported share."""
    names = ["holding_hazard_per_day", "high_leverage_logit"]
    if with_feed:
        names.append("reported_share_logit")
    location, sd = (
        np.array(v, float)
        for v in zip(*(spec.prior(n).location_scale() for n in names), strict=True)
    )
    rotation = data_axis_rotation(sd) if with_feed else np.eye(len(names))
    z = pm.Normal("scale_raw", 0.0, 1.0, shape=len(names))
    theta = location + pt.dot(sd[:, None] * rotation, z)
    hazard = pm.Deterministic("holding_hazard_per_day", pt.exp(theta[0]))
    logit = pm.Deterministic("high_leverage_logit", theta[1])
    kappa = pm.Deterministic("reported_share", pt.sigmoid(theta[2])) if with_feed else None
    return Scale(hazard, logit, kappa)


def _leverage_shares(spec: ModelSpec, data: ModelData, high_leverage: Any) -> list[Any]:
    """Cell shares at opening, one (block, cell) tensor a side."""
    base = spec.prior("no_level_logit").variable(dims="side")
    # P(>= 3 | >= 1.05), P(>= 8 | >= 3), P(>= 50 | >= 20); P(>= 20 | >= 8) is the scale parameter
    inner = spec.prior("tail_logit").variable(name="tail_logit")
    tilt = spec.prior("side_tilt").variable(dims="tail")
    spread = spec.prior("deviation_scale").variable()
    raw = pm.Normal("deviation_raw", 0.0, 1.0, dims="basis")
    deviation = pt.dot(data.cells.basis(spec.deviation_terms), spread * raw)
    common = pt.stack([inner[0], inner[1], high_leverage, inner[2]])
    n_blocks = data.block_funding.size
    by_funding: Any = np.zeros(n_blocks)
    if n_blocks > 1:
        by_funding = spec.prior("funding_tilt").variable() * data.block_funding
    out = []
    for j, sign in enumerate((1.0, -1.0)):
        tail = common + 0.5 * sign * tilt
        rows = pt.stack([pt.concatenate([base[j : j + 1], tail])] * n_blocks)
        # funding moves the weight above 8x and 20x, in opposite directions on the two sides
        direction = np.array([0.0, 0.0, 1.0, 1.0, 0.0])
        logits = rows + sign * by_funding[:, None] * direction
        out.append(cell_shares(data.cells, logits, deviation, pt))
    pm.Deterministic("leverage_share", pt.stack(out), dims=("side", "block", "cell"))
    return out


def _one_class() -> tuple[Any, Any, Any]:
    """Class shares of openings, relative hazards and class shares of the first book."""
    one = np.ones(1)
    return one, one, one


def _constants(leg: Leg, data: ModelData, side: str) -> list[Any]:
    """Touch arrays as shared variables, so that no array is baked into compiled code."""
    names = ("swept", "n_swept", "pointer", "cohort", "slot", "open_weight", "moved_weight")
    arrays = [("start", data.start), ("block", data.block)]
    arrays += list(zip(names, leg.layouts[side].arrays(), strict=True))
    return [pytensor.shared(a, name=f"{n}_{leg.name}_{side}") for n, a in arrays]
