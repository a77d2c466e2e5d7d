"""Plans, measures and differences of the study of readers; real fits are in the slow tier."""

import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from typer.testing import CliRunner

from liqbayes.cli.app import app
from liqbayes.errors import InputError
from liqbayes.model import load_spec
from liqbayes.simulate import Publication, PublishedMap, market_preset, simulate_market
from liqbayes.simulate.chart import CELL
from liqbayes.simulate.market_settings import FlowConfig
from liqbayes.validate import FeedbackPlan, feedback_study
from liqbayes.validate.feedback import run, unit
from liqbayes.validate.feedback.maps import publisher, rule_map
from liqbayes.validate.feedback.measures import (
    FIT_MEASURES,
    MAP_MEASURES,
    MEASURES,
    RISK_MEASURES,
    fit_measures,
    map_measures,
    market_measures,
    shocked,
)
from liqbayes.validate.feedback.tables import (
    HIGHER,
    LEAST_MARKETS,
    TOO_FEW,
    UNDECIDED,
    compared,
    holm,
    paired,
)
from liqbayes.validate.recovery.outputs import OUTPUTS
from tests.model.markets import small_spec

PRICE = 100.0


def test_plans_that_cannot_run():
    with pytest.raises(InputError, match="--markets is 0"):
        FeedbackPlan(markets=0)
    with pytest.raises(InputError, match=r"--behaviour is 'herding'; it can be stops"):
        FeedbackPlan(behaviours=("herding",))
    with pytest.raises(InputError, match=r"readers\.share=1\.5"):
        FeedbackPlan(shares=(0, 1.5))
    with pytest.raises(InputError, match="nobody who reads"):
        FeedbackPlan(shares=(0,))
    with pytest.raises(InputError, match="--map is 'gossip'; it can be model, fixed-mix, true"):
        FeedbackPlan(map="gossip")
    with pytest.raises(InputError, match="No market preset"):
        FeedbackPlan(preset="bear")


def test_markets_shares_and_behaviours_are_added_not_exchanged():
    few = FeedbackPlan(markets=2, shares=(0.3,))
    many = FeedbackPlan(markets=3, shares=(0, 0.1, 0.3), behaviours=("all", "stops"))
    assert few.identity() == many.identity()
    assert all(many.units()[key] == one for key, one in few.units().items())
    assert list(few.units()) == [
        "0000-none-0", "0000-all-0.3", "0001-none-0", "0001-all-0.3"
    ]  # fmt: skip
    for other in (
        FeedbackPlan(map="true"),
        FeedbackPlan(preset="crash"),
        FeedbackPlan(fitted=False),
        FeedbackPlan(model=small_spec()),
    ):
        assert other.identity() != few.identity()
    one = few.units()["0001-all-0.3"]
    assert pickle.loads(pickle.dumps(one)) == one
    assert pickle.loads(pickle.dumps(run.feed_back)) is run.feed_back


def invented(one):
    if (one.number, one.share) == (1, 0.3):
        raise RuntimeError("no market")
    rng = np.random.default_rng([one.number, int(100 * one.share)])
    measures = {name: float(rng.normal()) for name in MEASURES}
    measures["map: log error, 10 %"] = one.share + 0.001 * one.number
    measures["fit: totals covered"] = None
    return {
        "market": one.number,
        "behaviour": one.behaviour,
        "share": one.share,
        "measures": measures,
    }


def test_the_same_run_goes_on_where_it_was(tmp_path, monkeypatch):
    done = []

    def work(one):
        done.append((one.number, one.share))
        return invented(one)

    monkeypatch.setattr(run, "feed_back", work)
    out = tmp_path / "run"
    plan = FeedbackPlan(markets=2, shares=(0, 0.3))
    with ThreadPoolExecutor(1) as executor:
        result, outcome = feedback_study(plan, out, executor, progress=False)
        assert len(done) == 4 and outcome.failed == 1
        assert result.errors == ("RuntimeError: no market",)
        assert set(result.table["verdict"]) == {TOO_FEW}
        more = FeedbackPlan(markets=8, shares=(0, 0.1, 0.3))
        result, outcome = feedback_study(more, out, executor, progress=False)
        assert len(done) == len(set(done)) == 24 and outcome.left == 0
        first = (out / "feedback.csv").read_bytes()
        feedback_study(more, out, executor, progress=False)
        assert len(done) == 24 and (out / "feedback.csv").read_bytes() == first
        with pytest.raises(InputError, match="holds another run: map"):
            feedback_study(FeedbackPlan(map="true"), out, executor, progress=False)
    table = result.table.set_index(["share", "measure"])
    found = table.loc[(0.3, "map: log error, 10 %")]
    # the failed market is left out of the share that it failed at, and only of that
    assert found["markets"] == 7 and table.loc[(0.1, "map: log error, 10 %"), "markets"] == 8
    assert found["difference"] == pytest.approx(0.3) and found["verdict"] == HIGHER
    assert "fit: totals covered" not in set(result.table["measure"])
    summary = json.loads((out / "feedback.json").read_text())
    assert summary["schema"] == "liqbayes-feedback-1" and len(summary["differences"]) == len(table)


def test_nothing_to_compare_is_no_result():
    rows = [{"key": "a", "error": "E: no"}]
    with pytest.raises(InputError, match="both without and with readers: E: no"):
        compared(rows)


def test_intervals_of_differences_cover():
    """Normal and skewed differences of few and more markets; too few give no interval."""
    rng = np.random.default_rng(2)
    for n in (LEAST_MARKETS, 6, 24):
        hits = {"normal": 0, "skewed": 0}
        for _ in range(1500):
            for name, draw in (
                ("normal", rng.normal(size=n)),
                ("skewed", rng.exponential(size=n) - 1),
            ):
                _, low, high, _ = paired(draw)
                hits[name] += low <= 0 <= high
        assert 0.93 < hits["normal"] / 1500 < 0.97
        assert 0.85 < hits["skewed"] / 1500 < 0.98
    mean, low, high, p = paired(np.array([1.0, 2.0]))
    assert mean == 1.5 and np.isnan([low, high, p]).all()
    assert paired(np.zeros(5)) == (0.0, 0.0, 0.0, 1.0)


def test_p_values_agree_with_intervals():
    rng = np.random.default_rng(3)
    for _ in range(200):
        _, low, high, p = paired(rng.normal(0.7, 1, 7))
        assert (p < 0.05) == (low > 0 or high < 0)


def test_holm_on_a_known_example():
    found = holm(np.array([0.01, 0.04, np.nan, 0.03, 0.005]))
    np.testing.assert_allclose(found, [0.03, 0.06, np.nan, 0.06, 0.02])


def test_a_shock_comes_to_rest_at_the_first_fixed_point():
    away = np.array([0.051, 0.2, 0.054, -0.01, 0.0])
    size = np.array([1.0, 50.0, 3.0, 99.0, 99.0])
    # nothing within the shock: it stays what it is; what lies behind the price is gone
    assert shocked(away, size, 0.05, 0.01) == 0.05
    away[0] = 0.049
    # 1 within 5 %: to 6 %, which takes 3 more: to 7 %, and there is nothing up to there
    assert shocked(away, size, 0.05, 0.01) == pytest.approx(0.07)
    assert shocked(away, size, 0.05, 0.0) == 0.05
    assert shocked(np.zeros(0), np.zeros(0), 0.05, 1.0) == 0.05


def grid_map(long, short):
    """Amounts by cell outwards from PRICE."""
    edges = PRICE * np.exp(CELL * np.arange(-60, 61))
    amount = np.zeros((2, 120))
    amount[0, :60], amount[1, 60:] = np.asarray(long)[::-1], short
    return PublishedMap(edges, amount)


def test_map_measures_on_known_maps():
    rng = np.random.default_rng(4)
    long, short = rng.gamma(1.0, size=(2, 60))
    book = grid_map(long, short)

    def at(shown):
        return map_measures([Publication(10, PRICE, shown, book, 200.0)], 1)

    exact = at(book)
    assert exact["map: overlap of shapes"] == pytest.approx(1)
    assert exact["map: |log error|, 10 %"] == pytest.approx(0, abs=1e-12)
    near = np.mean([long[:20].sum(), short[:20].sum()]) / 200
    assert exact["book: within 5 %"] == pytest.approx(near)
    share = [np.sort(v[:40])[-8:].sum() / v[:40].sum() for v in (long, short)]
    assert exact["book: in dense cells"] == pytest.approx(np.mean(share))
    herfindahl = [np.square(v[:40] / v[:40].sum()).sum() for v in (long, short)]
    assert exact["book: Herfindahl index"] == pytest.approx(np.mean(herfindahl))
    double = at(grid_map(2 * long, 2 * short))
    assert double["map: overlap of shapes"] == pytest.approx(1)
    assert double["map: log error, 10 %"] == pytest.approx(np.log(2))
    apart = at(grid_map(np.r_[1, np.zeros(59)], np.r_[1, np.zeros(59)]))
    assert apart["map: overlap of shapes"] == pytest.approx(
        np.mean([v[0] / v[:40].sum() for v in (long, short)])
    )
    empty = at(grid_map(np.zeros(60), np.zeros(60)))
    unknown = {"map: overlap of shapes", "map: log error, 10 %", "book: in dense cells"}
    assert all(np.isnan(empty[name]) for name in unknown)
    assert empty["book: within 5 %"] == exact["book: within 5 %"]
    assert set(exact) == set(MAP_MEASURES) | {n for n in RISK_MEASURES if n.startswith("book")}


def test_fit_measures_on_known_intervals():
    truth = dict.fromkeys(OUTPUTS, 0.1)
    right = fit_measures({key: [0.05, 0.1, 0.2] for key in OUTPUTS}, truth)
    assert right["fit: shares at risk covered"] == right["fit: totals covered"] == 1
    assert right["fit: interval score"] == pytest.approx(0.15)
    assert right["fit: |log error|, 5 %"] == right["fit: log error, 10 %"] == 0
    low = fit_measures({key: [0.02, 0.05, 0.08] for key in OUTPUTS}, truth)
    assert low["fit: shares at risk covered"] == 0
    assert low["fit: interval score"] == pytest.approx(0.06 + 20 * 0.02)
    assert low["fit: log error, 10 %"] == pytest.approx(-np.log(2))
    assert low["fit: |log error|, totals"] == pytest.approx(np.log(2))
    # a rule has no interval: what it covers is unknown, not zero; an empty book says nothing
    rule = fit_measures(
        {key: [0.05, 0.05, 0.05] for key in OUTPUTS} | {OUTPUTS[0]: [None, None, None]}, truth
    )
    assert np.isnan(rule["fit: shares at risk covered"])
    assert rule["fit: |log error|, 5 %"] == pytest.approx(np.log(2))
    assert set(right) == set(FIT_MEASURES)


@pytest.fixture(scope="module")
def small_market():
    flow = FlowConfig(effective_positions=(200.0, 200.0), size_ratio=50.0)
    config = market_preset(bars=120, flow=flow, warmup_days=2)
    return simulate_market(config, 5, publish="true")


def test_measures_of_a_market(small_market):
    found = market_measures(small_market, 72)
    assert set(found) == {n for n in RISK_MEASURES if not n.startswith("book")}
    assert 0 < found["market: liquidated a day"] < 0.1
    assert found["market: largest hour"] >= found["market: liquidated a day"] / 24
    assert 0.001 < found["market: hourly volatility"] < 0.02
    assert 1 < found["scenario: amplification"] < 2


def test_a_rule_publishes_the_same_map_from_the_same_bars(small_market):
    first, again = (rule_map(small_market.panel) for _ in range(2))
    np.testing.assert_array_equal(first.amount, again.amount)
    assert publisher("fixed-mix", load_spec("baseline")) is rule_map
    assert publisher("true", load_spec("baseline")) == "true"
    close = small_market.panel.values("close")[-1]
    assert first.edges[0] < 0.8 * close and first.edges[-1] > 1.25 * close


def test_a_unit_without_a_fit(monkeypatch, small_market):
    monkeypatch.setattr(unit.Unit, "market", lambda self: small_market)
    monkeypatch.setattr(unit, "COMPARED_FROM", 96)
    plan = FeedbackPlan(markets=1, map="true", fitted=False)
    row = unit.feed_back(plan.units()["0000-none-0"])
    assert set(row["measures"]) == set(MEASURES)
    assert all(row["measures"][name] is None for name in FIT_MEASURES)
    assert row["measures"]["map: overlap of shapes"] == pytest.approx(1)
    json.dumps(row, allow_nan=False)


def test_a_rule_is_judged_without_coverage(monkeypatch, small_market):
    monkeypatch.setattr(unit.Unit, "market", lambda self: small_market)
    monkeypatch.setattr(unit, "COMPARED_FROM", 96)
    plan = FeedbackPlan(model="fixed-mix", markets=1, map="true")
    row = unit.feed_back(plan.units()["0000-none-0"])
    assert row["measures"]["fit: shares at risk covered"] is None
    assert row["measures"]["fit: |log error|, 10 %"] > 0
    json.dumps(row, allow_nan=False)


def test_command_says_what_it_needs(tmp_path):
    for options, words in (
        (["--shares", "few"], "--shares is 'few'"),
        (["--behaviour", "herding"], "--behaviour"),
        (["--map", "gossip"], "--map"),
        (["--shares", "0"], "nobody who reads"),
    ):
        done = CliRunner().invoke(
            app, ["validate", "feedback", "--out", str(tmp_path / "x"), *options]
        )
        assert done.exit_code == 2 and words in " ".join(done.output.split())


def test_command_prints_differences(tmp_path, monkeypatch):
    from contextlib import contextmanager

    @contextmanager
    def threads(workers):
        with ThreadPoolExecutor(1) as executor:
            yield executor

    monkeypatch.setattr("liqbayes.batch.local_executor", threads)
    monkeypatch.setattr(run, "feed_back", invented)
    command = ["validate", "feedback", "--out", str(tmp_path / "x"), "--workers", "1"]
    done = CliRunner().invoke(app, [*command, "--shares", "0,0.1", "--markets", "5"])
    assert done.exit_code == 0, done.output
    assert "readers minus nobody" in done.output and UNDECIDED.split()[0] in done.output
    assert "family-wise level of 5 %" in done.output


@pytest.mark.slow
def test_a_real_fit_with_and_without_readers(tmp_path, monkeypatch):
    """One short market at two shares through units, publishing and fitting the model."""
    for name, value in (("BARS", 144), ("COMPARED_FROM", 96), ("TUNE", 100), ("DRAWS", 50)):
        monkeypatch.setattr(unit, name, value)
    plan = FeedbackPlan(markets=1, shares=(0, 0.5))
    rows = [unit.feed_back(one) for one in plan.units().values()]
    for row in rows:
        assert set(row["measures"]) == set(MEASURES)
        assert row["publications"] == 3
        assert all(low <= middle <= high for low, middle, high in row["interval"].values())
        json.dumps(row, allow_nan=False)
    assert rows[0]["truth"] != rows[1]["truth"]
