"""The PyMC graph against the same density written out with NumPy and SciPy."""

from dataclasses import replace

import numpy as np
import pymc as pm
import pytest
from pytensor.compile.mode import Mode
from scipy import stats

from liqbayes.engine import book, interest, parameters, reports, shares
from liqbayes.errors import SpecError
from liqbayes.model.build import build_from_data, build_model
from liqbayes.model.channels.liquidation_feed import report_logp, report_random
from liqbayes.model.data import SIDES, prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.inputs import (
    book_inputs,
    interest_inputs,
    natural_inputs,
    parameter_layout,
    report_inputs,
    share_inputs,
)
from liqbayes.model.likelihood import log_likelihood
from tests.model.markets import AGGREGATE, UNTHROTTLED, aggregate, bars, panel, small_spec

SPEC = small_spec()
# Python calls of the kernels: no compilation of the graph itself
PLAIN = Mode(linker="py", optimizer="fast_run")


def gapped(**kwargs):
    table = bars(60, **kwargs)
    table.loc[table.index[30:33], "open_interest"] = np.nan
    table.loc[table.index[45], "volume"] = np.nan
    if "long_liquidations" in table:
        table.loc[table.index[20:22], "long_liquidations"] = np.nan
    return table


def proxied():
    return panel(gapped(), provenance={"proxy": {"volume": "binance"}})


PANELS = {
    "feed and funding": lambda: panel(gapped(funding=True)),
    "no feed": lambda: panel(gapped(feed=False)),
    "complete feed": lambda: panel(gapped(), UNTHROTTLED),
    "volume of another venue": proxied,
    "aggregate": lambda: panel(aggregate(60), AGGREGATE),
}


def by_hand(data, z):
    """Log density of z and of everything observed."""
    layout = parameter_layout(SPEC, data)
    total = stats.norm.logpdf(z).sum()
    p = parameters.natural(z, *natural_inputs(layout))
    share = shares.cell_shares(p, *share_inputs(layout, data))
    common = 0.0
    for leg in data.legs:
        expected, predicted, *_ = book.book(p, share, *book_inputs(layout, data, leg))
        common = common + expected * leg.to_common * p[layout.index("forced_share")]
        location, scale = interest.interest_moments(
            p, predicted, *interest_inputs(layout, data, leg)
        )
        change = np.log(leg.interest[leg.term_to]) - np.log(leg.interest[leg.term_from])
        total += stats.t.logpdf(change, 4, location, scale).sum()
    before = data.common_before()
    for j, side in enumerate(SIDES if data.feeds else ()):
        feed = data.feeds[side]
        moments = reports.report_moments(p, common, *report_inputs(layout, data))
        location, scale, log_zero = (x[j] for x in moments[:3])
        for t in feed.bars:
            r = feed.reported[t] / before[t]
            if r == 0:
                total += log_zero[t]
            else:
                total += np.log1p(-np.exp(log_zero[t]))
                total += stats.lognorm.logpdf(r, scale[t], scale=np.exp(location[t]))
    return total


@pytest.fixture(scope="module", params=PANELS)
def case(request):
    data = prepare(SPEC, PANELS[request.param]())
    return data, build_from_data(SPEC, data)


def test_log_density_and_gradient(case):
    data, model = case
    point = model.initial_point()
    both = model.logp_dlogp_function(ravel_inputs=True, mode=PLAIN)
    both.set_extra_values({})
    rng = np.random.default_rng(0)
    for size in (0.0, 0.3, 1.0):
        z = size * rng.normal(size=point["z"].size)
        value, gradient = both(z)
        assert value == pytest.approx(by_hand(data, z), abs=1e-6)
    for _ in range(6):
        direction = rng.normal(size=z.size)
        f = [by_hand(data, z + i * 1e-3 * direction) for i in (-2, -1, 1, 2)]
        numeric = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / 12e-3
        assert gradient @ direction == pytest.approx(numeric, rel=1e-6, abs=1e-6)


def test_observed_values_are_known_numbers(case):
    data, model = case
    assert model.observed_RVs
    for variable in model.observed_RVs:
        value = model.rvs_to_values[variable].eval()
        assert np.isfinite(value).all()
        assert value.size > 0
    reported = [v for v in model.observed_RVs if v.name.startswith("report_")]
    assert len(reported) == len(data.feeds)


def test_names_and_dimensions(case):
    data, model = case
    layout = parameter_layout(SPEC, data)
    dims = model.named_vars_to_dims
    assert dims["z"] == ("parameter",)
    assert dims["natural"] == ("parameter",)
    assert dims["leverage_share"] == ("side", "block", "cell")
    assert list(model.coords["parameter"]) == layout.labels
    assert list(model.coords["side"]) == list(SIDES)
    assert len(model.coords["cell"]) == data.cells.n_cells
    for leg in data.legs:
        name = f"open_interest_change_{leg.name}"
        assert dims[name] == (f"change_{leg.name}",)
        assert list(model.coords[f"change_{leg.name}"]) == leg.term_to.tolist()
    for side, feed in data.feeds.items():
        assert list(model.coords[dims[f"report_{side}"][0]]) == feed.bars.tolist()
    assert [v.name for v in model.free_RVs] == ["z"]
    assert not model.potentials


def test_prior_of_the_natural_parameters():
    data = prepare(SPEC, panel(bars(60)))
    model = build_from_data(SPEC, data)
    layout = parameter_layout(SPEC, data)
    value = model.compile_fn(model["natural"], inputs=[model["z"]], mode=PLAIN)
    middle = value({"z": np.zeros(layout.n)})
    i = layout.index("touch_to_close_share")
    prior = SPEC.prior("touch_to_close_share")
    assert middle[i] == pytest.approx(1 / (1 + np.exp(-prior.location[0])))


def test_log_likelihood_of_each_observation(case):
    data, model = case
    evaluator = Evaluator.of(SPEC, data)
    z = 0.5 * np.random.default_rng(4).normal(size=evaluator.layout.n)
    p = evaluator.natural(z)
    found = log_likelihood(evaluator, p, evaluator.books(p, evaluator.shares(p)))
    observed = model.observed_RVs
    assert set(found) == {v.name for v in observed}
    terms = model.compile_logp(vars=observed, sum=False, mode=PLAIN)
    for variable, expected in zip(observed, terms({"z": z}), strict=True):
        np.testing.assert_allclose(found[variable.name], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("any_length", [False, True])
def test_weights_are_powers_of_the_channels(any_length):
    """The posterior's density is the prior's times the channels', each to its power."""
    data = prepare(SPEC, panel(bars(60)))
    weighted = replace(data, feed_weight=0.4, open_interest_weight=0.3)
    z = 0.5 * np.random.default_rng(4).normal(size=parameter_layout(SPEC, data).n)
    evaluator = Evaluator.of(SPEC, data)
    p = evaluator.natural(z)
    terms = log_likelihood(evaluator, p, evaluator.books(p, evaluator.shares(p)))
    interest = sum(v.sum() for k, v in terms.items() if k.startswith("open_interest"))
    reports = sum(v.sum() for k, v in terms.items() if k.startswith("report"))
    prior = stats.norm.logpdf(z).sum()
    for given, expected in (
        (data, prior + interest + reports),
        (weighted, prior + 0.3 * interest + 0.4 * reports),
    ):
        model = build_from_data(SPEC, given, any_length=any_length)
        found = float(model.compile_logp(mode=PLAIN)({"z": z}))
        assert found == pytest.approx(expected, abs=1e-6)
    ours = log_likelihood(Evaluator.of(SPEC, weighted), p, evaluator.books(p, evaluator.shares(p)))
    assert sum(v.sum() for v in ours.values()) == pytest.approx(0.3 * interest + 0.4 * reports)


def test_two_panels_in_one_process_keep_their_own_data():
    """Operations with equal properties must not be merged across data."""
    one = prepare(SPEC, panel(bars(60, seed=1, feed=False)))
    other = prepare(SPEC, panel(bars(60, seed=2, feed=False)))
    z = np.zeros(parameter_layout(SPEC, one).n)
    for data in (one, other):
        logp = build_from_data(SPEC, data).compile_logp(mode=PLAIN)
        assert logp({"z": z}) == pytest.approx(by_hand(data, z), abs=1e-6)
    assert by_hand(one, z) != pytest.approx(by_hand(other, z), rel=1e-6)


def test_report_draws_have_the_density_that_is_scored():
    """Zero share and log moments of draws against the hurdle log-normal."""
    rng = np.random.default_rng(1)
    n = 20_000
    draws = report_random(np.full(n, -7.0), np.full(n, 0.8), np.full(n, -0.7), rng=rng, size=(n,))
    assert (draws == 0).mean() == pytest.approx(np.exp(-0.7), abs=0.015)
    logs = np.log(draws[draws > 0])
    assert logs.mean() == pytest.approx(-7.0, abs=0.03)
    assert logs.std() == pytest.approx(0.8, rel=0.03)
    x = np.exp(np.linspace(-12, -2, 4001))
    density = np.exp(report_logp(x, -7.0, 0.8, -0.7).eval(mode=PLAIN))
    mass = np.sum(0.5 * (density[1:] + density[:-1]) * np.diff(x))
    zero = float(np.exp(report_logp(0.0, -7.0, 0.8, -0.7).eval(mode=PLAIN)))
    assert mass + zero == pytest.approx(1.0, abs=1e-4)


def test_missing_columns_reach_the_user():
    with pytest.raises(SpecError, match="lacks volume"):
        build_model(SPEC, panel(bars(60).drop(columns="volume")))


def test_build_changes_neither_panel_nor_specification():
    source = panel(bars(60))
    before, identity = source.content_hash, SPEC.content_hash
    model = build_model(SPEC, source)
    assert isinstance(model, pm.Model)
    assert source.content_hash == before
    assert SPEC.content_hash == identity
