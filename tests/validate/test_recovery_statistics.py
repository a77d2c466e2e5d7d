"""Clustered coverage and the interval score against known values."""

import numpy as np
import pytest
from scipy.stats import norm

from liqbayes.validate.recovery.statistics import clustered_coverage, interval_score, wilson


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval(hits, n, low, high):
    found = wilson(hits / n, n)
    np.testing.assert_allclose(found, (low, high), atol=5e-5)


def test_one_comparison_a_market_is_a_plain_wilson_interval():
    hits = np.repeat([1.0, 0.0], [90, 10])
    found = clustered_coverage(hits, np.ones(100))
    assert found.n == found.clusters == 100 and found.share == 0.9
    # n / (n - 1) in the variance is the only difference, and it is held at a design effect of one
    assert found.effective_n == pytest.approx(99.0)
    np.testing.assert_allclose((found.low, found.high), wilson(0.9, 99.0))


def test_markets_that_agree_in_all_comparisons_count_once():
    hits = 8.0 * np.repeat([1.0, 0.0], [90, 10])
    found = clustered_coverage(hits, np.full(100, 8.0))
    assert found.n == 800 and found.clusters == 100
    # design effect 8 k / (k - 1), then (t(799) / t(99))²
    assert found.effective_n == pytest.approx(99.0 * (1.96293 / 1.98422) ** 2, rel=1e-4)


def test_design_effect_by_hand():
    hits, sizes = np.array([4.0, 2.0, 4.0, 3.0]), np.full(4, 4.0)
    p, n = 13 / 16, 16
    variance = 4 / 3 * np.square(hits - p * sizes).sum() / n**2
    effect = variance * n / (p * (1 - p))
    found = clustered_coverage(hits, sizes)
    few = (2.13145 / 3.18245) ** 2
    assert found.effective_n == pytest.approx(n / effect * few, rel=1e-4)


def test_all_covered_counts_each_market_once():
    found = clustered_coverage(np.full(30, 8.0), np.full(30, 8.0))
    assert found.share == 1.0 and found.effective_n == 30
    np.testing.assert_allclose((found.low, found.high), wilson(1.0, 30))
    assert clustered_coverage(np.array([]), np.array([])).n == 0
    assert clustered_coverage(np.array([0.0]), np.array([0.0])).clusters == 0


def test_clustered_interval_covers():
    """Nearly its own level, over 30 invented markets whose comparisons share half of their luck.

    Few misses in few clusters make the design effect hard to estimate: 93 % were found.
    """
    rng = np.random.default_rng(3)
    held = []
    for _ in range(1000):
        shared = rng.standard_normal((30, 1))
        luck = np.sqrt(0.5) * shared + np.sqrt(0.5) * rng.standard_normal((30, 8))
        hits = (luck < norm.ppf(0.9)).sum(axis=1).astype(float)
        found = clustered_coverage(hits, np.full(30, 8.0))
        held.append(found.low <= 0.9 <= found.high)
    assert 0.91 < np.mean(held) < 0.98


def test_interval_score_by_hand():
    assert interval_score(1.0, 3.0, 2.0) == pytest.approx(2.0)
    assert interval_score(1.0, 3.0, 0.5) == pytest.approx(2.0 + 20.0 * 0.5)
    assert interval_score(1.0, 3.0, 3.2) == pytest.approx(2.0 + 20.0 * 0.2)
    # a point: its absolute error times 2 / alpha
    assert interval_score(2.0, 2.0, 1.7) == pytest.approx(20.0 * 0.3)


def test_interval_score_is_proper():
    """In expectation smallest for the true quantiles, against wider, narrower and shifted ones."""
    truth = np.random.default_rng(4).standard_normal(100_000)
    end = norm.ppf(0.95)

    def mean_score(low, high):
        missed = np.maximum(low - truth, 0) + np.maximum(truth - high, 0)
        # the same formula over many truths at once
        assert interval_score(low, high, truth[0]) == pytest.approx(high - low + 20 * missed[0])
        return (high - low) + 20 * missed.mean()

    best = mean_score(-end, end)
    for low, high in ((-1.5, 1.5), (-1.8, 1.8), (-end + 0.2, end + 0.2), (-1.0, 1.0), (-3.0, 3.0)):
        assert mean_score(low, high) > best
