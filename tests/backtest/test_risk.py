"""Exception tests against published tables and examples."""

import numpy as np
import pytest

from liqbayes.backtest.risk import (
    FAILED,
    PASSED,
    TOO_FEW,
    basel_zone,
    exceedances,
    independence,
    kupiec,
    quantile_test,
    transitions,
)
from liqbayes.backtest.scores import score_bars
from liqbayes.errors import InputError


# Kupiec 1995, table of non-rejection regions at 95 % confidence: lowest and highest exceptions.
@pytest.mark.parametrize(
    ("p", "n", "low", "high"),
    [
        (0.01, 255, None, 6),
        (0.01, 510, 2, 10),
        (0.01, 1000, 5, 16),
        (0.05, 255, 7, 20),
        (0.05, 510, 17, 35),
        (0.05, 1000, 38, 64),
    ],
)
def test_kupiec_regions(p, n, low, high):
    assert kupiec(high, n, p).p_value > 0.05 > kupiec(high + 1, n, p).p_value
    if low is not None:
        assert kupiec(low, n, p).p_value > 0.05 > kupiec(low - 1, n, p).p_value
    assert kupiec(round(n * p), n, p).statistic < 0.1


def test_published_bank_example():
    """Jorion, Value at Risk, 3rd edition, section 6.2: 20 exceptions in 252 days, 6 in a row."""
    right = kupiec(20, 252, 0.05)
    clustered = independence(218, 14, 14, 6)
    assert right.statistic == pytest.approx(3.91, abs=0.005)
    assert clustered.statistic == pytest.approx(9.53, abs=0.005)
    assert right.p_value == pytest.approx(0.048, abs=0.001)


# Basel Committee 1996, table 2: 250 days at 99 %.
@pytest.mark.parametrize(
    ("exceptions", "zone"),
    [(0, "green"), (4, "green"), (5, "yellow"), (9, "yellow"), (10, "red"), (15, "red")],
)
def test_basel_zones_of_250_days(exceptions, zone):
    found = basel_zone(exceptions, 250)
    assert (found.zone, found.yellow_from, found.red_from) == (zone, 5, 10)


def test_basel_zones_scale_with_days_and_refuse_nonsense():
    assert basel_zone(0, 11).zone == "green"
    assert basel_zone(8, 500).yellow_from > 5
    for n in (1, 2, 5, 30):
        zone = basel_zone(0, n)
        assert zone.zone == "green" and 1 <= zone.yellow_from < zone.red_from
    for exceptions, n in ((3, 2), (-1, 5), (0, 0)):
        with pytest.raises(InputError, match="exceptions"):
            basel_zone(exceptions, n)


def test_transitions_skip_unknown_bars():
    exceeded = np.array([0, 0, 1, 1, np.nan, 1, 0, 0.0])
    assert transitions(exceeded) == (2, 1, 1, 1)


def test_verdicts():
    rng = np.random.default_rng(5)
    # 5 % of bars, at distances that vary but never cluster more than chance would have it
    right = np.zeros(2000)
    right[rng.permutation(2000)[:100]] = 1.0
    assert quantile_test(right, 0.95).verdict == PASSED
    assert quantile_test((rng.random(2000) < 0.10).astype(float), 0.95).verdict == FAILED
    clustered = np.repeat((rng.random(400) < 0.05).astype(float), 5)
    found = quantile_test(clustered, 0.95)
    assert found.verdict == FAILED and found.independence.p_value < 1e-6
    short = quantile_test(right[:499], 0.99)
    assert short.verdict == TOO_FEW and short.kupiec is None and short.n == 499
    with pytest.raises(InputError, match="level"):
        quantile_test(right, 0.05)


def test_size_of_the_tests_under_independence():
    rng = np.random.default_rng(6)
    failed = np.mean(
        [
            quantile_test((rng.random(1000) < 0.05).astype(float), 0.95).verdict == FAILED
            for _ in range(400)
        ]
    )
    assert failed < 0.14  # two tests at 5 % each, which overlap


def test_exceedances_leave_unknown_bars_unknown():
    low = np.array([0.96, 0.5, np.nan, 0.94])
    found = exceedances(low, low + 0.001, 0.95, np.random.default_rng(0))
    np.testing.assert_array_equal(found, [1.0, 0.0, np.nan, 0.0])


def test_a_quantile_in_the_mass_at_zero_is_exceeded_as_often_as_it_has_to_be():
    """Reports are zero in 98 of 100 bars, and so it was forecast."""
    rng = np.random.default_rng(5)
    n, m = 4_000, 400
    observed, draws = (np.where(rng.random(size) < 0.98, 0.0, 1e-3) for size in (n, (n, m)))
    scores = score_bars(draws, observed)
    hits = exceedances(scores.pit_low, scores.pit_high, 0.95, rng)
    assert quantile_test(hits, 0.95).verdict == PASSED
    # counted by the quantile itself, zero, there are far too few
    assert (observed > 0).mean() < 0.03
