"""The regression of both arms: what it finds where the truth is known, and what it refuses."""

import numpy as np
import pytest

from liqbayes.backtest.ablation import FeedForecaster
from liqbayes.backtest.covariates import INTEREST_NAMES, NAMES, bar_covariates
from liqbayes.backtest.feed_equation import (
    GAIN,
    _innovations,
    fit_equation,
    fit_side,
    slow_residual,
)
from liqbayes.backtest.scores import score_bars
from liqbayes.backtest.table import BarTable
from liqbayes.errors import InputError
from tests.backtest.markets import market


def invented(n, seed, *, memory=0.96, gain=0.2):
    """Reports that follow the equation, with 3 covariates of which the last says nothing."""
    rng = np.random.default_rng(seed)
    phi = rng.standard_normal((n, 3))
    line = -10.0 + phi @ [0.8, -0.3, 0.0]
    chance = 1.0 / (1.0 + np.exp(-(1.5 + 0.7 * phi[:, 0])))
    out, e = np.zeros(n), 0.0
    for t in range(n):
        if rng.random() < chance[t]:
            value = line[t] + e + 0.5 * rng.standard_normal()
            out[t] = np.exp(value)
            e += gain * (value - line[t] - e)
        e *= memory
    return phi, out


def test_coefficients_are_found():
    phi, reported = invented(2500, 0)
    found = fit_side(phi, reported, 1.0)
    slope = found.coefficient[1:] / found.spread
    # standard errors are 0.5 / sqrt(2000), some 0.012
    np.testing.assert_allclose(slope, [0.8, -0.3, 0.0], atol=0.05)
    assert found.gain in GAIN[2:]
    assert np.exp(found.scale[0]) == pytest.approx(0.5, rel=0.1)
    assert found.hurdle[1] / found.spread[0] == pytest.approx(0.7, abs=0.2)


def test_intervals_cover():
    phi, reported = invented(3000, 1)
    stop = 1500
    found = fit_side(phi[:stop], reported[:stop], 1.0)
    bars = np.arange(stop, 3000)
    draws = found.draws(phi, reported, bars, 400, np.random.default_rng(2))
    means = score_bars(draws, reported[bars]).means()
    # three standard errors of shares of 1500 bars
    assert means["coverage90"] == pytest.approx(0.9, abs=0.03)
    assert means["coverage50"] == pytest.approx(0.5, abs=0.045)
    assert (draws == 0).mean() == pytest.approx((reported[bars] == 0).mean(), abs=0.03)


def test_smoothed_columns_give_the_same_residuals():
    rng = np.random.default_rng(3)
    columns = rng.standard_normal((60, 3))
    some = rng.random(60) > 0.3
    b = np.array([0.4, -1.1])
    (moved,) = _innovations(columns, some, np.array([0.9]), np.array([0.3]))
    residual = np.where(some, columns[:, 0] - columns[:, 1:] @ b, np.nan)
    ours = (residual - slow_residual(residual, 0.9, 0.3))[some]
    np.testing.assert_allclose(moved[:, 0] - moved[:, 1:] @ b, ours, atol=1e-12)


def test_covariates_have_names():
    table = BarTable.of(market())
    assert bar_covariates(table, with_interest=False).shape == (2, table.n_bars, len(NAMES))
    both = bar_covariates(table, with_interest=True)
    assert both.shape[2] == len(NAMES) + len(INTEREST_NAMES)
    assert np.isfinite(both[:, 1:]).sum() > 0.9 * both[:, 1:].size


def test_a_map_that_knows_the_answer_helps():
    table = BarTable.of(market(600))
    bars = np.arange(400, 600)
    known = np.where(np.isfinite(table.reported), table.reported, 1e-5)

    def score(mapped):
        drawn = fit_equation(table, 400, mapped).draws(
            table, bars, task="conditional", size=200, rng=np.random.default_rng(0)
        )
        return np.mean(
            [score_bars(drawn[j], table.reported[j, bars]).means()["crps_log"] for j in range(2)]
        )

    assert score(lambda _, __: known[:, : _.n_bars]) < 0.7 * score(None)


def test_too_few_reports():
    with pytest.raises(InputError, match="the feed equation needs"):
        FeedForecaster().fit(BarTable.of(market()), 40)


def test_unknown_price_is_not_forecast():
    from tests.backtest.markets import table
    from tests.model.markets import panel

    frame = table()
    frame.loc[frame.index[290], "volume"] = np.nan
    bars = BarTable.of(panel(frame))
    drawn = (
        FeedForecaster()
        .fit(bars, 280)
        .draws(bars, np.array([289, 290]), task="conditional", size=5, rng=np.random.default_rng(0))
    )
    assert np.isfinite(drawn[:, 0]).all() and np.isnan(drawn[:, 1]).all()
