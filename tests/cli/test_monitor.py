"""`liqbayes monitor`: exit statuses and files."""

import json

import pytest

from liqbayes.cli.console import MONITOR_AMBER, MONITOR_RED
from liqbayes.sampling import save_fit
from tests.monitor.markets import FEED, FITTED, market, scaled


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """What ``fit`` writes, as far as the monitor reads it."""
    _, fit = market(3)
    place = tmp_path_factory.mktemp("desk") / "btc"
    place.mkdir()
    save_fit(fit, place / "fit.nc")
    (place / "summary.json").write_text(json.dumps({"schema": "s", "converged": True}))
    return place


def written(tmp_path, panel):
    path = tmp_path / "new.parquet"
    panel.to_parquet(path)
    return path


def test_green_is_0_and_the_run_lies_beside_the_fit(liqbayes, directory, tmp_path):
    panel, _ = market(3)
    done = liqbayes("monitor", directory, "--panel", written(tmp_path, panel))
    assert done.exit_code == 0, done.stderr
    assert "GREEN" in done.stdout and "coverage" in done.stdout
    (run,) = (directory.parent / "btc-monitor").iterdir()
    assert json.loads((run / "monitor.json").read_text())["status"] == "green"
    again = liqbayes("monitor", directory, "--panel", written(tmp_path, panel))
    assert again.exit_code == 2
    assert "--force" in again.stderr


def test_amber_is_4_and_red_is_5(liqbayes, directory, tmp_path):
    panel, _ = market(3)
    units = written(tmp_path, scaled(panel, ("open_interest",), 0, 1.05))
    done = liqbayes("monitor", directory, "--panel", units, "--out", tmp_path / "amber")
    assert done.exit_code == MONITOR_AMBER == 4
    silent = written(tmp_path, scaled(panel, FEED, FITTED + 100, 0.0))
    done = liqbayes("monitor", directory, "--panel", silent, "--out", tmp_path / "red")
    assert done.exit_code == MONITOR_RED == 5
    assert json.loads((tmp_path / "red" / "monitor.json").read_text())["status"] == "red"


def test_wrong_input_is_2(liqbayes, directory, tmp_path):
    panel, _ = market(3)
    early = written(tmp_path, panel.slice(None, panel.time[FITTED]))
    done = liqbayes("monitor", directory, "--panel", early, "--out", tmp_path / "x")
    assert done.exit_code == 2
    assert "later than the fit's" in done.stderr
    assert not (tmp_path / "x").exists()
    assert liqbayes("monitor", tmp_path, "--panel", early).exit_code == 2


def test_a_fit_that_has_not_converged_is_said(liqbayes, directory, tmp_path):
    panel, _ = market(3)
    other = tmp_path / "other"
    other.mkdir()
    (other / "fit.nc").write_bytes((directory / "fit.nc").read_bytes())
    (other / "summary.json").write_text(json.dumps({"schema": "s", "converged": False}))
    done = liqbayes("monitor", other, "--panel", written(tmp_path, panel))
    assert "not converged" in done.stderr
