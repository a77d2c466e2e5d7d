"""The commands `margin` and `replicate`, without sampling."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

import liqbayes.batch
from tests.cli.conftest import Program
from tests.margin.panels import walk
from tests.margin.test_study import fitted  # noqa: F401


@pytest.fixture
def days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Daily bars; posteriors are made in this process."""

    @contextmanager
    def local(workers: int) -> Iterator[Executor]:
        with ThreadPoolExecutor(1) as executor:
            yield executor

    monkeypatch.setattr(liqbayes.batch, "local_executor", local)
    path = tmp_path / "days.parquet"
    walk(500).to_parquet(path)
    return path


@pytest.mark.usefixtures("fitted")
def test_margin_prints_and_writes(liqbayes: Program, days: Path, tmp_path: Path) -> None:
    arguments = (
        "margin",
        days,
        "--contract",
        "bitmex:XBTUSD",
        "--out",
        tmp_path / "m",
        "--block",
        "5",
    )
    result = liqbayes(*arguments, "--refits", "2", "--probability", "0.02")
    assert result.exit_code == 0, result.output
    assert "gev, returns" in result.stdout
    assert "backtest" in result.stdout
    names = {p.name for p in (tmp_path / "m").iterdir()}
    assert names == {
        "run.json",
        "rows.jsonl",
        "margins.csv",
        "backtest.csv",
        "tails.csv",
        "margins-table.csv",
        "backtest-table.csv",
        "summary.json",
    }
    assert liqbayes(*arguments, "--refits", "3").exit_code == 2


@pytest.mark.usefixtures("fitted")
def test_cheng_prints_and_writes(liqbayes: Program, days: Path, tmp_path: Path) -> None:
    out = tmp_path / "c"
    result = liqbayes("replicate", "cheng2021", days, "--contract", "bitmex:XBTUSD", "--out", out)
    assert result.exit_code == 0, result.output
    assert "are not known here" in result.stderr
    assert "too few blocks" in result.stderr
    assert {"cells.csv", "others.csv", "summary.csv", "table.csv"} <= {
        p.name for p in out.iterdir()
    }


def test_alexander_prints_writes_and_replaces(liqbayes: Program, tmp_path: Path) -> None:
    hours = tmp_path / "hours.parquet"
    walk(24 * 150, hours=1).to_parquet(hours)
    out = tmp_path / "a"
    arguments = ("replicate", "alexander2023", hours, "--contract", "bitmex:XBTUSD", "--out", out)
    result = liqbayes(*arguments)
    assert result.exit_code == 0, result.output
    assert "50x" in result.stdout
    assert {p.name for p in out.iterdir()} == {
        "shares.csv",
        "windows.csv",
        "table.csv",
        "summary.json",
    }
    assert liqbayes(*arguments).exit_code == 2
    assert liqbayes(*arguments, "--force").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--probability", "2"), "probability"),
        (("--holding", "5h"), "whole number of bars"),
        (("--block", "60"), "at least 20"),
        (("--prior", "none"), "flat, returns"),
        (("--budget", "0"), "budget"),
        (("--since", "2020-12-01"), "at least 20"),
        ((), "at least 20"),
    ],
)
def test_bad_margins_are_status_2(
    liqbayes: Program, days: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    out = tmp_path / "m"
    result = liqbayes("margin", days, "--contract", "bitmex:XBTUSD", "--out", out, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not out.exists()
