"""Predictive draws follow the likelihood of the model."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from liqbayes.model.channels.liquidation_feed import report_random
from liqbayes.model.data import SIDES, prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.sampling.predictive import (
    noise_seed,
    observed,
    parameter_dataset,
    predictive,
    prior_draws,
)
from tests.model import markets
from tests.outputs.fits import draws_of


@pytest.fixture(scope="module")
def evaluator():
    spec = markets.small_spec()
    return Evaluator.of(spec, prepare(spec, markets.panel(markets.bars(80))))


@pytest.fixture(scope="module")
def repeated(evaluator):
    """Two hundred predictive draws at one point."""
    z = draws_of(evaluator, 1, 1, scale=0.3).z.to_numpy()
    many = np.repeat(z, 200, axis=1)
    data = xr.DataArray(many, dims=("chain", "draw", "parameter"))
    return z[0, 0], predictive(evaluator, data, 3)


def moments(evaluator, z, side):
    p = evaluator.natural(np.ascontiguousarray(z))
    runs = evaluator.books(p, evaluator.shares(p))
    moments = evaluator.report_moments(p, evaluator.expected_common(p, runs))
    location, scale, log_zero = (x[SIDES.index(side)] for x in moments)
    bars = evaluator.data.feeds[side].bars
    return location[bars], scale[bars], log_zero[bars]


@pytest.mark.parametrize("side", ["long", "short"])
def test_reports_are_those_of_the_channel(evaluator, repeated, side):
    z, drawn = repeated
    location, scale, log_zero = moments(evaluator, z, side)
    ours = drawn[f"report_{side}"].to_numpy()[0]
    theirs = report_random(
        location, scale, log_zero, rng=np.random.default_rng(8), size=(400, location.size)
    )
    zero = (ours == 0).mean(), (theirs == 0).mean(), np.exp(log_zero).mean()
    assert zero[0] == pytest.approx(zero[2], abs=0.02)
    assert zero[1] == pytest.approx(zero[2], abs=0.02)
    residuals = [
        ((np.log(np.where(x > 0, x, 1.0)) - location) / scale)[x > 0] for x in (ours, theirs)
    ]
    assert stats.ks_2samp(*residuals).pvalue > 1e-3
    assert stats.kstest(residuals[0], "norm").pvalue > 1e-3


def test_open_interest_is_student_t(evaluator, repeated):
    z, drawn = repeated
    p = evaluator.natural(np.ascontiguousarray(z))
    runs = evaluator.books(p, evaluator.shares(p))
    location, scale = evaluator.interest_moments(p, runs, 0)
    values = drawn["open_interest_change_linear"].to_numpy()[0]
    assert stats.kstest(((values - location) / scale).ravel(), "t", args=(4,)).pvalue > 1e-3


def test_observed_values_stand_at_the_same_bars(evaluator, repeated):
    _, drawn = repeated
    seen = observed(evaluator)
    assert set(seen.data_vars) == set(drawn.data_vars)
    table = markets.bars(80)
    for name in seen.data_vars:
        (dim,) = seen[name].dims
        np.testing.assert_array_equal(seen[dim], drawn[dim])
        assert np.isfinite(seen[name]).all()
    change = np.diff(np.log(table["open_interest"]), prepend=np.nan)
    bars = seen["bar_of_open_interest_change_linear"].to_numpy()
    np.testing.assert_allclose(seen["open_interest_change_linear"], change[bars])
    bars = seen["bar_of_report_long"].to_numpy()
    share = table["long_liquidations"].to_numpy()[bars]
    share = share / table["open_interest"].to_numpy()[bars - 1]
    np.testing.assert_allclose(seen["report_long"], share)


def test_seed(evaluator):
    z = draws_of(evaluator, 1, 10).z
    assert predictive(evaluator, z, 1).identical(predictive(evaluator, z, 1))
    assert not predictive(evaluator, z, 1).equals(predictive(evaluator, z, 2))


def test_draws_are_thinned_not_cut(evaluator):
    drawn = predictive(evaluator, draws_of(evaluator, 2, 250).z, 1)
    assert drawn.sizes["draw"] == 125
    assert drawn["draw"].to_numpy()[-1] == 248


def test_prior_draws_are_standard_normal(evaluator):
    z = prior_draws(evaluator.layout.n, 500, 3)
    assert stats.kstest(z.to_numpy().ravel(), "norm").pvalue > 1e-3
    assert z.identical(prior_draws(evaluator.layout.n, 500, 3))


def test_named_parameters(evaluator):
    z = draws_of(evaluator, 2, 3).z
    named = parameter_dataset(evaluator, z)
    assert set(evaluator.layout.labels) == set(named["parameter"].to_numpy())
    for prior in evaluator.layout.priors:
        assert named[prior.name].dims[:2] == ("chain", "draw")
        assert named[prior.name].attrs["units"] == prior.unit
    share = named["leverage_share"]
    assert share.dims == ("chain", "draw", "side", "block", "cell")
    np.testing.assert_allclose(share.sum("cell"), 1.0, rtol=1e-12)


def test_markets_fitted_together_have_noise_of_their_own():
    seeds = {noise_seed(1, name) for name in (None, "first", "second")}
    assert len(seeds) == 3 and noise_seed(1, None) == 1
    assert noise_seed(1, "first") == noise_seed(1, "first") != noise_seed(2, "first")
