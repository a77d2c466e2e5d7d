"""What was liquidated in a bar, given what was reported of it."""

import numpy as np
from numpy.typing import NDArray

from liqbayes.model.data import SIDES
from liqbayes.model.evaluate import Evaluator

FloatArray = NDArray[np.float64]
# Residuals of logs beyond this are outside every feed; their exponentials would overflow.
_LARGEST_LOG = 20.0


def given_reports(
    evaluator: Evaluator, p: FloatArray, expected: FloatArray, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], FloatArray]:
    """Draw the liquidations of bars whose report is known.

    The feed's law (``channels.liquidation_feed``) read backwards, with its error and slow residual
    as what the map gets wrong about the bar: what is reported has been liquidated. Orders are
    Poisson around a factor ``G ~ Gamma(h', h')`` times their expected number, of which ``k`` parts
    in one pass the throttle and are reported, so that given ``n`` reported orders against an
    expected ``m`` ``G ~ Gamma(h' + n, h' + m)``, and what was not reported is Poisson with mean
    ``u G`` (Poisson-gamma conjugacy). The shape holds lumps and error, ``1 / h' = (1 + 1 / h)
    exp(s^2) - 1``. Expected orders of a side have a common factor ``A``, by the same conjugacy over
    all bars, so that their sum is that of the reports. The floor's reports are liquidations at
    levels that the map has not; as many are left out of the feed for each of them as of the map's
    where nothing is throttled.

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
        Bars with a report, zero included.
    liquidated : ndarray, shape (2, time)
        In the panel's unit: what was reported, and what was not. At most the open interest before
        the bar.
    """
    data = evaluator.data
    before = data.common_before()
    *_, counted, slow = evaluator.report_parts(p, expected)
    kappa, size = (evaluator.value(p, name) for name in ("reported_share", "feed_order_size"))
    noise = evaluator.value(p, "feed_noise")
    floor = evaluator.value(p, "feed_floor_per_hour") * data.bar_hours
    share = expected / before
    known = np.zeros(expected.shape, bool)
    for j, side in enumerate(SIDES):
        known[j, data.feeds[side].bars] = True
    reported = np.where(known, np.stack([data.feeds[side].reported for side in SIDES]), 0.0)
    reported = reported / before

    level = np.exp(np.clip(slow, -_LARGEST_LOG, _LARGEST_LOG))
    passing = kappa * counted
    of_map = np.maximum(share / size - passing, 0.0)
    off_map = floor / size
    expected_reports = (passing + off_map) * level
    expected_missed = (of_map + off_map * (1.0 - kappa) / kappa) * level

    positions = [evaluator.value(p, "liquidated_positions", side) for side in SIDES]
    lumps = np.maximum(np.array(positions)[:, None] * (share + floor), 1e-12)
    shape = 1.0 / np.expm1(np.log1p(1.0 / lumps) + noise**2)
    orders = reported / size
    # the error has median one, so sums of reports may lie above those of the expected ones
    summed = [np.where(known, x, 0.0).sum(axis=1) for x in (orders, expected_reports)]
    common = (rng.standard_gamma(1.0 + summed[0]) / (1.0 + summed[1]))[:, None]
    factor = common * rng.standard_gamma(shape + orders) / (shape + common * expected_reports)
    missed = rng.poisson(np.minimum(expected_missed * factor, 1e15))
    return known, np.minimum((reported + size * missed) * before, before)
