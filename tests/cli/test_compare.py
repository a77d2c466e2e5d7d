"""`liqbayes compare`: what it refuses, and what it prints; nothing is fitted here."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from liqbayes.cli.app import app
from tests.cli.conftest import Program
from tests.validate.test_lfo_differences import invented

MODELS = ("--model", "baseline", "--model", "standard")
CONTRACT = ("--contract", "binance:BTCUSDT")


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Plans that would have been run."""
    import liqbayes.validate

    plans: list[Any] = []

    class Reached(Exception):
        pass

    def compare_models(plan: Any, *_: Any, **__: Any) -> None:
        plans.append(plan)
        raise Reached

    monkeypatch.setattr(liqbayes.validate, "compare_models", compare_models)
    return plans


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--model", "baseline"), "1 model is named"),
        ((), "0 model"),
        (("--model", "baseline", "--model", "fixed-mix"), "fixed-mix is a rule"),
        (("--model", "baseline", "--model", "nothing"), "no model 'nothing'"),
        (("--model", "baseline", "--model", "baseline"), "two models are the same"),
        ((*MODELS, "--column", "volume"), "not NAME=SOURCE"),
        ((*MODELS, "--column", "volume=absent:base"), "absent"),
        ((*MODELS, "--horizon", "70"), "too few for two windows"),
        ((*MODELS, "--first-share", "0.05"), "before the first origin"),
        ((*MODELS, "--until", "2024-03-02"), "bars"),
        ((*MODELS, "--budget", "0"), "--budget is 0"),
        ((*MODELS, "--workers", "0"), "--workers is 0"),
        ((*MODELS, "--refit-every", "2"), "--refit-every is 2"),
        ((*MODELS, "--draws", "10"), "fewer than 100"),
    ],
)
def test_what_cannot_be_compared(
    liqbayes: Program,
    panel_file: Path,
    tmp_path: Path,
    planned: list[Any],
    options: Any,
    words: str,
) -> None:
    done = liqbayes("compare", panel_file, *CONTRACT, "--out", tmp_path / "out", *options)
    assert done.exit_code == 2, done.output
    assert done.stderr.rstrip().splitlines()[-1].startswith("error: ") and words in done.stderr
    assert not planned and not (tmp_path / "out").exists()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    horizon=st.integers(-2, 80),
    refit_every=st.none() | st.integers(-5, 200),
    first_share=st.floats(-0.5, 1.5),
    draws=st.integers(-1, 400),
    chains=st.integers(-1, 4),
    seed=st.integers(-2, 5),
)
def test_options_are_refused_or_make_a_plan(
    panel_file: Path, tmp_path: Path, planned: list[Any], **given: Any
) -> None:
    """No combination of numbers ends in anything but a run or a message."""
    planned.clear()
    options = [
        text
        for name, value in given.items()
        if value is not None
        for text in (f"--{name.replace('_', '-')}", str(value))
    ]
    arguments = ["compare", str(panel_file), *CONTRACT, "--out", str(tmp_path / "out"), *MODELS]
    done = CliRunner().invoke(app, [*arguments, *options])
    if planned:
        (plan,) = planned
        assert type(done.exception).__name__ == "Reached"
        edges = [plan.windows[0][0], *(stop for _, stop in plan.windows)]
        assert edges == sorted(set(edges)) and edges[-1] <= 120 and len(edges) > 2
        assert sum(len(block) for block in plan.blocks()) == len(plan.windows)
    else:
        assert done.exit_code == 2, done.output
        assert "Traceback" not in done.output


def test_tables_and_status(
    liqbayes: Program, panel_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores on standard output; a block that failed makes the status 3."""

    @contextmanager
    def in_threads(workers: int) -> Any:
        with ThreadPoolExecutor(workers) as executor:
            yield executor

    def work(unit: Any) -> dict[str, Any]:
        if fails and unit.windows[0][0] == 84:
            raise RuntimeError("no fit")
        start, stop = unit.windows[0][0], unit.windows[-1][1]
        feed = "oi-only" not in unit.spec
        row = invented(start, stop, np.random.default_rng(1), feed=feed)
        row["fits"][0]["max_rhat"] = 1.3
        return {**row, "windows": [list(w) for w in unit.windows], "k": [0.2] * len(unit.windows)}

    monkeypatch.setattr("liqbayes.batch.local_executor", in_threads)
    monkeypatch.setattr("liqbayes.validate.lfo.run.score_block", work)
    command = ("compare", panel_file, *CONTRACT, "--horizon", "12", "--refit-every", "24")
    models = ("--model", "standard", "--model", "oi-only", "--workers", "1")
    fails = False
    done = liqbayes(*command, *models, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    for words in ("open interest", "reference", "too few days", "largest k", "0.20"):
        assert words in done.stdout, words
    assert "not compared: reports, long (standard only)" in done.stderr
    assert "not compared: all (channels differ)" in done.stderr
    assert "R-hat above 1.05" in done.stderr
    fails = True
    done = liqbayes(*command, *models, "--out", tmp_path / "other")
    assert done.exit_code == 3, done.output
    assert "2 failed" in done.stderr and "no fit" in done.stderr
