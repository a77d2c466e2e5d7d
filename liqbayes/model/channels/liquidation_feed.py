"""Liquidation feed: throttled, lumpy, with zeros and a slowly varying residual.

Of what the map closes at its level a share is forced: ``L``. It becomes orders ``N = L / q``; a
throttled venue can report at most ``S = b x capacity`` of them, ``c = S (1 - exp(-N / S))``, of
which a share ``kappa`` arrives, and a floor ``c0`` that never multiplies ``kappa`` (else the floor
would identify it). Positions near liquidation are lumps, ``M`` effective ones a side, so the
orders of a bar are negative binomial with shape ``h = M (L / OI + c0)``; reports follow its zero
probability and its first two moments given a report, with an error ``s`` of their own::

    n = kappa c + c0 / q                  P(R = 0) = (1 + n / h)^(-h)
    log R | R > 0 ~ Normal(m + e, s^2 + w)
    w = log[(1 + 1 / h + 1 / n) (1 - P0)]     m = log(q n) - log(1 - P0) - w / 2

``e`` is the slow residual predicted from earlier bars (``engine.reports``): the share that a feed
reports drifts over hours and days, so hours are not independent facts about the level.
"""

from functools import partial
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from liqbayes.model.data import SIDES, ModelData
from liqbayes.model.inputs import report_inputs
from liqbayes.model.ops import Pack, call
from liqbayes.model.priors import ParameterLayout


def observe_reports(
    pack: Pack,
    layout: ParameterLayout,
    data: ModelData,
    p: Any,
    expected: Any,
    *,
    prefix: str = "",
    any_length: bool = False,
) -> None:
    """Score the reports of both sides as shares of the open interest before the bar."""
    location, scale, log_zero, *_ = call(
        pack, "report_moments", [p, expected], report_inputs(layout, data)
    )
    for j, side in enumerate(SIDES):
        feed = data.feeds[side]
        bars: Any = feed.bars
        dim = None if any_length else f"{prefix}report_bar_{side}"
        if dim is None:
            bars = pm.Data(f"{prefix}report_bars_{side}", feed.bars)
        else:
            pm.modelcontext(None).add_coord(dim, feed.bars)
        before = data.common_before()
        observed = pm.Data(
            f"{prefix}report_share_{side}", feed.reported[feed.bars] / before[feed.bars], dims=dim
        )
        pm.CustomDist(
            f"{prefix}report_{side}",
            location[j, bars],
            scale[j, bars],
            log_zero[j, bars],
            logp=partial(report_logp, weight=data.feed_weight),
            random=report_random,
            observed=observed,
            dims=dim,
        )


def report_logp(
    value: Any, location: Any, scale: Any, log_zero: Any, *, weight: float = 1.0
) -> Any:
    """Hurdle log-normal: density of a share of open interest, mass at zero."""
    positive = pt.gt(value, 0.0)
    log_value = pt.log(pt.where(positive, value, 1.0))
    z = (log_value - location) / scale
    density = (
        pt.log(-pt.expm1(log_zero))
        - 0.5 * z**2
        - pt.log(scale)
        - 0.5 * np.log(2 * np.pi)
        - log_value
    )
    return weight * pt.where(positive, density, log_zero)


def report_random(
    location: Any, scale: Any, log_zero: Any, rng: Any = None, size: Any = None
) -> Any:
    """Draw reports as shares of open interest."""
    rng = np.random.default_rng() if rng is None else rng
    shape = np.broadcast_shapes(np.shape(location), np.shape(scale), np.shape(log_zero))
    shape = tuple(size) if size is not None else shape
    value = np.exp(rng.normal(location, scale, size=shape))
    return np.where(rng.random(shape) < -np.expm1(np.asarray(log_zero)), value, 0.0)
