"""Paths, faults and verdicts of simulation-based calibration; the fits are in the slow tier."""

import json

import numpy as np
import pytest

from liqbayes.errors import InputError
from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.generate import draw_data
from liqbayes.model.spec import ModelSpec, load_spec
from liqbayes.panel import MarketPanel
from liqbayes.validate import SbcPlan
from liqbayes.validate.paths import N_PATHS, load_path, needs_days, path_names
from liqbayes.validate.sbc.faults import FAULTS
from liqbayes.validate.sbc.picture import draw_ecdf
from liqbayes.validate.sbc.tables import judge, write_result
from liqbayes.validate.sbc.unit import _evaluator, held
from tests.model.markets import bars, panel, small_spec

SPEC = small_spec()


def evaluator_of(data):
    return Evaluator.of(SPEC, data)


def test_paths_are_fixed_and_whole():
    names = path_names(None, 120)
    assert len(names) == len(set(names)) == N_PATHS
    path = load_path(names[2], 120, None)
    again = load_path(names[2], 120, None)
    assert path.panel.content_hash == again.panel.content_hash
    data = prepare(SPEC, path.panel)
    assert path.panel.n_bars == data.n_bars == 120
    assert (data.feeds["long"].bars == data.feeds["short"].bars).all()
    assert data.feeds["long"].bars.size == data.legs[0].term_to.size
    with pytest.raises(InputError, match="no path"):
        load_path("default elsewhere", 120, None)


def test_months_are_drawn_over_days(tmp_path):
    """Steps of a month and the cuts of July 2021 are inside; real days are aggregates."""
    assert not any(needs_days(load_spec(name)) for name in ("baseline", "standard", "oi-only"))
    assert SbcPlan(model="standard").paths() == path_names(None, 360)
    spec = load_spec("dynamic")
    plan = SbcPlan(model="dynamic", panels=50, bars=720, data=tmp_path)
    names = plan.paths()
    assert len(names) == len(set(names)) == N_PATHS
    assert plan.identity()["paths"] == names and plan.identity()["bars"] == 720
    assert {name for unit in plan.units().values() for name in unit.paths} == set(names)
    for name in (names[0], names[-1]):
        panel = load_path(name, 120, None).panel
        assert panel.bar_seconds == 86_400 and panel.n_bars == 120
        layout = Evaluator.of(spec, prepare(spec, panel)).layout
        assert layout.has("cap_effect")
        assert layout.where("turnover_step").size == layout.where("mix_step").size == 3
    with pytest.raises(InputError, match="no path"):
        load_path("trend binance:BTCUSDT 1d", 120, None)


@pytest.mark.parametrize("name", [path_names(None, 120)[i] for i in (0, 9, 19)])
def test_what_a_path_reported_is_neither_needed_nor_used(name):
    """A short path may report nothing where bars are scored; reports are drawn anew anyway."""
    path = load_path(name, 40, None).panel
    data = prepare(SPEC, path)
    other = path.to_frame()
    for column in ("long_liquidations", "short_liquidations"):
        other[column] = np.random.default_rng(1).exponential(5.0, len(other))
    changed = prepare(SPEC, MarketPanel.from_frame(other, path.contract))
    z = np.zeros(evaluator_of(data).layout.n)
    one, two = (draw_data(evaluator_of(d), z, np.random.default_rng(2)) for d in (data, changed))
    for side in ("long", "short"):
        assert data.feeds[side].bars.size > 0
        np.testing.assert_array_equal(one.feeds[side].reported, two.feeds[side].reported)


@pytest.mark.devdata
def test_real_paths_come_first(dev_data):
    names = path_names(dev_data, 360)
    assert len(names) == N_PATHS
    real = [n for n in names if ".parquet" in n]
    assert len(real) == 6 and names[:6] == real
    first, second = (load_path(n, 360, dev_data).panel for n in real[:2])
    assert first.n_bars == second.n_bars == 360
    assert first.time[-1] < second.time[0]
    # panels of five weeks are none of sixty days
    assert path_names(dev_data, 1440) == path_names(None, 1440)


def test_without_the_directory_it_says_so(tmp_path):
    with pytest.raises(InputError, match="no directory"):
        path_names(tmp_path / "missing", 360)


def test_ranks_are_those_of_whole_likelihoods():
    """A discounted posterior is not that of the law its data are drawn from."""
    table = json.loads(load_spec("baseline").to_json())
    table["channels"] |= {"feed_weight": 0.2, "open_interest_weight": 0.1}
    spec = ModelSpec.from_mapping(table)
    name = path_names(None, 120)[0]
    assert prepare(spec, load_path(name, 120, None).panel).feed_weight == 0.2
    data = _evaluator(spec.to_json(), name, 120, None).data
    assert (data.feed_weight, data.open_interest_weight) == (1.0, 1.0)


def test_trading_is_kept_so_that_a_market_stays_one():
    """Where open interest may fall by more than is closed, a fixed volume soon is too much."""
    assert held(load_spec("baseline"), daily=False) == "volume"
    assert held(load_spec("dynamic"), daily=True) == held(load_spec("baseline"), daily=True)
    spec = load_spec("standard")
    assert held(spec, daily=False) == "turnover"
    evaluator = _evaluator(spec.to_json(), path_names(None, 360)[3], 360, None)
    z = np.random.default_rng(5).standard_normal(evaluator.layout.n)
    z[evaluator.layout.index("counterparty_closing_share")] = 3.5
    drawn = draw_data(evaluator, z, np.random.default_rng(1), hold="turnover")
    before = drawn.common_before()
    assert np.isfinite(before).all() and (before > 0).all()
    for feed in drawn.feeds.values():
        assert np.isfinite(feed.reported).all()
        # a report is a part of what is open
        assert (feed.reported[feed.bars] <= 10 * before[feed.bars]).all()
    assert (drawn.legs[0].turnover == evaluator.data.legs[0].turnover).all()


def test_faults_change_what_they_say():
    data = prepare(SPEC, panel(bars(120)))
    z = np.zeros(evaluator_of(data).layout.n)

    def expected(seen):
        evaluator = evaluator_of(seen)
        p = evaluator.natural(z)
        return evaluator.expected_common(p, evaluator.books(p, evaluator.shares(p)))

    whole = expected(data).sum()
    without = expected(FAULTS["no-same-bar-touches"](data))
    # what is not liquidated in its own bar mostly is in a later one
    assert 0.3 * whole < without.sum() < whole
    assert np.abs(without - expected(data)).max() > 0.1 * whole / data.n_bars
    more = FAULTS["liquidations-times-1.3"](data)
    for side, feed in data.feeds.items():
        np.testing.assert_allclose(more.feeds[side].reported, 1.3 * feed.reported)
    np.testing.assert_allclose(expected(more).sum(), whole)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"panels": 3}, "panels is 3"),
        ({"bars": 50}, "bars is 50"),
        ({"fault": "all"}, "no-same-bar-touches"),
    ],
)
def test_plans_that_cannot_run(options, message):
    with pytest.raises(InputError, match=message):
        SbcPlan(**options)


def test_panels_are_extended_not_redrawn():
    few, many = SbcPlan(panels=20).units(), SbcPlan(panels=60).units()
    assert all(many[key] == unit for key, unit in few.items())
    assert few["0003"].paths == many["0023"].paths
    assert SbcPlan(panels=20).identity() == SbcPlan(panels=60).identity()


def rows(n=200, shift=0.0, failed=0):
    rng = np.random.default_rng(9)
    out = []
    for i in range(n):
        ranks = {f"q{k}": int(rng.integers(0, 100)) for k in range(10)}
        ranks["bad"] = int(100 * rng.random() ** (1 + shift))
        common = {"ess": 150.0, "reruns": int(i < 5), "divergences": 0, "seconds": 1.0}
        out.append({"key": f"{i:04d}", "path": "p", "ranks": ranks, **common})
    for i in range(failed):
        out[i] = {"key": f"{i:04d}", "error": "SamplingError: stuck"}
    return out


def test_verdicts(tmp_path):
    good = judge(rows(), n_ranks=100, seed=1)
    assert good.calibrated and good.failed == 0 and good.reruns == 5
    bad = judge(rows(shift=0.6), n_ranks=100, seed=1)
    assert bad.table.loc[bad.table["rejected"], "quantity"].tolist() == ["bad"]
    write_result(bad, {"schema": "s"}, rows(shift=0.6), tmp_path)
    summary = json.loads((tmp_path / "sbc.json").read_text())
    assert summary["rejected"] == ["bad"] and not summary["calibrated"]
    assert summary["panels"] == 200 and summary["smallest_p"]["quantity"] == "bad"
    assert len((tmp_path / "sbc.csv").read_text().splitlines()) == 12


def test_picture(tmp_path):
    draw_ecdf(judge(rows(shift=0.6), n_ranks=100, seed=1), "a run", tmp_path / "ecdf.png")
    assert (tmp_path / "ecdf.png").stat().st_size > 20_000
    assert [p.name for p in tmp_path.iterdir()] == ["ecdf.png"]


def test_failures_count_against_the_model():
    result = judge(rows(failed=30), n_ranks=100, seed=1)
    assert result.failed == 30 and result.table["rejected"].all()
    with pytest.raises(InputError, match="stuck"):
        judge(rows(n=30, failed=30), n_ranks=100, seed=1)
