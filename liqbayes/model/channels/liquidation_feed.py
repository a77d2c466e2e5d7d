"""Liquidation feed: throttled, lumpy, with zeros and a slowly varying residual.

The map's expected liquidation ``L`` becomes orders ``N = L / q``; a throttled venue can report at
most ``S = b x capacity`` of them, ``c = S (1 - exp(-N / S))``, of which a share ``kappa`` arrives,
and a floor ``c0`` that never multiplies ``kappa`` (else the floor would identify it). Positions
near liquidation are lumps, ``M`` effective ones a side, so the orders of a bar are negative
binomial with shape ``h = M (L / OI + q c0)``; reports follow its zero probability and its first
two moments given a report, with an error ``s`` of their own::

    n = kappa c + c0                      P(R = 0) = (1 + n / h)^(-h)
    log R | R > 0 ~ Normal(m + e, s^2 + w)
    w = log[(1 + 1 / h + 1 / n) (1 - P0)]     m = log(q n) - log(1 - P0) - w / 2

``e`` is the slow residual predicted from earlier bars (``engine.residual``).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from liqbayes.model.data import SIDES, ModelData
from liqbayes.model.ops import slow_residual
from liqbayes.model.spec import ModelSpec


@dataclass(frozen=True)
class FeedParameters:
    """Random variables of the channel; ``kappa`` comes with the rotated scale parameters."""

    kappa: Any
    order_size: Any
    busy_share: Any
    floor: Any
    noise: Any
    positions: Any
    memory: Any
    gain: Any


def feed_parameters(spec: ModelSpec, kappa: Any, bar_hours: float) -> FeedParameters:
    """Create the channel's random variables.

    ``order_size`` and ``floor`` are shares of open interest and orders a bar; the memory of the
    slow residual is given in hours.
    """
    hours = spec.prior("feed_memory_hours").variable()
    return FeedParameters(
        kappa=kappa,
        order_size=spec.prior("feed_order_size").variable(),
        busy_share=spec.prior("feed_busy_share").variable(),
        floor=spec.prior("feed_floor_per_hour").variable() * bar_hours,
        noise=spec.prior("feed_noise").variable(),
        positions=spec.prior("liquidated_positions").variable(dims="side"),
        memory=pt.exp(-bar_hours / hours),
        gain=spec.prior("feed_gain").variable(),
    )


def expected_report(
    p: FeedParameters, side: int, share: Any, capacity: Any, xp: Any = pt
) -> tuple[Any, Any, Any, Any]:
    """Moments of each bar's report; arrays or graph alike.

    Parameters
    ----------
    share : (time,)
        Expected liquidation over open interest.
    capacity : (time,)
        Most orders that could be reported, infinite where unthrottled.

    Returns
    -------
    log_zero, log_median, variance, lumps : (time,)
        ``log P0``, ``m``, ``w`` and ``h`` of the module's formulas; ``m`` and ``w`` are of the
        report as a share of open interest.
    """
    orders = share / p.order_size
    throttled = np.isfinite(capacity)
    if throttled.any():
        limit = p.busy_share * np.where(throttled, capacity, 1.0)
        counted = -limit * xp.expm1(-orders / limit)
        if not throttled.all():
            counted = xp.where(throttled, counted, orders)
    else:
        counted = orders
    reported = p.kappa * counted + p.floor
    lumps = p.positions[side] * (share + p.order_size * p.floor)
    log_zero = -lumps * xp.log1p(reported / lumps)
    log_some = xp.log(-xp.expm1(log_zero))
    variance = xp.log1p(1.0 / lumps + 1.0 / reported) + log_some
    log_median = xp.log(p.order_size * reported) - log_some - 0.5 * variance
    return log_zero, log_median, variance, lumps


def observe_feed(data: ModelData, p: FeedParameters, shares: dict[str, Any]) -> None:
    """Score the reports of both sides.

    Parameters
    ----------
    shares : mapping of side to (time,) tensor
        Expected liquidation over open interest before the bar.
    """
    before = np.roll(data.common_interest(), 1)
    for i, side in enumerate(SIDES):
        feed = data.feeds[side]
        bars = feed.bars
        past = pm.Data(f"past_report_{side}", feed.reported / before, dims="time")
        observed = pm.Data(
            f"report_share_{side}", (feed.reported / before)[bars], dims=f"report_bar_{side}"
        )
        log_zero, log_median, variance, _ = expected_report(p, i, shares[side], data.capacity)
        known = feed.known
        raw = pt.log(pt.where(known > 0, past, 1.0)) - pt.where(known > 0, log_median, 0.0)
        slow = slow_residual(raw, known, data.start, p.memory, p.gain)
        pm.CustomDist(
            f"report_{side}",
            (log_median + slow)[bars],
            pt.sqrt(p.noise**2 + variance)[bars],
            log_zero[bars],
            logp=_report_logp,
            random=_report_random,
            observed=observed,
            dims=f"report_bar_{side}",
        )


def _report_logp(value: Any, mu: Any, sigma: Any, log_zero: Any) -> Any:
    """Hurdle log-normal: log density of a share of open interest, mass at zero."""
    positive = pt.gt(value, 0.0)
    log_value = pt.log(pt.where(positive, value, 1.0))
    z = (log_value - mu) / sigma
    density = (
        pt.log(-pt.expm1(log_zero)) - 0.5 * z**2 - pt.log(sigma) - 0.5 * np.log(2 * np.pi)
        - log_value
    )
    return pt.where(positive, density, log_zero)


def _report_random(
    mu: Any, sigma: Any, log_zero: Any, rng: np.random.Generator | None = None, size: Any = None
) -> Any:
    """Draw reports as shares of open interest."""
    rng = np.random.default_rng() if rng is None else rng
    shape = np.broadcast_shapes(np.shape(mu), np.shape(sigma), np.shape(log_zero))
    shape = tuple(size) if size is not None else shape
    value = np.exp(rng.normal(mu, sigma, size=shape))
    return np.where(rng.random(shape) < -np.expm1(np.asarray(log_zero)), value, 0.0)
