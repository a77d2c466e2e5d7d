"""The engine against a slow book of intervals that shares no code with it."""

import numpy as np
import pytest

from liqbayes.engine.recursion import EXPECTED, LOG_KEPT, PREDICTED, RESCALE_AT, forward
from tests.engine import brute_force
from tests.engine.markets import BOOK, FAR, NEAR, random_market

GAPS = ((2, 30), (31, 50), (55, 70))


def in_double(market):
    """First-touch weights recomputed in double precision by following the slow book's intervals."""
    touches = market.touches
    weight = brute_touches(market)
    assert touches.n_touches == len(weight)
    bars = np.repeat(np.arange(market.path.n_bars), np.diff(touches.pointer))
    keys = zip(bars, touches.cohort, touches.cell, strict=True)
    return np.array([weight[tuple(int(i) for i in key)] for key in keys])


def brute_touches(market):
    """Share of what a cohort holds in a cell after its own bar, by (bar, cohort, cell)."""
    o, h, low, c = brute_force.oriented_bars(market.path, market.side)
    out = {}
    for first, stop in market.path.segments:
        sigma = max(float(np.std(np.diff(c[first:stop]))), 1e-6)
        for s in range(first, stop):
            for k in np.flatnonzero(np.isfinite(NEAR)):
                only = np.zeros((1, NEAR.size))
                only[0, k] = 1.0
                if s == first:
                    pieces = brute_force.first_book_pieces(c[s], sigma, BOOK, NEAR, FAR, only)
                    pieces = [p for p in pieces if p[0] == k and p[3][0] > 0]
                    total = sum(w[0] for *_, w in pieces)
                    pieces = [(k, b, t, w / total) for k, b, t, w in pieces]
                else:
                    entries = brute_force.bar_entries(o[s], h[s], low[s], c[s], market.n_nodes)
                    _, pieces = brute_force.own_bar_pieces(entries, c[s], NEAR, FAR, only)
                    pieces = [p for p in pieces if p[0] == k and p[3][0] > 0]
                book = brute_force.Book(1, NEAR.size)
                book.add(pieces, [1.0])
                for t in range(s + 1, stop):
                    gone = book.touch(low[t]).sum()
                    if gone > 0.0:
                        out[t, s, int(k)] = gone
    return out


@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("closed_share", [1.0, 0.75, 0.5])
@pytest.mark.parametrize("renewal", [0.0, 0.02, 0.05])
def test_engine_equals_slow_book(side, closed_share, renewal):
    n_classes = 1 + round(100 * renewal + 4 * closed_share) % 3
    market = random_market(
        11, side=side, closed_share=closed_share, renewal=renewal, n_classes=n_classes,
        n_blocks=3, segments=GAPS,
    )  # fmt: skip
    expected, predicted, living = brute_force.run(market, NEAR, FAR, BOOK)
    living_by_cell, *_, by_bar = forward(*market.arguments)
    # touch weights are stored in single precision
    scale = market.interest.max()
    np.testing.assert_allclose(by_bar[EXPECTED] / scale, expected / scale, atol=3e-8)
    np.testing.assert_allclose(by_bar[PREDICTED] / scale, predicted / scale, atol=3e-8)
    np.testing.assert_allclose(living_by_cell.sum(axis=2).T / scale, living / scale, atol=3e-7)
    assert (expected > 0).sum() > 40


@pytest.mark.parametrize("n_classes", [1, 3])
@pytest.mark.parametrize("renewal", [4.0, 30.0])
def test_survival_beyond_the_smallest_double(n_classes, renewal):
    """The engine folds its running survival; the slow book has none to fold."""
    market = random_market(
        8, n_bars=160, n_classes=n_classes, renewal=renewal, closed_share=0.6, flow_scale=1.5,
        segments=((0, 2), (2, 160)), interest_spread=0.2,
    )  # fmt: skip
    living_by_cell, _, _, by_class, by_bar = forward(*market.arguments)
    assert by_class[LOG_KEPT].min() < np.log(RESCALE_AT)
    expected, predicted, living = brute_force.run(market, NEAR, FAR, BOOK)
    scale = market.interest
    np.testing.assert_allclose(by_bar[EXPECTED] / scale, expected / scale, atol=3e-7)
    np.testing.assert_allclose(by_bar[PREDICTED] / scale, predicted / scale, atol=3e-7)
    np.testing.assert_allclose(living_by_cell.sum(axis=2).T / scale, living / scale, atol=3e-6)


@pytest.mark.parametrize(
    ("seed", "side", "closed_share", "renewal", "n_classes"),
    [(1, "long", 1.0, 0.0, 1), (2, "short", 0.75, 0.05, 2), (3, "long", 0.5, 0.02, 3)],
)
def test_recursion_is_exact_with_double_weights(seed, side, closed_share, renewal, n_classes):
    market = random_market(
        seed, side=side, closed_share=closed_share, renewal=renewal, n_classes=n_classes,
        n_blocks=2, segments=GAPS,
    )  # fmt: skip
    weight = in_double(market)
    np.testing.assert_allclose(market.touches.weight, weight, rtol=2e-7, atol=1e-9)
    data = *market.data[:-1], weight
    living_by_cell, _, _, _, by_bar = forward(*market.parameters, *data)
    expected, predicted, living = brute_force.run(market, NEAR, FAR, BOOK)
    scale = market.interest.max()
    np.testing.assert_allclose(by_bar[EXPECTED] / scale, expected / scale, atol=1e-12)
    np.testing.assert_allclose(by_bar[PREDICTED] / scale, predicted / scale, atol=1e-12)
    np.testing.assert_allclose(living_by_cell.sum(axis=2).T / scale, living / scale, atol=1e-12)


def test_slow_book_conserves_open_interest():
    market = random_market(5, n_classes=2, closed_share=0.5, renewal=0.05, segments=GAPS)
    _, _, living = brute_force.run(market, NEAR, FAR, BOOK)
    inside = market.start >= 0
    np.testing.assert_allclose(living.sum(axis=0)[inside], market.interest[inside], rtol=1e-12)
