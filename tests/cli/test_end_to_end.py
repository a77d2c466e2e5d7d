"""The installed command, from a simulated market to a judged report; few draws, so unconverged."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from liqbayes.report import FILES

pytestmark = pytest.mark.compiled

PROGRAM = Path(sys.executable).with_name("liqbayes")


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PROGRAM), *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=400,
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a simulated market and the report of its fit."""
    place = tmp_path_factory.mktemp("desk")
    made = run("simulate", "--out", "market", "--bars", 120, "--seed", 3, cwd=place)
    assert made.returncode == 0, made.stderr
    fitted = run(
        *("fit", "market/panel.parquet", "--contract", "binance:BTCUSDT", "--out", "out/btc"),
        *("--draws", 30, "--tune", 60, "--chains", 2, "--cores", 2, "--seed", 1, "--bins", 100),
        cwd=place,
    )
    assert fitted.returncode == 3, fitted.stdout + fitted.stderr
    assert "not converged" in fitted.stderr
    assert "at risk" in fitted.stdout
    return place


def test_report_is_complete_and_marked(place: Path) -> None:
    out = place / "out" / "btc"
    assert sorted(p.name for p in out.iterdir()) == sorted(FILES)
    assert [p.name for p in out.parent.iterdir()] == ["btc"]
    summary = json.loads((out / "summary.json").read_text())
    assert summary["converged"] is False
    assert summary["reasons"]
    assert (summary["sampler"]["draws"], summary["sampler"]["chains"]) == (30, 2)
    assert summary["oi_conservation_error"] < 1e-9


def test_summary_has_the_truths_keys_and_scale(place: Path) -> None:
    summary = json.loads((place / "out" / "btc" / "summary.json").read_text())
    truth = json.loads((place / "market" / "truth.json").read_text())
    for key in ("contract", "quantity_unit", "quote_unit", "as_of", "mark_price", "span"):
        assert summary[key] == truth[key], key
    assert summary["at_risk"].keys() == truth["at_risk"].keys()
    for side in ("long", "short"):
        assert summary["at_risk"][side].keys() == truth["at_risk"][side].keys()
        low, _, high = summary["realised_total"][side]
        assert 0 < low < high


def test_tables_agree_with_the_summary(place: Path) -> None:
    out = place / "out" / "btc"
    summary = json.loads((out / "summary.json").read_text())
    levels = pd.read_csv(out / "levels.csv")
    assert len(levels) == 200
    delta = pd.read_csv(out / "delta.csv")
    for row, interval in zip(
        delta.itertuples(index=False), summary["delta_quote"].values(), strict=True
    ):
        found = [row.delta_quote_lo, row.delta_quote, row.delta_quote_hi]
        expected = [np.nan] * 3 if interval is None else interval
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_fit_file_is_self_contained(place: Path) -> None:
    import liqbayes

    fit = liqbayes.load_fit(place / "out" / "btc" / "fit.nc")
    assert fit["posterior"].sizes["draw"] == 30
    risk = liqbayes.at_risk(fit, moves=(0.1,))
    assert risk.sizes["move"] == 1
    assert float(risk.max()) <= 1.0


def test_review_judges_the_directory(place: Path) -> None:
    done = run("review", "out/btc", cwd=place)
    assert done.returncode == 3, done.stderr
    assert "R-hat" in done.stdout


def test_second_fit_without_force_is_refused_before_sampling(place: Path) -> None:
    done = run(
        "fit",
        "market/panel.parquet",
        "--contract",
        "binance:BTCUSDT",
        "--out",
        "out/btc",
        cwd=place,
    )
    assert done.returncode == 2
    assert done.stdout == ""
