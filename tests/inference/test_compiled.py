"""The compiled model: sampled twice, without a feed, by another sampler. Two compilations of a
nutpie model, one of PyMC's own, on small panels.
"""

import json

import numpy as np
import pytest

from liqbayes.errors import SamplingError
from liqbayes.model.build import build_from_data
from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.sampling import SamplerConfig, fit
from liqbayes.sampling.run import Compiled, sample
from tests.model import markets
from tests.outputs.fits import small_market

pytestmark = pytest.mark.compiled

CONFIG = SamplerConfig(draws=60, tune=60, chains=2, cores=2, seed=4)


@pytest.fixture(scope="module")
def feed_model():
    """The baseline with a feed and funding, and what nutpie compiled of it."""
    spec = markets.small_spec()
    data = prepare(spec, small_market(120))
    model = build_from_data(spec, data)
    return model, Compiled(model)


@pytest.fixture(scope="module")
def quiet_panel():
    return markets.panel(markets.bars(80, seed=6, feed=False))


@pytest.fixture(scope="module")
def quiet_fit(quiet_panel):
    return fit(
        markets.small_spec(), quiet_panel, draws=60, tune=60, chains=2, seed=1, progress=False
    )


def test_seed_reproduces_and_cores_change_nothing(feed_model):
    _, compiled = feed_model
    one = SamplerConfig(draws=60, tune=60, chains=2, cores=1, seed=4)
    other = SamplerConfig(draws=60, tune=60, chains=2, cores=2, seed=5)
    first = compiled.sample(CONFIG)
    again = compiled.sample(one)
    different = compiled.sample(other)
    np.testing.assert_array_equal(first.z.to_numpy(), again.z.to_numpy())
    assert first.z.dims == ("chain", "draw", "parameter")
    assert first.z.sizes["chain"] == 2 and first.z.sizes["draw"] == 60
    assert np.abs(first.z.to_numpy() - different.z.to_numpy()).max() > 1e-3
    assert not np.array_equal(first.z.to_numpy()[0], first.z.to_numpy()[1])
    assert not first.interrupted
    assert {"diverging", "energy", "tree_depth", "lp", "reached_max_treedepth"} <= set(first.stats)


def test_nutpie_samples_the_density_of_the_python_mode(feed_model):
    model, compiled = feed_model
    plain = model.compile_logp(mode="FAST_COMPILE")
    draws = compiled.sample(SamplerConfig(draws=4, tune=20, chains=1, cores=1, seed=2))
    lp = draws.stats["lp"].to_numpy()[0]
    expected = [float(plain({"z": row})) for row in draws.z.to_numpy()[0]]
    np.testing.assert_allclose(lp, expected, rtol=1e-9)


def test_without_a_feed(quiet_fit):
    assert set(quiet_fit.children) == {
        "posterior",
        "prior",
        "posterior_predictive",
        "prior_predictive",
        "sample_stats",
        "observed_data",
        "panel",
    }
    posterior = quiet_fit["posterior"].to_dataset()
    assert posterior["z"].dims == ("chain", "draw", "parameter")
    assert posterior.sizes["chain"] == 2 and posterior.sizes["draw"] == 60
    assert "reported_share" not in posterior
    assert list(quiet_fit["observed_data"].data_vars) == ["open_interest_change_linear"]
    assert np.isfinite(posterior["z"]).all()
    run = json.loads(quiet_fit.attrs["sampler"])
    assert (run["name"], run["draws"], run["chains"], run["seed"]) == ("nutpie", 60, 2, 1)
    assert run["seconds"] > 0 and run["compile_seconds"] > 0
    assert quiet_fit.attrs["interrupted"] == "false"
    assert float(quiet_fit.attrs["oi_conservation_error"]) < 1e-9


def test_open_interest_moves_the_posterior(quiet_fit):
    """Eighty changes say much about their own scale: a sampler that returned the prior fails."""
    posterior, prior = (np.log(quiet_fit[g]["oi_scale"]) for g in ("posterior", "prior"))
    assert float(posterior.std()) < 0.4 * float(prior.std())


def test_named_parameters_are_those_of_the_model(quiet_fit, quiet_panel):
    spec = markets.small_spec()
    evaluator = Evaluator.of(spec, prepare(spec, quiet_panel))
    z = quiet_fit["posterior"]["z"].to_numpy()[1, 7]
    p = evaluator.natural(np.ascontiguousarray(z))
    for prior in evaluator.layout.priors:
        value = quiet_fit["posterior"][prior.name].to_numpy()[1, 7]
        np.testing.assert_array_equal(value, p[evaluator.layout.where(prior.name)].squeeze())


def tiny(sampler):
    return SamplerConfig(draws=20, tune=20, chains=1, cores=1, seed=3, sampler=sampler)


def test_pymc_sampler(quiet_panel):
    spec = markets.small_spec()
    drawn = sample(build_from_data(spec, prepare(spec, quiet_panel)), tiny("pymc"), progress=False)
    assert drawn.z.sizes == {"chain": 1, "draw": 20, "parameter": drawn.z.sizes["parameter"]}
    assert np.isfinite(drawn.z.to_numpy()).all()
    assert drawn.z.to_numpy().std() > 0.1
    assert {"diverging", "energy", "tree_depth"} <= set(drawn.stats)
    assert not drawn.interrupted


@pytest.mark.slow
def test_numpyro_sampler(quiet_panel):
    pytest.importorskip("numpyro")
    spec = markets.small_spec()
    drawn = sample(
        build_from_data(spec, prepare(spec, quiet_panel)), tiny("numpyro"), progress=False
    )
    assert drawn.z.sizes["draw"] == 20
    assert drawn.z.to_numpy().std() > 0.1
    assert {"diverging", "energy"} <= set(drawn.stats)


@pytest.mark.parametrize("name", ["jax", "numpyro"])
def test_missing_jax_is_an_error_that_names_the_extra(name, monkeypatch, quiet_panel):
    """No other sampler takes over."""
    import sys

    monkeypatch.setitem(sys.modules, name, None)
    spec = markets.small_spec()
    model = build_from_data(spec, prepare(spec, quiet_panel))
    with pytest.raises(SamplingError, match=r"liqbayes\[jax\]"):
        sample(model, tiny("numpyro"), progress=False)
