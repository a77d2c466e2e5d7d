"""Plans, resuming, files and verdicts of a backtest; a posterior stands in for the fits."""

import itertools
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from liqbayes.backtest import BacktestPlan, backtest
from liqbayes.backtest.ablation import WITH_MAP, WITHOUT_MAP
from liqbayes.backtest.model_data import PLACEBOS
from liqbayes.backtest.model_forecaster import MODEL, ModelForecaster
from liqbayes.backtest.opponents import opponents
from liqbayes.backtest.tables import judge
from liqbayes.backtest.verdicts import headline, targets
from liqbayes.errors import InputError
from liqbayes.validate.studies import read_studies
from tests.backtest.markets import SPEC, market, posterior, table
from tests.model.markets import panel

BARS = 400
# Baselines of every kind; the others are fitted in the tests of their own.
FEW = ("climatology", "regression", "oi-flow", "fixed-mix")
SIDES = ("long", "short")


@pytest.fixture(scope="module")
def origins():
    """Posteriors from the prior, fewer draws, paths and baselines; the origins that were fitted."""
    found = []

    def sampled(self, stop):
        found.append(stop)
        fit = posterior(self.panel, stop, draws=3)
        fit.about.update({"origin": stop, "max_rhat": 1.01})
        return fit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelForecaster, "_sampled", sampled)
        patch.setattr("liqbayes.backtest.unit.SIZE", 40)
        patch.setattr("liqbayes.backtest.unit.PATHS", 1)
        patch.setattr(
            "liqbayes.backtest.unit.opponents",
            lambda source, maps: [
                each for each in opponents(source, maps) if each.name in (*FEW, *maps)
            ],
        )
        yield found


@pytest.fixture(scope="module")
def finished(tmp_path_factory, origins):
    """A finished run: directory, result, outcome, fitted origins."""
    out = tmp_path_factory.mktemp("run") / "out"
    result, outcome = run(out)
    fitted = sorted(origins)
    origins.clear()
    return out, result, outcome, fitted


def plan(**options):
    return BacktestPlan(SPEC, market(BARS), **{"refit": "3D", **options})


def run(out, *, force=False, **options):
    with ThreadPoolExecutor(1) as executor:
        return backtest(plan(**options), out, executor, force=force, progress=False)


@pytest.mark.parametrize(("value", "said"), [(0.0, "is zero or unknown"), (np.nan, "is unknown")])
def test_a_feed_that_stops_is_refused(value, said):
    """Zeros from the middle of the panel on are no reports of nothing."""
    frame = table(BARS)
    frame.loc[frame.index[288:], "short_liquidations"] = value
    with pytest.raises(InputError, match=f"short_liquidations {said} in all 112 bars of the test"):
        BacktestPlan(SPEC, panel(frame), refit="3D")


def test_blocks_cover_the_second_half_and_days_are_whole():
    found = plan()
    first, test, end = found.splits
    # 400 bars from midnight on: 200 and 280 moved to the next midnight
    assert (first, test, end) == (216, 288, 400)
    blocks = found.blocks()
    assert blocks[0][0] == first and blocks[-1][1] == end
    assert all(a[1] == b[0] for a, b in itertools.pairwise(blocks))
    assert next(b for b in blocks if b[2])[0] == test
    # a budget that ends early leaves forecasts of the model
    assert [unit.test for unit in found.units().values()] == sorted(
        (b[2] for b in blocks), reverse=True
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"refit": "10min"}, "less than a bar"),
        ({"refit": "soon"}, "no duration"),
        ({"refit": "2D", "sample": "3D"}, "no multiple of --refit, 2D"),
        ({"tasks": ("nowcast",)}, "the tasks are nowcast"),
        ({"tasks": ()}, "none"),
        ({"model": "fixed-mix"}, "is a rule"),
        ({"model": "oi-only"}, "no liquidation feed"),
        ({"panel": market(120)}, "Use a longer panel"),
        ({"panel": panel(table(BARS).drop(columns="long_liquidations"))}, "long_liquidations"),
        ({"panel": panel(table(BARS).assign(long_liquidations=0.0))}, "zero in every bar"),
        ({"draws": 1}, "draws is 1"),
    ],
)
def test_what_cannot_be_backtested(options, words):
    arguments = {"model": SPEC, "panel": market(BARS), **options}
    with pytest.raises(InputError, match=words):
        BacktestPlan(**arguments)


def test_files_have_the_schema(finished):
    out, result, outcome, fitted = finished
    assert outcome.left == outcome.failed == 0
    # fitted at the beginnings of the test's blocks and nowhere else
    assert fitted == [b[0] for b in plan().blocks() if b[2]]
    found = json.loads((out / "backtest.json").read_text())
    assert found["schema"] == "liqbayes-backtest-1"
    assert found["model"]["hash"] == SPEC.content_hash
    assert found["panel_hash"] == market(BARS).content_hash
    assert found["origins"] == fitted
    names = {"crps_log", "crps", "log_score", "interval_score"}
    names |= {"coverage50", "coverage90", "width90", "n"}
    for task in ("conditional", "conditional-oi", "forecast"):
        scores = found["scores"][task]
        assert {MODEL, WITH_MAP, WITHOUT_MAP, "oi-flow", "fixed-mix"} <= set(scores), task
        for of_name in scores.values():
            assert set(of_name) == set(SIDES)
            assert all(set(each) == names and each["n"] > 60 for each in of_name.values())
        assert found["best_baseline"][task] not in (MODEL, WITH_MAP)
        for ratio in (found["ratio"], found["ablation"]):
            assert set(ratio[task]) == {*SIDES, "pooled"}
            assert all(len(band) == 3 and band[1] > 0 for band in ratio[task].values())
    assert set(found["placebo"]) == set(PLACEBOS)
    assert "forecast" not in found["placebo"]["sides-swapped"]
    for side in SIDES:
        tested = found["risk"][side]["quantiles"]
        assert {t["verdict"] for t in tested.values()} == {"insufficient data"}
        assert found["risk"][side]["daily_totals"]["n"] > 0
    bars = pd.read_parquet(out / "bars.parquet")
    assert (bars["q05"].dropna() <= bars["q95"].dropna()).all()
    assert set(bars["side"]) == set(SIDES) and bars["test"].any() and not bars["test"].all()
    assert not bars[bars["name"] == MODEL]["test"].eq(False).any()
    for name in ("backtest.csv", "backtest.png", "run.json", "rows.jsonl"):
        assert (out / name).stat().st_size > 0
    assert result.summary["unfinished_blocks"] == 0


def test_a_run_goes_on_where_it_was(tmp_path, finished, origins):
    done, whole, _, fitted = finished
    lines = (done / "rows.jsonl").read_text().splitlines(keepends=True)
    part = tmp_path / "part"
    part.mkdir()
    (part / "run.json").write_text((done / "run.json").read_text())
    # the test's first block is done, the second was cut short
    (part / "rows.jsonl").write_text(lines[0] + "".join(lines[2:]) + lines[1][:50])
    origins.clear()
    again, outcome = run(part)
    assert outcome.left == 0 and origins == fitted[1:2]
    pd.testing.assert_frame_equal(again.bars, whole.bars)
    # nothing is left to do, and another plan is refused
    origins.clear()
    run(part)
    assert not origins
    with pytest.raises(InputError, match="another run"):
        run(part, refit="1D")


def test_a_given_map_is_scored_among_the_baselines(tmp_path, origins):
    """One that holds what was reported helps more than one that holds nothing of it."""
    source = market(BARS)
    reported = plan().table.reported
    rng = np.random.default_rng(1)
    noise = rng.lognormal(0, 0.1, reported.shape)
    maps = {
        "knows": np.where(np.isfinite(reported), reported * noise + 1e-6, np.nan),
        "guesses": rng.lognormal(0, 1, (2, BARS)),
    }
    result, _ = run(tmp_path / "out", tasks=("conditional", "forecast"), maps=maps)
    scores = result.summary["scores"]
    for side in SIDES:
        of = {name: each[side]["crps_log"] for name, each in scores["conditional"].items()}
        assert of["knows"] < 0.7 * min(of["regression"], of["guesses"])
    assert result.summary["best_baseline"]["conditional"] == "knows"
    # along paths that were drawn nobody knows what such a map would be
    assert not set(maps) & set(scores["forecast"])
    with pytest.raises(InputError, match="another run"):
        run(tmp_path / "out", tasks=("conditional", "forecast"))
    for bad, words in (
        ({"regression": maps["knows"]}, "give it another name"),
        ({"placebo-mine": maps["knows"]}, "give it another name"),
        ({"mine": maps["knows"][:, 1:]}, r"shape \(2, 399\)"),
    ):
        with pytest.raises(InputError, match=words):
            BacktestPlan(SPEC, source, maps=bad)


def test_a_run_of_forecasts_alone_is_drawn_and_has_no_headline(tmp_path, origins):
    result, outcome = run(tmp_path / "out", tasks=("forecast",))
    assert outcome.left == 0 and headline(result.summary) == "forecast"
    assert (tmp_path / "out" / "backtest.png").stat().st_size > 10_000
    assert result.summary["targets"] == []
    (study,) = read_studies(tmp_path).found
    assert study.verdict.startswith("forecast: ") and study.table[1]


def test_only_the_validation_block_is_no_result(tmp_path, monkeypatch, origins):
    def fails(self, stop):
        raise RuntimeError("no fit")

    monkeypatch.setattr(ModelForecaster, "_sampled", fails)
    with pytest.raises(InputError, match=r"no block of the test has been forecast yet: .*no fit"):
        run(tmp_path / "out", tasks=("conditional",))


def test_the_best_baseline_is_chosen_before_the_test(finished):
    """Scores of the test block have no say."""
    lines = (finished[0] / "rows.jsonl").read_text().splitlines()
    rows = [block for line in lines for block in json.loads(line)["blocks"]]
    own = plan()
    names = [n for n in rows[-1]["tasks"]["conditional"] if n in ("oi-flow", "fixed-mix")]
    for row in rows:
        for name in names:
            # perfect in the test, useless before it, or the other way round
            better = (name == "oi-flow") == row["test"]
            for side in SIDES:
                scores = row["tasks"]["conditional"][name][side]["crps_log"]
                row["tasks"]["conditional"][name][side]["crps_log"] = [
                    None if v is None else (1e-3 if better else 9.0) for v in scores
                ]
    found = judge(rows, own.table, own.blocks(), 0).summary
    assert found["best_baseline"]["conditional"] == "fixed-mix"
    assert found["ratio"]["conditional"]["pooled"][1] < 1


def test_targets_are_met_or_not_or_unknown():
    band = {"long": [0.8, 0.9, 1.0], "short": [1.01, 1.1, 1.2], "pooled": [0.85, 0.91, 0.99]}
    scores = {"conditional": {MODEL: {s: {"coverage90": 0.9, "n": 10} for s in SIDES}}}
    placebo = {name: {"conditional": band} for name in PLACEBOS}
    found = {
        (t["target"], t["limit"]): t["met"]
        for t in targets(scores, {"conditional": band}, {}, {"conditional": band}, placebo, placebo)
    }
    assert found["ablation, upper bound, pooled", "< 1.0"] is True
    assert found["model over best baseline, pooled", "<= 0.92"] is True
    assert found["model over best baseline, pooled", "aim 0.88"] is False
    assert found["model over best baseline, lower bound, short", "<= 1"] is False
    assert found["regression-with-map over best baseline, pooled", "<= 0.92"] is None
    assert found["placebo memoryless, upper bound, pooled", ">= 1: no gain is left"] is False
    assert (
        found["regression-with-map over placebo memoryless, upper bound, pooled", "< 1.0"] is True
    )
    unknown = {"conditional": dict.fromkeys(band, [np.nan] * 3)}
    nothing = targets({"conditional": {}}, {}, {}, unknown, {}, {})
    assert {t["met"] for t in nothing} == {None}
