"""Closed forms behind the moments of a report."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from liqbayes.engine import reports

WHERE = np.array([np.arange(8), np.arange(8)])
# reported share, order size, busy share, floor (share of interest), noise, positions, memory, gain
P = np.array([0.6, 1e-4, 0.4, 5e-5, 0.7, 400.0, 20.0, 0.3])


def moments(p, expected, *, capacity=np.inf, past=None, start=None, interest=1000.0):
    """Location, scale, log zero probability, lumps and slow residual of one side."""
    n = len(expected)
    with np.errstate(divide="ignore"):
        log_past = np.log(np.zeros(n) if past is None else past)
    out = reports.report_moments(
        p, np.array([expected, expected], float), WHERE, 1.0, np.full(n, interest),
        np.full(n, capacity), np.stack([log_past, log_past]),
        np.zeros(n, np.int64) if start is None else start,
    )  # fmt: skip
    for side in out:
        np.testing.assert_array_equal(side[0], side[1])
    location, scale, log_zero, _, _, slow = (x[0] for x in out)
    return location, scale, log_zero, p[5] * (np.asarray(expected) / interest + p[3]), slow


@given(orders=st.floats(1e-6, 1e8), busy=st.floats(0.01, 0.99))
def test_throttle_is_a_cap(orders, busy):
    counted = reports.counted_orders(orders, 3600.0, busy)
    assert 0 < counted <= min(orders, busy * 3600.0) * (1 + 1e-12)
    assert reports.counted_orders(orders, np.inf, busy) == orders
    if orders < 1e-3:
        assert counted == pytest.approx(orders, rel=1e-4)


@pytest.mark.parametrize("expected", [0.0, 0.05, 1.0, 30.0])
def test_counts_are_negative_binomial(expected):
    """Zero probability and the mean of a report, against scipy's distribution of counts."""
    location, scale, log_zero, lumps, _ = moments(P, [expected])
    share, q = expected / 1000.0, P[1]
    n = P[0] * share / q + P[3] / q
    h = P[5] * (share + P[3])
    assert lumps[0] == pytest.approx(h)
    counts = stats.nbinom(h, h / (h + n))
    assert log_zero[0] == pytest.approx(counts.logpmf(0), rel=1e-9)
    # moments of the quantity given that something is reported, own error aside
    some = 1.0 - counts.pmf(0)
    mean = q * counts.mean() / some
    spread = (counts.var() + counts.mean() ** 2) / some / (counts.mean() / some) ** 2
    w = scale[0] ** 2 - P[4] ** 2
    assert np.exp(location[0] + w / 2) == pytest.approx(mean, rel=1e-9)
    assert np.exp(w) == pytest.approx(spread, rel=1e-9)


def test_the_floor_does_not_multiply_the_reported_share():
    half = P.copy()
    half[0] /= 2
    for p in (P, half):
        _, _, log_zero, lumps, _ = moments(p, [0.0])
        np.testing.assert_allclose(log_zero, -lumps * np.log1p(P[3] / P[1] / lumps))
    assert moments(P, [1.0])[2][0] < moments(half, [1.0])[2][0]


@settings(max_examples=30)
@given(expected=st.floats(0, 1e3), positions=st.floats(1, 1e6), floor=st.floats(1e-9, 1e-3))
def test_scale_is_at_least_the_noise(expected, positions, floor):
    p = P.copy()
    p[5], p[3] = positions, floor
    _, scale, log_zero, _, _ = moments(p, [expected])
    assert scale[0] >= p[4] * (1 - 1e-6)
    assert log_zero[0] < 0


def test_slow_residual_by_hand():
    expected = np.full(6, 2.0)
    past = np.array([0.0, 1e-3, 2e-3, 0.0, 0.0, 5e-3])
    start = np.array([1, 0, 0, 0, 0, 0])
    location, _, _, _, slow = moments(P, expected, past=past, start=start)
    middle = location[1] - slow[1]
    memory = np.exp(-1.0 / P[6])
    e = [0.0]
    for t in range(1, 5):
        gained = P[7] * (np.log(past[t]) - middle - e[-1]) if past[t] > 0 else 0.0
        e.append((e[-1] + gained) * memory)
    np.testing.assert_allclose(slow[1:], e, rtol=1e-12)
    np.testing.assert_allclose(location[1:] - slow[1:], middle)


def test_a_segment_starts_without_residual():
    past = np.full(6, 1e-2)
    start = np.array([1, 0, 0, -1, 1, 0])
    _, _, _, _, slow = moments(P, np.full(6, 2.0), past=past, start=start)
    assert slow[2] != 0.0
    np.testing.assert_array_equal(slow[[0, 1, 3, 4, 5]], 0.0)
