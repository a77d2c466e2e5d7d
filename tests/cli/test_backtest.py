"""`liqbayes backtest`: what it refuses, and what it prints; nothing is fitted here."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from liqbayes.errors import InputError
from tests.backtest.markets import posterior, table
from tests.cli.conftest import Program

CONTRACT = ("--contract", "binance:BTCUSDT")


@pytest.fixture
def feed_file(tmp_path: Path) -> Path:
    """A panel with a feed as a file."""
    path = tmp_path / "btc.csv"
    units = {c: f"{c}_base" for c in ("volume", "open_interest", "long_liquidations")} | {
        "short_liquidations": "short_liquidations_base"
    }
    table(400).rename(columns=units).to_csv(path)
    return path


COLUMNS = (
    "--column",
    "long_liquidations=long_liquidations_base:base",
    "--column",
    "short_liquidations=short_liquidations_base:base",
)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--model", "fixed-mix"), "is a rule"),
        (("--model", "oi-only"), "no liquidation feed"),
        (("--model", "nothing"), "no model 'nothing'"),
        (("--refit", "soon"), "no duration"),
        (("--refit", "5min"), "less than a bar"),
        (("--task", "nowcast"), "the tasks are nowcast"),
        (("--budget", "0"), "--budget is 0"),
        (("--workers", "0"), "--workers is 0"),
        (("--until", "2024-06-05"), "Use a longer panel"),
        (("--since", "2025-01-01"), "2025"),
        (("--draws", "1"), "draws is 1"),
        (("--column", "volume"), "not NAME=SOURCE"),
        (("--map", "levels.csv"), "give NAME=FILE"),
        (("--map", "vendor=nowhere.csv"), "nowhere.csv"),
        (("--refit", "2D", "--sample-every", "3D"), "no multiple of --refit"),
    ],
)
def test_what_cannot_be_backtested(
    liqbayes: Program, feed_file: Path, tmp_path: Path, options: Any, words: str
) -> None:
    given = COLUMNS if "--column" not in options else ()
    done = liqbayes("backtest", feed_file, *CONTRACT, "--out", tmp_path / "out", *given, *options)
    assert done.exit_code == 2, done.output
    assert done.stderr.rstrip().splitlines()[-1].startswith("error: ") and words in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_panel_without_a_feed(liqbayes: Program, panel_file: Path, tmp_path: Path) -> None:
    done = liqbayes("backtest", panel_file, *CONTRACT, "--out", tmp_path / "out")
    assert done.exit_code == 2, done.output
    assert "the panel lacks long_liquidations, short_liquidations" in done.stderr


def test_a_tools_levels_become_a_baseline(
    liqbayes: Program, feed_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Levels from a file, by the name that the user gave them; refused ones are refused here."""
    plans: list[Any] = []

    def stop(plan: Any, *_: Any, **__: Any) -> Any:
        plans.append(plan)
        raise InputError("far enough")

    monkeypatch.setattr("liqbayes.backtest.backtest", stop)
    frame = table(400)
    days = frame.iloc[::24]
    rows = pd.DataFrame(
        {
            "time": np.repeat(days.index, 4),
            "side": ["long", "long", "short", "short"] * len(days),
            "price": np.ravel(np.outer(days["open"], [0.9, 0.99, 1.01, 1.1])),
            "amount": [1.0, 3.0, 3.0, 1.0] * len(days),
        }
    )
    rows.to_csv(tmp_path / "levels.csv", index=False)
    command = ("backtest", feed_file, *CONTRACT, *COLUMNS, "--out", tmp_path / "out", "--map")
    done = liqbayes(*command, f"vendor={tmp_path / 'levels.csv'}")
    assert "far enough" in done.stderr
    (plan,) = plans
    swept = plan.maps["vendor"]
    assert swept.shape == (2, 400) and 0 < float(np.nanmax(swept)) <= 1
    rows.assign(side=rows["side"].map({"long": "short", "short": "long"})).to_csv(
        tmp_path / "swapped.csv", index=False
    )
    done = liqbayes(*command, f"vendor={tmp_path / 'swapped.csv'}")
    assert done.exit_code == 2 and "the map is refused" in done.stderr
    assert len(plans) == 1


def test_tables_and_status(
    liqbayes: Program, feed_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables on standard output; a block that failed makes the status 3."""
    from liqbayes.backtest.model_forecaster import ModelForecaster
    from liqbayes.model.data import prepare
    from liqbayes.model.evaluate import Evaluator

    @contextmanager
    def in_threads(workers: int) -> Any:
        with ThreadPoolExecutor(workers) as executor:
            yield executor

    def sampled(self: Any, stop: int) -> Any:
        if fails and stop > 300:
            raise RuntimeError("no fit")
        found = posterior(self.panel, stop, draws=2)
        data = prepare(self.spec, self.panel, seen=stop)
        n = Evaluator.of(self.spec, data).layout.n
        z = found.z[:, :1].repeat(n, axis=1) * 0.1
        return type(found)(self.spec, self.panel, stop, z, {"origin": stop, "max_rhat": 1.3})

    monkeypatch.setattr("liqbayes.batch.local_executor", in_threads)
    monkeypatch.setattr(ModelForecaster, "_sampled", sampled)
    monkeypatch.setattr("liqbayes.backtest.unit.SIZE", 20)
    command = ("backtest", feed_file, *CONTRACT, *COLUMNS, "--refit", "3D", "--workers", "1")
    fails = False
    done = liqbayes(*command, "--task", "conditional", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    for words in (
        "regression-with-map",
        "(best baseline)",
        "with / without map",
        "too few days",
        "met",
    ):
        assert words in done.stdout, words
    assert "R-hat above 1.05" in done.stderr
    fails = True
    done = liqbayes(*command, "--task", "conditional", "--out", tmp_path / "other")
    assert done.exit_code == 3, done.output
    assert "1 failed" in done.stderr and "no fit" in done.stderr
    done = liqbayes(*command, "--task", "forecast", "--out", tmp_path / "other")
    assert done.exit_code == 2 and "another run" in done.stderr
