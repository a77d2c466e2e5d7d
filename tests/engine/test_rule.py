"""The rule with a fixed mix against a slow book of intervals, and what must hold of every path."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liqbayes.engine.path import PricePath
from liqbayes.engine.recursion import EXPECTED, LOG_KEPT, OPENED, PREDICTED, TOUCHED
from liqbayes.engine.rule import rule_book
from liqbayes.engine.touches import build_touches
from tests.engine import brute_force
from tests.engine.markets import BOOK, FAR, NEAR, random_path, starts

GAPS = ((2, 30), (31, 50), (55, 70))
SIDES = ("long", "short")
NODES = 3
MIX = np.array([0.1, 0.15, 0.2, 0.2, 0.15, 0.1, 0.06, 0.04])


def interest_of(seed, n_bars, spread=0.05):
    rng = np.random.default_rng([seed, 7])
    return 1000.0 * np.exp(np.cumsum(spread * rng.standard_t(3, n_bars)))


def run(path, interest, mix=MIX):
    """Tapes by side: expected, predicted, living, placed, by_class."""
    touches = {s: build_touches(path, s, NEAR, FAR, book=BOOK, n_nodes=NODES) for s in SIDES}
    with np.errstate(invalid="ignore"):
        rising = path.close >= path.open
    arrays = [x for s in SIDES for x in touches[s].arrays]
    expected, predicted, *tapes = rule_book(mix, rising, interest, starts(path), *arrays)
    return {
        side: {
            "expected": expected[j],
            "predicted": predicted[j],
            "living": tapes[5 * j][:, 0],
            "placed": tapes[5 * j + 1][:, 0],
            "by_class": tapes[5 * j + 3][:, 0],
            "by_bar": tapes[5 * j + 4],
        }
        for j, side in enumerate(SIDES)
    }


def slow(path, interest, side, mix=MIX):
    """Expected and predicted consumption and living mass by cell, from a list of intervals."""
    o, h, low, c = brute_force.oriented_bars(path, side)
    expected, predicted = np.zeros(path.n_bars), np.zeros(path.n_bars)
    living = np.zeros((path.n_bars, NEAR.size))
    for first, stop in path.segments:
        book = brute_force.Book(1, NEAR.size)
        for t in range(first + 1, stop):
            predicted[t] = expected[t] = book.touch(low[t]).sum() if book.mass.size else 0.0
            change = interest[t] - interest[t - 1]
            if change < 0:
                book.mass = book.mass * (interest[t] / interest[t - 1])
            elif (path.close[t] >= path.open[t]) == (side == "long"):
                entries = brute_force.bar_entries(o[t], h[t], low[t], c[t], NODES)
                pieces, _ = brute_force.own_bar_pieces(entries, c[t], NEAR, FAR, mix[None])
                left = sum(float(w[0]) for *_, w in pieces)
                book.add(pieces, [change])
                expected[t] += change * (1.0 - left)
            living[t] = book.by_cell()[0] if book.mass.size else 0.0
    return expected, predicted, living


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rule_equals_slow_book(seed, side):
    path = random_path(seed, 70, segments=GAPS)
    interest = interest_of(seed, 70)
    found = run(path, interest)[side]
    expected, predicted, living = slow(path, interest, side)
    # touch weights are stored in single precision
    scale = interest.max()
    np.testing.assert_allclose(found["expected"] / scale, expected / scale, atol=3e-8)
    np.testing.assert_allclose(found["predicted"] / scale, predicted / scale, atol=3e-8)
    np.testing.assert_allclose(found["living"] / scale, living / scale, atol=3e-7)
    assert (expected > 0).sum() > 20


def test_survival_beyond_the_smallest_double():
    """Open interest that collapses again and again: the running survival is folded."""
    path = random_path(5, 400)
    steps = np.where(np.arange(400) % 2, np.log(30.0), -np.log(40.0))
    interest = 1e6 * np.exp(np.cumsum(steps))
    for side in SIDES:
        found = run(path, interest)[side]
        assert found["by_class"][LOG_KEPT].min() < -500
        expected, _, living = slow(path, interest, side)
        np.testing.assert_allclose(found["expected"] / interest, expected / interest, atol=2e-5)
        np.testing.assert_allclose(found["living"].T / interest, living.T / interest, atol=2e-5)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 100_000), spread=st.floats(0.0, 0.6))
def test_mass_is_accounted_for(seed, spread):
    path = random_path(seed, 60, volatility=0.03, segments=((0, 25), (27, 60)))
    interest = interest_of(seed, 60, spread)
    begins = starts(path)
    tapes = run(path, interest)
    rises = np.maximum(np.diff(interest, prepend=interest[0]), 0.0) * (begins == 0)
    opened = sum(tapes[s]["by_class"][OPENED] for s in SIDES)
    np.testing.assert_allclose(opened, rises)
    for side in SIDES:
        found = tapes[side]
        total = found["living"].sum(axis=1)
        assert (found["living"] >= 0).all() and (found["placed"] >= 0).all()
        assert (found["expected"] >= found["predicted"]).all() and (found["predicted"] >= 0).all()
        np.testing.assert_array_equal(found["by_bar"][EXPECTED], found["expected"])
        np.testing.assert_array_equal(found["by_bar"][PREDICTED], found["predicted"])
        np.testing.assert_array_equal(found["by_class"][TOUCHED], found["predicted"])
        assert (total[begins != 0] == 0).all()
        # what a level without a finite distance holds is never consumed
        assert (found["placed"][:, -1] == found["by_class"][OPENED] * MIX[-1]).all()
        for t in np.flatnonzero(begins == 0):
            own = found["expected"][t] - found["predicted"][t]
            kept = min(interest[t] / interest[t - 1], 1.0)
            after = kept * (total[t - 1] - found["predicted"][t])
            after += found["by_class"][OPENED, t] - own
            assert total[t] == pytest.approx(after, rel=1e-6, abs=1e-6 * interest[t])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_only_what_the_path_reaches_is_consumed(seed):
    """A path within half of the nearest distance of where it began reaches no level at all."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(rng.uniform(-0.24, 0.24, 50) * NEAR[0])
    opens = np.append(100.0, close[:-1])
    reach = np.exp(rng.uniform(0.0, 0.24, 50) * NEAR[0])
    path = PricePath(
        opens, np.maximum(opens, close) * reach, np.minimum(opens, close) / reach, close, ((0, 50),)
    )
    interest = interest_of(seed, 50)
    for side in SIDES:
        assert (run(path, interest)[side]["expected"] == 0).all()


def test_sides_are_mirror_images_and_amounts_scale():
    path = random_path(8, 60)
    mirrored = PricePath(
        1e4 / path.open, 1e4 / path.low, 1e4 / path.high, 1e4 / path.close, path.segments
    )
    assert (path.open != path.close).all()
    interest = interest_of(8, 60)
    one, other, double = run(path, interest), run(mirrored, interest), run(path, 2.0 * interest)
    for side, opposite in (SIDES, SIDES[::-1]):
        np.testing.assert_allclose(
            one[side]["living"], other[opposite]["living"], rtol=1e-5, atol=1e-6
        )
        np.testing.assert_allclose(double[side]["living"], 2.0 * one[side]["living"])


def test_open_interest_that_only_falls_leaves_an_empty_book():
    path = random_path(4, 40)
    found = run(path, np.geomspace(1000.0, 500.0, 40))
    for side in SIDES:
        assert not found[side]["living"].any() and not found[side]["expected"].any()
        assert found[side]["by_class"][LOG_KEPT, -1] == pytest.approx(np.log(0.5))
