"""Price paths: a known law, symmetry, monotone reach, horizons, the recursion of volatility."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from liqbayes.analysis.paths import PathSet, draw_paths, price_paths
from liqbayes.analysis.volatility import LEAST_BARS, fit_moves, fit_volatility
from liqbayes.errors import InputError
from liqbayes.panel.blocks import stationary_rows
from tests.analysis.made import MARK, brownian_bars, panel_of, paths_of

DEVIATION = 0.01
CONSTANT = {"omega": 0.0, "alpha": 0.0, "gamma": 0.0, "beta": 0.0, "nu": 8.0, "scale": DEVIATION}
LIVELY = {"omega": 0.02, "alpha": 0.3, "gamma": -0.1, "beta": 0.9, "nu": 5.0, "scale": DEVIATION}


def constant(n: int = 4000, seed: int = 1):
    return fit_moves(brownian_bars(n, DEVIATION, seed), 1.0, parameters=CONSTANT)


@pytest.fixture(scope="module")
def brownian() -> PathSet:
    return draw_paths(constant(), MARK, 96, 10_000, 3)


@pytest.mark.parametrize("bars", [1, 24, 96])
@pytest.mark.parametrize("sign", [-1, 1])
def test_reach_of_brownian_motion_is_that_of_the_reflection_principle(
    brownian: PathSet, bars: int, sign: int
) -> None:
    # P(max of W up to T reaches a) = 2 (1 − Φ(a / σ√T)); bars give T only if their own extremes
    # count. Errors: volatility of 4000 bars 1.1 %, centring, 10,000 paths of 0.5 %.
    for a in (0.5, 1.0, 2.0):
        away = a * DEVIATION * np.sqrt(bars)
        found = float(brownian.reach(MARK * np.exp(sign * away), bars))
        assert found == pytest.approx(2 * norm.sf(a), abs=0.03)


def test_mirrored_bars_make_mirrored_paths() -> None:
    moves = brownian_bars(400, DEVIATION, 2)
    lively = {**LIVELY, "gamma": -LIVELY["gamma"]}
    up = draw_paths(fit_moves(moves, 1.0, parameters=LIVELY), MARK, 48, 501, 5)
    down = draw_paths(fit_moves(-moves[:, [1, 0, 2]], 1.0, parameters=lively), MARK, 48, 501, 5)
    factor = np.exp([0.005, 0.02, 0.06, 0.1])
    assert up.reach(MARK * factor, 48) == pytest.approx(down.reach(MARK / factor, 48), abs=3e-3)
    assert up.close == pytest.approx(1 / down.close, rel=1e-5)


@given(
    near=st.floats(1e-4, 0.5), step=st.floats(0, 0.5), bars=st.integers(1, 95), sign=st.booleans()
)
def test_reach_falls_with_distance_and_rises_with_the_horizon(
    brownian: PathSet, near: float, step: float, bars: int, sign: bool
) -> None:
    s = 1 if sign else -1
    price = MARK * np.exp(s * np.array([near, near + step]))
    first, second = brownian.reach(price, bars)
    assert first >= second
    assert brownian.reach(price[0], bars + 1) >= first
    low, mean, high = brownian.reach_interval(price, bars)
    assert (low <= mean).all()
    assert (mean <= high).all()
    assert (high > 0).all()


def test_the_present_price_is_reached_at_once_and_unknown_stays_unknown() -> None:
    paths = paths_of([[(990, 1010)], [(1001, 1002)]])
    assert paths.reach([MARK, 990.0, 989.0, 1010.0, np.nan], 1)[:4] == pytest.approx(
        [1, 0.5, 0, 0.5]
    )
    assert np.isnan(paths.reach(np.nan, 1))


def test_paths_follow_the_recursion_of_volatility() -> None:
    volatility = fit_moves(brownian_bars(300, DEVIATION, 4), 1.0, parameters=LIVELY)
    drawn = volatility.bar_paths(6, 2, np.random.default_rng(0))
    rows = stationary_rows(300, (2, 6), 1 / 24, np.random.default_rng(0))
    mean = np.sqrt(2 / np.pi)
    for k in range(2):
        log_variance = 2 * np.log(volatility.next_deviation / DEVIATION)
        for h in range(6):
            z = volatility.bars[rows[k, h]]
            assert drawn[:, k, h] == pytest.approx(z * np.exp(log_variance / 2) * DEVIATION)
            log_variance = (
                LIVELY["omega"]
                + LIVELY["alpha"] * (abs(z[2]) - mean)
                + LIVELY["gamma"] * z[2]
                + LIVELY["beta"] * log_variance
            )


def test_an_estimated_model_finds_its_parameters_and_says_what_it_does_not_know() -> None:
    rng = np.random.default_rng(8)
    log_variance, moves = 0.0, np.empty((3000, 3))
    for t in range(3000):
        z = rng.standard_normal()
        moves[t] = np.exp(log_variance / 2) * DEVIATION * np.array([abs(z), -abs(z), z])
        log_variance = 0.25 * (abs(z) - np.sqrt(2 / np.pi)) - 0.1 * z + 0.95 * log_variance
    volatility = fit_moves(moves, 1.0)
    found = volatility.parameters
    # several standard errors of 3000 bars
    assert found["beta"] == pytest.approx(0.95, abs=0.04)
    assert found["alpha"] == pytest.approx(0.25, abs=0.1)
    assert found["gamma"] == pytest.approx(-0.1, abs=0.06)
    redrawn = volatility.redrawn(20, rng)
    betas = [v.parameters["beta"] for v in redrawn]
    assert 0 < np.std(betas) < 0.1
    assert all(0 < b < 1 for b in betas)
    paths = draw_paths(volatility, MARK, 24, 400, 1)
    assert paths.sets == 20
    low, mean, high = paths.reach_interval(MARK * 1.02, 24)
    assert low < mean < high


@pytest.mark.parametrize("bars", [0, 76, 10_000])
def test_horizons_beyond_a_quarter_of_the_sample_are_refused(bars: int) -> None:
    with pytest.raises(InputError, match="horizon"):
        draw_paths(constant(300), MARK, bars, 10)


def test_bad_input_is_refused() -> None:
    short = panel_of(brownian_bars(LEAST_BARS - 1, DEVIATION, 1))
    with pytest.raises(InputError, match="needs"):
        price_paths(short, MARK, 4)
    with pytest.raises(InputError, match="does not move"):
        fit_moves(np.zeros((300, 3)), 1.0)
    with pytest.raises(InputError, match="mark_price"):
        draw_paths(constant(300), np.nan, 4, 10)
    with pytest.raises(InputError, match="n is 0"):
        draw_paths(constant(300), MARK, 4, 0)
    paths = draw_paths(constant(300), MARK, 4, 10)
    with pytest.raises(InputError, match="not positive"):
        paths.reach(-1.0, 2)
    with pytest.raises(InputError, match="bars is 5"):
        paths.reach(MARK, 5)


def test_gaps_are_bridged_without_inventing_moves() -> None:
    moves = brownian_bars(320, DEVIATION, 6)
    panel = panel_of(moves)
    frame = panel.to_frame()
    frame.iloc[100:110] = np.nan
    gappy = type(panel).from_frame(frame, "binance:BTCUSDT")
    volatility = fit_volatility(gappy)
    # the ten bars, and the one whose close before is unknown; the first has none before it
    assert volatility.moves.shape[0] == 320 - 1 - 11
