"""`liqbayes judge`: sources, files, exit status."""

import json
from pathlib import Path

import pandas as pd
import pytest

from liqbayes.judge import write_map
from tests.cli.conftest import Program
from tests.judge.markets import known_market

PANEL, TRUE = known_market()


@pytest.fixture
def panel_path(tmp_path: Path) -> Path:
    path = tmp_path / "panel.parquet"
    PANEL.to_parquet(path)
    return path


def test_a_file(liqbayes: Program, tmp_path: Path, panel_path: Path) -> None:
    write_map(TRUE, tmp_path / "map.csv")
    options = ("--panel", panel_path, "--out", tmp_path / "out")
    done = liqbayes("judge", tmp_path / "map.csv", *options)
    assert done.exit_code == 0, done.output
    assert "adds to distance" in done.stdout and "map and distance over distance" in done.stdout
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "judge.json",
        "judge.png",
        "scores.csv",
        "verdicts.csv",
    ]
    again = liqbayes("judge", tmp_path / "map.csv", *options)
    assert again.exit_code == 2 and "--force" in again.stderr
    assert liqbayes("judge", tmp_path / "map.csv", *options, "--force").exit_code == 0


def test_a_refused_map_is_written_and_is_status_two(
    liqbayes: Program, tmp_path: Path, panel_path: Path
) -> None:
    table = TRUE.table()
    table["side"] = table["side"].map({"long": "short", "short": "long"})
    table.to_csv(tmp_path / "swapped.csv", index=False)
    done = liqbayes(
        "judge", tmp_path / "swapped.csv", "--panel", panel_path, "--out", tmp_path / "out"
    )
    assert done.exit_code == 2, done.output
    assert "the sides are swapped" in done.stderr and "gain" not in done.stdout
    found = json.loads((tmp_path / "out" / "judge.json").read_text())
    assert found["refused"] and not found["scores"]


def test_a_rule_and_its_file_are_judged_alike(
    liqbayes: Program, tmp_path: Path, panel_path: Path
) -> None:
    first = liqbayes(
        "judge", "--rule", "oi-flow", "--panel", panel_path, "--out", tmp_path / "a",
        "--export", tmp_path / "map.csv",
    )  # fmt: skip
    assert first.exit_code == 0, first.output
    second = liqbayes("judge", tmp_path / "map.csv", "--panel", panel_path, "--out", tmp_path / "b")
    assert second.exit_code == 0, second.output
    one, two = (pd.read_csv(tmp_path / name / "scores.csv") for name in "ab")
    pd.testing.assert_frame_equal(one, two, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give one of"),
        (("--rule", "oi-flow"), "--panel is missing"),
        (("--rule", "oi-flow", "--fit", "somewhere"), "give one of"),
        (("no-map.csv", "--panel", "PANEL"), "no file"),
        (("--rule", "coin", "--panel", "PANEL"), "oi-flow-corrected"),
        (("--rule", "oi-flow", "--panel", "PANEL", "--amounts", "lots"), "relative, quantity"),
        (("map.csv", "--panel", "PANEL", "--export", "other.csv"), "--export"),
        (("--rule", "oi-flow", "--panel", "PANEL", "--every", "0"), "--every"),
    ],
)
def test_wrong_usage(liqbayes: Program, panel_path: Path, arguments: tuple, words: str) -> None:
    given = [str(panel_path) if a == "PANEL" else a for a in arguments]
    done = liqbayes("judge", *given)
    assert done.exit_code == 2 and words in done.stderr, done.output


def test_a_fit_over_its_panel(liqbayes: Program, tmp_path: Path, panel_path: Path) -> None:
    made = liqbayes(
        "fit", panel_path, "--contract", "binance:BTCUSDT", "--model", "fixed-mix",
        "--out", tmp_path / "fit", "--bins", "60",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    done = liqbayes(
        "judge", "--fit", tmp_path / "fit", "--export", tmp_path / "own.csv", "--every", "6"
    )
    assert done.exit_code == 0, done.output
    assert "a rule: nothing was fitted" in done.stdout
    table = pd.read_csv(tmp_path / "own.csv")
    assert list(table) == ["time", "side", "price", "amount", "price_low", "price_high"]
    assert table["time"].nunique() < 500 / 5
