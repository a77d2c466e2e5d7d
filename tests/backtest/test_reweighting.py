"""Draws that are reweighted between sampled fits: grouped, honest about k, and like a new fit."""

import numpy as np
import pytest

from liqbayes.backtest import BacktestPlan
from liqbayes.backtest.model_forecaster import ModelForecaster, _resampled
from liqbayes.backtest.unit import fit_all, forecasters
from liqbayes.model.build import build_from_data
from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.spec import ModelSpec
from liqbayes.sampling import SamplerConfig
from liqbayes.validate.compiled import compiled_for_any_length
from liqbayes.validate.lfo.cut import cut
from liqbayes.validate.lfo.unit import bar_terms
from tests.backtest.markets import SPEC, market
from tests.model.markets import spec_table

BARS, FIRST = 400, 288


def discounted(weight):
    """The small specification with bars that count for less, as those of `standard`."""
    table = spec_table()
    table["resolution"].update(cells=10, entry_nodes=2, funding_blocks=3)
    table["book"].update(burn_in_hours=12.0, burn_in_share=0.2, minimum_bars=10, age_hours=60.0)
    table["channels"] |= {"open_interest_weight": weight, "feed_weight": weight}
    return ModelSpec.from_mapping(table)


@pytest.fixture
def sampled(monkeypatch):
    """Draws near the centre of the prior in the place of sampled ones; the origins asked for."""
    from liqbayes.backtest.model_forecaster import FittedModel

    origins = []

    def near_the_centre(self, stop):
        origins.append(stop)
        data = prepare(self.spec, self.panel, seen=stop)
        n = Evaluator.of(self.spec, data).layout.n
        z = 0.3 * np.random.default_rng(0).standard_normal((self.draws, n))
        return FittedModel(self.spec, self.panel, stop, z, {"origin": stop, "max_rhat": 1.0})

    monkeypatch.setattr(ModelForecaster, "_sampled", near_the_centre)
    return origins


def test_blocks_of_one_sampled_fit_are_one_unit():
    plan = BacktestPlan(SPEC, market(BARS), refit="1D", sample="3D")
    blocks = plan.blocks()
    units = plan.units()
    assert sorted(b for unit in units.values() for b in unit.blocks) == [b[:2] for b in blocks]
    test = [unit for unit in units.values() if unit.test]
    assert [len(unit.blocks) for unit in test] == [3, 2]
    assert all(len(unit.blocks) == 1 for unit in units.values() if not unit.test)
    assert list(units) == [f"{unit.blocks[0][0]:06d}" for unit in units.values()]
    every = BacktestPlan(SPEC, market(BARS), refit="1D").units()
    assert all(len(unit.blocks) == 1 for unit in every.values())


@pytest.mark.parametrize(("weight", "anew"), [(0.01, False), (1.0, True)])
def test_weights_that_hang_on_few_draws_are_not_used(sampled, weight, anew):
    """A day of the whole likelihood hangs on few draws, a small power of it on all."""
    found = ModelForecaster(discounted(weight), market(BARS), draws=500, reweight=True)
    first, second = found.at(FIRST), found.at(FIRST + 24)
    assert sampled == ([FIRST, FIRST + 24] if anew else [FIRST])
    assert ("k" in second.about) is not anew
    if not anew:
        assert second.about["sampled"] == FIRST and second.about["origin"] == FIRST + 24
        # scales are those of the sampled fit, so that parameters mean the same
        assert second.origin == first.origin and second.z.shape == first.z.shape
        assert found.at(FIRST + 24) is second


def test_the_weights_are_the_likelihood_of_the_bars_since(sampled):
    spec, source = discounted(0.03), market(BARS)
    found = ModelForecaster(spec, source, draws=2000, reweight=True)
    first, second = found.at(FIRST), found.at(FIRST + 24)
    assert "k" in second.about and sampled == [FIRST]
    data = cut(prepare(spec, source, seen=FIRST), FIRST + 24)
    total, _ = bar_terms(Evaluator.of(spec, data), first.z, FIRST)
    weights = np.exp(total.sum(axis=1) - total.sum(axis=1).max())
    weights /= weights.sum()
    expected = weights @ first.z
    spread = np.sqrt(weights @ (first.z - expected) ** 2)
    shift = np.abs(expected - first.z.mean(axis=0)) / spread
    assert shift.max() > 0.15, "else the test could not fail"
    np.testing.assert_allclose(second.z.mean(axis=0), expected, atol=0.05 * spread.max())


def test_without_reweighting_every_fit_is_sampled(sampled):
    found = ModelForecaster(discounted(0.01), market(BARS), draws=50)
    found.at(FIRST)
    found.at(FIRST + 24)
    assert sampled == [FIRST, FIRST + 24]


def test_everything_else_is_fitted_at_every_block(sampled):
    """Baselines are fitted to all bars before their block, whether or not the model is sampled."""
    plan = BacktestPlan(discounted(0.01), market(BARS), refit="1D", sample="3D")
    unit = next(iter(plan.units().values()))
    everyone, model = forecasters(unit)
    origins = []

    class Watched:
        name = "watched"

        def fit(self, table, stop):
            origins.append(stop)

    for start, stop in unit.blocks:
        about = fit_all([Watched()], model, plan.table.rows(None, stop), start)[2]
        assert about["origin"] == start
    assert origins == [start for start, _ in unit.blocks]
    assert sampled == [unit.blocks[0][0]] and len(everyone) > 8


def test_resampling_keeps_counts_near_their_weights():
    rng = np.random.default_rng(3)
    weights = rng.dirichlet(np.ones(200))
    drawn = _resampled(np.log(weights), rng)
    counts = np.bincount(drawn, minlength=200)
    assert counts.sum() == 200 and (np.abs(counts - 200 * weights) < 1 + 1e-9).all()


@pytest.mark.slow
def test_reweighted_draws_are_those_of_a_new_fit():
    """Means and spreads of a posterior reweighted over five days beside one sampled anew."""
    source, spec = market(BARS), discounted(0.03)
    options = {"draws": 800, "tune": 400, "chains": 2}
    reweighted = ModelForecaster(spec, source, reweight=True, seed=5, **options)
    reweighted.at(FIRST)
    ahead = reweighted.at(BARS)
    assert "k" in ahead.about
    # with the same scales, which a fit of its own would take from later bars too
    data = prepare(spec, source, seen=FIRST)
    taken = compiled_for_any_length(Evaluator.of(spec, data)).sample(
        SamplerConfig(cores=1, seed=6, **options),
        model=build_from_data(spec, data, any_length=True),
    )
    z = taken.z.transpose("chain", "draw", "parameter").to_numpy().reshape(-1, ahead.z.shape[1])
    spread = z.std(axis=0)
    assert np.abs((ahead.z.mean(axis=0) - z.mean(axis=0)) / spread).max() < 0.25
    assert np.abs(np.log(ahead.z.std(axis=0) / spread)).max() < 0.2
