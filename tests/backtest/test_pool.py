"""Backtests of several panels pooled, and the range they speak for."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from liqbayes.backtest.ablation import PLACEBO, WITH_MAP, WITHOUT_MAP
from liqbayes.backtest.model_data import PLACEBOS
from liqbayes.backtest.model_forecaster import MODEL
from liqbayes.backtest.plan import SCHEMA
from liqbayes.backtest.pool import (
    FinishedBacktest,
    pool,
    read_backtest,
    read_backtest_summary,
    write_pool,
)
from liqbayes.backtest.range import inside_range
from liqbayes.errors import InputError
from liqbayes.model import load_spec

TASK = "conditional"
SIDES = ("long", "short")
NAMES = (MODEL, WITH_MAP, WITHOUT_MAP, "hawkes", *(PLACEBO.format(n) for n in PLACEBOS))


def run_of(
    seed: int,
    *,
    factor: float = 0.9,
    n: int = 480,
    start: str = "2024-01-01",
    covered: float = 0.9,
    tail: float = 1.0,
) -> FinishedBacktest:
    """Scores of every forecaster around one; those of the model and the map times a factor."""
    rng = np.random.default_rng(seed)
    time = pd.date_range(start, periods=n, freq="h")
    parts = []
    for side in SIDES:
        shock = rng.lognormal(0, 0.3, n)
        for name in NAMES:
            scale = factor if name in (MODEL, WITH_MAP) else 1.0
            score = shock * rng.lognormal(0, 0.05, n) * scale
            score[3] = np.nan
            pit = np.where(np.isnan(score), np.nan, rng.random(n) ** tail)
            parts.append(
                pd.DataFrame(
                    {
                        "task": TASK, "name": name, "side": side, "bar": np.arange(n) + 100,
                        "time": time, "test": True, "crps_log": score,
                        "coverage90": (rng.random(n) < covered).astype(float),
                        "pit_low": pit, "pit_high": pit,
                    }
                )
            )  # fmt: skip
    summary = {
        "schema": SCHEMA,
        "model": {"name": "baseline", "version": "1.0.0", "hash": "h"},
        "panel_hash": f"p{seed}",
        "scores": {TASK: {}},
        "best_baseline": {TASK: "hawkes"},
        "ratio": {TASK: {side: [factor - 0.05, factor, factor + 0.05] for side in SIDES}},
        "calibrated_range": {"volatility": [0.01, 0.03], "days": 20},
        "unfinished_blocks": 0,
        "run": {"panel": {"contract": f"binance:{seed}"}},
    }
    return FinishedBacktest(summary, pd.concat(parts, ignore_index=True), 1.0)


def met(found: dict, words: str) -> bool | None:
    return next(t["met"] for t in found["targets"] if words in t["target"])


def test_known_ratio_and_coverage_are_found():
    found = pool([run_of(1), run_of(2, start="2024-01-03")])
    low, middle, high = found["ablation"][TASK]["pooled"]
    assert low < 0.9 < high and abs(middle - 0.9) < 0.01
    assert found["placebo"]["memoryless"][TASK]["pooled"][1] == pytest.approx(1.0, abs=0.01)
    low, middle, high = found["coverage90"][TASK]["pooled"]
    assert low < 0.9 < high
    assert met(found, "ablation, upper bound") is True
    assert met(found, "panel-sides") is True
    assert met(found, "coverage of 90 % intervals, pooled") is True


def test_misses_are_said():
    found = pool([run_of(1, factor=1.2, covered=0.7), run_of(2, factor=1.2, covered=0.7)])
    assert met(found, "ablation, upper bound") is False
    assert met(found, "panel-sides") is False
    assert met(found, "series whose band") is False
    assert found["ratio"][TASK]["pooled"][0] > 1


def test_the_same_shocks_twice_are_not_twice_the_evidence():
    one = run_of(1)
    again = dataclasses.replace(one, summary={**one.summary, "panel_hash": "other"})
    apart = dataclasses.replace(
        again, test=again.test.assign(time=again.test["time"] + pd.Timedelta(days=20))
    )

    def width(runs: list[FinishedBacktest]) -> float:
        low, _, high = pool(runs)["ablation"][TASK]["pooled"]
        return high - low

    # on one clock the copy adds nothing; in another period it halves the variance
    assert width([one, again]) > 1.25 * width([one, apart])


def test_exceptions_of_all_panels_together():
    """480 bars of one panel are too few for a test; those of two are enough."""
    honest = pool([run_of(1), run_of(2)])["risk"]
    for side in SIDES:
        for test in honest[side].values():
            assert test["n"] == 2 * 479 and test["kupiec"]["p_value"] > 1e-3
            low, share, high = test["share"]
            assert low < share < high and share == pytest.approx(test["exceptions"] / test["n"])
    # a transform that crowds at one: reports above the quantile too often
    late = pool([run_of(1, tail=0.3), run_of(2, tail=0.3)])["risk"]
    assert late["long"]["0.95"]["kupiec"]["p_value"] < 1e-6
    assert late["long"]["0.95"]["share"][0] > 0.05


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "twice"),
        ({"panel_hash": "q", "model": {"name": "standard", "version": "1", "hash": "g"}}, "models"),
        ({"panel_hash": "q", "scores": {"forecast": {}}}, "no task"),
    ],
)
def test_what_cannot_be_pooled(change, words):
    one = run_of(1)
    other = dataclasses.replace(one, summary={**one.summary, **change})
    with pytest.raises(InputError, match=words):
        pool([one, other])
    with pytest.raises(InputError, match="two or more"):
        pool([one])


def test_bars_off_the_grid_are_refused():
    one, other = run_of(1), run_of(2)
    shifted = other.test.assign(time=other.test["time"] + pd.Timedelta(minutes=30))
    with pytest.raises(InputError, match="grid"):
        pool([one, dataclasses.replace(other, test=shifted)])


def test_directories_and_the_file(tmp_path):
    with pytest.raises(InputError, match=r"no backtest\.json"):
        read_backtest(tmp_path)
    (tmp_path / "backtest.json").write_text('{"schema": "other"}')
    with pytest.raises(InputError, match="schema"):
        read_backtest(tmp_path)
    for seed in (1, 2):
        one, directory = run_of(seed), tmp_path / str(seed)
        directory.mkdir()
        (directory / "backtest.json").write_text(json.dumps(one.summary))
        # stored results have no bars: what was tested is known, pooling is not possible
        assert read_backtest_summary(directory) == one.summary
        with pytest.raises(InputError, match="nothing can be pooled"):
            read_backtest(directory)
        one.test.to_parquet(directory / "bars.parquet")
    found = pool([read_backtest(tmp_path / "1"), read_backtest(tmp_path / "2")])
    out = tmp_path / "pool.json"
    write_pool(found, out)
    assert json.loads(out.read_text())["panels"][0]["panel"] == "binance:1, 1 h"
    with pytest.raises(InputError, match="--force"):
        write_pool(found, out)
    write_pool(found, out, force=True)


def test_a_fit_outside_the_range_is_warned_of(rule_fit):
    spec = load_spec("fixed-mix")
    summary = {
        "model": {"name": spec.name, "version": spec.version, "hash": spec.content_hash},
        "calibrated_range": {"volatility": [1e-6, 10.0], "days": 20},
    }
    assert inside_range(rule_fit, summary).status == "ok"
    narrow = {**summary, "calibrated_range": {"volatility": [1e-6, 2e-6], "days": 20}}
    assert inside_range(rule_fit, narrow).status == "warn"
    unknown = {**summary, "calibrated_range": {"volatility": None, "days": 0}}
    assert inside_range(rule_fit, unknown).value is None
    with pytest.raises(InputError, match="backtest the model of the fit"):
        inside_range(rule_fit, {**summary, "model": {**summary["model"], "hash": "x"}})


@pytest.fixture
def rule_fit():
    from liqbayes.sampling import fit
    from tests.backtest.markets import market

    return fit("fixed-mix", market(120), progress=False)
