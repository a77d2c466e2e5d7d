"""A whole evaluation: plans are read strictly, studies run in order, nothing stops the others."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from liqbayes.batch import Outcome
from liqbayes.cli.app import app
from liqbayes.errors import InputError
from liqbayes.evaluate import evaluate, read_plan, run
from liqbayes.resources import DEFAULT_MODEL
from tests.backtest.markets import table

STORED = Path(__file__).parents[2] / "docs" / "results"
PLAN = """
refit = "1D"
sample_every = "7D"
tasks = ["conditional"]

[market.btc]
file = "btc.csv"
contract = "binance:BTCUSDT"
columns = { long_liquidations = "long_liquidations_base:base" }

[market.eth]
file = "btc.csv"
contract = "binance:BTCUSDT"
until = "2024-06-16"
sample_every = "3D"
"""


@pytest.fixture
def plan_file(tmp_path):
    names = ("volume", "open_interest", "long_liquidations", "short_liquidations")
    table(400).rename(columns={n: f"{n}_base" for n in names}).to_csv(tmp_path / "btc.csv")
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return path


@pytest.fixture
def studies(monkeypatch):
    """Stored studies in the place of new ones; the order in which they were asked for."""
    asked = []

    def stored(name, left=0, fails=None):
        def study(plan, out, executor, *, budget_minutes, force, progress):
            asked.append((Path(out).name, plan.refit, getattr(plan, "sample", None)))
            if fails:
                raise fails
            shutil.copytree(STORED / name, out, dirs_exist_ok=True)
            return None, Outcome(3, 0, left, 1.0)

        return study

    monkeypatch.setattr(run, "backtest", stored("backtest-btc"))
    monkeypatch.setattr(run, "study_events", stored("events-btc"))
    monkeypatch.setattr(run, "read_backtest", lambda folder: Path(folder).name)
    monkeypatch.setattr(run, "pool", lambda runs, seed: {"schema": "x-1", "runs": runs})
    asked.append(stored)
    return asked


def done(plan, out, **options):
    with ThreadPoolExecutor(1) as executor:
        return evaluate(plan, out, executor, progress=False, **options)


def test_a_plan_is_read_as_it_is_written(plan_file):
    plan = read_plan(plan_file)
    assert plan.model == DEFAULT_MODEL and plan.tasks == ("conditional",)
    btc, eth = plan.markets
    assert btc.file == plan_file.parent / "btc.csv" and btc.sample == "7D" and eth.sample == "3D"
    assert btc.refit == eth.refit == "1D"
    assert btc.panel().n_bars == 400 > eth.panel().n_bars
    assert btc.panel().has("long_liquidations")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("refit = ", "no valid TOML"),
        ('model = "standard"', r"no \[market.NAME\]"),
        ('horizon = 3\n[market.a]\nfile = "x"\ncontract = "y"', "horizon; use model, studies"),
        ('draws = "many"\n[market.a]\nfile = "x"\ncontract = "y"', "draws is 'many'; give a whole"),
        ("draws = true\n[market.a]\nfile = 'x'\ncontract = 'y'", "draws is True"),
        ('[market.a]\nfile = "x"', r"\[market.a\] lacks contract"),
        ('[market.a]\nfile = "x"\ncontract = 3', "contract is 3; give a text"),
        ('[market."../a"]\nfile = "x"\ncontract = "y"', "name a market by letters"),
        ('studies = ["magic"]\n[market.a]\nfile = "x"\ncontract = "y"', "magic; use backtest"),
        ("market = 3", r"as a table \[market.NAME\]"),
    ],
)
def test_what_is_no_plan(tmp_path, text, words):
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(InputError, match=words):
        read_plan(tmp_path / "plan.toml")


def test_a_missing_plan_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml cannot be read"):
        read_plan(tmp_path / "none.toml")


def test_every_study_of_every_panel_and_one_page(plan_file, studies, tmp_path):
    studies.clear()
    out = tmp_path / "out"
    steps = done(read_plan(plan_file), out)
    names = [step.name for step in steps]
    assert names[0] == "backtest-btc" and names[-1] == "backtest-pool"
    assert {"events-btc", "events-eth", "judge-btc-oi-flow", "judge-eth-py-liquidation-map"} <= set(
        names
    )
    assert {step.status for step in steps} == {"done"}
    # events are fitted as often as the model is sampled
    assert ("backtest-eth", "1D", "3D") in studies and ("events-eth", "3D", None) in studies
    page = (out / "index.md").read_text(encoding="utf-8")
    for name in names[:-1]:
        assert f"### {name}\n" in page, name
    assert "](backtest-btc/backtest.json)" in page
    again = done(read_plan(plan_file), out)
    assert [step.name for step in again] == names


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InputError("the panel has too few bars"), "the panel has too few bars"),
        # and so does a fault of the code
        (KeyError("conditional"), "KeyError: 'conditional'"),
    ],
)
def test_one_failure_does_not_stop_the_others(
    error, words, plan_file, studies, tmp_path, monkeypatch
):
    stored = studies[0]
    monkeypatch.setattr(run, "backtest", stored("backtest-btc", fails=error))
    monkeypatch.setattr(run, "study_events", stored("events-btc", left=2))
    steps = {step.name: step for step in done(read_plan(plan_file), tmp_path / "out")}
    assert steps["backtest-btc"].status == "failed"
    assert steps["backtest-btc"].words == words
    assert (steps["events-eth"].status, steps["events-eth"].words) == (
        "unfinished",
        "2 left, 0 failed",
    )
    assert steps["judge-eth-oi-flow"].status == "done"


def test_nothing_begins_after_the_budget(plan_file, studies, tmp_path):
    studies.clear()
    steps = done(read_plan(plan_file), tmp_path / "out", budget_minutes=1e-9)
    assert not studies and {step.status for step in steps[:-1]} == {"unfinished"}
    # nothing is stored yet that a page could show
    assert steps[-1].name == "index.md" and steps[-1].status == "failed"


def test_the_command_says_what_is_left(plan_file, studies, tmp_path, monkeypatch):
    @contextmanager
    def here(workers):
        with ThreadPoolExecutor(1) as executor:
            yield executor

    monkeypatch.setattr("liqbayes.batch.local_executor", here)
    command = ["evaluate", str(plan_file), "--out", str(tmp_path / "out")]
    whole = CliRunner().invoke(app, command)
    assert whole.exit_code == 0, whole.output
    assert "backtest-pool" in whole.stdout and "on 2 panels" in whole.stderr
    monkeypatch.setattr(run, "study_events", studies[0]("events-btc", left=1))
    part = CliRunner().invoke(app, command)
    assert part.exit_code == 3 and "1 left, 0 failed" in part.stdout
    missing = CliRunner().invoke(app, ["evaluate", str(tmp_path / "no.toml"), "--out", "x"])
    assert missing.exit_code == 2 and "cannot be read" in missing.stderr
