"""Scores: what they must be at known maps, what they must not depend on, and how sure they are."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liqbayes.backtest.bands import mean_band
from liqbayes.judge.cells import _spread, in_cells, newest
from liqbayes.judge.control import LEAST_PAST, distance_alone, fit_curve, together
from liqbayes.judge.scores import TOP, gain, top_share
from liqbayes.judge.sweeps import FLOOR, Sweeps
from tests.judge.markets import known_market, shuffled

STRETCHES, LENGTH = 60, 480
PANEL, TRUE = known_market()
SWEEPS = Sweeps.of(PANEL)
USE = SWEEPS.known & (np.nan_to_num(SWEEPS.reach) > 0)
CELLS = in_cells(TRUE, SWEEPS, relative=False, max_age_hours=24).amount


def held(amount: np.ndarray) -> np.ndarray:
    return (np.nan_to_num(amount) * SWEEPS.exposure).sum(axis=2)


def test_even_spread_and_empty_map() -> None:
    assert gain(SWEEPS.reach, SWEEPS, USE).value == pytest.approx(0.0, abs=1e-12)
    empty = np.zeros_like(CELLS)
    assert gain(held(empty), SWEEPS, USE).value == np.log(FLOOR)
    for flat in (empty, np.ones_like(CELLS)):
        for by_distance in (False, True):
            found = top_share(flat, SWEEPS, USE, by_distance=by_distance)
            assert found.value == pytest.approx(TOP, abs=0.03)


def test_a_steady_curve_of_distance_has_a_quarter_at_each_distance() -> None:
    for power in (0.3, 1.0, 3.0):
        curve = np.diff(SWEEPS.edges**power)
        flat = np.broadcast_to(curve, CELLS.shape)
        found = top_share(flat, SWEEPS, USE, by_distance=True)
        plain = top_share(np.ones_like(CELLS), SWEEPS, USE, by_distance=True)
        # only where far cells are ranked together can a curve differ from no map at all
        assert found.value == pytest.approx(plain.value, abs=0.02)


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), factor=st.floats(1e-6, 1e6))
def test_scale_does_not_matter_and_truth_is_best(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    swept = rng.gamma(0.5, 1.0, USE.shape) * SWEEPS.reach
    one, two = gain(swept, SWEEPS, USE), gain(factor * swept, SWEEPS, USE)
    assert one.value == pytest.approx(two.value, abs=1e-9)
    density = rng.gamma(0.5, 1.0, CELLS.shape)
    assert top_share(density, SWEEPS, USE, by_distance=False).value == pytest.approx(
        top_share(factor * density, SWEEPS, USE, by_distance=False).value
    )
    # Gibbs' inequality, up to what the floor costs
    truth = gain(np.nan_to_num(SWEEPS.reported), SWEEPS, USE)
    assert truth.value > one.value - np.log(1 / (1 - FLOOR))


@pytest.mark.parametrize("score", ["gain", "top"])
def test_influence_is_the_derivative_by_the_weight_of_a_bar(score: str) -> None:
    def value(weight: np.ndarray) -> float:
        scaled = replace(SWEEPS, interest=SWEEPS.interest * weight)
        return gain(held(CELLS), scaled, USE).value

    found = gain(held(CELLS), SWEEPS, USE)
    if score == "top":
        found = top_share(CELLS, SWEEPS, USE, by_distance=False)
    counted = USE.any(axis=0)
    assert np.nansum(found.influence) == pytest.approx(0.0, abs=1e-9)
    assert (np.isfinite(found.influence) == counted).all()
    if score == "top":
        return
    for t in np.flatnonzero(counted)[[3, 100, 300]]:
        weight = np.ones(SWEEPS.n_bars)
        weight[t] += 1e-5
        slope = (value(weight) - found.value) / 1e-5
        assert slope * counted.sum() == pytest.approx(found.influence[t], rel=1e-3, abs=1e-6)


def test_true_map_over_shuffled_over_chance() -> None:
    wrong = in_cells(shuffled(TRUE), SWEEPS, relative=False, max_age_hours=24).amount
    for by_distance in (False, True):
        right = top_share(CELLS, SWEEPS, USE, by_distance=by_distance).value
        other = top_share(wrong, SWEEPS, USE, by_distance=by_distance).value
        assert right > other + 0.04 and right > 0.3 and abs(other - TOP) < 0.08
    assert gain(held(CELLS), SWEEPS, USE).value > gain(held(wrong), SWEEPS, USE).value + 0.1


def test_power_of_distance_is_found() -> None:
    rng = np.random.default_rng(1)
    reach, weight = rng.exponential(0.01, 4000), rng.uniform(1, 2, 4000)
    for power in (0.6, 1.0, 2.2):
        reported = 7.0 * reach**power * rng.gamma(5.0, 0.2, 4000)
        scale, found = fit_curve(reach, reported, weight)
        assert found == pytest.approx(power, abs=0.05) and scale == pytest.approx(7.0, rel=0.25)


def test_controls_do_not_look_ahead() -> None:
    changed = replace(SWEEPS, reported=SWEEPS.reported.copy())
    changed.reported[:, 240:] *= np.random.default_rng(0).gamma(0.2, 5.0, (2, 260))
    for fitted in (distance_alone, lambda s: together(held(CELLS), s)):
        one, two = fitted(SWEEPS), fitted(changed)
        np.testing.assert_array_equal(one.power[:, :241], two.power[:, :241])
        assert (one.power[:, 264:] != two.power[:, 264:]).any()
        assert np.isnan(one.power[:, :LEAST_PAST]).all() and np.isfinite(one.power[:, 240:]).all()


def test_a_true_map_is_taken_up_and_a_shuffled_one_is_not() -> None:
    wrong = in_cells(shuffled(TRUE), SWEEPS, relative=False, max_age_hours=24).amount
    right = together(held(CELLS), SWEEPS).map_power[:, -1]
    assert (right > 0.6).all() and (together(held(wrong), SWEEPS).map_power[:, -1] < 0.3).all()


@settings(max_examples=50)
@given(seed=st.integers(0, 10_000))
def test_pieces_in_cells(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    near = rng.uniform(-0.02, 0.06, n)
    far = np.where(rng.random(n) < 0.4, near, near + rng.exponential(0.01, n))
    amount, edges = rng.gamma(1.0, 1.0, n), np.linspace(0, 0.05, 11)
    slow = np.zeros(10)
    for a, b, mass in zip(near, far, amount, strict=True):
        for k in range(10):
            if a == b:
                slow[k] += mass * (edges[k] <= a < edges[k + 1])
            else:
                inside = max(0.0, min(b, edges[k + 1]) - max(a, edges[k]))
                slow[k] += mass * inside / (b - a)
    np.testing.assert_allclose(_spread(near, far, amount, edges), slow, rtol=1e-7, atol=1e-9)


def test_a_bar_sees_the_newest_snapshot_before_it_and_none_after() -> None:
    at = newest(TRUE, SWEEPS, 24)
    assert at[0] == -1 and (TRUE.time[at[1:]] <= SWEEPS.time[1:]).all()
    assert (TRUE.time[at[1:]] == SWEEPS.time[1:]).all()
    some = replace(TRUE, time=TRUE.time - np.timedelta64(30, "m"))
    assert (newest(some, SWEEPS, 0.25)[1:] == -1).all() and (newest(some, SWEEPS, 1)[1:] >= 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("score", ["gain", "top"])
def test_intervals_cover(score: str) -> None:
    """90 % intervals of stretches of one long market cover the long market's score."""
    panel, levels = known_market(7, STRETCHES * LENGTH)
    sweeps = Sweeps.of(panel)
    amount = in_cells(levels, sweeps, relative=False, max_age_hours=24).amount
    use = sweeps.known & (np.nan_to_num(sweeps.reach) > 0)

    def of(part: slice) -> tuple[float, float, float]:
        cut = replace(
            sweeps,
            time=sweeps.time[part],
            before=sweeps.before[part],
            interest=sweeps.interest[part],
            # one weight for all bars: price wanders, and with it what a long market is
            value=1.0 / sweeps.interest[part],
            reach=sweeps.reach[:, part],
            reported=sweeps.reported[:, part],
        )
        mine = np.nan_to_num(amount[:, part])
        if score == "gain":
            found = gain((mine * cut.exposure).sum(axis=2), cut, use[:, part])
        else:
            found = top_share(mine, cut, use[:, part], by_distance=False)
        band = mean_band([found.series])
        return band.low, found.value, band.high

    _, target, _ = of(slice(None))
    parts = (slice(LENGTH * i, LENGTH * (i + 1)) for i in range(STRETCHES))
    ends = np.array([of(part) for part in parts])
    covered = ((ends[:, 0] <= target) & (target <= ends[:, 2])).mean()
    # sd of a share of 60: 0.04; volatility that swings makes blocks differ and intervals wide
    assert covered >= 0.80, covered
    assert np.mean(ends[:, 2] - ends[:, 0]) < 2 * 2 * 1.645 * ends[:, 1].std()
