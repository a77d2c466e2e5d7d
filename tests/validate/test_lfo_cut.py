"""Data cut at an origin: what they keep is as it was, and nothing scored later enters."""

from dataclasses import replace

import numpy as np
import pytest

from liqbayes.model import load_spec, prepare
from liqbayes.model.build import build_from_data
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.likelihood import log_likelihood
from liqbayes.model.spec import ModelSpec
from liqbayes.sampling.run import _layout
from liqbayes.validate.lfo.cut import anchored, cut, origins_allowed
from liqbayes.validate.lfo.unit import ALL, INTEREST, bar_terms, scored_bars
from tests.model.markets import AGGREGATE, INVERSE, aggregate, bars, panel, small_spec

N, ORIGIN = 150, 90
SPEC = small_spec()


def table(**changes):
    out = bars(N, seed=3, funding=True)
    # gaps of open interest and of the feed, and a break between segments
    out.loc[out.index[40:43], "open_interest"] = np.nan
    out.loc[out.index[50:55], "long_liquidations"] = np.nan
    return out.assign(**changes)


def broken():
    out = table()
    out.loc[out.index[70:72], "volume"] = np.nan
    return out


def inverse():
    out = table()
    columns = ["volume", "open_interest", "long_liquidations", "short_liquidations"]
    return out.assign(**{c: out[c] * 60_000 for c in columns})


PANELS = {
    "linear": lambda: panel(table()),
    "two segments": lambda: panel(broken()),
    "inverse": lambda: panel(inverse(), INVERSE),
    "two legs": lambda: panel(aggregate(N), AGGREGATE),
    "proxy volume": lambda: panel(table(), provenance={"proxy": {"volume": "elsewhere"}}),
}


def terms(evaluator, seed=0):
    z = np.random.default_rng(seed).standard_normal(evaluator.layout.n)
    p = evaluator.natural(z)
    return log_likelihood(evaluator, p, evaluator.books(p, evaluator.shares(p)))


@pytest.mark.parametrize("name", PANELS)
@pytest.mark.parametrize("model", ["baseline", "standard", "dynamic"])
def test_what_is_kept_is_as_it_was(name, model):
    """Parameters, one-step laws and observations before an origin are those of the whole panel."""
    spec = SPEC if model == "baseline" else load_spec(model)
    if model == "dynamic":
        # steps of two days, so that some lie behind the origin
        source = {**spec.source, "turnover": {"walk_hours": 48.0}}
        spec = ModelSpec.from_mapping(source)
    whole = anchored(prepare(spec, PANELS[name]()), ORIGIN)
    short = cut(whole, ORIGIN)
    full, kept = Evaluator.of(spec, whole), Evaluator.of(spec, short)
    assert full.layout.labels == kept.layout.labels
    assert short.n_bars == ORIGIN
    all_terms, kept_terms = terms(full), terms(kept)
    assert all_terms.keys() == kept_terms.keys()
    for key, values in kept_terms.items():
        assert 0 < values.size < all_terms[key].size
        np.testing.assert_array_equal(values, all_terms[key][: values.size])
    assert cut(whole, N) is whole


def test_a_cut_is_the_panel_cut_before():
    """At the first origin, but for the spread of the first book, which prices after it widen."""
    spec = small_spec(funding_blocks=1)
    source = panel(table())
    ours = cut(anchored(prepare(spec, source), ORIGIN), ORIGIN)
    own = prepare(spec, source.slice(until=source.time[ORIGIN]))
    np.testing.assert_allclose(ours.covariates, own.covariates, atol=1e-12)
    (leg,), (own_leg,) = ours.legs, own.legs
    for name in ("interest", "before", "turnover", "term_from", "term_to"):
        np.testing.assert_array_equal(getattr(leg, name), getattr(own_leg, name), err_msg=name)
    for side, touches in leg.touches.items():
        theirs = own_leg.touches[side]
        mine, other = touches.cohort > 0, theirs.cohort > 0
        np.testing.assert_array_equal(touches.cohort[mine], theirs.cohort[other])
        np.testing.assert_array_equal(touches.weight[mine], theirs.weight[other])
    own = replace(own, legs=(replace(own_leg, touches=leg.touches),))
    one, two = (terms(Evaluator.of(spec, data)) for data in (ours, own))
    for key, values in one.items():
        np.testing.assert_allclose(values, two[key], rtol=1e-12)
    # with its own centre the same parameters would mean something else
    off = cut(prepare(spec, source), ORIGIN)
    assert np.abs(off.covariates - own.covariates).max() > 1e-3


@pytest.mark.parametrize("proxy", [False, True])
def test_nothing_scored_later_enters(proxy):
    provenance = {"proxy": {"volume": "elsewhere"}} if proxy else {}
    later = np.arange(N) >= ORIGIN
    changed = table()
    for column in ("open_interest", "long_liquidations", "short_liquidations"):
        changed[column] = np.where(later, 3.0 * changed[column], changed[column])
    one, two = (
        cut(anchored(prepare(SPEC, panel(t, provenance=provenance)), ORIGIN), ORIGIN)
        for t in (table(), changed)
    )
    for a, b in zip(one.legs, two.legs, strict=True):
        for name in ("interest", "before", "turnover", "to_common", "term_from", "term_to"):
            # a proxy's scale is divided out and put in again: rounding
            np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-12, err_msg=name)
    for side, feed in one.feeds.items():
        np.testing.assert_array_equal(feed.bars, two.feeds[side].bars)
        np.testing.assert_array_equal(feed.reported, two.feeds[side].reported)
    np.testing.assert_array_equal(one.covariates, two.covariates)
    first, second = (terms(Evaluator.of(SPEC, data)) for data in (one, two))
    for key, values in first.items():
        np.testing.assert_allclose(values, second[key], rtol=1e-10)


def test_origins_avoid_gaps_and_first_bars():
    allowed = origins_allowed(prepare(SPEC, panel(broken())))
    # bars 40 to 42 have no open interest; 70 and 71 no volume, so that 72 begins a segment
    assert not allowed[[0, 1, 41, 42, 43, 71, 72, 73]].any()
    assert allowed[[2, 40, 44, 70, 74, N]].all()


def test_terms_by_bar_sum_to_the_likelihood():
    """Windows see every term once; weights are in the posterior, not in the score."""
    spec = SPEC
    data = replace(prepare(spec, panel(table())), feed_weight=0.5, open_interest_weight=0.25)
    evaluator = Evaluator.of(spec, data)
    z = np.random.default_rng(0).standard_normal((2, evaluator.layout.n))
    total, channels = bar_terms(evaluator, z, 0)
    single = terms(evaluator)
    assert total[0].sum() == pytest.approx(sum(v.sum() for v in single.values()), rel=1e-12)
    assert channels["reports, long"][0].sum() == pytest.approx(2.0 * single["report_long"].sum())
    interest = sum(v.sum() for k, v in single.items() if k.startswith("open_interest"))
    assert channels[INTEREST][0].sum() == pytest.approx(4.0 * interest)
    scored = scored_bars(data)
    assert set(scored) == set(channels)
    for name, values in channels.items():
        assert ((values[0] != 0) == scored[name]).all(), name
    assert not scored[INTEREST][40:43].any() and scored[INTEREST][43]
    assert scored[ALL][40:43].all() and not scored["reports, long"][50:55].any()
    later, parts = bar_terms(evaluator, z, 60)
    np.testing.assert_array_equal(later, total[:, 60:])
    np.testing.assert_array_equal(parts[ALL], channels[ALL][:, 60:])


@pytest.mark.compiled
@pytest.mark.parametrize("name", ["two segments", "two legs"])
def test_graph_of_any_length_is_the_same_density(name):
    """And nothing in it but the parameters depends on which bars are observed."""
    whole = anchored(prepare(SPEC, PANELS[name]()), ORIGIN)
    layouts = []
    rng = np.random.default_rng(2)
    for origin in (ORIGIN, 120):
        data = cut(whole, origin)
        open_ended = build_from_data(SPEC, data, any_length=True)
        z = rng.standard_normal(Evaluator.of(SPEC, data).layout.n)
        found, plain = (
            float(model.compile_logp(mode="FAST_COMPILE")({"z": z}))
            for model in (open_ended, build_from_data(SPEC, data))
        )
        assert found == pytest.approx(plain, rel=1e-12)
        layouts.append(_layout(open_ended))
    assert layouts[0] == layouts[1]
    assert set(layouts[0]) == {"parameter"}
