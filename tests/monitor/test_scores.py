"""Scores against closed forms, and the reference that knows the past only."""

import numpy as np
import pytest
from scipy import stats

from liqbayes.monitor.scores import LEAST_VALUES, crps, reference_score


def test_crps_of_a_normal_law():
    rng = np.random.default_rng(0)
    y = np.array([-1.0, 0.0, 2.5])
    found = crps(rng.standard_normal((40_000, 3)), y)
    exact = y * (2 * stats.norm.cdf(y) - 1) + 2 * stats.norm.pdf(y) - 1 / np.sqrt(np.pi)
    np.testing.assert_allclose(found, exact, atol=0.02)


def test_crps_by_hand():
    assert crps(np.array([[0.0], [2.0]]), np.array([1.0]))[0] == pytest.approx(1.0 - 1.0)


def test_crps_does_not_depend_on_the_number_of_draws():
    rng = np.random.default_rng(1)
    y = rng.standard_normal(20_000)
    few = crps(rng.standard_normal((5, y.size)), y).mean()
    many = crps(rng.standard_normal((200, y.size)), y).mean()
    assert few == pytest.approx(many, rel=0.03)


def test_reference_uses_the_past_only():
    rng = np.random.default_rng(2)
    value, bars = rng.standard_normal(60), np.arange(60)
    found = reference_score(value, bars, 24)
    assert np.isnan(found[:LEAST_VALUES]).all() and np.isfinite(found[LEAST_VALUES:]).all()
    other = value.copy()
    other[40:] = 99.0
    np.testing.assert_array_equal(reference_score(other, bars, 24)[:40], found[:40])
    # values older than the window do not matter either
    other = value.copy()
    other[:10] = 99.0
    np.testing.assert_array_equal(reference_score(other, bars, 24)[34:], found[34:])
