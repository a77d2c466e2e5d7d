"""Months to years: wandering turnover, cuts of leverage, and what is built on their blocks."""

import copy

import numpy as np
import pandas as pd
import pytest
from pytensor.compile.mode import Mode
from scipy import stats

from liqbayes.engine.recursion import OPENED
from liqbayes.errors import InputError
from liqbayes.model.build import build_from_data
from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.generate import draw_data
from liqbayes.model.inputs import DEGREES_OF_FREEDOM, share_inputs
from liqbayes.model.likelihood import log_likelihood
from liqbayes.model.ops import KERNELS
from liqbayes.model.spec import ModelSpec, load_spec
from tests.model.markets import AGGREGATE, UNTHROTTLED, aggregate, bars, panel

START = "2021-07-17"
PLAIN = Mode(linker="py", optimizer="fast_run")


def small_dynamic(hours=24.0, **opening_mix):
    """The shipped model at low resolution, with steps short enough for days of hours."""
    table = copy.deepcopy(dict(load_spec("dynamic").source))
    table["resolution"] = {"cells": 10, "entry_nodes": 2, "funding_blocks": 3}
    table["book"] = table["book"] | {"burn_in_hours": 12.0, "minimum_bars": 10}
    table["opening_mix"] = table["opening_mix"] | {"walk_hours": hours} | opening_mix
    table["turnover"] = {"walk_hours": hours}
    return ModelSpec.from_mapping(table)


SPEC = small_dynamic()


def evaluator(made, spec=SPEC):
    return Evaluator.of(spec, prepare(spec, made))


def test_shipped():
    spec, standard = load_spec("dynamic"), load_spec("standard")
    assert spec.walk_hours == spec.turnover_walk_hours == 730.5
    assert spec.leverage_caps
    assert (standard.turnover_walk_hours, standard.leverage_caps) == (0.0, False)
    assert ModelSpec.from_json(spec.to_json()) == spec
    assert spec.channels == standard.channels
    # the same law, restated for the longer step
    weekly, monthly = (np.exp(s.prior("mix_walk_scale").location[0]) for s in (standard, spec))
    assert monthly == pytest.approx(weekly * np.sqrt(730.5 / 168.0), rel=0.02)
    assert spec.prior("cap_effect").location[0] < 0


def test_blocks_split_at_the_date_of_a_cut():
    data = prepare(SPEC, panel(bars(300, start=START, funding=True)))
    hour = np.arange(300)
    in_force = (hour >= 48).astype(float) + (hour >= 10 * 24 + 16)  # 19 and 27 July, 15:48
    np.testing.assert_array_equal(data.block_capped[data.block], in_force / 2)
    np.testing.assert_array_equal(data.block_week[data.block], hour // 24)
    np.testing.assert_array_equal(data.turnover_step, hour // 24)
    plain = prepare(small_dynamic(leverage_caps=False), panel(bars(300, start=START, funding=True)))
    assert not plain.block_capped.any()
    np.testing.assert_array_equal(data.block_funding[data.block], plain.block_funding[plain.block])
    # blocks are those of step, cut and funding, and nothing else
    keys = np.stack([hour // 24, in_force, data.block_funding[data.block]])
    assert data.block_funding.size == np.unique(keys, axis=1).shape[1] > plain.block_funding.size


@pytest.mark.parametrize(
    ("start", "contract", "present"),
    [
        (START, None, True),
        ("2021-07-18 23:00", None, True),
        ("2021-07-28", None, False),  # both before the first bar
        ("2021-07-01", None, False),  # both after the last
        (START, UNTHROTTLED, False),  # no known cut
        ("2024-06-01", None, False),
    ],
)
def test_effect_of_cuts_only_with_a_cut_inside(start, contract, present):
    table = bars(72, start=start)
    made = panel(table) if contract is None else panel(table, contract)
    layout = evaluator(made).layout
    assert layout.has("cap_effect") == present
    assert layout.has("turnover_step") and layout.has("mix_step")
    assert layout.where("turnover_step").size == 2


def test_a_cut_on_the_first_or_last_bar_moves_nothing():
    for start in ("2021-07-19", "2021-07-16 01:00"):
        made = panel(bars(72, start=start))
        assert pd.Timestamp("2021-07-19") in (made.time[0], made.time[-1])
        assert not evaluator(made).layout.has("cap_effect")


def test_short_panels_have_no_steps():
    spec = small_dynamic(730.5)
    layout = evaluator(panel(bars(72)), spec).layout
    assert not any(layout.has(n) for n in ("turnover_walk_scale", "mix_walk_scale", "cap_effect"))


def test_aggregates_have_the_cuts_of_their_venues():
    table = aggregate(15)
    table.index = pd.date_range("2021-07-17", periods=15, freq="1D", name="timestamp")
    made = evaluator(panel(table, AGGREGATE))
    capped = made.data.block_capped[made.data.block]
    np.testing.assert_allclose(capped * 3, [0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3])


def test_zero_steps_and_effect_are_the_model_without_them():
    """To the last bit."""
    made = panel(bars(300, start=START, funding=True))
    full = evaluator(made)
    table = copy.deepcopy(dict(SPEC.source))
    table["opening_mix"], table["turnover"] = {"walk_hours": 0.0}, {"walk_hours": 0.0}
    plain = evaluator(made, ModelSpec.from_mapping(table))
    z = 0.5 * np.random.default_rng(1).standard_normal(plain.layout.n)
    p = plain.natural(z)
    q = np.zeros(full.layout.n)
    for prior in plain.layout.priors:
        q[full.layout.where(prior.name)] = p[plain.layout.where(prior.name)]
    for scale in ("mix_walk_scale", "turnover_walk_scale"):
        q[full.layout.where(scale)] = 0.3
    runs = [e.books(x, e.shares(x)) for e, x in ((plain, p), (full, q))]
    for key, one in runs[0].items():
        np.testing.assert_array_equal(one.expected, runs[1][key].expected)
        np.testing.assert_array_equal(one.by_class, runs[1][key].by_class)
    np.testing.assert_allclose(full.mean_shares(q), plain.mean_shares(p), rtol=1e-12)


def moved(made, seed=3):
    """Parameters with steps and an effect that are not small."""
    z = 0.7 * np.random.default_rng(seed).standard_normal(made.layout.n)
    return z, made.natural(z)


def test_mean_shares_weigh_bars():
    made = evaluator(panel(bars(300, start=START, funding=True)))
    _, p = moved(made)
    data = made.data
    shares = made.shares(p).reshape(2, 3, -1, data.cells.n_cells)
    fast, ratio = made.value(p, "fast_share"), made.value(p, "speed_ratio")
    rest, speed = made.value(p, "rest_book_share"), made.value(p, "rest_speed")
    odds = speed * (fast / ratio + 1 - fast) * rest / (1 - rest)
    entering = np.array([1 - fast, fast, odds]) / (1 + odds)
    by_bar = np.einsum("c,scbk->sbk", entering, shares)[:, data.block]
    found = made.mean_shares(p)
    regimes = np.unique(data.block_funding)
    assert found.shape == (2, regimes.size, data.cells.n_cells)
    for i, funding in enumerate(regimes):
        bars_of = data.block_funding[data.block] == funding
        np.testing.assert_allclose(found[:, i], by_bar[:, bars_of].mean(axis=1), rtol=1e-10)


def test_turnover_scales_what_is_opened():
    """A step of the log opening share acts on the flow of its bars, and not before."""
    made = evaluator(panel(bars(120, start=START, feed=False)))
    _, p = moved(made)
    p[made.layout.where("turnover_step")] = 0.0
    still = made.books(p, made.shares(p))["linear", "long"]
    p[made.layout.where("turnover_step")[2]] = 1.0  # from hour 72 on
    p[made.layout.index("turnover_walk_scale")] = np.log(2.0)
    brisk = made.books(p, made.shares(p))["linear", "long"]
    np.testing.assert_array_equal(brisk.by_class[:, :, :72], still.by_class[:, :, :72])
    opened = [run.by_class[OPENED, :, 72:].sum(axis=0) for run in (still, brisk)]
    assert (opened[1] > opened[0]).all()


@pytest.mark.parametrize("hold", ["volume", "turnover"])
@pytest.mark.parametrize("contract", [None, UNTHROTTLED])
def test_drawn_data_have_the_noise_that_the_likelihood_finds(contract, hold):
    table = bars(120, start=START, funding=True)
    made = evaluator(panel(table) if contract is None else panel(table, contract))
    z, p = moved(made)
    assert np.ptp(p[made.layout.where("turnover_step")]) > 0.5
    drawn = draw_data(made, z, np.random.default_rng(8), hold=hold)
    now = Evaluator(SPEC, drawn, made.layout)
    location, scale = now.interest_moments(p, now.books(p, now.shares(p)), 0)
    (leg,) = drawn.legs
    noise = np.random.default_rng(8).standard_t(DEGREES_OF_FREEDOM, drawn.n_bars)
    change = np.log(leg.interest[leg.term_to] / leg.interest[leg.term_from])
    np.testing.assert_allclose((change - location) / scale, noise[leg.term_to], rtol=1e-7)
    given = made.data.legs[0]
    if hold == "turnover":
        np.testing.assert_array_equal(leg.turnover, given.turnover)
    else:
        np.testing.assert_allclose(leg.turnover * leg.before, given.turnover * given.before)


def test_years_can_be_drawn_at_a_given_turnover():
    """Open interest may go anywhere; the law knows no scale, and stays finite."""
    table = bars(720, start="2020-07-24", freq="1D", funding=True)
    made = evaluator(panel(table), small_dynamic(730.5))
    for seed in range(4):
        rng = np.random.default_rng(seed)
        z = rng.standard_normal(made.layout.n)
        now = Evaluator(made.spec, draw_data(made, z, rng, hold="turnover"), made.layout)
        p = now.natural(z)
        for term in log_likelihood(now, p, now.books(p, now.shares(p))).values():
            assert np.isfinite(term).all()


def test_what_is_held_is_checked():
    made = evaluator(panel(bars(72)))
    with pytest.raises(InputError, match="hold is 'price'; use one of volume, turnover"):
        draw_data(made, np.zeros(made.layout.n), np.random.default_rng(0), hold="price")


def daily_aggregate():
    table = aggregate(40)
    table.index = pd.date_range("2021-07-01", periods=40, freq="1D", name="timestamp")
    return panel(table, AGGREGATE)


PANELS = {
    "hours with feed": (SPEC, lambda: panel(bars(80, start=START, funding=True))),
    "days of an aggregate": (small_dynamic(240.0), daily_aggregate),
}


@pytest.mark.parametrize("name", PANELS)
def test_shapes_are_known_beforehand(name):
    """What backends that trace the graph are told of the kernels' outputs."""
    spec, source = PANELS[name]
    made = evaluator(source(), spec)
    _, p = moved(made)
    shares = made.shares(p)
    told = KERNELS["cell_shares"].shapes(share_inputs(made.layout, made.data))
    assert told == (shares.shape,)
    for leg in made.data.legs:
        inputs = made.book_inputs(leg)
        outputs = KERNELS["book"].forward(p, shares, *inputs)
        assert KERNELS["book"].shapes(inputs) == tuple(np.shape(x) for x in outputs)


@pytest.mark.parametrize("name", PANELS)
def test_graph_has_the_density_of_the_evaluator_and_its_gradient(name):
    spec, source = PANELS[name]
    made = evaluator(source(), spec)
    assert made.layout.has("cap_effect") and made.layout.has("turnover_step")
    model = build_from_data(spec, made.data)

    def by_hand(z):
        p = made.natural(z)
        terms = log_likelihood(made, p, made.books(p, made.shares(p)))
        return stats.norm.logpdf(z).sum() + sum(term.sum() for term in terms.values())

    both = model.logp_dlogp_function(ravel_inputs=True, mode=PLAIN)
    both.set_extra_values({})
    rng = np.random.default_rng(0)
    z = 0.5 * rng.standard_normal(made.layout.n)
    value, gradient = both(z)
    assert value == pytest.approx(by_hand(z), abs=1e-6)
    for label in ("cap_effect", "turnover_walk_scale", "turnover_step[1]", "mix_step[2]"):
        unit = np.zeros(z.size)
        unit[made.layout.labels.index(label)] = 1.0
        f = [by_hand(z + i * 1e-3 * unit) for i in (-2, -1, 1, 2)]
        numeric = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / 12e-3
        assert gradient @ unit == pytest.approx(numeric, rel=1e-5, abs=1e-6), label
        assert numeric != 0.0
