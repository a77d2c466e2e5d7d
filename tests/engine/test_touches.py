"""Touches of the price path: who is reached when, and that nobody is reached twice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liqbayes.engine.path import InitialBook, PricePath, entry_nodes, segment_volatility
from liqbayes.engine.touches import build_touches
from liqbayes.errors import InputError
from tests.engine.markets import BOOK, FAR, NEAR, random_path

ONE_NEAR, ONE_FAR = np.array([0.01, 0.04]), np.array([0.04, 0.2])


def by_hand(*bars, segments=None):
    """Path of (open, high, low, close) bars."""
    return PricePath(*np.array(bars, float).T, segments=segments or ((0, len(bars)),))


def rows(touches):
    """(bar, cohort, cell) -> weight."""
    bar = np.repeat(np.arange(touches.pointer.size - 1), np.diff(touches.pointer))
    keys = zip(bar.tolist(), touches.cohort.tolist(), touches.cell.tolist(), strict=True)
    return dict(zip(keys, touches.weight.tolist(), strict=True))


@given(
    seed=st.integers(0, 500), side=st.sampled_from(["long", "short"]), n_nodes=st.integers(1, 6),
    volatility=st.floats(1e-4, 0.08),
)  # fmt: skip
@settings(max_examples=40)
def test_shares_are_conserved_and_touched_once(seed, side, n_nodes, volatility):
    path = random_path(seed, 50, volatility=volatility, segments=((1, 20), (22, 50)))
    touches = build_touches(path, side, NEAR, FAR, book=BOOK, n_nodes=n_nodes)
    reached = rows(touches)
    assert len(reached) == touches.n_touches
    total = np.zeros_like(touches.alive)
    segment_of = {t: i for i, (a, b) in enumerate(path.segments) for t in range(a, b)}
    for (bar, cohort, cell), weight in reached.items():
        assert cohort < bar
        assert segment_of[cohort] == segment_of[bar]
        assert 0.0 < weight <= 1.0
        assert np.isfinite(NEAR[cell])
        total[cohort, cell] += weight
    assert (total <= 1.0 + 1e-5).all()
    assert (touches.alive >= 0).all()
    assert (touches.alive <= 1).all()
    assert (touches.alive[:, ~np.isfinite(NEAR)] == 1.0).all()
    assert (np.diff(touches.pointer) >= 0).all()
    assert touches.pointer[-1] == touches.n_touches


@given(seed=st.integers(0, 500))
@settings(max_examples=25)
def test_nearer_cells_are_reached_first(seed):
    """By any later bar the touched share falls with distance, cohort by cohort."""
    path = random_path(seed, 40)
    touches = build_touches(path, "long", NEAR, FAR, book=BOOK, n_nodes=1)
    reached = np.zeros((path.n_bars, NEAR.size))
    bar = np.repeat(np.arange(path.n_bars), np.diff(touches.pointer))
    for t in range(path.n_bars):
        now = bar == t
        reached[touches.cohort[now], touches.cell[now]] += touches.weight[now]
        lost = 1.0 - touches.alive + touches.alive * reached  # of what was opened
        # cells that the own bar sweeps clean start again at the close
        lost[touches.alive == 0.0] = 1.0
        assert (np.diff(lost[1 : t + 1], axis=1) <= 1e-5).all()


@given(seed=st.integers(0, 500))
@settings(max_examples=15)
def test_everything_is_gone_after_a_crash(seed):
    path = random_path(seed, 30, volatility=0.01)
    low = path.low.copy()
    low[-1] = low[-1] * np.exp(-6.0)
    crashed = PricePath(path.open, path.high, low, path.close, path.segments)
    touches = build_touches(crashed, "long", NEAR, FAR, book=BOOK)
    total = np.zeros_like(touches.alive)
    np.add.at(total, (touches.cohort, touches.cell), touches.weight)
    reachable = np.isfinite(NEAR)
    alive = touches.alive[:-1, reachable] > 0
    np.testing.assert_allclose(total[:-1, reachable][alive], 1.0, rtol=1e-5)


def test_touched_share_of_one_cohort_by_hand():
    # Opened at 100 in bar 1 (flat); bars 2 and 3 fall to 95 and 90, bar 4 stays above.
    path = by_hand(
        (100, 100, 100, 100), (100, 100, 100, 100), (100, 100, 95, 96), (96, 97, 90, 92),
        (92, 99, 91, 99),
    )  # fmt: skip
    touches = rows(build_touches(path, "long", ONE_NEAR, ONE_FAR, book=BOOK, n_nodes=2))
    of_bar_1 = {key: w for key, w in touches.items() if key[1] == 1}
    d95, d90 = np.log(100 / 95), np.log(100 / 90)
    expected = {
        (2, 1, 0): 1.0,
        (2, 1, 1): (d95 - 0.04) / 0.16,
        (3, 1, 1): (d90 - d95) / 0.16,
    }
    assert of_bar_1.keys() == expected.keys()
    for key, weight in expected.items():
        assert of_bar_1[key] == pytest.approx(weight, rel=1e-6)


def test_order_within_the_bar_decides_what_it_touches():
    """A bar that closes up went low first: what was opened at its high stays untouched."""
    up = by_hand((100, 100, 100, 100), (100, 110, 90, 109))
    down = by_hand((100, 100, 100, 100), (100, 110, 90, 91))
    entry_up, rest_up = entry_nodes(up, "long", 100)
    entry_down, rest_down = entry_nodes(down, "long", 100)
    assert np.exp(rest_up[1, -1]) == pytest.approx(109)
    assert np.exp(rest_down[1, entry_down[1].argmax()]) == pytest.approx(90)
    assert np.exp(entry_up[1].max()) == pytest.approx(110, rel=1e-2)
    # longs opened on the way from 90 to 110 are not reached by the bar that closes up
    rising = (entry_up[1] > np.log(95)) & (np.arange(100) > 40)
    assert (rest_up[1][rising] >= np.minimum(entry_up[1][rising], np.log(109)) - 1e-12).all()
    swept = {
        name: 1.0 - build_touches(p, side, ONE_NEAR, ONE_FAR, book=BOOK, n_nodes=100).alive[1]
        for name, p, side in [
            ("long, up", up, "long"), ("long, down", down, "long"),
            ("short, up", up, "short"), ("short, down", down, "short"),
        ]
    }  # fmt: skip
    assert swept["long, up"][0] < 0.45 < swept["long, down"][0]
    assert swept["short, down"][0] < 0.45 < swept["short, up"][0]


def test_levels_already_passed_do_not_echo_into_the_next_bar():
    """What was opened below 95 on the way down is not reached by a next bar that stays above."""
    path = by_hand((100, 100, 100, 100), (100, 100, 90, 99), (99, 99, 97, 98))
    touches = build_touches(path, "long", ONE_NEAR, ONE_FAR, book=BOOK, n_nodes=50)
    entry, rest = entry_nodes(path, "long", 50)
    near_cell = np.array([
        (max(rest[1, j] - np.log(97), 0) > 0) for j in range(50)
    ])  # fmt: skip
    # Only nodes that passed the low and stand above 97 plus the nearest distance can be reached.
    share = rows(touches).get((2, 1, 0), 0.0) * touches.alive[1, 0]
    by_node = [
        np.clip((entry[1, j] - np.log(97) - 0.01) / 0.03, 0, 1)
        - np.clip((entry[1, j] - rest[1, j] - 0.01) / 0.03, 0, 1)
        for j in np.flatnonzero(near_cell)
    ]
    assert share == pytest.approx(sum(by_node) / 50, rel=1e-5)
    assert share > 0


def test_nodes_are_at_equal_steps_of_path_length():
    path = by_hand((100, 100, 100, 100), (100, 120, 95, 110))
    entry, remaining = entry_nodes(path, "long", 400)
    assert np.isfinite(entry).all()
    assert (remaining <= entry + 1e-15).all()
    legs = np.abs(np.diff(np.log([100, 95, 120, 110])))
    on_first = entry[1][: int(400 * legs[0] / legs.sum())]
    np.testing.assert_allclose(np.diff(on_first), -legs.sum() / 400, rtol=1e-9)
    flat, _ = entry_nodes(path, "short", 7)
    np.testing.assert_allclose(flat[0], -np.log(100))


def test_unknown_bars_have_no_entries():
    path = random_path(1, 10, segments=((4, 10),))
    entry, _ = entry_nodes(path, "long", 3)
    assert np.isnan(entry[:4]).all()
    assert np.isfinite(entry[4:]).all()


def test_first_book_has_lost_what_its_past_path_reached():
    """Near cells are mostly gone, far cells mostly there, more so the longer the past."""
    path = random_path(2, 200, volatility=0.01)
    young = build_touches(path, "long", NEAR, FAR, book=InitialBook(2.0)).alive[0]
    old = build_touches(path, "long", NEAR, FAR, book=InitialBook(400.0)).alive[0]
    for alive in (young, old):
        assert (np.diff(alive) >= -1e-12).all()
    assert (old[:4] < young[:4]).all()
    assert old[0] < 0.05
    assert young[5] > 0.99


def test_first_book_survival_equals_simulated_paths():
    """Bridge probability at cell middles against Brownian paths, within Monte Carlo error."""
    rng = np.random.default_rng(3)
    path = random_path(5, 300, volatility=0.01)
    sigma = segment_volatility(path, 0, 300)
    near, far = np.array([0.03, 0.04]), np.array([0.04, 0.05])
    book = InitialBook(50.0, age_nodes=60, offset_nodes=60)
    alive = build_touches(path, "long", near, far, book=book).alive[0]
    n, steps = 4000, 600
    age = rng.exponential(50.0, n)
    moves = sigma * np.sqrt(age / steps)[:, None] * rng.standard_normal((n, steps))
    lowest = np.minimum(moves.cumsum(axis=1).min(axis=1), 0.0)
    # barrier correction for looking at discrete times only
    lowest -= 0.5826 * sigma * np.sqrt(age / steps)
    for k in range(2):
        d = rng.uniform(near[k], far[k], n)
        assert alive[k] == pytest.approx((lowest > -d).mean(), abs=0.03)


def test_errors_name_the_matter():
    path = random_path(1, 10)
    with pytest.raises(InputError, match="ascend"):
        build_touches(path, "long", NEAR[::-1], FAR[::-1], book=BOOK)
    with pytest.raises(InputError, match="ascend"):
        build_touches(path, "long", FAR, NEAR, book=BOOK)
    with pytest.raises(InputError, match="side is 'up'"):
        build_touches(path, "up", NEAR, FAR, book=BOOK)
    short = PricePath(path.open, path.high, path.low, path.close, ((0, 1),))
    with pytest.raises(InputError, match="fewer than 2 bars"):
        build_touches(short, "long", NEAR, FAR, book=BOOK)


def test_runs_are_the_touches_of_one_cell_in_one_bar():
    path = random_path(4, 30)
    touches = build_touches(path, "short", NEAR, FAR, book=BOOK)
    swept, n_swept, pointer, run_cell, run_stop, cohort, weight = touches.arrays
    bars = np.repeat(np.arange(30), np.diff(touches.pointer))
    seen = []
    for t in range(30):
        assert (swept[t, n_swept[t] :] == 0).all()
        cells = run_cell[pointer[t] : pointer[t + 1]]
        assert (np.diff(cells) > 0).all()
        for r in range(pointer[t], pointer[t + 1]):
            inside = slice(run_stop[r], run_stop[r + 1])
            assert (bars[inside] == t).all()
            assert (touches.cell[inside] == run_cell[r]).all()
            assert (np.diff(cohort[inside].astype(int)) > 0).all()
            seen.extend(range(run_stop[r], run_stop[r + 1]))
    assert seen == list(range(touches.n_touches))
    np.testing.assert_array_equal(cohort, touches.cohort)
    np.testing.assert_array_equal(weight, touches.weight)
