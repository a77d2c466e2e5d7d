"""Plans, resumption and tables, with the sampler replaced by a law that is known."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import liqbayes.margin.cell
from liqbayes.errors import InputError
from liqbayes.margin import (
    ChengPlan,
    GevFit,
    MarginPlan,
    Settings,
    margin_study,
    replicate_cheng,
    write_tables,
)
from tests.margin.panels import walk

DIAGNOSTICS = {"max_rhat": 1.0, "min_ess_bulk": 900.0, "min_ess_tail": 900.0, "divergences": 0}


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of blocks of the tails that were asked for; each gets Gumbel moments as draws."""
    calls: list[int] = []

    def fit(x: np.ndarray, **_: Any) -> GevFit:
        calls.append(x.size)
        rng = np.random.default_rng(x.size)
        scale = x.std() * 0.78 * np.exp(rng.normal(0, 0.05, (2, 50)))
        location = x.mean() - 0.5772 * scale
        shape = rng.normal(0.2, 0.05, (2, 50))
        names = {"location": location, "scale": scale, "shape": shape}
        posterior = xr.Dataset({k: (("chain", "draw"), v) for k, v in names.items()})
        return GevFit(posterior, DIAGNOSTICS, (), x.size, 0.1)

    monkeypatch.setattr(liqbayes.margin.cell, "fit_gev", fit)
    return calls


@pytest.fixture
def here() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def test_a_study_goes_on_where_it_was(tmp_path: Path, fitted: list[int], here: Executor) -> None:
    plan = MarginPlan(walk(600), block=5, refits=3, probabilities=(0.01, 0.05))
    result, outcome = margin_study(plan, tmp_path / "a", here, progress=False)
    assert outcome.done == len(plan.cells()) == 16 == len(fitted)
    again, _ = margin_study(plan, tmp_path / "a", here, progress=False)
    assert len(fitted) == 16
    pd.testing.assert_frame_equal(result.margins, again.margins)
    pd.testing.assert_frame_equal(result.backtest, again.backtest)
    with pytest.raises(InputError, match="another run"):
        margin_study(MarginPlan(walk(601), block=5), tmp_path / "a", here, progress=False)


def test_forecasts_do_not_see_what_comes(tmp_path: Path, fitted: list[int], here: Executor) -> None:
    panel = walk(600)
    frame = panel.to_frame()
    frame.iloc[450:] *= 3.0
    plan = MarginPlan(panel, block=5, refits=3)
    other = MarginPlan(type(panel).from_frame(frame, panel.contract), block=5, refits=3)
    assert plan.origins("1d")[1].at <= 450
    for key, cell in plan.cells().items():
        if int(key.rsplit("-", 1)[1]) <= 450:
            assert np.array_equal(cell.maxima, other.cells()[key].maxima)


def test_tables_of_a_study(tmp_path: Path, fitted: list[int], here: Executor) -> None:
    plan = MarginPlan(walk(600), block=5, refits=3)
    result, _ = margin_study(plan, tmp_path, here, progress=False)
    m = result.margins
    assert set(m["method"]) == {
        "gev, flat",
        "gev, returns",
        "normal",
        "normal path",
        "historical",
    }
    assert (m["move_low"] <= m["move_median"]).all()
    long, short = (m[m["side"] == s].reset_index() for s in ("long", "short"))
    # of an inverse contract a long loses more coins over the same move
    assert (long["margin_median"] > long["move_median"]).all()
    assert (short["margin_median"] < short["move_median"] + 0.01).all()
    assert (result.backtest["periods"] == 300).all()
    write_tables(tmp_path, {"margins": m, "backtest": result.backtest}, {"left": 0})
    back = pd.read_csv(tmp_path / "margins.csv")
    assert np.allclose(back["move_median"], m["move_median"], rtol=1e-5)


def test_an_aggregate_has_moves_and_no_margins(
    tmp_path: Path, fitted: list[int], here: Executor
) -> None:
    plan = MarginPlan(walk(600, contract="aggregate:BTC"), block=5, refits=0)
    result, _ = margin_study(plan, tmp_path, here, progress=False)
    assert result.margins["margin_median"].isna().all()
    assert result.margins["move_median"].notna().all()
    assert any("no initial margins" in note for note in result.notes)
    assert result.backtest.empty


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"probabilities": (0.0,)}, "probability"),
        ({"probabilities": (0.5,)}, "probability"),
        ({"probabilities": (float("nan"),)}, "probability"),
        ({"probabilities": ()}, "at least one"),
        ({"probabilities": (0.01, 0.01)}, "twice"),
        ({"priors": ("cauchy",)}, "flat, returns"),
        ({"kind": "open"}, "intrabar, close"),
        ({"block": 0}, "block"),
        ({"block": 30}, "at least 20 are needed"),
        ({"holdings": ("30d",)}, "at least 30 are needed"),
        ({"holdings": ("1h",)}, "no whole number of bars"),
        ({"refits": -1}, "refits"),
        ({"first_share": 1.0}, "first-share"),
        ({"settings": Settings(draws=1)}, "draws"),
    ],
)
def test_plans_that_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        MarginPlan(walk(400), **{"block": 5, **change})


def test_the_grid(tmp_path: Path, fitted: list[int], here: Executor) -> None:
    plan = ChengPlan(walk(402), blocks=(1, 7, 30))
    result, outcome = replicate_cheng(plan, tmp_path, here, progress=False)
    assert outcome.done == len(fitted) == len(plan.cells())
    cells = result.cells
    done = cells[cells["status"] == "done"]
    assert (cells.loc[cells["block"] == 30, "status"] == "too few blocks").all()
    assert not ((cells["block"] == 1) & (cells["meaning"] == "block")).any()
    own = done["window"] == "2020"
    assert set(done.loc[own & (done["crash"] == "without"), "days"]) == {364}
    held = (done["long_low"] <= 0.33) & (done["long_high"] >= 0.33)
    assert (held == done["long_contains"].astype(bool)).all()
    # more probability of a block than of each of its days
    by = done.pivot_table(
        index=["window", "crash", "block", "prior"], columns="meaning", values="long_median"
    ).dropna()
    assert (by["block"] > by["period"]).all()
    assert result.summary["cells"].sum() == len(done)
    again, _ = replicate_cheng(plan, tmp_path, here, progress=False)
    assert len(fitted) == outcome.done
    pd.testing.assert_frame_equal(cells, again.cells)


def test_grids_that_are_refused() -> None:
    with pytest.raises(InputError, match="no window"):
        ChengPlan(walk(15))
    with pytest.raises(InputError, match="each once"):
        ChengPlan(walk(400), blocks=(7, 7))
    with pytest.raises(InputError, match="intrabar, close"):
        ChengPlan(walk(400), kind="high")


def test_unfinished_cells_are_not_counted(
    tmp_path: Path, fitted: list[int], here: Executor
) -> None:
    plan = ChengPlan(walk(402), blocks=(7,))
    replicate_cheng(plan, tmp_path, here, progress=False)
    rows = (tmp_path / "rows.jsonl").read_text().splitlines()
    (tmp_path / "rows.jsonl").write_text("\n".join(rows[:1]) + "\n")
    from liqbayes.batch import Rows
    from liqbayes.margin.cheng import tabulate_cheng

    read = {row["key"]: row for row in Rows(tmp_path).read()}
    result = tabulate_cheng(plan, read)
    assert result.summary.empty or result.summary["cells"].sum() == 0
    assert set(result.cells["status"]) <= {"not yet", "too few blocks"}
