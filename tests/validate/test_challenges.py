"""A desk's challenges: each passes where it should and fails where it must."""

from unittest.mock import patch

import numpy as np
import pytest

from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.spec import ModelSpec, load_spec
from liqbayes.validate import challenge, challenges
from liqbayes.validate.challenges import doubled_high_leverage, shift
from tests.model.markets import bars, panel, small_spec
from tests.outputs.fits import draws_of, fake_fit, gappy_panel, linear_fit

NAMES = [
    "levels sum to open interest",
    "base and quote agree",
    "no bar after the map's time is used",
    "begun a week later",
    "without the feed",
    "wider without the feed",
    "twice the prior odds of high leverage",
    "three holding speeds (standard)",
    "three holding speeds (standard): L",
]
TWICE = NAMES[6]


def put(fit, *, moved=0.0, scale=0.4):
    """Verdicts by name, with further fits that were not sampled; ``moved`` shifts their draws."""

    def sample(spec, data, *, history, draws, tune, chains, seed, progress):
        evaluator = Evaluator.of(spec, prepare(spec, data, history))
        taken = draws_of(evaluator, chains, 30, scale=scale)
        at = evaluator.layout.index("high_leverage_logit")
        taken.z[..., at] += moved
        return fake_fit(data, spec, chains=chains, seed=seed, history=history, taken=taken)

    with patch.object(challenges, "sample", sample):
        return {v.check: v for v in challenge(fit)}


@pytest.fixture(scope="module")
def long_fit():
    return fake_fit(panel(bars(24 * 16, seed=2)), small_spec())


def test_a_fit_that_nothing_moves(long_fit):
    found = put(long_fit)
    assert list(found) == NAMES
    assert found["levels sum to open interest"].value < 1e-12
    for name in NAMES[:3]:
        assert found[name].status == "ok"
    # the same draws at every fit: doubled odds reach the posterior wholly
    assert found[TWICE].value == pytest.approx(1.0, abs=0.35)
    assert found[TWICE].status == "warn"


def test_what_moves_is_found(long_fit):
    found = put(long_fit, moved=8.0)
    assert found["without the feed"].status == "fail"
    assert abs(found["begun a week later"].value) > 2.0
    narrow = put(long_fit, scale=0.1)["wider without the feed"]
    assert narrow.status == "warn" and narrow.value < 0.5


def test_short_panels_and_missing_feeds_are_said():
    found = put(linear_fit())
    assert "shorter than two weeks" in found["begun a week later"].text
    without = put(fake_fit(panel(bars(100, feed=False)), small_spec()))
    assert "without the feed" not in without


def test_later_bars_are_cut_away():
    table = bars(120, seed=5)
    table.iloc[-10:, table.columns.get_loc("open_interest")] = np.nan
    verdict = put(fake_fit(panel(table), small_spec()))["no bar after the map's time is used"]
    assert verdict.status in ("ok", "fail")
    assert verdict.value is not None
    assert put(fake_fit(gappy_panel(), small_spec()))[verdict.check].status == "ok"


def test_doubled_odds():
    spec = small_spec()
    twice = doubled_high_leverage(spec)
    before, after = (s.prior("high_leverage_logit").location[0] for s in (spec, twice))
    assert after - before == pytest.approx(np.log(2.0))
    assert ModelSpec.from_json(twice.to_json()) == twice
    assert twice.content_hash != spec.content_hash


def test_shift_is_in_pooled_standard_deviations():
    x = np.random.default_rng(0).normal(size=4000)
    assert shift(x, 2.0 * x + 3.0) == pytest.approx(3.0 / np.sqrt(2.5), rel=0.03)


def test_a_model_of_three_speeds_is_held_against_one():
    found = put(fake_fit(panel(bars(100, seed=3)), load_spec("oi-only")))
    assert [name for name in found if "one holding speed (baseline)" in name]
    assert found["one holding speed (baseline): L"].text.endswith(("L[long]", "L[short]"))
