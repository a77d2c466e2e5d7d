"""The other commands: inspect, review, models, simulate, demo."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.conftest import Program


def test_without_arguments_shows_help(liqbayes: Program) -> None:
    shown = liqbayes()
    for name in ("demo", "inspect", "fit", "review", "compare", "models", "simulate"):
        assert name in shown.output


def test_version(liqbayes: Program) -> None:
    from liqbayes import __version__

    assert liqbayes("--version").stdout == f"liqbayes {__version__}\n"


def test_inspect_prints_findings_on_stdout(liqbayes: Program, panel_file: Path) -> None:
    done = liqbayes("inspect", panel_file, "--contract", "binance:BTCUSDT")
    assert done.exit_code == 0
    assert "known: " in done.stdout
    assert done.stderr == ""


def test_inspect_json_is_json(liqbayes: Program, panel_file: Path) -> None:
    done = liqbayes("inspect", panel_file, "--contract", "binance:BTCUSDT", "--json")
    found = json.loads(done.stdout)
    assert found["kind"] == "panel"
    assert found["n_bars"] == 120
    assert found["contract"] == "binance:BTCUSDT"


def test_inspect_describes_what_is_no_panel(liqbayes: Program, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n3,4\n")
    done = liqbayes("inspect", path)
    assert done.exit_code == 0
    assert "x.csv: " in done.stdout


def test_inspect_takes_columns(liqbayes: Program, panel_file: Path) -> None:
    done = liqbayes(
        "inspect",
        panel_file,
        "--contract",
        "binance:BTCUSDT",
        "--column",
        "volume=volume_base:base",
    )
    assert done.exit_code == 0, done.stderr


def test_inspect_of_nothing_is_status_2(liqbayes: Program, tmp_path: Path) -> None:
    done = liqbayes("inspect", tmp_path / "absent.csv")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert done.stdout == ""


def test_models_lists_and_shows(liqbayes: Program) -> None:
    from liqbayes.model import load_spec

    spec = load_spec("baseline")
    listed = liqbayes("models")
    assert listed.exit_code == 0
    assert "baseline" in listed.stdout and spec.version in listed.stdout
    shown = liqbayes("models", "show", "baseline")
    assert shown.exit_code == 0
    assert spec.content_hash in shown.stdout
    for name in spec.priors:
        assert name in shown.stdout


def test_models_show_of_an_unknown_name_lists_the_known(liqbayes: Program) -> None:
    done = liqbayes("models", "show", "nope")
    assert done.exit_code == 2
    assert "baseline" in done.stderr


def test_simulate_writes_once_and_replaces_with_force(liqbayes: Program, tmp_path: Path) -> None:
    out = tmp_path / "market"
    done = liqbayes("simulate", "--out", out, "--bars", "30", "--seed", "4")
    assert done.exit_code == 0, done.stderr
    assert sorted(p.name for p in out.iterdir()) == [
        "panel.parquet",
        "positions.parquet",
        "truth.json",
    ]
    assert done.stdout == ""
    truth = json.loads((out / "truth.json").read_text())
    assert truth["seed"] == 4
    refused = liqbayes("simulate", "--out", out, "--bars", "30")
    assert refused.exit_code == 2 and "--force" in refused.stderr
    again = liqbayes("simulate", "--out", out, "--bars", "30", "--seed", "5", "--force")
    assert again.exit_code == 0
    assert json.loads((out / "truth.json").read_text())["seed"] == 5


def test_simulate_refuses_bad_settings(liqbayes: Program, tmp_path: Path) -> None:
    for options in (
        ("--bars", "1"),
        ("--preset", "nope"),
        ("--contract", "nope:X"),
        ("--bar", "x"),
    ):
        done = liqbayes("simulate", "--out", tmp_path / "m", *options)
        assert done.exit_code == 2, options
        assert not (tmp_path / "m").exists()


@dataclass(frozen=True)
class Verdict:
    check: str
    status: str
    value: float | None
    threshold: float | None
    text: str


@pytest.fixture
def reviewed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """A directory `out` with a summary, and a judge whose verdict can be chosen."""
    import liqbayes.sampling
    from liqbayes.report.directory import write_json
    from liqbayes.report.summary import summarise
    from tests.report import invented

    (tmp_path / "out").mkdir()
    write_json(tmp_path / "out" / "summary.json", summarise(invented.results()))
    found: dict[str, Any] = {"converged": True, "reasons": ()}
    verdicts = (
        Verdict("R-hat", "ok", 1.003, 1.01, "chains agree"),
        Verdict("prior share of at_risk", "warn", 0.8, 0.5, "mostly prior [beyond 20 %]"),
    )
    moved = {"at risk 10 %, long": {"prior": 0.31, "open_interest": 0.02}}
    judge = SimpleNamespace(
        review=lambda fit: SimpleNamespace(**found, verdicts=verdicts, sensitivity=moved)
    )
    monkeypatch.setitem(sys.modules, "liqbayes.checks", judge)
    monkeypatch.setattr(liqbayes.sampling, "load_fit", lambda path: path)
    return found


def test_review_prints_verdicts_worst_first(
    liqbayes: Program, reviewed: dict[str, Any], tmp_path: Path
) -> None:
    done = liqbayes("review", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert done.stdout.index("prior share") < done.stdout.index("R-hat")
    assert "mostly prior [beyond 20 %]" in done.stdout
    assert "0.31" in done.stdout and "open interest" in done.stdout


def test_review_of_an_unconverged_fit_is_status_3(
    liqbayes: Program, reviewed: dict[str, Any], tmp_path: Path
) -> None:
    reviewed |= {"converged": False, "reasons": ("R-hat 1.2",)}
    done = liqbayes("review", tmp_path / "out")
    assert done.exit_code == 3
    assert "R-hat 1.2" in done.stderr


def test_review_of_something_else_is_status_2(liqbayes: Program, tmp_path: Path) -> None:
    done = liqbayes("review", tmp_path)
    assert done.exit_code == 2
    assert "no summary.json" in done.stderr


@pytest.fixture
def demo_market(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, panel_file: Path) -> None:
    """A small market in place of the shipped one, whose truth is the invented median."""
    import liqbayes.resources
    from liqbayes.panel import read_panel
    from liqbayes.report.summary import summarise
    from tests.report import invented

    folder = tmp_path / "shipped"
    folder.mkdir()
    read_panel(panel_file, contract="binance:BTCUSDT").to_parquet(folder / "panel.parquet")
    truth = json.dumps(invented.medians(summarise(invented.results())))
    (folder / "truth.json").write_text(truth)
    monkeypatch.setattr(liqbayes.resources, "find_resource", lambda *parts: folder / parts[-1])


@pytest.mark.usefixtures("demo_market")
def test_demo_prints_posterior_beside_truth_and_replaces_only_its_own(
    liqbayes: Program,
    tmp_path: Path,
    sampled: list[Any],
    reported: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = liqbayes("demo")
    assert done.exit_code == 0, done.output
    assert "Posterior beside the truth" in done.stdout
    assert "longs at risk within 5 %" in done.stdout
    assert "25 of 25 of the 90 % intervals hold the truth" in done.stderr
    summary = json.loads(Path("liqbayes-demo/summary.json").read_text())
    assert summary["demo"] is True
    assert liqbayes("demo").exit_code == 0, "its own directory is replaced"
    other = tmp_path / "mine"
    other.mkdir()
    (other / "summary.json").write_text(json.dumps({k: summary[k] for k in ("schema", "contract")}))
    refused = liqbayes("demo", "--out", other)
    assert refused.exit_code == 2
    assert len(sampled) == 2


@pytest.mark.usefixtures("demo_market")
def test_demo_that_does_not_converge_is_status_3(
    liqbayes: Program, tmp_path: Path, sampled: list[Any], reported: dict[str, Any]
) -> None:
    reported |= {"converged": False, "reasons": ["bulk ESS 100 of kappa"]}
    assert liqbayes("demo", "--out", tmp_path / "demo").exit_code == 3


def test_report_refuses_before_it_computes(liqbayes, tmp_path):
    """No fit, a file that is no page, an analysis of nothing: status 2, nothing written."""
    done = liqbayes("report", tmp_path)
    assert done.exit_code == 2
    assert "summary.json" in done.stderr
    (tmp_path / "summary.json").write_text('{"schema": "x", "converged": true}')
    (tmp_path / "letter.html").write_text("mine")
    done = liqbayes("report", tmp_path, "--out", tmp_path / "letter.html", "--force")
    assert done.exit_code == 2
    assert "no page" in done.stderr
    done = liqbayes("report", tmp_path, "--out", tmp_path / "r.html", "--analysis", tmp_path)
    assert done.exit_code == 2
    assert "analysis.json" in done.stderr
    assert not (tmp_path / "r.html").exists()
