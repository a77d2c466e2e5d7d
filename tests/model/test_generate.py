"""Data drawn from the model have exactly the noise that the likelihood finds in them."""

import numpy as np
import pytest

from liqbayes.errors import InputError, SamplingError
from liqbayes.model.data import SIDES, prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.generate import draw_data
from liqbayes.model.inputs import DEGREES_OF_FREEDOM
from tests.model.markets import AGGREGATE, UNTHROTTLED, aggregate, bars, panel, small_spec

SPEC = small_spec()


def case(contract=None, n=120, **options):
    table = bars(n, **options)
    made = panel(table) if contract is None else panel(table, contract)
    evaluator = Evaluator.of(SPEC, prepare(SPEC, made))
    z = 0.7 * np.random.default_rng(3).standard_normal(evaluator.layout.n)
    return evaluator, z


@pytest.mark.parametrize("contract", [None, UNTHROTTLED])
def test_residuals_are_the_noise(contract):
    evaluator, z = case(contract)
    drawn = draw_data(evaluator, z, np.random.default_rng(8))
    now = Evaluator(SPEC, drawn, evaluator.layout)
    p = now.natural(z)
    runs = now.books(p, now.shares(p))
    (leg,) = drawn.legs
    rng = np.random.default_rng(8)
    noise = rng.standard_t(DEGREES_OF_FREEDOM, drawn.n_bars)
    location, scale = now.interest_moments(p, runs, 0)
    change = np.log(leg.interest[leg.term_to] / leg.interest[leg.term_from])
    np.testing.assert_allclose((change - location) / scale, noise[leg.term_to], rtol=1e-7)
    location, scale, log_zero = now.report_moments(p, now.expected_common(p, runs))
    before = drawn.common_before()
    some = 0
    for j, side in enumerate(SIDES):
        for t in range(1, drawn.n_bars):
            normal, chance = rng.standard_normal(), rng.random()
            report = drawn.feeds[side].reported[t] / before[t]
            if t not in drawn.feeds[side].bars:
                assert report == 0.0
                continue
            assert (report > 0) == (chance < -np.expm1(log_zero[j, t]))
            if report > 0:
                some += 1
                found = (np.log(report) - location[j, t]) / scale[j, t]
                assert found == pytest.approx(normal, abs=1e-6)
    assert some > 20


def test_nothing_is_drawn_over_unknown_open_interest():
    table = bars(120)
    table.iloc[50:53, table.columns.get_loc("open_interest")] = np.nan
    evaluator = Evaluator.of(SPEC, prepare(SPEC, panel(table)))
    with pytest.raises(InputError, match="unknown in 3 bars"):
        draw_data(evaluator, np.zeros(evaluator.layout.n), np.random.default_rng(1))


def test_a_market_that_dies_out_is_said_to():
    evaluator, z = case()
    extreme = z.copy()
    # an error scale far beyond any market's: open interest leaves the range of numbers
    extreme[evaluator.layout.index("oi_scale")] = 40.0
    with np.errstate(all="ignore"), pytest.raises(SamplingError, match="no open interest left"):
        draw_data(evaluator, extreme, np.random.default_rng(1))


def test_unscored_bars_keep_their_change():
    evaluator, z = case()
    drawn = draw_data(evaluator, z, np.random.default_rng(1)).legs[0]
    given = evaluator.data.legs[0]
    first = int(given.term_to[0])
    assert first > 2
    np.testing.assert_allclose(drawn.interest[:first], given.interest[:first], rtol=1e-12)
    assert (drawn.interest[first:] != given.interest[first:]).all()
    # volume itself is given
    np.testing.assert_allclose(drawn.turnover * drawn.before, given.turnover * given.before)


def test_without_a_feed_none_is_drawn():
    evaluator, z = case(feed=False)
    assert draw_data(evaluator, z, np.random.default_rng(1)).feeds == {}


def test_what_cannot_be_drawn_is_refused():
    for made in (
        panel(aggregate(60), AGGREGATE),
        panel(bars(60), provenance={"proxy": {"volume": "elsewhere"}}),
    ):
        evaluator = Evaluator.of(SPEC, prepare(SPEC, made))
        with pytest.raises(InputError, match="its own volume"):
            draw_data(evaluator, np.zeros(evaluator.layout.n), np.random.default_rng(1))
