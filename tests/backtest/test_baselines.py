"""Baselines: what they may see, invariances, zeros, unknown bars, and that they learn."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liqbayes.backtest.baselines import (
    Autoregressive,
    Climatology,
    Distance,
    Hawkes,
    MapRegression,
    Regression,
    plain_baselines,
)
from liqbayes.backtest.baselines.equation import FittedEquation
from liqbayes.backtest.baselines.terms import known_mean
from liqbayes.backtest.scores import score_bars
from liqbayes.backtest.table import BarTable
from liqbayes.errors import InputError
from tests.backtest.tables import random_table

N, ORIGIN, DRAWS = 330, 300, 400
ALL = (*plain_baselines(), MapRegression("map", np.random.default_rng(8).gamma(1.0, size=(2, N))))
NAMES = [each.name for each in ALL]
HOURLY = random_table(N, seed=4)
BARS = np.arange(ORIGIN, N)


def forecast(forecaster, table, bars=BARS, task="conditional", stop=ORIGIN, size=DRAWS):
    fitted = forecaster.fit(table, stop)
    return fitted.draws(table, bars, task=task, size=size, rng=np.random.default_rng(1))


def changed(table: BarTable, **values: np.ndarray) -> BarTable:
    return replace(table, **values)


@pytest.mark.parametrize("forecaster", ALL, ids=NAMES)
@pytest.mark.parametrize("task", ["conditional", "conditional-oi", "forecast"])
def test_draws_are_shares_and_reach_zero(forecaster, task):
    draws = forecast(forecaster, HOURLY, task=task)
    assert draws.shape == (2, BARS.size, DRAWS)
    assert (draws >= 0).all() and np.isfinite(draws).all()
    share = (HOURLY.reported[:, 1:ORIGIN] == 0).mean()
    assert 0.3 * share < (draws == 0).mean() < 3 * share


@pytest.mark.parametrize("forecaster", ALL, ids=NAMES)
@settings(max_examples=5, deadline=None)
@given(bar=st.integers(ORIGIN, N - 2), seed=st.integers(0, 2**16))
def test_nothing_looks_ahead(forecaster, bar, seed):
    """Later rows, the bar's own report and, unless the task shows it, its change do not matter."""
    rng = np.random.default_rng(seed)
    later = np.arange(N) > bar
    other = {
        name: np.where(later, getattr(HOURLY, name) * rng.uniform(0.5, 2), getattr(HOURLY, name))
        for name in ("open", "high", "low", "close", "turnover")
    }
    from_bar = np.arange(N) >= bar
    other["change"] = np.where(from_bar, rng.normal(size=N), HOURLY.change)
    other["reported"] = np.where(from_bar, rng.gamma(1.0, size=(2, N)), HOURLY.reported)
    table = changed(HOURLY, **other)
    at = np.array([bar])
    np.testing.assert_array_equal(forecast(forecaster, HOURLY, at), forecast(forecaster, table, at))
    other["change"][bar] = HOURLY.change[bar]
    np.testing.assert_array_equal(
        forecast(forecaster, HOURLY, at, "conditional-oi"),
        forecast(forecaster, changed(HOURLY, **other), at, "conditional-oi"),
    )


@pytest.mark.parametrize("forecaster", ALL, ids=NAMES)
def test_a_fit_sees_rows_before_its_origin_only(forecaster):
    """Fitted on tables that differ from the origin on, forecasts of the same table are the same."""
    after = np.arange(N) >= ORIGIN
    other = changed(
        HOURLY,
        reported=np.where(after, 0.01, HOURLY.reported),
        low=np.where(after, 0.9, 1.0) * HOURLY.low,
        turnover=np.where(after, 3.0, HOURLY.turnover),
    )
    ask = {"task": "conditional", "size": DRAWS}
    draws = [
        forecaster.fit(table, ORIGIN).draws(HOURLY, BARS, rng=np.random.default_rng(1), **ask)
        for table in (HOURLY, other)
    ]
    np.testing.assert_array_equal(*draws)


@pytest.mark.parametrize("forecaster", [Regression(), Distance(), Autoregressive(), Hawkes()])
@pytest.mark.parametrize("bar_hours", [1.0, 24.0])
def test_mirrored_market_has_mirrored_forecasts(forecaster, bar_hours):
    table = random_table(N, seed=5, bar_hours=bar_hours)
    mirrored = changed(
        table,
        open=1e9 / table.open,
        high=1e9 / table.low,
        low=1e9 / table.high,
        close=1e9 / table.close,
        reported=table.reported[::-1],
    )
    here = location(forecaster.fit(table, ORIGIN), table)
    there = location(forecaster.fit(mirrored, ORIGIN), mirrored)
    # the optimiser of hawkes stops where its steps, which round differently, no longer matter
    np.testing.assert_allclose(
        here, there[::-1], atol=0.05 if forecaster.name == "hawkes" else 1e-6
    )


def location(fitted: FittedEquation, table: BarTable) -> np.ndarray:
    return fitted.plain.location(table, BARS)


def test_mirrored_climatology():
    table = changed(HOURLY, reported=HOURLY.reported[::-1])
    here, there = Climatology().fit(HOURLY, ORIGIN), Climatology().fit(table, ORIGIN)
    assert here.half_lives == there.half_lives[::-1]


@pytest.mark.parametrize("forecaster", [Regression(), Distance(), Autoregressive(), Hawkes()])
def test_unit_of_price_does_not_matter(forecaster):
    price = {name: 1e3 * getattr(HOURLY, name) for name in ("open", "high", "low", "close")}
    table = changed(HOURLY, **price)
    here = location(forecaster.fit(HOURLY, ORIGIN), HOURLY)
    there = location(forecaster.fit(table, ORIGIN), table)
    np.testing.assert_allclose(here, there, atol=0.05 if forecaster.name == "hawkes" else 1e-6)


def test_unit_of_a_map_does_not_matter():
    """Reports are ratios by the table; a map's amounts may be in any unit."""
    swept = np.random.default_rng(2).gamma(1.0, size=(2, N))
    here, there = (forecast(MapRegression("map", k * swept), HOURLY) for k in (1.0, 1e6))
    np.testing.assert_allclose(here, there, rtol=1e-6)


@pytest.mark.parametrize("forecaster", ALL, ids=NAMES)
def test_unknown_bars_are_not_forecast_and_gaps_are_survived(forecaster):
    reported = HOURLY.reported.copy()
    reported[:, 100:130] = np.nan
    reported[0, 290:315] = np.nan
    low, turnover = HOURLY.low.copy(), HOURLY.turnover.copy()
    low[310], turnover[320] = np.nan, np.nan
    low[50:60] = np.nan
    table = changed(HOURLY, reported=reported, low=low, turnover=turnover)
    draws = forecast(forecaster, table)
    unknown = np.isnan(draws).any(axis=(0, 2))
    assert (BARS[unknown] == [310, 320]).all()
    assert np.isnan(draws[:, unknown]).all()


@pytest.mark.parametrize("forecaster", ALL, ids=NAMES)
def test_too_few_reports_are_an_error(forecaster):
    with pytest.raises(InputError, match="reports of long liquidations are known"):
        forecaster.fit(HOURLY, 15)
    table = changed(HOURLY, reported=np.where(HOURLY.reported > 0, 0.0, HOURLY.reported))
    with pytest.raises(InputError, match="0 of them positive"):
        forecaster.fit(table, ORIGIN)


@pytest.mark.parametrize("forecaster", ALL, ids=NAMES)
def test_feed_without_zeros_and_draws_on_a_path(forecaster):
    table = changed(HOURLY, reported=np.where(HOURLY.reported == 0, 1e-6, HOURLY.reported))
    if isinstance(forecaster, MapRegression):
        forecaster = MapRegression("map", lambda of: np.full((2, of.n_bars), 1e-4) + of.high * 1e-9)
    fitted = forecaster.fit(table, ORIGIN)
    price = {name: [getattr(table, name)[ORIGIN - 1]] * 3 for name in ("open", "high", "low")}
    path = table.rows(None, ORIGIN).append(**price, close=price["open"], turnover=[0.1] * 3)
    ask = {"task": "forecast", "size": 50, "rng": np.random.default_rng(0)}
    draws = fitted.draws(path, np.arange(ORIGIN, ORIGIN + 3), **ask)
    assert np.isfinite(draws).all() and (draws > 0).mean() > 0.95


def test_a_map_is_learnt_where_it_tells_and_ignored_where_it_does_not():
    rng = np.random.default_rng(3)
    table = random_table(700, seed=6)
    hidden = rng.normal(size=(2, 700))
    table = changed(table, reported=table.reported * np.exp(1.5 * hidden))
    bars = np.arange(500, 700)
    score = {}
    for name, forecaster in {
        "none": Regression(),
        "true": MapRegression("true", np.exp(hidden)),
        "noise": MapRegression("noise", np.exp(rng.normal(size=(2, 700)))),
    }.items():
        draws = forecast(forecaster, table, bars, stop=500)
        score[name] = np.mean(
            [score_bars(draws[s], table.reported[s, bars]).means()["crps_log"] for s in (0, 1)]
        )
    assert score["true"] < 0.85 * score["none"]
    assert score["noise"] < 1.06 * score["none"]


def test_baselines_learn_and_their_intervals_hold():
    table = random_table(800, seed=9)
    bars = np.arange(550, 800)
    means = {}
    for forecaster in plain_baselines():
        draws = forecast(forecaster, table, bars, stop=550)
        both = [score_bars(draws[s], table.reported[s, bars]).means() for s in (0, 1)]
        means[forecaster.name] = np.mean([m["crps_log"] for m in both])
        assert 0.78 < np.mean([m["coverage90"] for m in both]) < 0.98, forecaster.name
    assert means["regression"] < 0.93 * means["climatology"]
    assert means["distance"] < 0.97 * means["climatology"]
    assert means["hawkes"] < 0.95 * means["climatology"]
    assert means["regression"] < means["distance"]


def test_map_input_is_checked():
    with pytest.raises(InputError, match="longs first"):
        MapRegression("map", np.ones(N)).fit(HOURLY, ORIGIN)
    with pytest.raises(InputError, match="not negative"):
        MapRegression("map", -np.ones((2, N))).fit(HOURLY, ORIGIN)
    with pytest.raises(InputError, match="sweeps no long level"):
        MapRegression("map", np.zeros((2, N))).fit(HOURLY, ORIGIN)
    with pytest.raises(InputError, match="the table 300"):
        MapRegression("map", lambda of: np.ones((2, 5))).fit(HOURLY, ORIGIN)
    swept = np.ones((2, N)) * np.linspace(1, 2, N)
    swept[0, 310] = np.nan
    draws = forecast(MapRegression("map", swept), HOURLY)
    assert np.isnan(draws[:, 10]).all() and np.isfinite(draws[:, :10]).all()


def test_known_mean_leaves_unknown_out():
    values = np.array([1.0, np.nan, 3.0, 5.0])
    mean, weight = known_mean(values, np.array([0, 2, 3]), 1.0, 3)
    np.testing.assert_allclose(mean[1:], [1.0, (3.0 + 0.25) / 1.25])
    np.testing.assert_allclose(weight, [0.0, 0.5, 1.25])
    assert np.isnan(mean[0])
