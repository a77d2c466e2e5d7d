"""Commands on a rule, from a simulated market to a judged report, without PyMC."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from liqbayes.report import FILES
from tests.cli.conftest import Program

CONTRACT = ("--contract", "binance:BTCUSDT")


@pytest.fixture
def fitted(liqbayes: Program, tmp_path: Path) -> Path:
    """The report of a small simulated market."""
    made = liqbayes("simulate", "--out", tmp_path / "market", "--bars", "120", "--seed", "3")
    assert made.exit_code == 0, made.stderr
    panel = tmp_path / "market" / "panel.parquet"
    out = tmp_path / "out"
    options = ("--model", "fixed-mix", "--out", out, "--bins", "60")
    done = liqbayes("fit", panel, *CONTRACT, *options)
    assert done.exit_code == 0, done.output
    assert "fixed-mix is a rule: its numbers have no interval" in done.stderr
    assert "none" in done.stdout and " to " not in done.stdout
    return out


def test_report_is_complete_and_has_no_interval(fitted: Path) -> None:
    assert sorted(p.name for p in fitted.iterdir()) == sorted(FILES)
    summary = json.loads((fitted / "summary.json").read_text())
    truth = json.loads((fitted.parent / "market" / "truth.json").read_text())
    assert summary["model"]["name"] == "fixed-mix"
    assert summary["converged"] is True and summary["oi_conservation_error"] >= 1.0
    for side in ("long", "short"):
        assert summary["at_risk"][side].keys() == truth["at_risk"][side].keys()
        assert summary["entry_vwap"][side][::2] == [None, None]
    for name in ("levels", "delta", "leverage", "entry"):
        table = pd.read_csv(fitted / f"{name}.csv")
        ends = [c for c in table if c.endswith(("_lo", "_hi"))]
        assert ends and table[ends].isna().all(axis=None), name


def test_review_says_what_a_rule_cannot_say(liqbayes: Program, fitted: Path) -> None:
    done = liqbayes("review", fitted)
    assert done.exit_code == 0, done.output
    assert "no interval, no prior and no likelihood" in done.stdout
    assert "book over open interest, long" in done.stdout
    assert "a rule: nothing was sampled" in done.stderr and "converged." not in done.stderr


def test_models_lists_and_shows_the_mix(liqbayes: Program) -> None:
    assert "fixed-mix" in liqbayes("models").stdout
    shown = liqbayes("models", "show", "fixed-mix")
    assert shown.exit_code == 0, shown.output
    for words in ("none, a rule", "25x", "35.0 %", "source of the mix", "Where it differs"):
        assert words in shown.stdout, words


def test_a_rule_needs_no_pymc(tmp_path: Path) -> None:
    code = f"""
import sys
import liqbayes
from liqbayes.checks import review
from liqbayes.report import write_report
market = liqbayes.simulate_market(liqbayes.market_preset("default", bars=40), 1)
fit = liqbayes.fit("fixed-mix", market.panel)
liqbayes.plots.heatmap(fit)
review(fit)
write_report(fit, {str(tmp_path / "out")!r}, bins=40)
liqbayes.at_risk(liqbayes.load_fit({str(tmp_path / "out" / "fit.nc")!r}))
loaded = {{name.split(".")[0] for name in sys.modules}}
print(sorted(loaded & {{"pymc", "pytensor", "nutpie", "arviz", "jax"}}))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "[]"


def test_a_rule_cannot_be_calibrated(liqbayes: Program, tmp_path: Path) -> None:
    done = liqbayes("validate", "sbc", "--model", "fixed-mix", "--out", tmp_path / "sbc")
    assert done.exit_code == 2
    assert "fixed-mix, a rule: it has no prior" in done.stderr
    assert not (tmp_path / "sbc").exists()
