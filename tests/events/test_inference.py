"""Intervals by blocks of time and over draws."""

import numpy as np
import pytest
from scipy import stats

from liqbayes.events.definitions import ALPHA, POWER
from liqbayes.events.inference import _plain_variance, block_bars, block_variance, combined, nothing


def test_closed_form_is_the_bootstrap_of_many_resamples():
    rng = np.random.default_rng(0)
    n, block = 240, 24
    series = np.convolve(rng.standard_normal(n + 9), np.ones(10), "valid")
    series -= series.mean()
    starts = rng.integers(n, size=(20_000, n // block))
    sums = series[(starts[..., None] + np.arange(block)) % n].sum(axis=(1, 2))
    # 20,000 resamples know a variance to about 1 %
    assert _plain_variance(series, block) == pytest.approx(sums.var(), rel=0.05)


def test_variance_counts_lags_up_to_half_a_block_fully():
    rng = np.random.default_rng(6)
    # overlapping sums of 24 values, as returns over a day: the mean of n varies as 24 times theirs
    noise = rng.standard_normal((2000, 600 + 23))
    series = np.lib.stride_tricks.sliding_window_view(noise, 24, axis=1).sum(axis=-1)
    true = series.mean(axis=1).var()
    influence = (series - series.mean(axis=1, keepdims=True)) / 600
    found = np.sqrt(block_variance(influence, 48)).mean() / np.sqrt(true)
    plain = np.sqrt(_plain_variance(influence, 48)).mean() / np.sqrt(true)
    assert plain < 0.9 and found == pytest.approx(1.0, abs=0.06)


def test_variance_of_independent_values_is_their_sum_of_squares():
    values = np.random.default_rng(1).standard_normal((400, 600))
    values -= values.mean(axis=1, keepdims=True)
    ratio = block_variance(values, 24) / (values**2).sum(axis=1)
    assert ratio.mean() == pytest.approx(1.0, abs=0.05)


def test_interval_covers_the_mean_of_a_series_that_remembers():
    rng = np.random.default_rng(2)
    from scipy.signal import lfilter

    hits, n = 0, 300
    for _ in range(n):
        series = lfilter([1.0], [1.0, -0.8], rng.standard_normal(700))[100:]
        influence = (series - series.mean()) / series.size
        found = combined(
            np.array([series.mean()]), influence[None], block=24, studied=series.size, n=600
        )
        low, high = found.interval()
        hits += low <= 0 <= high
    interval = stats.binomtest(hits, n).proportion_ci(0.99)
    # blocks of 24 lose a little of a memory of five bars
    assert interval.high >= 0.88 and hits / n <= 0.95


def test_draws_widen_the_total_interval_and_barely_the_other():
    rng = np.random.default_rng(3)
    influence = np.repeat(rng.standard_normal((1, 480)), 50, axis=0)
    one = combined(np.zeros(50), influence, block=24, studied=480, n=480)
    spread = combined(50 * rng.standard_normal(50), influence, block=24, studied=480, n=480)
    assert one.total_error == pytest.approx(one.error)
    assert spread.total_error**2 - spread.error**2 == pytest.approx(
        (spread.error**2 - one.error**2) * 49, rel=1e-6
    )
    assert spread.interval(total=True)[0] < spread.interval()[0]


def test_detectable_effect_is_found_with_the_stated_power():
    rng = np.random.default_rng(4)
    found = combined(np.zeros(1), rng.standard_normal((1, 24 * 30)), block=24, studied=24 * 30, n=1)
    df = found.blocks - 1
    critical = stats.t.ppf(1 - ALPHA / 2, df)
    # a true effect of that size is estimated with an error of Student's t
    power = stats.t.sf(critical - found.detectable() / found.error, df)
    assert power == pytest.approx(POWER, abs=1e-9)
    assert found.detectable(ALPHA / 15) > found.detectable()


def test_too_few_blocks_say_so_and_have_no_number():
    found = combined(np.ones(2), np.ones((2, 100)), block=24, studied=100, n=7)
    assert "4.2 blocks" in found.reason and found.n == 7
    assert np.isnan([*found.interval(), found.p_value(), found.detectable()]).all()
    assert np.isnan(nothing("why").value)


def test_unknown_under_a_draw_or_constant_is_no_estimate():
    some = np.random.default_rng(5).standard_normal((2, 480))
    assert combined(np.array([1.0, np.nan]), some, block=24, studied=480, n=1).reason
    assert combined(np.zeros(2), 0 * some, block=24, studied=480, n=1).reason == "nothing varies"


def test_blocks_are_two_days_or_twice_the_horizon():
    assert block_bars(1, 1.0) == 48 and block_bars(48, 1.0) == 96 and block_bars(1, 24.0) == 2
