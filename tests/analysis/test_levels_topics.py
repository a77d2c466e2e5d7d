"""Zones, consumed levels, concentration, velocity and windows: against outputs and by hand."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import liqbayes
from liqbayes import outputs
from liqbayes.analysis import Options, Workspace, analyse
from liqbayes.analysis.book import BookAt, lumpy_share
from liqbayes.analysis.concentration import gini, herfindahl, level_concentration
from liqbayes.analysis.consumed import consumed_levels, swept_by_bar
from liqbayes.analysis.velocity import adverse_moves, liquidation_velocity, velocity_windows
from liqbayes.analysis.windows import window_totals
from liqbayes.analysis.zones import entry_zones, net_zones
from liqbayes.errors import InputError
from liqbayes.outputs.context import open_fit
from tests.model import markets
from tests.outputs import fits

TOPICS = ("clusters", "zones", "consumed", "concentration", "velocity", "windows")
MASSES = hnp.arrays(float, st.integers(2, 30), elements=st.floats(0.0, 1e6))


def opened(fit: xr.DataTree, kind: str = "expected"):
    return open_fit(fit, "posterior", kind)


# concentration


def test_known_values_of_the_indices():
    assert gini(np.ones(10)) == pytest.approx(0.0, abs=1e-15)
    assert gini(np.eye(1, 10)[0]) == pytest.approx(0.9)
    # half of the mean absolute difference over the mean: |1-3| twice in four pairs, mean 2
    assert gini(np.array([1.0, 3.0])) == pytest.approx(0.25)
    assert herfindahl(np.ones(10)) == pytest.approx(0.1)
    assert herfindahl(np.array([1.0, 3.0])) == pytest.approx(0.625)
    assert np.isnan(gini(np.zeros(4))) and np.isnan(herfindahl(np.zeros(4)))


@given(MASSES, st.floats(1e-3, 1e3))
def test_indices_are_bounded_and_free_of_scale(masses, factor):
    if masses.sum() <= 1e-3:
        return
    n = masses.size
    assert -1e-12 <= gini(masses) <= 1 - 1 / n + 1e-12
    assert 1 / n - 1e-12 <= herfindahl(masses) <= 1 + 1e-12
    np.testing.assert_allclose(gini(factor * masses), gini(masses), atol=1e-9)
    pairs = np.abs(masses[:, None] - masses).mean() / (2 * masses.mean())
    np.testing.assert_allclose(gini(masses), pairs, atol=1e-9)


def test_shares_within_moves_are_those_at_risk(any_fit):
    values = level_concentration(any_fit, bars=3, kind="expected")
    risk = outputs.at_risk(any_fit, kind="expected", moves=values["move"].to_numpy())
    now = values["share"].isel(time=-1).transpose("chain", "draw", "side", "move")
    np.testing.assert_allclose(now, risk, atol=1e-9)
    assert (values["share"].diff("move") >= -1e-12).all()
    lumpy = level_concentration(any_fit, bars=3)
    assert float(lumpy["herfindahl"].mean()) > float(values["herfindahl"].mean())


@pytest.mark.parametrize("options", [{"bars": 0}, {"cells": 1}, {"cells": 100}])
def test_impossible_cells_are_refused(linear, options):
    with pytest.raises(InputError):
        level_concentration(linear, **options)


# the book at a bar


def test_book_at_the_last_bar_is_the_levels(any_fit):
    context = opened(any_fit)
    levels = outputs.liquidation_levels(any_fit, bins=40, kind="expected")
    edges = context.mark_price * np.geomspace(0.5, 2.0, 41)
    oriented = {"long": np.log(edges), "short": -np.log(edges[::-1])}
    at = {s: BookAt.of(context, s, context.last, e) for s, e in oriented.items()}
    draw = next(context.draws())
    for side in ("long", "short"):
        mine = at[side].columns(draw)
        mine = mine if side == "long" else mine[::-1]
        theirs = levels["quantity"].isel(chain=0, draw=0).sel(side=side)
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9)
        rest = sum(
            levels[n].isel(chain=0, draw=0).sel(side=side) for n in ("below", "above", "none")
        )
        assert at[side].total(draw) == pytest.approx(float(theirs.sum() + rest))


@given(st.floats(0.0, 1.0), st.floats(5.0, 500.0))
def test_lumpy_share_is_a_share(share, positions):
    drawn = lumpy_share(np.full(50, share), positions, np.random.default_rng(1))
    assert ((drawn >= 0) & (drawn <= 1)).all()
    if share in (0.0, 1.0):
        assert (drawn == share).all()


def test_moments_of_a_lumpy_share():
    drawn = lumpy_share(np.full(40_000, 0.2), 20.0, np.random.default_rng(1))
    assert drawn.mean() == pytest.approx(0.2, abs=0.002)
    assert drawn.var() == pytest.approx(0.2 * 0.8 / 21.0, rel=0.05)
    assert np.isnan(lumpy_share(np.array([np.nan]), 20.0, np.random.default_rng(1))).all()


# consumed levels


def test_swept_is_what_stood_at_the_swept_prices(any_fit):
    """The recursion's touched mass equals the book before the bar between its extreme and close."""
    context = opened(any_fit)
    swept = swept_by_bar(context)
    data = context.evaluator.data
    draw = next(context.draws())
    checked = 0
    for j, side in enumerate(("long", "short")):
        one = swept["quantity"].isel(chain=0, draw=0).sel(side=side).to_numpy()
        for t in np.argsort(-np.nan_to_num(one))[:4]:
            low, high = (float(swept[n].isel(side=j, time=t)) for n in ("low", "high"))
            edges = np.log([low, high]) if side == "long" else -np.log([high, low])
            book = BookAt.of(context, side, int(t) + data.n_history - 1, edges)
            legs = len(data.legs)
            if legs == 1:
                assert book.columns(draw)[0] == pytest.approx(float(one[t]), rel=1e-4)
                checked += 1
    assert checked or len(data.legs) > 1


def test_unmodelled_bars_are_unknown(linear):
    swept = swept_by_bar(opened(linear))
    assert swept["quantity"].isel(time=0).isnull().all()
    assert swept["quantity"].isel(time=slice(1, None)).notnull().all()
    gap = fits.fake_fit(fits.gappy_panel(), markets.small_spec(), draws=4, prior_draws=50)
    assert swept_by_bar(opened(gap))["bridged"].sum() == 5


def test_lumps_leave_the_mean_of_what_was_swept(linear):
    expected = swept_by_bar(opened(linear))["share"].mean(("chain", "draw", "time"))
    realised = swept_by_bar(opened(linear, "realised"))["share"].mean(("chain", "draw", "time"))
    np.testing.assert_allclose(realised, expected, rtol=0.2)


def test_consumed_prices_now_hold_what_the_levels_say(any_fit):
    context = opened(any_fit)
    events = consumed_levels(context, swept_by_bar(context), largest=3)
    assert events.sizes["event"] <= 6
    assert set(events["side"].to_numpy()) <= {"long", "short"}
    assert (events["price_low"] < events["price_high"]).all()
    for name in ("swept", "left"):
        assert (events[name] >= 0).all() and events[name].dims == ("chain", "draw", "event")
    # where the price has gone beyond swept levels of a side none of it can stand
    mark = context.mark_price
    passed = np.where(
        events["side"] == "long", events["price_low"] >= mark, events["price_high"] <= mark
    )
    now = events["now"].transpose("event", ...).to_numpy()
    assert np.isnan(now[passed]).all() and (now[~passed] >= 0).all()
    if context.contract.kind == "aggregate":
        # quantities are USD at the bar's price: their difference is price as well
        assert events["refill"].isnull().all() and events["refill_share"].isnull().all()
    else:
        np.testing.assert_allclose(events["refill"], events["now"] - events["left"])
    # exactly what stands there in the levels' own book
    side = str(events["side"].to_numpy()[0])
    low, high = (float(events[f"price_{x}"][0]) for x in ("low", "high"))
    edges = np.log([low, high]) if side == "long" else -np.log([high, low])
    book = BookAt.of(context, side, context.last, edges)
    factor = np.sqrt(low * high) if context.contract.kind == "linear" else 1.0
    draw = next(context.draws())
    expected = np.nan if passed[0] else book.columns(draw)[0] * factor
    assert float(events["now"][0, 0, 0]) == pytest.approx(expected, nan_ok=True)
    if passed[0]:
        assert book.columns(draw)[0] == 0
    with pytest.raises(InputError):
        consumed_levels(context, swept_by_bar(context), largest=0)


# zones


def test_entries_of_a_side_are_its_open_interest(any_fit):
    zones = entry_zones(any_fit, bins=60)
    whole = zones["quantity"].sum("price") + zones["below"] + zones["above"]
    np.testing.assert_allclose(whole, zones["total"], rtol=1e-9)
    np.testing.assert_allclose(zones["total"], fits.open_interest(any_fit), rtol=1e-6)
    difference = zones["quantity"].sel(side="long") - zones["quantity"].sel(side="short")
    np.testing.assert_allclose(zones["delta"], difference)
    assert ((zones["in_profit"] >= 0) & (zones["in_profit"] <= 1)).all()


def test_lumps_widen_entries_and_leave_their_mean(linear):
    lumpy, smooth = (entry_zones(linear, bins=60, kind=k) for k in ("realised", "expected"))
    np.testing.assert_allclose(
        smooth["cost_basis"], outputs.entry_price_distribution(linear)["vwap"]
    )
    np.testing.assert_allclose(
        lumpy["cost_basis"].mean(("chain", "draw")),
        smooth["cost_basis"].mean(("chain", "draw")),
        rtol=2e-3,
    )
    # around its expectation a share of N positions has the variance of a Beta
    share, positions = smooth["in_profit"], linear["posterior"]["effective_positions"]
    scale = np.sqrt(share * (1 - share) / (positions + 1))
    assert float(((lumpy["in_profit"] - share) / scale).std()) == pytest.approx(1.0, abs=0.2)
    with pytest.raises(InputError, match="kind"):
        entry_zones(linear, kind="typical")


def test_sides_mirror(linear):
    """Of prices entered by both sides alike one side's profit is the other's loss."""
    zones = entry_zones(linear, kind="expected", bins=200)
    same = (zones["quantity"].sel(side="long") + zones["quantity"].sel(side="short")).sum("price")
    ahead = zones["in_profit"] * zones["total"]
    gap = abs(ahead.sum("side") - 0.5 * (zones["total"].sum("side")))
    # they differ by what the sides' books differ by
    apart = abs(zones["delta"]).sum("price") + 0.01 * same
    assert (gap <= apart).all()


def test_net_zones_are_where_the_sign_is_known():
    rng = np.random.default_rng(5)
    delta = rng.normal(0.0, 1.0, (2, 200, 10))
    delta[..., 3:5] += 5.0
    delta[..., 7] -= 5.0
    edges = np.arange(11.0) + 1
    zones = xr.Dataset(
        {"delta": (("chain", "draw", "price"), delta)},
        coords={
            "chain": range(2),
            "draw": range(200),
            "price_low": ("price", edges[:-1]),
            "price_high": ("price", edges[1:]),
        },
    )
    found = net_zones(zones)
    assert found["sign"].to_numpy().tolist() == ["long", "short"]
    assert found["price_low"].to_numpy().tolist() == [4.0, 8.0]
    assert found["price_high"].to_numpy().tolist() == [6.0, 9.0]
    np.testing.assert_allclose(found["delta"].isel(zone=0), delta[..., 3:5].sum(-1))
    one = net_zones(zones.isel(chain=[0], draw=[0]))
    assert one.sizes["zone"] == 0


def test_empty_side_of_a_rule_is_unknown():
    table = markets.bars(60, feed=False)
    table["open_interest"] = np.geomspace(80_000, 60_000, 60)
    fit = liqbayes.fit("fixed-mix", markets.panel(table))
    zones = entry_zones(fit, bins=20)
    assert zones["in_profit"].isnull().all() and zones["cost_basis"].isnull().all()
    assert zones["delta"].isnull().all()
    sections = {s.name: s for s in analyse(fit, only=TOPICS)}
    assert "not identified" in sections["zones"].findings[0]
    assert sections["clusters"].tables["table"].empty


# velocity and windows


def test_rates_add_up_to_the_liquidations(linear):
    flows = outputs.realised_liquidations(linear)
    context = opened(linear)
    rates = liquidation_velocity(flows, context)
    np.testing.assert_allclose(rates["per_hour"] * context.evaluator.data.bar_hours, flows["quote"])
    back = rates["per_percent"] * (100 * rates["move"])
    known = rates["per_percent"].notnull() & flows["quote"].notnull()
    np.testing.assert_allclose(
        back.where(known, 0.0), flows["quote"].where(known, 0.0), rtol=1e-5, atol=1e-3
    )
    assert (known.mean() > 0.5) and rates["move"].isel(time=0).isnull().all()
    windows = velocity_windows(flows, context, ("1h", "1d", "999d"))
    last = windows["per_hour"].sel(window="1h")
    np.testing.assert_allclose(last, rates["per_hour"].isel(time=-1), rtol=1e-6)
    assert windows["per_hour"].sel(window="999d").isnull().all()


def test_moves_against_a_side_by_hand(linear):
    panel = open_fit(linear, "posterior", "expected").panel
    moves = adverse_moves(opened(linear))
    path = opened(linear).evaluator.data.path
    t = 7
    assert moves[0, t] == pytest.approx(max(0.0, 1 - path.low[t] / path.close[t - 1]))
    assert moves[1, t] == pytest.approx(max(0.0, path.high[t] / path.close[t - 1] - 1))
    assert moves.shape == (2, len(panel.time))
    assert np.nanmin(moves) >= 0


def test_windows_are_those_of_the_outputs(any_fit):
    windows = ("1h", "4h", "1d", "90m", "300d")
    theirs = outputs.liquidation_delta(any_fit, windows=windows)
    mine = window_totals(outputs.realised_liquidations(any_fit), opened(any_fit), windows)
    for name in ("long", "short", "delta"):
        np.testing.assert_allclose(mine[name], theirs[name])
    assert mine["reason"].to_numpy()[3] and not mine["reason"].to_numpy()[0]
    assert mine["long"].isel(window=4).isnull().all()


# all of them


def test_topics_run_on_every_sort_of_contract(any_fit):
    sections = analyse(any_fit, options=Options(windows=("4h", "300d"), draws=20), only=TOPICS)
    assert tuple(s.name for s in sections) == TOPICS
    for section in sections:
        assert section.tables and section.findings
        for table in section.tables.values():
            for name in [c[:-4] for c in table if str(c).endswith("_low") and c != "price_low"]:
                known = table[f"{name}_low"].notna()
                assert (table[f"{name}_low"] <= table[f"{name}_median"])[known].all()
                assert (table[f"{name}_median"] <= table[f"{name}_high"])[known].all()
    text = " ".join(s for section in sections for s in section.findings)
    assert "support" not in text and "resistance" not in text
    assert "not identified" in text


def test_a_rule_has_values_and_no_interval():
    fit = liqbayes.fit("fixed-mix", fits.small_market())
    work = Workspace(fit)
    for section in analyse(fit, options=work.options, only=TOPICS):
        for table in section.tables.values():
            ends = [c for c in table if str(c).endswith(("_low", "_high"))]
            for column in set(ends) - {"price_low", "price_high"}:
                assert table[column].isna().all(), (section.name, column)
        assert not any("(90 % interval" in s for s in section.findings), section.findings
