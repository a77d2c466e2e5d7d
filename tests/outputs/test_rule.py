"""Outputs, review and figures of a rule: one book, no prior, no interval, nothing invented."""

import json

import numpy as np
import pytest
import xarray as xr

import liqbayes
from liqbayes import outputs, plots
from liqbayes.checks import review
from liqbayes.errors import InputError
from liqbayes.outputs.context import open_fit
from liqbayes.outputs.entry import living_by_entry
from liqbayes.report import compare_with_truth, compute_results, levels_table, summarise
from tests.model import markets
from tests.outputs import fits

SIDES = ("long", "short")


def inverse_panel():
    table = markets.bars(100, seed=2, feed=False)
    for name in ("volume", "open_interest"):
        table[name] *= table["close"]
    return markets.panel(table, markets.INVERSE)


PANELS = {
    "linear": fits.small_market,
    "inverse": inverse_panel,
    "aggregate": lambda: markets.panel(markets.aggregate(100), markets.AGGREGATE),
    "gap": fits.gappy_panel,
}


@pytest.fixture(scope="module", params=PANELS)
def rule(request):
    return liqbayes.fit("fixed-mix", PANELS[request.param]())


@pytest.fixture(scope="module")
def linear():
    return liqbayes.fit("fixed-mix", fits.small_market())


@pytest.fixture(scope="module")
def empty():
    """A panel whose open interest only falls, so that the rule opens nothing."""
    table = markets.bars(60, feed=False)
    table["open_interest"] = np.geomspace(80_000, 60_000, 60)
    return liqbayes.fit("fixed-mix", markets.panel(table))


def book(fit, side):
    """Living quantity of a side at the last bar, in the panel's unit."""
    context = open_fit(fit, "posterior", "expected")
    (draw,) = context.draws()
    return sum(
        float(draw.runs[leg.name, side].living[context.last].sum() * leg.at_close[context.last])
        for leg in context.evaluator.data.legs
    )


def test_one_chain_one_draw_and_no_prior(rule):
    assert set(rule.children) == {"posterior", "panel"}
    assert dict(rule["posterior"].sizes)["chain"] == dict(rule["posterior"].sizes)["draw"] == 1
    assert json.loads(rule.attrs["sampler"])["name"] == "rule"
    for output in (
        outputs.at_risk,
        outputs.liquidation_levels,
        outputs.realised_liquidations,
        outputs.liquidation_delta,
        outputs.leverage_distribution,
        outputs.average_leverage,
        outputs.entry_price_distribution,
        outputs.liquidation_heatmap,
    ):
        with pytest.raises(InputError, match="fixed-mix is a rule and has no prior"):
            output(rule, group="prior")


def test_levels_hold_the_rules_own_book(rule):
    levels = outputs.liquidation_levels(rule, bins=150)
    held = levels["quantity"].sum("price") + levels["below"] + levels["above"] + levels["none"]
    held = held.squeeze()
    risk = outputs.at_risk(rule, moves=(0.05, 0.3)).squeeze()
    for side in SIDES:
        assert float(held.sel(side=side)) == pytest.approx(book(rule, side), rel=1e-5)
        # 10x is the lowest leverage: from nowhere in the panel is a level further off than this
        assert float(risk.sel(side=side, move=0.3)) == pytest.approx(1.0, abs=1e-6)
    xr.testing.assert_identical(
        outputs.at_risk(rule, kind="realised"), outputs.at_risk(rule, kind="expected")
    )


def test_heatmap_ends_at_the_levels_and_has_no_interval(rule):
    grid = {"bins": 60, "price_range": (0.7, 1.4)}
    heat = outputs.liquidation_heatmap(rule, **grid)
    levels = outputs.liquidation_levels(rule, **grid)["quantity"].sum("price").squeeze()
    shown = heat["mean"].isel(time=-1).sum("price")
    np.testing.assert_allclose(shown, levels, rtol=1e-4)
    np.testing.assert_array_equal(heat["quantity"].sel(quantile=0.5), heat["mean"])
    assert heat["quantity"].sel(quantile=[0.05, 0.95]).isnull().all()
    assert heat["p_above"].isnull().all()


def test_liquidations_are_what_was_touched(rule):
    context = open_fit(rule, "posterior", "expected")
    (draw,) = context.draws()
    flows = outputs.realised_liquidations(rule)["quantity"].squeeze()
    for side in SIDES:
        touched = sum(
            draw.runs[leg.name, side].expected * leg.to_common
            for leg in context.evaluator.data.legs
        )
        known = context.evaluator.data.start == 0
        np.testing.assert_allclose(flows.sel(side=side)[known], touched[known], rtol=1e-6)
        assert flows.sel(side=side)[~known].isnull().all()


def test_entries_are_of_what_is_untouched(rule):
    context = open_fit(rule, "posterior", "expected")
    (draw,) = context.draws()
    for leg in context.evaluator.data.legs:
        for side in SIDES:
            by_entry = living_by_entry(context, draw, leg, side)
            living = draw.runs[leg.name, side].living[context.last].sum()
            assert by_entry[0] == 0 and (by_entry >= 0).all()
            assert by_entry.sum() == pytest.approx(living, rel=1e-5)
    entry = outputs.entry_price_distribution(rule)
    assert (entry["prior_book"] == 0).all()
    low, high = context.panel.values("low").min(), context.panel.values("high").max()
    assert ((low <= entry["vwap"]) & (entry["vwap"] <= high)).all()


def test_leverage_lies_within_the_mix(rule):
    opened = outputs.leverage_distribution(rule, weighting="opened")
    np.testing.assert_allclose(opened.squeeze(), [[0.1, 0.25, 0.35, 0.3]] * 2)
    np.testing.assert_allclose(opened["leverage"], [100.0, 50.0, 25.0, 10.0])
    average = outputs.average_leverage(rule)
    known = average.to_numpy()[np.isfinite(average.to_numpy())]
    assert known.size and (known >= 10 * (1 - 1e-9)).all() and (known <= 100).all()


def test_what_open_interest_the_book_lacks_is_said(rule):
    assert float(rule.attrs["oi_conservation_error"]) >= 1.0, "its book starts empty"
    found = review(rule)
    assert (found.converged, found.reasons) == (True, ())
    assert found.diagnostics == {} and found.prior_share == {} and found.scale == {}
    by_name = {v.check: v for v in found.verdicts}
    assert by_name["interval"].status == "warn" and "no interval" in by_name["interval"].text
    for side in SIDES:
        share = by_name[f"book over open interest, {side}"].value
        assert share == pytest.approx(book(rule, side) / fits.open_interest(rule), rel=1e-4)


def test_summary_has_no_ends_and_no_probabilities(linear):
    results = compute_results(linear, bins=60)
    summary = summarise(results)
    assert summary["converged"] is True
    for side in SIDES:
        for low, middle, high in summary["at_risk"][side].values():
            assert low is None and high is None and 0 <= middle <= 1
    assert set(summary["p_delta_positive"].values()) == {None}
    assert summary["prior_share"] == {}
    assert summary["prior_book_share"] == {"long": None, "short": None}
    assert summary["sampler"]["max_rhat"] is None and summary["sampler"]["min_ess_bulk"] is None
    table = levels_table(results.levels, results.bin_prior_share)
    for name in ("quantity_lo", "quantity_hi", "p_nonzero", "prior_share"):
        assert table[name].isna().all(), name
    assert table["quantity"].notna().all()
    truth = {
        "at_risk": {s: {"0.05": 0.1} for s in SIDES},
        "average_leverage": {s: {"open_interest": 2.0} for s in SIDES},
        **{k: dict.fromkeys(SIDES, 1.0) for k in ("realised_total_quote", "entry_vwap")},
        "delta_total_quote": 1.0,
        "delta_quote": {},
    }
    rows = compare_with_truth(summary, truth)
    assert len(rows) == 9 and {row.inside for row in rows} == {None}


def test_figures_are_drawn_without_bands(linear, tmp_path):
    for name in ("heatmap", "profile", "cumulative", "delta", "leverage", "entry"):
        figure = getattr(plots, name)(linear)
        texts = [t.get_text() for t in figure.findobj(lambda x: hasattr(x, "get_text"))]
        assert any("rule fixed-mix: no interval" in t for t in texts), name
        assert not any("90 %" in t or "95 %" in t or "P(" in t or "prior" in t for t in texts), name
        figure.savefig(tmp_path / f"{name}.png", dpi=40)
    with pytest.raises(InputError, match="no uncertainty to draw"):
        plots.heatmap_uncertainty(linear)
    with pytest.raises(InputError, match="no predictions of reported liquidations"):
        plots.reports(linear)


def test_empty_book_is_unknown_not_zero(empty, tmp_path):
    assert outputs.at_risk(empty).isnull().all()
    assert outputs.leverage_distribution(empty).isnull().all()
    assert outputs.average_leverage(empty).isnull().all()
    entry = outputs.entry_price_distribution(empty)
    assert entry["share"].isnull().all() and entry["vwap"].isnull().all()
    assert (outputs.liquidation_levels(empty)["quantity"] == 0).all()
    texts = [v.text for v in review(empty).verdicts]
    assert sum("book of this side is empty" in t for t in texts) == 2
    summary = liqbayes.report.write_report(empty, tmp_path / "out", bins=40)
    assert set(summary["at_risk"]["long"].values()) == {None}
    plots.entry(empty).savefig(tmp_path / "entry.png", dpi=40)


def test_history_fills_the_book():
    panel = fits.small_market()
    whole, cut = liqbayes.fit("fixed-mix", panel), panel.time[100]
    late = liqbayes.fit("fixed-mix", panel.slice(cut, None), history=panel.slice(None, cut))
    np.testing.assert_allclose(outputs.at_risk(late), outputs.at_risk(whole), rtol=1e-5, atol=1e-9)


def test_thinned_and_saved_fits_are_the_same(linear, tmp_path):
    liqbayes.save_fit(linear, tmp_path / "fit.nc")
    for other in (liqbayes.load_fit(tmp_path / "fit.nc"), liqbayes.thin(linear, 100)):
        xr.testing.assert_identical(outputs.at_risk(other), outputs.at_risk(linear))


def test_the_seed_changes_nothing():
    panel = fits.small_market()
    one, other = (liqbayes.fit("fixed-mix", panel, seed=s) for s in (1, 2))
    xr.testing.assert_identical(
        outputs.entry_price_distribution(one), outputs.entry_price_distribution(other)
    )
