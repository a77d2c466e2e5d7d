"""What was liquidated in a bar, given what was reported of it."""

import numpy as np
from numpy.typing import NDArray

from liqbayes.model.data import SIDES
from liqbayes.model.evaluate import Evaluator

FloatArray = NDArray[np.float64]


def beyond_map(evaluator: Evaluator, p: FloatArray) -> FloatArray:
    """Liquidations expected where the map has no level, in the panel's unit, shape (time,).

    What a feed reports without a level (``feed_floor_per_hour``) over the reported share: the part
    of each side that is liquidated beside the map. Zero without a feed.
    """
    data = evaluator.data
    if not data.feeds:
        return np.zeros(data.n_bars)
    floor = evaluator.value(p, "feed_floor_per_hour") * data.bar_hours
    return np.asarray(floor / evaluator.value(p, "reported_share") * data.common_before())


def given_reports(
    evaluator: Evaluator, p: FloatArray, expected: FloatArray, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], FloatArray]:
    """Draw the liquidations of bars whose report is known.

    The feed's law (``channels.liquidation_feed``) read backwards: orders are Poisson around a
    lump ``G ~ Gamma(h, h)`` times their expected number ``N``, of which ``k`` parts in one pass
    the throttle and are reported, so that given ``n`` reported orders against an expected ``m``
    (the floor's among them) ``G ~ Gamma(h + n, h + m)``, and what was not reported is
    ``Poisson(N (1 - k) G)`` orders (Poisson-gamma conjugacy). ``n`` itself is the report over the
    order size, freed of its error and of the slow residual by the normal model of its logarithm.
    What is reported has been liquidated, whether the map has levels for it or not (the floor); for
    each report of the floor as many are left out as of the map's where nothing is throttled.

    Parameters
    ----------
    evaluator : Evaluator
    p : ndarray, shape (parameter,)
    expected : ndarray, shape (2, time)
        Expected liquidation of longs and shorts, in the panel's unit.
    rng : numpy.random.Generator

    Returns
    -------
    known : ndarray of bool, shape (2, time)
        Modelled bars with a report, zero included, scored or not.
    liquidated : ndarray, shape (2, time)
        In the panel's unit: what was reported, and what was not. At most the open interest before
        the bar.
    """
    data = evaluator.data
    before = data.common_before()
    location, scale, _, _, counted, slow = evaluator.report_parts(p, expected)
    kappa, size = (evaluator.value(p, name) for name in ("reported_share", "feed_order_size"))
    noise = evaluator.value(p, "feed_noise")
    floor = evaluator.value(p, "feed_floor_per_hour") * data.bar_hours
    share = expected / before
    known = np.stack([data.feeds[side].known for side in SIDES])
    reported = np.stack([data.feeds[side].reported for side in SIDES]) / before
    some = known & (reported > 0)

    orders = np.maximum(share / size, 1e-300)
    passing = kappa * counted
    mean_reports = passing + floor / size
    positions = [evaluator.value(p, "liquidated_positions", side) for side in SIDES]
    lumps = np.maximum(np.array(positions)[:, None] * (share + floor), 1e-12)

    log_reported = np.log(np.where(some, reported, 1.0))
    # bars outside every segment carry a placeholder for their scale
    by_orders = np.maximum(scale**2 - noise**2, 0.0) / scale**2
    middle = location - slow + by_orders * (log_reported - location)
    error = noise * np.sqrt(by_orders) * rng.standard_normal(expected.shape)
    seen = np.where(some, np.exp(np.minimum(middle + error, 0.0)) / size, 0.0)

    factor = rng.standard_gamma(lumps + seen) / (lumps + mean_reports)
    unseen = np.maximum(orders - passing, 0.0) + floor / size * (1.0 - kappa) / kappa
    missed = rng.poisson(np.minimum(unseen * factor, 1e15))
    liquidated = (np.where(some, reported, 0.0) + size * missed) * before
    return known, np.minimum(liquidated, before)
