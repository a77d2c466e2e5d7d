"""Partial pooling: each market's prior stays what it is, and the joint density is the parts'."""

import copy

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode
from scipy import stats

from liqbayes.errors import InputError, SpecError
from liqbayes.model import load_spec
from liqbayes.model.build import build_joint
from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.likelihood import log_likelihood
from liqbayes.model.pooling import JointLayout
from liqbayes.model.spec import ModelSpec
from tests.model.markets import INVERSE, aggregate, bars, panel

PLAIN = Mode(linker="py", optimizer="fast_run")


def table(**pooling):
    source = copy.deepcopy(dict(load_spec("hierarchical").source))
    source["resolution"] |= {"cells": 10, "entry_nodes": 2, "funding_blocks": 3}
    source["book"] |= {"burn_in_hours": 12.0, "burn_in_share": 0.2, "minimum_bars": 10}
    source["pooling"] |= pooling
    return source


SPEC = ModelSpec.from_mapping(table())


@pytest.fixture(scope="module")
def markets():
    data = {
        "linear": prepare(SPEC, panel(bars(60, funding=True))),
        "inverse": prepare(SPEC, panel(bars(48, seed=3), INVERSE)),
        "no feed": prepare(SPEC, panel(bars(50, seed=4, feed=False))),
        "aggregate": prepare(SPEC, panel(aggregate(60), "aggregate:BTC")),
    }
    return {name: Evaluator.of(SPEC, each) for name, each in data.items()}


@pytest.fixture(scope="module")
def joint(markets):
    return JointLayout.of(SPEC, markets)


def linear_map(joint, name, pools):
    """Matrix from the joint coordinates behind the pools' to those of a market."""
    base = np.zeros((joint.n + 1, joint.n))
    base[:, : joint.shares.n] = pools
    base[1:] += np.eye(joint.n)
    base[1:, : joint.shares.n] = pools
    out = joint.market(base, name)
    assert out[0] == pytest.approx(0.0)
    return out[1:].T


@pytest.mark.parametrize("pools", [(0.0, 0.0, 0.0), (-3.0, 0.5, 4.0)])
def test_each_market_keeps_its_prior_whatever_is_common(joint, markets, pools):
    for name, evaluator in markets.items():
        a = linear_map(joint, name, pools)
        np.testing.assert_allclose(a @ a.T, np.eye(evaluator.layout.n), atol=1e-12)


def test_what_two_markets_have_in_common_is_the_pools_share(joint, markets):
    pools = (-1.0, 0.3, 2.0)
    share = dict(zip(SPEC.pooling, joint.pooled_share(np.array([*pools]))[:3], strict=True))
    first, second = (linear_map(joint, name, pools) for name in ("linear", "inverse"))
    one, two = markets["linear"].layout, markets["inverse"].layout
    # rows in prior standard deviations of each parameter
    first = one.matrix / np.linalg.norm(one.matrix, axis=1)[:, None] @ first
    second = two.matrix / np.linalg.norm(two.matrix, axis=1)[:, None] @ second
    pool_of = {n: share[pool] for pool, names in SPEC.pooling.items() for n in names}
    for label in set(one.labels) & set(two.labels):
        shared = first[one.labels.index(label)] @ second[two.labels.index(label)]
        expected = pool_of.get(label.partition("[")[0], 0.0)
        assert shared == pytest.approx(expected, abs=1e-12), label


def test_pooled_share_has_its_prior(joint):
    z = np.zeros((1, joint.n))
    assert joint.pooled_share(z)[0] == pytest.approx([0.5, 0.5, 0.5])
    z[0, 0] = stats.norm.ppf(0.95)
    assert joint.pooled_share(z)[0, 0] == pytest.approx(0.838, abs=1e-3)


def test_a_parameter_that_one_market_lacks_is_pooled_among_the_others(joint, markets):
    assert "common::reported_share" in joint.labels
    assert "common::no_level_logit[long]" in joint.labels
    assert "common::mix_step[1]" not in joint.labels and "common::oi_drift" not in joint.labels
    assert not markets["no feed"].layout.has("reported_share")
    assert len(set(joint.labels)) == joint.n


def test_symbols_and_numbers_agree(joint):
    z = pt.vector("z")
    outputs = [joint.pooled_share(z, pt), *(joint.market(z, name, pt) for name in joint.markets)]
    run = pytensor.function([z], outputs, mode=PLAIN)
    value = np.random.default_rng(0).standard_normal(joint.n)
    numbers = [joint.pooled_share(value), *(joint.market(value, n) for n in joint.markets)]
    for symbolic, numeric in zip(run(value), numbers, strict=True):
        np.testing.assert_allclose(symbolic, numeric, atol=1e-12)


def test_joint_density_is_that_of_coordinates_and_of_each_market(joint, markets):
    model = build_joint(SPEC, {name: each.data for name, each in markets.items()})
    density = model.compile_logp(mode=PLAIN)
    value = 0.5 * np.random.default_rng(1).standard_normal(joint.n)
    total = stats.norm.logpdf(value).sum()
    for name, evaluator in markets.items():
        p = evaluator.natural(joint.market(value, name))
        terms = log_likelihood(evaluator, p, evaluator.books(p, evaluator.shares(p)))
        total += sum(x.sum() for x in terms.values())
    assert float(density({"z": value})) == pytest.approx(total, rel=1e-9)
    assert "linear::report_long" in model.named_vars
    assert "no feed::report_long" not in model.named_vars


def test_one_market_or_no_pool_is_refused(markets):
    with pytest.raises(InputError, match="at least two markets"):
        JointLayout.of(SPEC, {"linear": markets["linear"]})
    with pytest.raises(InputError, match="baseline fits one market at a time"):
        JointLayout.of(load_spec("baseline"), markets)


@pytest.mark.parametrize(
    ("pooling", "match"),
    [
        ({"survival": ["mix_step"]}, "mix_step cannot be pooled"),
        ({"survival": ["nothing"]}, "nothing cannot be pooled"),
        ({"survival": ["reported_share"]}, "reported_share cannot be pooled"),
        ({"survival": "fast_share"}, "list of names"),
        ({"survival": []}, "labels leverage, reporting"),
        ({"else": ["fast_share"]}, "unknown"),
    ],
)
def test_pools_that_make_no_sense_are_refused(pooling, match):
    with pytest.raises(SpecError, match=match):
        ModelSpec.from_mapping(table(**pooling))
