"""The study of made-up markets: grows, goes on, and counts what it should."""

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from liqbayes.errors import InputError
from liqbayes.events import planted_run
from liqbayes.events.definitions import DELTA_LEADS, LEAD
from liqbayes.events.planted_run import EFFECTS, PlantedPlan, Unit, examine, planted_effects


def invented(unit):
    """One test that rejects in every planted market and in each fourth of the others."""
    hit = unit.planted.kind is not None or unit.seed % 4 == 0
    known = {"question": "q", "test": "known", "horizon_hours": 4.0, "detectable": 0.1}
    known |= {"median": 0.3, "low": 0.1 if hit else -0.1, "high": 0.5}
    known |= {"p": 0.001 if hit else 0.5, "verdict": "found" if hit else "no effect found"}
    unknown = dict.fromkeys(("median", "low", "high", "p", "detectable"))
    unknown |= {"question": "q", "test": "unknown", "horizon_hours": 1.0}
    return {
        "planted": unit.planted.kind or "none",
        "size": unit.planted.size,
        "tests": [known, unknown | {"verdict": "not identified"}],
    }


def test_rates_of_what_is_planted_and_of_nothing_and_a_run_that_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(planted_run, "examine", invented)
    out = tmp_path / "run"
    with ThreadPoolExecutor(1) as executor:
        _, first = planted_effects(PlantedPlan(4, 1), out, executor, progress=False)
        table, second = planted_effects(PlantedPlan(8, 1), out, executor, progress=False)
    assert (first.done, second.done) == (4 + len(EFFECTS), 8 + len(EFFECTS))
    assert len((out / "rows.jsonl").read_text().splitlines()) == 8 + len(EFFECTS)
    assert list(table.columns[:2]) == ["planted", "size"] and table["planted"].iloc[0] == "none"
    # what is not identified in any market has no rate, and its markets are counted all the same
    assert set(table["test"]) == {"known", "any test"}
    nothing = table[(table["planted"] == "none") & (table["test"] == "known")].iloc[0]
    assert (nothing["markets"], nothing["rejected"], nothing["covered"]) == (8, 0.25, 0.75)
    planted = table[(table["planted"] != "none") & (table["test"] == "known")]
    assert len(planted) == len(EFFECTS) and (planted["rejected"] == 1.0).all()
    assert pd.read_csv(out / "planted.csv").shape == table.shape


def test_a_market_is_studied_with_what_is_planted():
    row = examine(Unit(EFFECTS[-1], seed=0))
    assert (row["planted"], row["size"]) == (LEAD, 0.3)
    tests = pd.DataFrame(row["tests"])
    ahead = tests[(tests["test"] == DELTA_LEADS) & (tests["horizon_hours"] == 1.0)].iloc[0]
    assert ahead["p"] < 0.05 and ahead["low"] > 0


@pytest.mark.parametrize("settings", [{"markets": 0}, {"each": 0}])
def test_studies_that_are_none(settings):
    with pytest.raises(InputError, match=f"--{next(iter(settings))}"):
        PlantedPlan(**settings)
