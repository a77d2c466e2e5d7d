"""Standing levels on a grid against the intervals of the slow book."""

import numpy as np
import pytest

from liqbayes.engine import heat
from liqbayes.engine.path import segment_volatility
from liqbayes.engine.recursion import LOG_KEPT, forward
from liqbayes.engine.standing import stand, standing_levels
from liqbayes.engine.touches import build_touches
from tests.engine import brute_force
from tests.engine.markets import BOOK, FAR, NEAR, random_market

GAPS = ((2, 30), (31, 70))


def binned(levels, edges):
    """Mass per column: below the grid, the bins, above the grid; mass without a level apart."""
    out, none = np.zeros(edges.size + 1), 0.0
    limits = np.r_[-np.inf, edges, np.inf]
    for bottom, top, mass in levels:
        if not np.isfinite(top):
            none += mass
            continue
        inside = np.clip(limits, bottom, top)
        out += mass * np.diff(inside) / (top - bottom)
    return out, none


def standing(market, at, edges, **kwargs):
    return standing_levels(
        market.path, market.side, NEAR, FAR, alive=market.touches.alive, book=BOOK,
        volatility=np.array([segment_volatility(market.path, *s) for s in market.path.segments]),
        n_nodes=market.n_nodes, at=at, edges=edges, **kwargs,
    )  # fmt: skip


@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("n_classes", [1, 2])
@pytest.mark.parametrize("at", [12, 50, 69])
def test_levels_equal_the_slow_book(side, n_classes, at):
    market = random_market(
        21, side=side, n_classes=n_classes, n_blocks=2, closed_share=0.7, renewal=0.03,
        segments=GAPS,
    )  # fmt: skip
    close = brute_force.oriented_bars(market.path, side)[3][at]
    edges = close + np.linspace(-0.9, 0.1, 41)
    levels = []
    brute_force.run(market, NEAR, FAR, BOOK, at=at, levels=levels)
    expected, none = binned(levels, edges)
    living, placed, _, by_class, _ = forward(*market.arguments)
    s = standing(market, at, edges)
    by_bin = stand(placed, by_class, at, s.first, s.pointer, s.column, s.share, s.n_columns)
    scale = market.interest[at]
    np.testing.assert_allclose(by_bin / scale, expected / scale, atol=1e-6)
    assert by_bin.sum() + none == pytest.approx(living[at].sum(), rel=1e-6)
    assert by_bin.sum() == pytest.approx(living[at, :, :-1].sum(), rel=1e-6)
    # nothing stands where price has just been
    low = brute_force.oriented_bars(market.path, side)[2][at]
    assert by_bin[1:-1][edges[:-1] > max(low, close)].sum() == 0.0


def test_rows_hold_the_share_that_no_later_bar_reached():
    market = random_market(22, n_bars=40)
    at = 39
    s = standing(market, at, np.linspace(3.0, 5.0, 30))
    reached = np.zeros_like(market.touches.alive)
    np.add.at(reached, (market.touches.cohort, market.touches.cell), market.touches.weight)
    left = np.add.reduceat(np.r_[s.share, 0.0], s.pointer[:-1])
    left[np.diff(s.pointer) == 0] = 0.0
    left = left.reshape(-1, NEAR.size)
    reachable = np.isfinite(NEAR)
    alive = market.touches.alive[: at + 1]
    known = reachable & (alive > 0)
    np.testing.assert_allclose(left[known], 1.0 - reached[known], atol=2e-6)


def test_own_bar_places_whole_cohorts():
    market = random_market(23, n_bars=30)
    s = standing(market, 20, np.linspace(3.0, 5.0, 30), own_bar=True)
    assert s.pointer.size == 21 * NEAR.size + 1
    total = np.add.reduceat(np.r_[s.share, 0.0], s.pointer[:-1])
    total[np.diff(s.pointer) == 0] = 0.0
    held = np.isfinite(NEAR) & np.r_[[market.touches.alive[0] > 0], np.ones((20, 8), bool)]
    np.testing.assert_allclose(total.reshape(-1, NEAR.size), held.astype(float), atol=1e-9)


@pytest.mark.parametrize(("n_bins", "error"), [(400, 1e-2), (3200, 1e-4)])
@pytest.mark.parametrize("side", ["long", "short"])
def test_grid_carried_through_time_ends_at_the_slow_book(side, n_bins, error):
    """The heatmap's shortcut (levels spread evenly within bins) vanishes with the bin width."""
    market = random_market(22, side=side, n_bars=90, closed_share=0.7, renewal=0.01)
    at = 89
    _, _, low, close = brute_force.oriented_bars(market.path, side)
    edges = close[at] + np.linspace(-0.7, 0.7, n_bins + 1)
    s = standing(market, at, edges, own_bar=True)
    living, placed, _, by_class, _ = forward(*market.arguments)
    reachable = np.isfinite(NEAR)
    out = heat.advance_grid(
        np.zeros((1, s.n_columns)), np.ones((1, s.n_columns)), 0, at + 1, 0, placed,
        by_class[LOG_KEPT], living[:, :, reachable].sum(axis=2), reachable.astype(np.int64), low,
        edges, s.pointer, s.column, s.share,
    )  # fmt: skip
    levels = []
    brute_force.run(market, NEAR, FAR, BOOK, at=at, levels=levels)
    expected, none = binned(levels, edges)
    interest = market.interest[at]
    assert out[-1].sum() + none == pytest.approx(interest, rel=1e-9)
    assert np.abs(out[-1] - expected).sum() / interest < error


def test_reduction_over_draws():
    values = np.random.default_rng(0).lognormal(size=(101, 4)).astype(np.float32)
    probabilities = np.array([0.05, 0.5, 0.95])
    quantiles, mean, above = heat.reduce_draws(values, probabilities, 1.0)
    np.testing.assert_allclose(quantiles, np.quantile(values, probabilities, axis=0), rtol=1e-5)
    np.testing.assert_allclose(mean, values.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(above, (values > 1.0).mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("side", ["long", "short"])
def test_the_first_book_is_whole_where_its_spread_comes_from_fewer_bars(side):
    """Where it stands and what is left of it have to rest on the same volatility."""
    path = random_market(23, side=side, n_bars=70, segments=((0, 70),)).path
    touches = build_touches(path, side, NEAR, FAR, book=BOOK, n_nodes=5, seen=20)
    known = np.isfinite(NEAR) & (touches.alive[0] > 0)
    for seen, whole in ((20, True), (None, False)):
        placed = standing_levels(
            path, side, NEAR, FAR, alive=touches.alive, book=BOOK,
            volatility=np.array([segment_volatility(path, 0, 70, seen)]),
            n_nodes=5, at=60, edges=np.linspace(-9.0, 9.0, 40), own_bar=True,
        )  # fmt: skip
        rows = np.add.reduceat(np.r_[placed.share, 0.0], placed.pointer[: NEAR.size])
        assert np.allclose(rows[known], 1.0, atol=1e-3) is whole


def test_lumpy_columns_keep_total_and_mean():
    heat.seed_noise(1)
    shares = np.array([0.5, 0.2, 0.1, 0.0])  # a fifth lies outside
    draws = np.array([shares * 40.0] * 3000)
    heat.lumpy_columns(draws, np.full(3000, 40.0), np.full(3000, 25.0))
    share = draws / 40.0
    np.testing.assert_allclose(share.mean(axis=0), shares, atol=0.006)
    # Beta(N p, N (1 - p)) for every column
    np.testing.assert_allclose(share.var(axis=0), shares * (1 - shares) / 26.0, rtol=0.12)
    assert (share.sum(axis=1) < 1.0).all()
