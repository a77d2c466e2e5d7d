"""Green when nothing changes and red when faults are planted, for a fit that knows the truth."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from liqbayes.errors import InputError
from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.spec import ModelSpec, load_spec
from liqbayes.monitor import AMBER, GREEN, RED, TRIGGERS, monitor_fit
from liqbayes.monitor import market as checks_of_market
from liqbayes.monitor import prior as checks_of_prior
from liqbayes.monitor.forward import predict
from liqbayes.monitor.join import join
from liqbayes.panel import MarketPanel
from liqbayes.sampling import fit as sample
from liqbayes.sampling.continued import continued
from tests.model.markets import INVERSE
from tests.model.markets import panel as panel_of_table
from tests.monitor.markets import FEED, FITTED, NEW, changed, draws, market, scaled
from tests.outputs.fits import draws_of, fake_fit


def found(fit, panel):
    """Statuses by check and what it is of."""
    return {(c.check, c.of): c for c in monitor_fit(fit, panel).checks}


@pytest.mark.slow
def test_nothing_changed_is_green():
    """Family-wise level 5 %: of eight markets two or more sound with a chance of 6 %."""
    statuses = []
    for seed in range(8):
        panel, fit = market(seed)
        statuses.append(monitor_fit(fit, panel).status)
    assert statuses.count(GREEN) >= 6
    assert RED not in statuses


def test_every_check_is_there_and_documented():
    panel, fit = market(0)
    names = {check.check for check in monitor_fit(fit, panel).checks}
    assert names == set(TRIGGERS)


def test_one_step_predictions_are_calibrated_at_the_truth():
    panel, fit = market(1)
    joined = join(fit, panel)
    z = np.repeat(draws(fit).mean(axis=0)[None], 4, axis=0)
    for channel in predict(joined.evaluator, z, 3):
        assert channel.bars.size > 500
        assert stats.kstest(channel.pit, "uniform").pvalue > 1e-3
        # one-step forecasts: PIT values of neighbouring bars are unrelated
        assert abs(np.corrcoef(channel.pit[:-1], channel.pit[1:])[0, 1]) < 0.15


def test_the_fits_own_bars_are_predicted_as_the_fit_did():
    panel, fit = market(2)
    joined = join(fit, panel)
    spec = ModelSpec.from_json(fit.attrs["spec"])
    own = Evaluator.of(spec, prepare(spec, panel.slice(None, panel.time[FITTED])))
    z = draws(fit)[:3]
    for before, now in zip(predict(own, z, 1), predict(joined.evaluator, z, 1), strict=True):
        n = before.bars.size
        np.testing.assert_array_equal(now.bars[:n], before.bars)
        np.testing.assert_allclose(now.value[:n], before.value, rtol=1e-12)
        some = np.isfinite(before.level) | before.name.startswith("open")
        np.testing.assert_allclose(now.pit[:n][some], before.pit[some], rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "plant", "check"),
    [
        ("silent", lambda p: scaled(p, FEED, FITTED + 100, 0.0), "feed gap"),
        ("unknown", lambda p: scaled(p, FEED, FITTED + 100, np.nan), "feed gap"),
        ("unit", lambda p: scaled(p, ("open_interest",), FITTED + 80, 2.0), "open interest break"),
    ],
)
def test_planted_faults_are_found(name, plant, check):
    panel, fit = market(3)
    result = monitor_fit(fit, plant(panel))
    assert result.status == RED, name
    assert check in {c.check for c in result.alarms() if c.status == RED}


def halved_twice(panel):
    return scaled(scaled(panel, FEED, FITTED, 0.5), FEED, FITTED + 56, 0.5)


def test_a_reporting_share_that_halves_twice_is_found():
    panel, fit = market(3, steady=True)
    checks = found(fit, halved_twice(panel))
    for side in ("long", "short"):
        check = checks["reported level", f"reports, {side}"]
        assert check.status == RED
        # halved in the first third of the window, quartered in the rest
        assert check.value == pytest.approx(0.5 ** (5 / 3), rel=0.35)


def test_a_level_that_wandered_in_the_fit_may_wander_after_it():
    """The same change within what the fit's own weeks did: the test knows their memory."""
    panel, fit = market(3)
    before = found(fit, panel)["reported level", "reports, long"]
    after = found(fit, halved_twice(panel))["reported level", "reports, long"]
    steady = found(market(3, steady=True)[1], halved_twice(market(3, steady=True)[0]))
    assert after.value < before.value
    assert after.p > steady["reported level", "reports, long"].p


def test_volatility_that_triples_is_found():
    panel, fit = market(4)

    def triple(table):
        last = table["close"].iloc[FITTED - 1]
        for column in ("open", "high", "low", "close"):
            values = table[column].to_numpy().copy()
            values[FITTED:] = last * (values[FITTED:] / last) ** 3
            table[column] = values

    checks = found(fit, changed(panel, triple))
    assert checks["volatility", ""].status == RED
    assert checks["volatility", ""].value > 2 * checks["volatility", ""].before
    assert checks["volatility", ""].p < 1e-3


def test_what_cannot_be_judged_is_no_green(monkeypatch: pytest.MonkeyPatch):
    panel, fit = market(4)
    known, asked = checks_of_market.realised, []

    def blind(squared, bar_hours):
        """The judged window is asked for first."""
        asked.append(1)
        return known(squared, bar_hours) if len(asked) > 1 else np.nan

    monkeypatch.setattr(checks_of_market, "realised", blind)
    monkeypatch.setattr(checks_of_prior, "dominated", lambda _: np.nan)
    checks = found(fit, panel)
    for name in ("volatility", "prior-dominated share"):
        assert checks[name, ""].status == AMBER and checks[name, ""].value is None


def test_a_feed_that_loses_one_column_is_unknown_not_zero():
    panel, fit = market(3)
    later = panel.slice(panel.time[FITTED]).without("long_liquidations")
    checks = found(fit, later)
    assert checks["feed gap", "long"].status == RED
    assert checks["feed gap", "long"].value == NEW
    assert checks["feed gap", "short"].status == GREEN
    assert ("reported level", "reports, long") not in checks


def test_units_of_shared_bars_are_compared():
    panel, fit = market(5)
    checks = found(fit, scaled(panel, ("open_interest",), 0, 1.05))
    assert checks["overlap", "open_interest"].status == AMBER
    assert checks["overlap", "open_interest"].value == pytest.approx(np.log(1.05))
    assert checks["overlap", "volume"].status == GREEN
    no_overlap = found(fit, panel.slice(panel.time[FITTED]))
    assert not [name for name in no_overlap if name[0] == "overlap"]


def test_a_gap_after_the_fit_begins_the_book_anew():
    panel, fit = market(5)
    later = panel.slice(panel.time[FITTED + 10])
    checks = found(fit, later)
    assert checks["bars", ""].status == AMBER
    assert "anew" in checks["bars", ""].text


def test_bars_that_disagree_are_another_market():
    panel, fit = market(5)
    other = scaled(panel, ("open", "high", "low", "close"), 0, 1.2)
    with pytest.raises(InputError, match=r"prices differ by a factor of 1\.2"):
        monitor_fit(fit, other)


def test_what_cannot_be_monitored_is_refused():
    panel, fit = market(5)
    with pytest.raises(InputError, match="later than the fit's"):
        monitor_fit(fit, panel.slice(None, panel.time[FITTED]))
    with pytest.raises(InputError, match="only 10 bars are later"):
        monitor_fit(fit, panel.slice(None, panel.time[FITTED + 10]))
    with pytest.raises(InputError, match="use at least 20"):
        monitor_fit(fit, panel, draws=5)
    other = panel_of_table(panel.to_frame(), INVERSE)
    with pytest.raises(InputError, match="same contract"):
        monitor_fit(fit, other)
    with pytest.raises(InputError, match="same bar length"):
        monitor_fit(fit, MarketPanel.from_frame(panel.to_frame().iloc[::2], panel.contract))
    with pytest.raises(InputError, match="a rule predicts nothing"):
        monitor_fit(sample("fixed-mix", panel.slice(None, panel.time[FITTED])), panel)
    short, its_fit = market(6, fitted=120, new=60)
    with pytest.raises(InputError, match="too few scored days"):
        monitor_fit(its_fit, short)


def test_new_steps_of_a_walk_are_drawn_from_their_prior():
    spec = load_spec("standard")
    panel, _ = market(0)
    before = panel.slice(None, panel.time[FITTED])
    own = Evaluator.of(spec, prepare(spec, before))
    whole = Evaluator.of(spec, prepare(spec, panel))
    new = [name for name in whole.layout.labels if name not in own.layout.labels]
    assert new and all(name.startswith("mix_step") for name in new)
    z = draws_of(own, 2, 300, scale=0.1).z
    longer = continued(z, whole, 4)
    kept = longer.sel(parameter=own.layout.labels)
    np.testing.assert_array_equal(kept, z.transpose("chain", "draw", "parameter"))
    added = longer.sel(parameter=new).to_numpy()
    assert added.std() == pytest.approx(1.0, abs=0.1)
    np.testing.assert_array_equal(continued(z, whole, 4), longer)
    fit = fake_fit(before, spec, taken=draws_of(own, 2, 20, scale=0.1), prior_draws=50)
    assert monitor_fit(fit, panel).checks


def test_a_fit_with_more_than_the_model_has_is_refused():
    panel, fit = market(0)
    whole = join(fit, panel).evaluator
    z = fit["posterior"].to_dataset()["z"]
    names = [*z["parameter"].to_numpy()[:-1], "unheard_of"]
    with pytest.raises(InputError, match="unheard_of"):
        continued(z.assign_coords(parameter=names), whole, 0)


def test_without_a_feed_only_open_interest_is_judged():
    panel, fit = market(7, feed=False)
    checks = found(fit, panel)
    assert {of for name, of in checks if name == "coverage"} == {"open interest"}
    assert not [name for name, _ in checks if name in ("feed gap", "reported level")]


def test_about_says_what_was_judged():
    panel, fit = market(0)
    about = monitor_fit(fit, panel).about
    assert about["new"]["bars"] == NEW
    assert about["judged"] == {
        "first_bar": str(pd.Timestamp(panel.time[FITTED])).replace(" ", "T"),
        "bars": NEW,
        "blocks": 7,
        "block_bars": 24,
    }
