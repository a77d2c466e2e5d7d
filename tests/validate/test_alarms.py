"""Planted faults touch the later bars only; rates count runs, markets and intervals."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from liqbayes.errors import InputError
from liqbayes.model import load_spec
from liqbayes.simulate import market_preset
from liqbayes.validate.alarms import run as alarms
from liqbayes.validate.alarms.faults import FAULTS, FEED, NONE, market, spliced
from liqbayes.validate.alarms.run import AlarmPlan, alarm_rates, rates

FITTED, NEW = 60, 48


@pytest.fixture(scope="module")
def given():
    return market(market_preset("default", bars=FITTED + NEW, warmup_days=2), 7, FITTED)


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_leave_the_fitted_bars_alone(given, fault):
    before, after = given.panel.to_frame(), FAULTS[fault](given).to_frame()
    np.testing.assert_array_equal(before.iloc[:FITTED], after.iloc[:FITTED])
    assert list(before.index) == list(after.index)
    assert not before.iloc[FITTED:].equals(after.iloc[FITTED:])


def test_faults_do_what_they_say(given):
    before = given.panel.to_frame().iloc[FITTED:]

    def after(fault):
        return FAULTS[fault](given).to_frame().iloc[FITTED:]

    assert (after("feed stops (zeros)").iloc[32:][list(FEED)] == 0).all(axis=None)
    assert after("feed stops (unknown)").iloc[32:][list(FEED)].isna().all(axis=None)
    halved = after("reporting halves twice")[FEED[0]] / before[FEED[0]]
    assert set(halved.iloc[:16].dropna().round(6)) <= {0.5}
    assert set(halved.iloc[16:].dropna().round(6)) <= {0.25}
    doubled = after("open interest counts both sides")["open_interest"] / before["open_interest"]
    np.testing.assert_allclose(doubled, np.where(np.arange(NEW) < 24, 1.0, 2.0))
    wild = after("volatility triples")
    tame = spliced(given, given.config).to_frame().iloc[FITTED:]
    ratio = np.log(wild["close"]).diff().std() / np.log(tame["close"]).diff().std()
    assert 2.0 < ratio < 4.0
    # spliced markets go on where the fitted one stood
    last = given.panel.to_frame().iloc[FITTED - 1]
    for fault in ("volatility triples", "leverage of another regime"):
        first = after(fault).iloc[0]
        assert abs(np.log(first["open_interest"] / last["open_interest"])) < 0.2
        assert abs(np.log(first["open"] / last["close"])) < 0.02


def row(key, *statuses, fault="red"):
    def one(status):
        return {"status": status, "alarms": [] if status == "green" else [{"check": "score"}]}

    return {"key": key, "runs": {NONE: [one(s) for s in statuses], "a fault": [one(fault)]}}


def test_rates_and_their_intervals():
    rows = [row(str(i), "green", "amber" if i < 2 else "green") for i in range(10)]
    table = rates([*rows, {"key": "x", "error": "E: no"}])
    none, fault = table.table.to_dict("records")
    assert (none["runs"], none["markets"]) == (20, 10)
    assert none["amber"] == pytest.approx(0.1) and none["red"] == 0.0
    assert none["amber_low"] < 0.1 < none["amber_high"] < 0.35
    # without a single alarm each market counts once
    assert none["red_high"] == pytest.approx(0.278, abs=0.01)
    assert fault["red"] == fault["amber"] == 1.0 and fault["red_low"] > 0.65
    assert none["first"] == "score 2"
    assert table.errors == ("E: no",)
    with pytest.raises(InputError, match="no market has been finished"):
        rates([])


def test_a_study_goes_on_where_it_was(tmp_path, monkeypatch):
    done = []

    def sound(unit):
        done.append(unit.number)
        return {"runs": row("", "green")["runs"]}

    monkeypatch.setattr(alarms, "sound", sound)
    with ThreadPoolExecutor(1) as executor:
        for n in (2, 3):
            result, outcome = alarm_rates(AlarmPlan(markets=n), tmp_path, executor, progress=False)
    assert sorted(done) == [0, 1, 2]
    assert outcome.done == 3 and int(result.table["markets"].max()) == 3
    assert (tmp_path / "alarms.json").is_file() and (tmp_path / "alarms.csv").is_file()


def test_plans_that_cannot_run():
    with pytest.raises(InputError, match="--markets is 0"):
        AlarmPlan(markets=0)
    with pytest.raises(InputError, match="is a rule"):
        AlarmPlan(model="fixed-mix")
    units = AlarmPlan(model=load_spec("standard"), markets=8).units().values()
    assert [u.preset for u in units][:4] == [u.preset for u in units][4:]
