"""Block-bootstrap bands: coverage on dependent series, pooling, panels on one clock."""

import numpy as np
import pytest
from scipy.signal import lfilter

from liqbayes.backtest.bands import mean_band, on_one_clock, ratio_band
from liqbayes.errors import InputError


def autoregression(rng, n, phi, size=1):
    noise = rng.normal(size=(size, n + 200))
    return lfilter([1.0], [1.0, -phi], noise, axis=1)[:, 200:] * np.sqrt(1 - phi**2)


def test_ratio_is_that_of_sums_over_bars_known_to_both():
    rng = np.random.default_rng(0)
    ours, theirs = rng.gamma(2.0, size=(2, 300)), rng.gamma(2.0, size=(2, 300))
    ours[0, 5], theirs[1, 7] = np.nan, np.nan
    known = np.isfinite(ours) & np.isfinite(theirs)
    band = ratio_band([ours], [theirs])
    assert band.median == pytest.approx(ours[known].sum() / theirs[known].sum())
    assert band.low < band.median < band.high and band.n == known.sum() == 598
    same = ratio_band([ours], [ours])
    np.testing.assert_allclose(same.as_list(), 1.0)
    assert ratio_band([ours], [theirs], seed=4) == ratio_band([ours], [theirs], seed=4)


def test_groups_are_pooled_by_bars():
    rng = np.random.default_rng(1)
    a, b = rng.gamma(2.0, size=260), rng.gamma(2.0, size=(2, 400))
    band = ratio_band([a, b], [np.ones_like(a), np.ones_like(b)])
    assert band.median == pytest.approx((a.sum() + b.sum()) / (a.size + b.size))
    assert band.blocks == pytest.approx(260 / 24 + 400 / 24)


def test_series_of_one_clock_are_resampled_together():
    """Two copies of one series know no more than one of them; two independent ones do."""
    rng = np.random.default_rng(2)
    a, b = np.exp(0.5 * autoregression(rng, 1200, 0.5, 2))
    one = ratio_band([a], [np.ones_like(a)])
    copies = ratio_band([np.stack([a, a])], [np.ones((2, 1200))])
    apart = ratio_band([np.stack([a, b])], [np.ones((2, 1200))])
    width = [np.log(band.high / band.low) for band in (one, copies, apart)]
    assert width[1] == pytest.approx(width[0], rel=0.1)
    assert width[2] < 0.85 * width[0]


def test_panels_on_one_clock():
    start = np.datetime64("2024-01-01", "ns")
    hour = np.timedelta64(1, "h")
    first, second = start + hour * np.arange(5), start + hour * np.arange(3, 9)
    rows = on_one_clock([first, second], [np.arange(10.0).reshape(2, 5), np.arange(6.0)])
    assert rows.shape == (3, 9)
    np.testing.assert_array_equal(rows[0, :5], np.arange(5.0))
    assert np.isnan(rows[0, 5:]).all() and np.isnan(rows[2, :3]).all()
    np.testing.assert_array_equal(rows[2, 3:], np.arange(6.0))
    with pytest.raises(InputError, match="one grid"):
        on_one_clock(
            [first, second + np.timedelta64(30, "m")], [np.zeros((1, 5)), np.zeros((1, 6))]
        )
    with pytest.raises(InputError, match="bar lengths"):
        on_one_clock([first, start + 2 * hour * np.arange(6)], [np.zeros(5), np.zeros(6)])


def test_too_little_data_has_no_interval():
    rng = np.random.default_rng(3)
    band = ratio_band([rng.gamma(2.0, size=120)], [np.ones(120)])
    assert np.isnan([band.low, band.high]).all() and np.isfinite(band.median)
    with pytest.raises(InputError, match="24 is the least"):
        ratio_band([np.ones(300)], [np.ones(300)], block=12)
    with pytest.raises(InputError, match="no bar"):
        ratio_band([np.full(300, np.nan)], [np.ones(300)])
    with pytest.raises(InputError, match="positive"):
        ratio_band([-np.ones(300)], [np.ones(300)])
    with pytest.raises(InputError, match="shape"):
        ratio_band([np.ones(300)], [np.ones(200)])


@pytest.mark.slow
@pytest.mark.parametrize(("phi", "n"), [(0.0, 267), (0.5, 267), (0.5, 1000), (0.8, 1000)])
def test_bands_cover_on_autoregressive_scores(phi, n):
    rng = np.random.default_rng(11)
    inside, means, runs = 0, 0, 200
    for run in range(runs):
        common, own = autoregression(rng, n, phi, 2)
        # both log-normal of spread 0.5 and correlated, so that the true ratio is 1
        ours, theirs = np.exp(0.5 * common), np.exp(0.3 * common + 0.4 * own)
        band = ratio_band([ours], [theirs], seed=run)
        inside += band.low <= 1.0 <= band.high
        level = mean_band([common], seed=run)
        means += level.low <= 0.0 <= level.high
    # binomial spread of 200 runs is 0.021; blocks of a day forget a little of the dependence
    assert 0.83 <= inside / runs <= 0.97
    assert 0.80 <= means / runs <= 0.97
