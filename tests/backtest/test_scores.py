"""Scores against closed forms and against a maintained package; calibration at zero."""

import numpy as np
import pytest
from scipy import stats

from liqbayes.backtest.scores import (
    EPSILON,
    crps_sorted,
    hurdle_log_score,
    interval_score,
    log_ratio,
    score_bars,
)
from liqbayes.errors import InputError

RNG_SEED = 3
DRAWS = 4000


def crps_normal(y, mean, sd):
    """Gneiting and Raftery 2007, equation (21)."""
    u = (y - mean) / sd
    return sd * (u * (2 * stats.norm.cdf(u) - 1) + 2 * stats.norm.pdf(u) - 1 / np.sqrt(np.pi))


def test_crps_of_normal_and_lognormal_draws():
    rng = np.random.default_rng(RNG_SEED)
    y = np.array([-2.0, -0.3, 0.0, 1.1, 3.0])
    draws = np.sort(rng.normal(0.5, 1.3, size=(y.size, 200_000)), axis=1)
    np.testing.assert_allclose(crps_sorted(draws, y), crps_normal(y, 0.5, 1.3), atol=0.01)
    # log-normal with log mean 0, log spread s: Baran and Lerch 2015, doi 10.1002/qj.2521
    s, y = 0.7, np.array([0.2, 1.0, 4.0])
    w = np.log(y) / s
    known = y * (2 * stats.norm.cdf(w) - 1) - 2 * np.exp(s**2 / 2) * (
        stats.norm.cdf(w - s) + stats.norm.cdf(s / np.sqrt(2)) - 1
    )
    draws = np.sort(np.exp(s * rng.normal(size=(y.size, 200_000))), axis=1)
    np.testing.assert_allclose(crps_sorted(draws, y), known, atol=0.01)


def test_crps_is_unbiased_in_the_number_of_draws():
    rng = np.random.default_rng(RNG_SEED)
    y = np.full(60_000, 0.4)
    few = crps_sorted(np.sort(rng.normal(size=(y.size, 4)), axis=1), y)
    assert few.mean() == pytest.approx(crps_normal(0.4, 0.0, 1.0), abs=5 * few.std() / 245)


def test_interval_score_known_values():
    found = interval_score(np.array([0.5, 2.0, -1.0]), np.zeros(3), np.ones(3), 0.1)
    np.testing.assert_allclose(found, [1.0, 21.0, 21.0])


def test_log_score_of_a_lognormal_hurdle():
    rng = np.random.default_rng(RNG_SEED)
    m, zero, mean, sd = 20_000, 0.3, -9.0, 1.2
    x = np.exp(rng.normal(mean, sd, size=m))
    x[rng.random(m) < zero] = 0.0
    at = np.array([mean - sd, mean, mean + 1.5 * sd])
    observed = np.concatenate([[0.0], np.exp(at)])
    known = np.concatenate([[-np.log(zero)], -np.log(1 - zero) - stats.norm.logpdf(at, mean, sd)])
    found = hurdle_log_score(np.broadcast_to(x, (4, m)), observed)
    np.testing.assert_allclose(found, known, atol=0.06)


def test_log_score_beyond_all_draws_is_finite_and_grows_slowly():
    draws = np.exp(np.random.default_rng(0).normal(-9, 1, size=(1, 500)))
    far = [float(hurdle_log_score(draws, np.array([np.exp(-9.0 + d)]))[0]) for d in (8, 16, 32)]
    assert far[0] < far[1] < far[2] < 20
    none = np.zeros((2, 100))
    assert np.isfinite(hurdle_log_score(none, np.array([0.0, 1e-5]))).all()
    same = np.full((1, 100), 1e-5)
    assert np.isfinite(hurdle_log_score(same, np.array([1e-5]))).all()


def hurdle_draws(rng, n, m, zero=0.3):
    x = np.exp(rng.normal(-11, 1.5, size=(n, m)))
    x[rng.random((n, m)) < zero] = 0.0
    return x


def test_calibrated_forecasts_are_found_so_with_many_zeros():
    rng = np.random.default_rng(RNG_SEED)
    n = 4000
    both = hurdle_draws(rng, n, 201)
    scores = score_bars(both[:, 1:], both[:, 0])
    assert scores.means()["coverage90"] == pytest.approx(0.90, abs=0.015)
    assert scores.means()["coverage50"] == pytest.approx(0.50, abs=0.025)
    pit = scores.randomised_pit(rng)
    assert stats.kstest(pit, "uniform").pvalue > 0.001
    # a closed interval that begins at the atom would have covered all of it
    z = log_ratio(both)
    closed = (z[:, 0] >= np.quantile(z[:, 1:], 0.05, axis=1)) & (
        z[:, 0] <= np.quantile(z[:, 1:], 0.95, axis=1)
    )
    assert closed.mean() > 0.93


def test_forecast_that_is_too_narrow_or_too_low_is_found_so():
    rng = np.random.default_rng(RNG_SEED)
    x = hurdle_draws(rng, 1000, 201)
    right = score_bars(x[:, 1:], x[:, 0]).means()
    narrow = score_bars(np.exp(-11 + 0.3 * (log_ratio(x[:, 1:]) + 11)), x[:, 0]).means()
    low = score_bars(0.1 * x[:, 1:], x[:, 0]).means()
    for worse in (narrow, low):
        assert worse["crps_log"] > right["crps_log"]
        assert worse["log_score"] > right["log_score"]
        assert worse["coverage90"] < 0.85


def test_unknown_bars_are_left_out_and_zeros_are_not():
    x = hurdle_draws(np.random.default_rng(0), 6, 50)
    draws, seen = x[:, 1:], x[:, 0].copy()
    seen[:2] = [np.nan, 0.0]
    draws[2] = np.nan
    scores = score_bars(draws, seen)
    assert np.flatnonzero(np.isnan(scores.crps_log)).tolist() == [0, 2]
    assert scores.means()["n"] == 4
    nothing = score_bars(draws[:1], np.array([np.nan])).means()
    assert nothing["n"] == 0 and np.isnan(nothing["crps_log"])


def test_bad_input_is_refused():
    x = hurdle_draws(np.random.default_rng(0), 3, 50)
    with pytest.raises(InputError, match="shape"):
        score_bars(x, x[:2, 0])
    with pytest.raises(InputError, match="negative or infinite"):
        score_bars(-x, x[:, 0])
    x[1, 3] = np.nan
    with pytest.raises(InputError, match="whole or not at all"):
        score_bars(x, x[:, 4])


@pytest.mark.slow
def test_scores_are_those_of_a_maintained_package():
    package = pytest.importorskip("scoringrules", reason="an extra of development")
    rng = np.random.default_rng(RNG_SEED)
    draws = np.sort(rng.gamma(0.7, size=(50, 300)), axis=1)
    y = rng.gamma(1.0, size=50)
    found = package.crps_ensemble(y, draws, estimator="pwm", backend="numpy")
    np.testing.assert_allclose(crps_sorted(draws, y), found, rtol=1e-10)
    low, high = np.quantile(draws, [0.05, 0.95], axis=1)
    found = package.interval_score(y, low, high, 0.1, backend="numpy")
    np.testing.assert_allclose(interval_score(y, low, high, 0.1), found, rtol=1e-10)
    bandwidth = (
        0.9
        * np.minimum(
            np.log(draws).std(axis=1, ddof=1),
            np.diff(np.quantile(np.log(draws), [0.25, 0.75], axis=1), axis=0)[0] / 1.349,
        )
        * 300**-0.2
    )
    kernel = package.logs_ensemble(np.log(y), np.log(draws), bw=bandwidth, backend="numpy")
    ours = hurdle_log_score(draws, y) + np.log(300.5 / 301)
    inside = (y > draws[:, 0]) & (y < draws[:, -1])
    # the Cauchy part has one draw's weight
    np.testing.assert_allclose(ours[inside], kernel[inside], atol=0.05)


def test_epsilon_is_the_agreed_one():
    assert EPSILON == 1e-6
