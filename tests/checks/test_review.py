"""Verdicts on fits whose faults are known."""

import json

import numpy as np
import pytest

from liqbayes.checks import (
    LIMITS,
    convergence_reasons,
    diagnostics,
    prior_book_share,
    prior_share,
    review,
    scale_products,
)
from liqbayes.checks.identification import complete_feed
from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.spec import ModelSpec
from liqbayes.outputs.context import open_fit
from tests.model import markets
from tests.outputs.fits import draws_of, fake_fit

SIDES = ("long", "short")
MOVES = ("0.01", "0.02", "0.05", "0.1", "0.2", "0.3")


def made(*, draws=40, chains=2, feed=True, scale=0.4, change=None, prior_draws=400):
    panel, spec = markets.panel(markets.bars(70, seed=3, feed=feed)), markets.small_spec()
    evaluator = Evaluator.of(spec, prepare(spec, panel))
    taken = draws_of(evaluator, chains, draws, scale=scale)
    if change is not None:
        change(taken)
    return fake_fit(panel, spec, draws=draws, chains=chains, taken=taken, prior_draws=prior_draws)


@pytest.fixture(scope="module")
def fit():
    return made()


@pytest.fixture(scope="module")
def judged(fit):
    return review(fit)


@pytest.fixture(scope="module")
def good():
    """Independent draws, enough of them: converged by construction."""
    return made(draws=600)


def verdict(judged, check):
    (found,) = [v for v in judged.verdicts if v.check == check]
    return found


def test_too_few_draws_have_not_converged(judged):
    assert not judged.converged
    assert any("bulk ESS" in reason for reason in judged.reasons)
    assert any("tail ESS" in reason for reason in judged.reasons)
    assert verdict(judged, "bulk ESS").status == "fail"
    assert verdict(judged, "divergences").status == "ok"


def test_enough_independent_draws_have(good):
    found = diagnostics(good)
    assert convergence_reasons(found) == ()
    assert found["max_rhat"] < LIMITS.rhat
    assert min(found["min_ess_bulk"], found["min_ess_tail"]) >= LIMITS.ess
    assert found["divergences"] == 0


def reasons_after(change, draws=500, chains=2):
    fit = made(draws=draws, chains=chains, change=change, prior_draws=4)
    return convergence_reasons(diagnostics(fit))


def test_each_fault_is_named():
    def shifted(taken):
        taken.z[1, :, 2] += 1.0

    def diverging(taken):
        taken.stats["diverging"][0, :5] = True

    def slow_energy(taken):
        taken.stats["energy"][0] = np.cumsum(taken.stats["energy"][0].to_numpy() - 100.0)

    def frozen(taken):
        taken.z[:, :, 4] = 0.1

    def sticky(taken):
        z = taken.z[:, :, 3].to_numpy()
        taken.z[:, :, 3] = np.repeat(z[:, ::100], 100, axis=1)

    assert any("R-hat" in r for r in reasons_after(shifted))
    assert any("5 divergences" in r for r in reasons_after(diverging))
    assert any("E-BFMI" in r for r in reasons_after(slow_energy))
    assert any("ESS" in r for r in reasons_after(sticky))
    assert any("R-hat nan" in r for r in reasons_after(frozen))


def test_one_chain_is_never_enough():
    assert "one chain only: R-hat needs at least two" in reasons_after(None, 900, 1)


def test_interrupted_fit_has_not_converged(good):
    assert review(good).converged
    marked = made(draws=8, prior_draws=8)
    marked.attrs = {**marked.attrs, "interrupted": "true"}
    judged = review(marked)
    assert judged.reasons[0] == "interrupted before all draws were taken"
    assert not judged.converged


def test_every_aspect_has_a_verdict(judged):
    checks = {v.check for v in judged.verdicts}
    expected = {"R-hat", "bulk ESS", "tail ESS", "divergences", "E-BFMI", "tree depth"}
    expected |= {f"scale: {name}" for name in ("log L", "log(rho C)", "log(kappa L)")}
    expected |= {f"book before the first bar, {side}" for side in SIDES}
    expected |= {
        f"90 % predictive coverage of {name}"
        for name in ("open_interest_change_linear", "report_long", "report_short")
    }
    expected |= {f"prior share of {name}" for name in judged.prior_share}
    assert expected <= checks
    assert len(checks) == len(judged.verdicts)
    assert {v.status for v in judged.verdicts} <= {"ok", "warn", "fail"}
    assert all(v.text for v in judged.verdicts)


def test_conflict_with_the_prior_and_notes_are_reported():
    def far(taken):
        taken.z[:, :, 5] += 4.0

    fit = made(draws=20, change=far)
    run = json.loads(fit.attrs["sampler"])
    fit.attrs["sampler"] = json.dumps({**run, "notes": ["sampled again"]})
    judged = review(fit)
    name = str(fit["posterior"]["parameter"].to_numpy()[5])
    conflicts = [v for v in judged.verdicts if v.check.startswith("prior conflict")]
    assert [v.check for v in conflicts] == [f"prior conflict: {name}"]
    assert conflicts[0].value > 3
    assert verdict(judged, "sampler").text == "sampled again"


def test_prior_share_lies_between_0_and_1(judged):
    shares = judged.prior_share
    assert all(0 <= value <= 1 for value in shares.values())
    names = {f"at_risk[{side}, {move}]" for side in SIDES for move in MOVES}
    names |= {f"{name}[{side}]" for name in ("realised_total", "entry_vwap") for side in SIDES}
    # the panel of 70 hours covers these windows
    names |= {
        f"average_leverage[{side}, {window}]"
        for side in SIDES
        for window in ("open_interest", "1h", "4h", "1d")
    }
    names |= {f"delta[{window}]" for window in ("1h", "4h", "12h", "1d")}
    assert names | {"delta_total"} == set(shares)


def test_prior_share_follows_the_spread_of_the_draws():
    """Draws with a tenth of the prior's spread leave about a hundredth of its variance."""
    narrow = prior_share(made(draws=100, scale=0.1))
    wide = prior_share(made(draws=100, scale=1.0))
    for name in (
        "average_leverage[long, open_interest]",
        "at_risk[short, 0.1]",
        "realised_total[long]",
    ):
        assert narrow[name] < 0.04, name
        assert wide[name] > 0.6, name


def test_scale_products(fit, judged):
    scale = judged.scale
    assert list(scale) == ["log L", "log(rho C)", "log(kappa L)"]
    for found in scale.values():
        assert 0 < found.posterior_sd < found.prior_sd
        assert found.interval[0] < found.interval[1] < found.interval[2]
    assert list(scale_products(made(draws=20, feed=False))) == ["log L", "log(rho C)"]


def test_open_interest_sees_all_that_is_closed(fit, judged):
    """rho C by hand: the engine's liquidations before the forced share is taken of them."""
    context = open_fit(fit, "posterior", "expected")
    products = []
    for draw in context.draws():
        closed = sum(run.expected.sum() for run in draw.runs.values())
        products.append(closed * context.evaluator.value(draw.p, "counterparty_closing_share"))
    assert judged.scale["log(rho C)"].posterior_sd == pytest.approx(
        np.log(products).std(), rel=1e-6
    )
    assert judged.scale["log(rho C)"].interval[1] == pytest.approx(np.median(products), rel=1e-3)


def test_scale_is_flagged_unless_the_feed_is_complete(judged):
    near = verdict(judged, "prior share of at_risk[long, 0.01]")
    assert near.status == "warn"
    assert near.text.endswith("scale from prior and model form")
    far = verdict(judged, "prior share of at_risk[long, 0.3]")
    assert "scale" not in far.text


def test_only_a_feed_known_to_be_complete_sets_the_scale():
    """An unthrottled venue and a known reported share; what is not determined is not complete."""
    table = json.loads(markets.small_spec().to_json())
    table["priors"]["reported_share"] |= {"median": 0.97, "sigma": 0.05}
    wide, known = markets.small_spec(), ModelSpec.from_mapping(table)
    bars = markets.bars(60, start="2026-01-01")
    for contract, spec, complete in (
        (markets.UNTHROTTLED, known, True),
        (markets.UNTHROTTLED, wide, False),
        ("okx:BTC-USDT-SWAP", known, False),
        (markets.LINEAR, known, False),
    ):
        fit = fake_fit(markets.panel(bars, contract), spec, draws=4, prior_draws=200)
        assert complete_feed(fit) is complete, (contract, spec.prior("reported_share"))


def test_discounted_bars_are_said_to_be(judged):
    assert not [v for v in judged.verdicts if v.check.startswith("weight of")]
    table = json.loads(markets.small_spec().to_json())
    table["channels"] |= {"open_interest_weight": 0.03, "feed_weight": 0.1, "weight_hours": 2.0}
    spec = ModelSpec.from_mapping(table)
    found = review(fake_fit(markets.panel(markets.bars(70, seed=3)), spec, draws=20))
    interest, reports = (verdict(found, f"weight of {n}") for n in ("open interest", "reports"))
    # an hour has half the weight of two
    assert (interest.value, reports.value) == (0.015, 0.05)
    assert "70 hours of open interest count as 1.05," in interest.text
    without = fake_fit(markets.panel(markets.bars(70, seed=3, feed=False)), spec, draws=20)
    checks = {v.check for v in review(without).verdicts}
    assert "weight of open interest" in checks and "weight of reports" not in checks


def test_book_older_than_the_panel(fit):
    share = prior_book_share(fit)
    assert set(share) == {"long", "short"}
    assert all(0 < value < 1 for value in share.values())
