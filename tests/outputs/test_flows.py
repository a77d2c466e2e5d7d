"""Liquidations per bar and over windows."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from liqbayes.errors import InputError
from liqbayes.outputs import (
    WINDOWS,
    at_risk_amounts,
    average_leverage,
    liquidation_delta,
    realised_liquidations,
)
from liqbayes.outputs.context import open_fit
from liqbayes.outputs.unreported import beyond_map
from liqbayes.outputs.windows import duration_seconds
from tests.model import markets
from tests.outputs.fits import fake_fit, gappy_panel, linear_fit


@pytest.mark.parametrize("kind", ["expected", "realised"])
def test_shape_units_and_bounds(any_fit, kind):
    flows = realised_liquidations(any_fit, kind=kind)
    panel = any_fit["panel"].to_dataset()
    assert flows["quantity"].dims == flows["quote"].dims == ("chain", "draw", "side", "time")
    np.testing.assert_array_equal(flows["time"], panel["time"])
    assert flows["quantity"].attrs["units"] == flows.attrs["unit"]
    assert flows["quote"].attrs["units"] == flows.attrs["quote_unit"]
    assert flows.attrs["kind"] == kind
    for name in ("quantity", "quote"):
        # the first book stands at the first bar's close: what led there is unknown, not zero
        assert flows[name].isel(time=0).isnull().all()
        assert (flows[name].isel(time=slice(1, None)) >= 0).all()
    if "open_interest" in panel:
        before = panel["open_interest"].shift(time=1)
        assert ((flows["quantity"] <= before * (1 + 1e-6)) | before.isnull()).all()


def test_quote_is_valued_at_the_bars_mean_price(any_fit):
    flows = realised_liquidations(any_fit, kind="expected")
    panel = any_fit["panel"].to_dataset()
    price = sum(panel[c] for c in ("open", "high", "low", "close")) / 4.0
    if flows.attrs["contract"] != "binance:BTCUSDT":
        price = price * 0.0 + 1.0
    expected = flows["quantity"] * price
    np.testing.assert_allclose(flows["quote"], expected, rtol=1e-5)


def test_windows_are_sums_of_bars(any_fit):
    flows = realised_liquidations(any_fit)
    delta = liquidation_delta(any_fit)
    assert list(delta["window"].to_numpy()) == list(WINDOWS)
    assert delta["delta"].dims == ("chain", "draw", "window")
    bars = flows.sizes["time"]
    for window in WINDOWS:
        n = duration_seconds(window) // 3600
        chosen = delta.sel(window=window)
        if n >= bars:
            assert all(chosen[name].isnull().all() for name in delta.data_vars), window
            continue
        tail = flows.isel(time=slice(-n, None)).astype(float).sum("time")
        for side in ("long", "short"):
            np.testing.assert_allclose(chosen[side], tail["quote"].sel(side=side), rtol=1e-6)
            quantity = tail["quantity"].sel(side=side)
            np.testing.assert_allclose(chosen[f"{side}_quantity"], quantity, rtol=1e-6)
        np.testing.assert_allclose(chosen["delta"], chosen["long"] - chosen["short"])


def test_window_of_all_modelled_bars_and_one_bar_more(linear):
    bars = linear["panel"].sizes["time"] - 1
    delta = liquidation_delta(linear, windows=(f"{bars}h", f"{bars + 1}h", "90min", "30min"))
    known = delta["delta"].notnull().all(("chain", "draw")).to_numpy()
    np.testing.assert_array_equal(known, [True, False, False, False])
    second = linear["panel"]["time"].to_numpy()[1]
    assert delta["start"].to_numpy()[0] == second
    assert (delta["end"] == np.datetime64(delta.attrs["as_of"])).all()
    np.testing.assert_array_equal(
        delta["end"] - delta["start"], pd.to_timedelta([f"{bars}h", f"{bars + 1}h", "90m", "30m"])
    )


@pytest.mark.parametrize("kind", ["expected", "realised"])
def test_standing_delta_is_that_of_the_amounts_at_risk(any_fit, kind):
    moves = (0.05, 0.2)
    delta = liquidation_delta(any_fit, windows=("4h",), standing=True, moves=moves, kind=kind)
    amounts = at_risk_amounts(any_fit, moves=moves, kind=kind)
    for name, unit in (("standing_delta", "quote"), ("standing_delta_quantity", "quantity")):
        assert delta[name].dims == ("chain", "draw", "move")
        difference = amounts[unit].sel(side="long") - amounts[unit].sel(side="short")
        np.testing.assert_array_equal(delta[name], difference)
        assert delta[name].attrs["units"] == amounts[unit].attrs["units"]
    alone = liquidation_delta(any_fit, windows=("4h",), kind=kind)
    xr.testing.assert_identical(delta[list(alone.data_vars)], alone)


def test_standing_delta_alone(linear):
    delta = liquidation_delta(linear, windows=(), standing=True)
    assert delta.sizes["window"] == 0
    assert delta["standing_delta"].notnull().all()
    with pytest.raises(InputError, match="ascending"):
        liquidation_delta(linear, standing=True, moves=(0.2, 0.1))


def test_lower_case_days_are_days(linear):
    lower, upper = (liquidation_delta(linear, windows=(w,)) for w in ("3d", "3D"))
    np.testing.assert_array_equal(lower["long"], upper["long"])


@pytest.mark.parametrize("window", ["soon", "", "NaT", "1 parsec"])
def test_window_that_is_no_duration(linear, window):
    with pytest.raises(InputError, match="no duration"):
        liquidation_delta(linear, windows=("1h", window))


@pytest.mark.parametrize("window", ["0h", "-4h"])
def test_window_that_is_not_positive(linear, window):
    with pytest.raises(InputError, match="longer than zero"):
        liquidation_delta(linear, windows=(window,))


def test_noise_keeps_the_mean_where_there_is_no_feed():
    fit = fake_fit(markets.panel(markets.bars(60, feed=False)), markets.small_spec(), draws=400)
    expected = realised_liquidations(fit, kind="expected")["quantity"].sum("time")
    realised = realised_liquidations(fit, kind="realised")["quantity"].sum("time")
    gap = (realised - expected).transpose("side", ...).to_numpy().reshape(2, -1).astype(float)
    error = gap.std(axis=1) / np.sqrt(gap.shape[1])
    assert (np.abs(gap.mean(axis=1)) < 4.5 * error).all()
    assert (error > 0).all()
    assert (realised.std(("chain", "draw")) > expected.std(("chain", "draw"))).all()


def test_reports_inform_the_realised_liquidations():
    """Given equal expectations, a bar with a larger report had larger liquidations."""
    linear = linear_fit(draws=400)
    panel = linear["panel"].to_dataset()
    gap = {}
    for group in ("posterior", "prior"):
        expected = realised_liquidations(linear, kind="expected", group=group)["quantity"]
        realised = realised_liquidations(linear, kind="realised", group=group)["quantity"]
        mean = [v.sel(side="long").mean(("chain", "draw")).to_numpy() for v in (expected, realised)]
        reported = panel["long_liquidations"].to_numpy()
        some = (mean[0] > 0) & (mean[1] > 0) & (reported > 0)
        some[:60] = False
        assert some.sum() > 30
        residual = np.log(reported[some] / mean[0][some])
        gap[group] = np.corrcoef(residual, np.log(mean[1][some] / mean[0][some]))[0, 1]
    assert gap["posterior"] > 0.05
    assert gap["posterior"] > gap["prior"] + 0.1


def test_nothing_is_less_than_its_report_scored_or_not():
    """The first hours of a segment are not scored; what was reported of them was liquidated."""
    fit = linear_fit(draws=40)
    data = open_fit(fit, "posterior", "realised").evaluator.data
    realised = realised_liquidations(fit)["quantity"].transpose("chain", "draw", "side", "time")
    for j, side in enumerate(("long", "short")):
        feed = data.feeds[side]
        reported = feed.reported[feed.known].astype(np.float32)
        drawn = realised.to_numpy()[:, :, j, feed.known]
        assert (drawn >= reported * (1 - 1e-6)).all()
        # bars that are known and not scored have reports, so that the above says something of them
        unscored = np.setdiff1d(np.flatnonzero(feed.known), feed.bars)
        assert (feed.reported[unscored] > 0).sum() > 3
        assert feed.known[feed.bars].all()


def test_with_a_feed_the_mean_holds_what_has_no_level():
    fit = linear_fit(draws=400)
    context = open_fit(fit, "prior", "realised")
    beyond = np.array(
        [beyond_map(context.evaluator, draw.p)[1:].sum() for draw in context.draws()]
    ).reshape(context.shape)
    flows = [
        realised_liquidations(fit, kind=kind, group="prior")["quantity"].sum("time")
        for kind in ("expected", "realised")
    ]
    gap = (flows[1] - flows[0]).transpose("side", "chain", "draw").to_numpy() - beyond
    error = gap.reshape(2, -1).std(axis=1) / np.sqrt(beyond.size)
    assert (np.abs(gap.reshape(2, -1).mean(axis=1)) < 4.5 * error).all()
    assert (beyond > 0).all()


def test_the_same_call_gives_the_same_draws(linear):
    assert realised_liquidations(linear).identical(realised_liquidations(linear))
    prior = realised_liquidations(linear, group="prior")
    assert prior.sizes["draw"] == linear["prior"].sizes["draw"]


def test_bars_with_interpolated_open_interest_are_marked():
    flows = realised_liquidations(fake_fit(gappy_panel(), markets.small_spec(), draws=4))
    bridged = flows["bridged"].to_numpy()
    np.testing.assert_array_equal(np.flatnonzero(bridged), np.arange(40, 45))
    assert flows["quantity"].isel(time=slice(1, None)).notnull().all()


def test_bars_outside_every_segment_are_unknown():
    table = markets.bars(100, seed=4)
    table.iloc[50:53, table.columns.get_loc("volume")] = np.nan
    fit = fake_fit(markets.panel(table), markets.small_spec(), draws=4)
    flows = realised_liquidations(fit)["quantity"]
    unknown = flows.isnull().all(("chain", "draw", "side")).to_numpy()
    np.testing.assert_array_equal(np.flatnonzero(unknown), [0, 50, 51, 52, 53])
    delta = liquidation_delta(fit, windows=("46h", "47h"))["delta"]
    known = delta.notnull().all(("chain", "draw")).to_numpy()
    np.testing.assert_array_equal(known, [True, False])


def test_history_is_followed_but_not_shown():
    panel = markets.panel(markets.bars(120, seed=9))
    middle = pd.Timestamp(panel.time[60]).isoformat()
    before, after = panel.slice(None, middle), panel.slice(middle, None)
    fit = fake_fit(after, markets.small_spec(), draws=4, history=before)
    flows = realised_liquidations(fit, kind="expected")
    np.testing.assert_array_equal(flows["time"], after.time)
    assert flows["quantity"].notnull().all()
    assert (flows["quantity"].isel(time=0) > 0).any()


def test_windows_end_where_the_panel_begins_whatever_was_followed_before():
    panel = markets.panel(markets.bars(120, seed=9))
    middle = pd.Timestamp(panel.time[100]).isoformat()
    before, after = panel.slice(None, middle), panel.slice(middle, None)
    fit = fake_fit(after, markets.small_spec(), draws=4, history=before)
    delta = liquidation_delta(fit, windows=("20h", "21h"))["delta"]
    known = delta.notnull().all(("chain", "draw")).to_numpy()
    np.testing.assert_array_equal(known, [True, False])
    leverage = average_leverage(fit)
    assert leverage.sel(window="4h").notnull().all()
    assert leverage.sel(window="1d").isnull().all()
