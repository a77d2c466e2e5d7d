"""Plans, resuming and files of a comparison; real fits are in the slow tier."""

import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from liqbayes.errors import InputError, SpecError
from liqbayes.model import load_spec
from liqbayes.model.spec import ModelSpec
from liqbayes.simulate import market_preset, simulate_market
from liqbayes.validate import ComparisonPlan, compare_models
from liqbayes.validate.lfo import run
from liqbayes.validate.lfo.unit import ALL, INTEREST
from tests.model.markets import bars, panel, small_spec, spec_table
from tests.validate.test_lfo_differences import invented

N = 480
ONE, TWO = small_spec(), small_spec(funding_blocks=1)


def source(n=N, **changes):
    return panel(bars(n, seed=2, funding=True).assign(**changes))


def plan(models=(ONE, TWO), market=None, **options):
    return ComparisonPlan(models=models, panel=source() if market is None else market, **options)


def test_windows_cover_the_second_half_once():
    found = plan(horizon=24, refit_every=100)
    assert found.windows[0] == (240, 264) and found.windows[-1] == (456, 480)
    assert all(a[1] == b[0] for a, b in zip(found.windows, found.windows[1:], strict=False))
    # four whole horizons fit in a hundred bars
    assert [(b[0][0], b[-1][1]) for b in found.blocks()] == [(240, 336), (336, 432), (432, 480)]
    assert [len(b) for b in plan(horizon=24).blocks()] == [7, 3]
    odd = plan(horizon=50, first_share=0.7)
    assert odd.windows == ((336, 386), (386, 436), (436, 480))
    units = found.units()
    assert len(units) == 6
    # a budget that ends early leaves blocks that all models have
    assert [u.windows for u in list(units.values())[:2]] == [found.blocks()[0]] * 2
    assert all(u.first == 240 for u in units.values())


def test_an_origin_in_a_gap_moves_to_its_end():
    table = bars(N, seed=2, funding=True)
    table.loc[table.index[236:250], "open_interest"] = np.nan
    assert plan(market=panel(table)).windows[0] == (251, 275)
    table.loc[table.index[-3:], "open_interest"] = np.nan
    assert plan(market=panel(table)).windows[-1][1] == N - 3


def test_models_may_be_added_and_all_else_may_not_change():
    third = small_spec(cells=12)
    two, three = plan(), plan((ONE, TWO, third))
    assert two.identity() == three.identity()
    assert set(two.units()) < set(three.units())
    others = [
        plan(horizon=12),
        plan(refit_every=24),
        plan(first_share=0.6),
        plan(draws=501),
        plan(seed=1),
        plan(market=source(N - 24)),
    ]
    assert all(other.identity() != two.identity() for other in others)


def test_models_of_the_same_name_are_told_apart():
    labels = plan().labels
    assert len(set(labels)) == 2 and all(label.startswith("baseline ") for label in labels)
    assert plan(("baseline", "standard")).labels == ("baseline", "standard")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"models": (ONE,)}, "at least twice"),
        ({"models": (ONE, ONE)}, "two models are the same"),
        ({"models": ("baseline", "fixed-mix")}, "fixed-mix is a rule"),
        ({"horizon": 0}, "--horizon is 0"),
        ({"refit_every": 10}, "at least the --horizon of 24"),
        ({"first_share": 1.0}, "--first-share is 1.0"),
        ({"first_share": 0.03}, "scores .* bars before the first origin"),
        ({"horizon": 300}, "too few for two windows of 300"),
        ({"first_share": 0.9999}, "too few for two windows"),
        ({"draws": 40}, "fewer than 100"),
        ({"tune": 2}, "tune is 2"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_plans_that_cannot_run(options, words):
    with pytest.raises(InputError, match=words):
        plan(**options)


def test_panels_that_cannot_be_compared_on():
    with pytest.raises(SpecError, match="lacks volume"):
        plan(market=panel(bars(N).drop(columns="volume")))
    with pytest.raises(InputError, match="18 bars before the first origin"):
        plan(market=source(60))


def test_units_can_be_sent():
    unit = next(iter(plan().units().values()))
    back = pickle.loads(pickle.dumps(unit))
    assert back.panel.content_hash == unit.panel.content_hash and back.windows == unit.windows
    assert ModelSpec.from_json(back.spec) == ONE
    assert pickle.loads(pickle.dumps(run.score_block)) is run.score_block


@pytest.fixture
def without_fits(monkeypatch):
    done = []

    def work(unit):
        name = "one" if unit.spec == ONE.to_json() else "other"
        start, stop = unit.windows[0][0], unit.windows[-1][1]
        done.append((name, start))
        if (name, start) == ("other", 432):
            raise RuntimeError("no fit")
        rng = np.random.default_rng(len(done))
        return {**invented(start, stop, rng), "windows": [list(w) for w in unit.windows]}

    monkeypatch.setattr(run, "score_block", work)
    # seconds a call; the picture has its own test
    monkeypatch.setattr(run, "draw_comparison", lambda *of: of[-1].write_bytes(b"drawn"))
    return done


@pytest.mark.slow
def test_the_same_run_goes_on_where_it_was(tmp_path, without_fits):
    out = tmp_path / "run"
    small = plan(refit_every=96)
    with ThreadPoolExecutor(1) as executor:
        result, outcome = compare_models(small, out, executor, progress=False)
        assert len(without_fits) == 6
        assert outcome.failed == 1 and result.unfinished == 1
        assert result.errors == ("RuntimeError: no fit",)
        first = (out / "compare.csv").read_bytes()
        compare_models(small, out, executor, progress=False)
        assert len(without_fits) == 6 and (out / "compare.csv").read_bytes() == first
        more = plan((ONE, TWO, small_spec(cells=12)), refit_every=96)
        compare_models(more, out, executor, progress=False)
        # only the new model's blocks
        assert len(without_fits) == 9
        with pytest.raises(InputError, match=r"holds another run.*horizon"):
            compare_models(plan(horizon=12), out, executor, progress=False)
        compare_models(plan(seed=4), out, executor, progress=False, force=True)
    names = {path.name for path in out.iterdir()}
    assert names == {"run.json", "rows.jsonl", "compare.json", "compare.csv", "compare.png"}
    assert (out / "compare.png").read_bytes() == b"drawn"
    summary = json.loads((out / "compare.json").read_text())
    assert summary["schema"] == "liqbayes-compare-1"
    assert summary["models"][summary["reference"]]["hash"] == ONE.content_hash


def test_a_spent_budget_leaves_a_result_or_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "run_batch", lambda *args, **options: None)
    with ThreadPoolExecutor(1) as executor, pytest.raises(InputError, match="budget"):
        compare_models(plan(), tmp_path / "run", executor, progress=False)


@pytest.fixture(scope="module")
def market():
    return simulate_market(market_preset("default", bars=264), 3).panel


def extending(folder, name, resolution):
    """A specification file that changes the shipped baseline."""
    path = folder / name / "spec.toml"
    path.parent.mkdir()
    wide = {**spec_table()["resolution"], "cells": 10, "entry_nodes": 2, **resolution}
    lines = [f"{key} = {value}" for key, value in wide.items()]
    path.write_text(
        "schema = 1\n[extends]\nname = 'baseline'\n"
        f"hash = '{load_spec('baseline').content_hash}'\n"
        f"[model]\nname = '{name}'\nversion = '1'\nsummary = 'A variant.'\n"
        "[resolution]\n" + "\n".join(lines) + "\n",
        encoding="utf-8",
    )
    return str(path)


@pytest.mark.slow
def test_reweighted_draws_say_what_fits_at_every_origin_say(tmp_path, market):
    """Scores by importance weights equal exact refits within their Monte Carlo error."""
    with_funding = extending(tmp_path, "funding", {"funding_blocks": 5})
    without = extending(tmp_path, "without", {"funding_blocks": 1})
    options = {"horizon": 24, "first_share": 0.55, "draws": 400, "tune": 300, "seed": 2}
    found = {}
    with ThreadPoolExecutor(1) as executor:
        for name, every in (("weights", 120), ("exact", 24)):
            one = plan((with_funding, without), market, refit_every=every, **options)
            found[name], outcome = compare_models(one, tmp_path / name, executor, progress=False)
            assert outcome.left == outcome.failed == 0
    weights, exact = (found[name].table for name in ("weights", "exact"))
    assert set(weights["channel"]) == {INTEREST, "reports, long", "reports, short", ALL}
    error = np.hypot(weights["mcse"], exact["mcse"])
    assert (np.abs(weights["elpd"] - exact["elpd"]) < 4 * error).all()
    assert error.max() < 3.0
    n_windows = len(plan((with_funding, without), market, **options).windows)
    assert (found["exact"].fits["fits"] == n_windows).all()
    assert (found["weights"].fits["fits"] < n_windows).all()
    # the same parameters' scores of the same bars are alike; a wrong bar or weight is far off
    each = found["weights"].elpd[ALL]["funding"] - found["exact"].elpd[ALL]["funding"]
    known = each[np.isfinite(each)]
    assert known.size == (weights["bars"].max()) and np.abs(known).max() < 1.0
