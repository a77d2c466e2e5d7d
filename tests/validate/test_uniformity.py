"""The test of uniform ranks keeps its level, agrees with the band, and finds what it should."""

import numpy as np
import pytest
from arviz_stats.ecdf_utils import ecdf_pit
from scipy import stats

from liqbayes.validate.sbc.uniformity import ecdf_p_values, holm, uniform_values

N = 100


def test_the_level_is_kept():
    ranks = np.random.default_rng(1).integers(0, 100, (2000, N))
    p = ecdf_p_values(uniform_values(ranks, 100, 7))
    for level in (0.01, 0.05, 0.2):
        low, high = stats.binom(2000, level).ppf([0.0005, 0.9995])
        assert low <= (p <= level).sum() <= high


def test_rejection_is_leaving_the_band():
    rng = np.random.default_rng(2)
    values = rng.beta(1.25, 1.0, (60, N))
    p = ecdf_p_values(values)
    agree = 0
    for row, own in zip(values, p, strict=True):
        _, ecdf, low, high = ecdf_pit(row, 0.95, 2000, rng=np.random.default_rng(3))
        inside = bool(((ecdf >= low) & (ecdf <= high))[1:-1].all())
        agree += inside == (own > 0.05)
    # both simulate the law of the statistic, so rows at the border may differ
    assert agree >= 57
    assert 0.1 < (p < 0.05).mean() < 0.9


@pytest.mark.parametrize(
    "ranks",
    [
        np.random.default_rng(3).binomial(99, 0.58, N),
        np.clip(np.random.default_rng(4).normal(49.5, 16, N).round(), 0, 99).astype(int),
        np.where(np.arange(N) < 20, 0, np.random.default_rng(5).integers(0, 100, N)),
    ],
    ids=["shifted", "too wide posterior", "failures"],
)
def test_faults_are_found(ranks):
    assert ecdf_p_values(uniform_values(ranks[None], 100, 1))[0] < 0.01


def test_ranks_fill_their_cells():
    values = uniform_values(np.array([[0, 50, 99]]), 100, 1)
    assert (np.floor(values * 100) == [0, 50, 99]).all()


def test_holm_of_known_values():
    p = np.array([0.01, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(holm(p), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.9, 0.8])), [1.0, 1.0])
