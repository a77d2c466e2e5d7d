"""Topics come back from an analysis as they were, and only from one of the same fit."""

import json
from pathlib import Path

import pandas as pd
import pytest

from liqbayes.analysis import Options, write_analysis
from liqbayes.errors import InputError
from liqbayes.page import analysis_command, fitting_analysis, read_sections
from tests.page.conftest import CLUSTERS

ABOUT = {
    "contract": "a:B",
    "model": {"name": "m"},
    "as_of": "2024-01-01",
    "mark_price": 5.0,
    "panel_hash": "ab",
    "sampler": {"seed": 1},
}


OPTIONS = Options(draws=50, windows=("4h", "2d"))


@pytest.fixture
def analysis(tmp_path: Path) -> Path:
    write_analysis((CLUSTERS,), tmp_path / "a", ABOUT, options=OPTIONS)
    return tmp_path / "a"


def test_round_trip(analysis: Path) -> None:
    (found,) = read_sections(analysis)
    assert (found.name, found.title, found.units) == ("clusters", "Clusters", CLUSTERS.units)
    assert (found.findings, found.conventions) == (CLUSTERS.findings, CLUSTERS.conventions)
    made, read = (s.tables["clusters"] for s in (CLUSTERS, found))
    pd.testing.assert_frame_equal(read, made, check_dtype=False)


def test_the_command_that_made_it(analysis: Path, tmp_path: Path) -> None:
    """What differs from the defaults is told, and nothing else."""
    told = "liqbayes analyse btc --draws 50 --window 4h --window 2d"
    assert analysis_command(analysis, "btc") == told
    write_analysis((CLUSTERS,), tmp_path / "usual", ABOUT, options=Options())
    assert analysis_command(tmp_path / "usual", "a b") == "liqbayes analyse 'a b'"


@pytest.mark.parametrize("key", ["contract", "mark_price", "panel_hash", "sampler"])
def test_of_another_fit(analysis: Path, key: str) -> None:
    assert fitting_analysis(analysis, ABOUT) == ""
    assert key in fitting_analysis(analysis, {**ABOUT, key: "other"})
    assert fitting_analysis(analysis / "none", ABOUT)


@pytest.mark.parametrize("name", ["../outside.csv", "missing.csv"])
def test_tables_lie_in_the_directory(analysis: Path, name: str) -> None:
    (analysis.parent / "outside.csv").write_text("a\n1\n")
    path = analysis / "analysis.json"
    values = json.loads(path.read_text())
    values["sections"]["clusters"]["tables"]["clusters"] = name
    path.write_text(json.dumps(values))
    with pytest.raises(InputError, match="has no table"):
        read_sections(analysis)
