"""Calibration through the command line: stopped by its budget, resumed, written."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from liqbayes.cli.app import app
from liqbayes.validate import SbcPlan
from liqbayes.validate.sbc.unit import LEAST_ESS, L, calibrate_panel


def run(out, *more):
    """Ten small panels of the model with one holding speed, whose fits are the quickest."""
    arguments = ["validate", "sbc", "--model", "baseline", "--out", str(out)]
    arguments += ["--panels", "10", "--bars", "120"]
    return CliRunner().invoke(
        app, [*arguments, "--workers", "2", *more], env={"LIQBAYES_DEV_DATA": ""}
    )


@pytest.mark.slow
def test_calibration_goes_on_where_it_was(tmp_path):
    out = tmp_path / "run"
    first = run(out, "--budget", "0.01")
    assert first.exit_code == 3, first.output
    begun = (out / "rows.jsonl").read_text()
    assert 2 <= len(begun.splitlines()) < 10
    second = run(out)
    assert second.exit_code == 0, second.output
    whole = (out / "rows.jsonl").read_text()
    assert whole.startswith(begun)
    rows = [json.loads(line) for line in whole.splitlines()]
    assert sorted(row["key"] for row in rows) == [f"{i:04d}" for i in range(10)]
    ranks = np.array([list(row["ranks"].values()) for row in rows])
    assert ranks.min() >= 0 and ranks.max() <= L
    assert all(row["ess"] >= LEAST_ESS for row in rows)
    # ten panels cannot tell much, but ranks that are all the same would be a fault
    assert (ranks.std(axis=0) > 5).all()
    table = pd.read_csv(out / "sbc.csv")
    assert {"log_likelihood", "at_risk[long, 0.05]", "delta_total"} <= set(table["quantity"])
    stored = pd.read_csv(out / "ranks.csv")
    assert stored["panel"].tolist() == list(range(10))
    by_key = {row["key"]: row["ranks"] for row in rows}
    assert stored["log_likelihood"].tolist() == [
        by_key[key]["log_likelihood"] for key in sorted(by_key)
    ]
    summary = json.loads((out / "sbc.json").read_text())
    assert summary["panels"] == 10 and summary["failed"] == 0
    assert (out / "ecdf.png").stat().st_size > 20_000
    other = run(out, "--fault", "liquidations-times-1.3")
    assert other.exit_code == 2
    assert "fault differ" in other.output


@pytest.mark.slow
def test_two_markets_of_a_model_that_pools_are_ranked_together():
    unit = SbcPlan(model="hierarchical", panels=10, bars=120).units()["0003"]
    assert len(set(unit.paths)) == 2
    row = calibrate_panel(unit)
    assert row["ess"] >= LEAST_ESS and row["path"] == " + ".join(unit.paths)
    ranks = row["ranks"]
    assert all(0 <= rank <= L for rank in ranks.values())
    for name in ("pooled_share[survival]", "common::fast_share", "market 2::at_risk[long, 0.1]"):
        assert name in ranks
    assert "fast_share" not in ranks and "common::mix_step[1]" not in ranks
