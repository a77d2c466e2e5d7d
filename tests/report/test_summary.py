"""``summary.json``: exactly the promised keys, plain JSON, unknown is null."""

import json
from dataclasses import replace

import numpy as np
import pytest

from liqbayes.report import Results, compare_with_truth, summarise
from tests.report import invented

KEYS = {
    "schema",
    "converged",
    "interrupted",
    "reasons",
    "contract",
    "model",
    "quantity_unit",
    "quote_unit",
    "as_of",
    "mark_price",
    "span",
    "sampler",
    "at_risk",
    "at_risk_quote",
    "realised_total",
    "realised_total_quote",
    "delta_total",
    "delta_total_quote",
    "delta_quote",
    "p_delta_positive",
    "delta_convention",
    "average_leverage",
    "entry_vwap",
    "prior_share",
    "prior_book_share",
    "verdicts",
    "oi_conservation_error",
    "panel_hash",
    "versions",
}
SAMPLER = {
    "name",
    "seconds",
    "divergences",
    "max_rhat",
    "min_ess_bulk",
    "min_ess_tail",
    "draws",
    "tune",
    "chains",
    "seed",
}
MOVES = ["0.01", "0.02", "0.05", "0.1", "0.2", "0.3"]
WINDOWS = ["1h", "4h", "12h", "1d", "3d", "7d", "30d"]


@pytest.fixture(scope="module")
def made() -> Results:
    return invented.results()


def test_keys_and_json(made: Results) -> None:
    summary = summarise(made)
    assert set(summary) == KEYS
    assert set(summary["sampler"]) == SAMPLER
    assert set(summary["model"]) == {"name", "version", "hash"}
    assert summary["model"]["hash"] == made.spec.content_hash
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_at_risk_is_an_interval_for_each_side_and_move(made: Results) -> None:
    summary = summarise(made)
    for side in ("long", "short"):
        assert list(summary["at_risk"][side]) == MOVES
        shares = np.array(list(summary["at_risk"][side].values()))
        assert (np.diff(shares, axis=1) >= 0).all(), "lo, median, hi"
        assert (np.diff(shares, axis=0) >= 0).all(), "more is at risk within a larger move"
        assert ((shares >= 0) & (shares <= 1)).all()
    draws = made.at_risk["quote"].sel(side="short", move=0.1)
    expected = np.quantile(draws.to_numpy(), [0.05, 0.5, 0.95])
    assert summary["at_risk_quote"]["short"]["0.1"] == pytest.approx(expected.tolist())


def test_delta_is_taken_draw_by_draw(made: Results) -> None:
    summary = summarise(made)
    total = made.realised_total["quantity"]
    difference = (total.sel(side="long") - total.sel(side="short")).to_numpy()
    assert summary["delta_total"] == pytest.approx(
        np.quantile(difference, [0.05, 0.5, 0.95]).tolist()
    )
    assert list(summary["delta_quote"]) == WINDOWS
    draws = made.delta["delta"].sel(window="1d").to_numpy()
    assert summary["p_delta_positive"]["1d"] == pytest.approx((draws > 0).mean())


def test_unknown_is_null(made: Results) -> None:
    summary = summarise(made)
    assert summary["delta_quote"]["30d"] is None
    assert summary["p_delta_positive"]["30d"] is None
    assert summary["average_leverage"]["long"]["30d"] is None
    assert summary["average_leverage"]["long"]["open_interest"] is not None
    assert summary["prior_share"]["entry_vwap_long"] is None


def test_bad_fits_are_marked(made: Results) -> None:
    bad = replace(
        made, converged=False, reasons=("R-hat 1.2",), attrs={**made.attrs, "interrupted": "true"}
    )
    summary = summarise(bad)
    assert (summary["converged"], summary["interrupted"]) == (False, True)
    assert summary["reasons"] == ["R-hat 1.2"]


def test_comparison_pairs_each_interval_with_its_truth(made: Results) -> None:
    summary = summarise(made)
    truth = invented.medians(summary)
    rows = compare_with_truth(summary, truth)
    assert all(row.inside for row in rows)
    names = [row.output for row in rows]
    assert len(names) == len(set(names)) == 12 + 2 + 4 + 1 + 6, "the 30 day window is unknown"
    truth["at_risk"]["long"]["0.1"] = 2.0
    (missed,) = (row for row in compare_with_truth(summary, truth) if not row.inside)
    assert missed.output == "longs at risk within 10 %"
    assert missed.truth == 2.0
