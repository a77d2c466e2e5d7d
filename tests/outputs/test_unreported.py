"""What was not reported, drawn given what was: against the feed's own law."""

from types import SimpleNamespace

import numpy as np
import pytest

from liqbayes.engine.reports import report_moments
from liqbayes.outputs.unreported import given_reports

BARS = 4000
NAMES = (
    "reported_share",
    "feed_order_size",
    "feed_busy_share",
    "feed_floor_per_hour",
    "feed_noise",
    "liquidated_positions",
    "feed_memory_hours",
    "feed_gain",
)


def a_feed(kappa, size, positions, share, *, noise=1e-4, floor=1e-12, capacity=np.inf, seed=1):
    """Liquidations and reports of both sides drawn from the law, and an evaluator that knows it."""
    rng = np.random.default_rng(seed)
    p = np.array([kappa, size, 0.5, floor, noise, positions, 48.0, 1e-9])
    expected = np.full((2, BARS), share)
    start = np.zeros(BARS, np.int64)
    before = np.ones(BARS)
    parts = report_moments(
        p,
        expected,
        np.tile(np.arange(8), (2, 1)),
        1.0,
        before,
        np.full(BARS, capacity),
        np.full((2, BARS), -np.inf),
        start,
    )
    # as many are missed of what is off the map as where nothing is throttled
    off_map = floor / size
    h = positions * (share + floor)
    passing = kappa * parts[4]
    lump = rng.standard_gamma(h, expected.shape) / h
    seen = rng.poisson((passing + off_map) * lump)
    missed = rng.poisson((share / size - passing + off_map * (1 - kappa) / kappa) * lump)
    true = size * (seen + missed)
    reported = size * seen * np.exp(noise * rng.standard_normal(seen.shape))
    evaluator = SimpleNamespace(
        value=lambda p, name, side=None: p[NAMES.index(name)],
        report_parts=lambda p, expected: parts,
        data=SimpleNamespace(
            common_before=lambda: before,
            bar_hours=1.0,
            feeds={
                side: SimpleNamespace(known=np.ones(BARS, bool), reported=reported[j])
                for j, side in enumerate(("long", "short"))
            },
        ),
    )
    return evaluator, p, expected, true, reported


@pytest.mark.parametrize(
    ("kappa", "size", "positions", "share", "more"),
    [
        (0.2, 4e-4, 3000.0, 1e-4, {}),
        (0.2, 1e-6, 3000.0, 1e-3, {}),
        (0.9, 1e-6, 50.0, 1e-3, {}),
        (0.05, 1e-5, 500.0, 1e-3, {}),
        (1.0, 1e-6, 1e5, 1e-3, {"capacity": 900.0}),
        (0.1, 1e-6, 3000.0, 1e-4, {"floor": 1e-4}),
    ],
)
def test_draws_given_reports_rank_the_truth_uniformly(kappa, size, positions, share, more):
    evaluator, p, expected, true, _ = a_feed(kappa, size, positions, share, **more)
    rng = np.random.default_rng(2)
    draws = np.stack([given_reports(evaluator, p, expected, rng)[1] for _ in range(99)])
    # whole orders tie: half of a tie counts as below
    tolerance = 1e-3 * true
    below = (draws < true - tolerance).sum(axis=0)
    tied = (np.abs(draws - true) <= tolerance).sum(axis=0)
    rank = (below + 0.5 * tied + 0.5) / 100.0
    assert rank.mean() == pytest.approx(0.5, abs=0.02)
    total = draws.sum(axis=2)
    assert total.mean(axis=0) == pytest.approx(true.sum(axis=1), rel=0.1)
    inside = np.abs(rank - 0.5) <= 0.45
    assert inside.mean() == pytest.approx(0.9, abs=0.1)


def test_nothing_is_added_to_a_complete_feed():
    evaluator, p, expected, true, reported = a_feed(1.0, 1e-6, 500.0, 1e-3)
    known, given = given_reports(evaluator, p, expected, np.random.default_rng(3))
    assert known.all()
    np.testing.assert_allclose(given, reported, rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(given, true, rtol=1e-2, atol=1e-12)


@pytest.mark.parametrize("floor", [1e-12, 1e-3])
def test_liquidations_are_not_less_than_what_was_reported(floor):
    evaluator, p, expected, _, reported = a_feed(0.3, 1e-5, 50.0, 1e-3, noise=0.7, floor=floor)
    _, given = given_reports(evaluator, p, expected, np.random.default_rng(4))
    assert (given >= reported * (1 - 1e-12)).all()
    assert (given[reported > 0] > 0).all()


def test_bars_without_a_report_are_left_out():
    evaluator, p, expected, *_ = a_feed(0.3, 1e-5, 50.0, 1e-3)
    evaluator.data.feeds["short"].known = np.arange(BARS) < 10
    known, _ = given_reports(evaluator, p, expected, np.random.default_rng(5))
    assert known[0].all()
    np.testing.assert_array_equal(np.flatnonzero(known[1]), np.arange(10))
