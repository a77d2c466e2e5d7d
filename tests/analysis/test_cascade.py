"""Cascades against closed forms, a loop over single positions, and what must hold of any."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liqbayes.analysis.cascade import (
    bankruptcy_gap,
    cascades,
    forced_book,
    least_fixed_point,
    reach_table,
    rest_table,
    shortfall_table,
)
from liqbayes.analysis.impact import IMPACT_PRIORS, Liquidity, draw_priors, liquidity_of
from liqbayes.contracts import load_contract
from liqbayes.errors import InputError
from tests.analysis.sided import levels_of
from tests.outputs.fits import small_market

LIQUID = Liquidity(volatility=0.03, volume=1e9)
# Impact 0.03 (q / 1e9)^0.5, all of it on the book.
PLAIN = {
    "impact_coefficient": 1.0,
    "impact_exponent": 0.5,
    "remaining_depth": 1.0,
    "absorbed_off_book": 0.0,
}


def plain(levels, shocks=(0.02, 0.05, 0.1), **options):
    options = {"fixed": PLAIN, "scenarios": 1, **options}
    return cascades(levels, LIQUID, shocks=shocks, **options)


def liquidated_one_by_one(distance, notional, shock, scale, exponent):
    """Close the nearest position that price has reached until none is left; no shared code."""
    waiting = sorted(zip(distance, notional, strict=True))
    price, sold = shock, 0.0
    while waiting and waiting[0][0] <= price:
        _, size = waiting.pop(0)
        sold += size
        price = shock + scale * sold**exponent
    return price, sold


def test_uniform_density_has_its_closed_form():
    # l = x + s (k l)^0.5 is a quadratic in the root of l
    edges = np.linspace(0.0, 0.6, 301)
    density, scale = 5e9, 0.03 / 1e9**0.5
    x = np.array([[0.001, 0.01, 0.05, 0.2]])
    root = (scale * density**0.5 + np.sqrt(scale**2 * density + 4 * x)) / 2
    found = least_fixed_point(edges, density * edges[None, :], x, scale)
    np.testing.assert_allclose(found, root**2, rtol=1e-10)


def test_linear_impact_on_a_uniform_density_is_a_geometric_series():
    edges = np.linspace(0.0, 1.0, 11)
    found = least_fixed_point(edges, edges[None, :], [[0.1]], 0.6, 1.0)
    np.testing.assert_allclose(found, [[0.1 / (1 - 0.6)]], rtol=1e-12)
    # a branching ratio of one never ends
    assert np.isinf(least_fixed_point(edges, edges[None, :], [[0.1]], 1.0, 1.0)).all()


def test_a_single_cluster_is_reached_or_not():
    # all mass between 0.10 and 0.11: a shock short of it stays, one beyond it moves on
    edges = np.array([0.0, 0.1, 0.11, 0.5])
    flow = np.array([[0.0, 0.0, 1e9, 1e9]])
    found = least_fixed_point(edges, flow, [[0.09, 0.12]], 0.03 / 1e9**0.5)
    np.testing.assert_allclose(found, [[0.09, 0.15]], rtol=1e-12)


books = st.integers(1, 10_000).map(
    lambda seed: np.random.default_rng(seed).gamma(0.3, 3e7, (2, 60))
)


@given(books, st.floats(0.001, 0.3), st.floats(0.3, 1.0), st.floats(0.0, 3.0))
@settings(max_examples=60, deadline=None)
def test_least_fixed_point_is_what_rounds_climb_to(mass, x, exponent, strength):
    edges = np.concatenate([[0.0], np.cumsum(np.full(60, 0.012))])
    flow = np.concatenate([np.zeros((2, 1)), np.cumsum(mass, axis=1)], axis=1)
    scale = strength * 0.03 / 1e9**exponent
    found = least_fixed_point(edges, flow, np.full((2, 1), x), scale, exponent)[:, 0]
    for d in range(2):
        price = x
        for _ in range(20_000):
            following = x + scale * np.interp(price, edges, flow[d]) ** exponent
            if following - price < 1e-13 or following > edges[-1]:
                break
            price = following
        if np.isfinite(found[d]):
            assert price <= found[d] + 1e-9  # rounds never pass it
            assert found[d] - price < 1e-5  # and slow down only where it is nearly a tangent
            moved = scale * np.interp(found[d], edges, flow[d]) ** exponent
            assert abs(found[d] - x - moved) < 1e-9
        else:
            assert following > edges[-1] or following > price


def test_single_positions_closed_one_by_one_come_to_the_same_rest():
    rng = np.random.default_rng(4)
    for _ in range(20):
        distance = rng.uniform(0.0, 0.6, 4000)
        notional = rng.pareto(1.6, 4000) * 2e5
        edges = np.linspace(0.0, 0.65, 2601)
        held = np.histogram(distance, edges, weights=notional)[0]
        flow = np.concatenate([[0.0], np.cumsum(held)])[None, :]
        scale = rng.uniform(0.3, 2.0) * 0.03 / 1e9**0.5
        shock = rng.uniform(0.01, 0.2)
        price, _ = liquidated_one_by_one(distance, notional, shock, scale, 0.5)
        found = least_fixed_point(edges, flow, [[shock]], scale)[0, 0]
        # what is left is the width of a bin, and the one position the loop stops before
        assert found == pytest.approx(price, rel=0.02)


@given(books, st.floats(0.0, 1.0))
@settings(max_examples=30, deadline=None)
def test_order_and_conservation(mass, share):
    levels = levels_of(mass, mass)
    result = plain(levels, closing_share=share)
    rest = result["rest"].to_numpy()
    assert (np.diff(rest, axis=-1) >= -1e-12).all()  # a larger shock rests no nearer
    assert (result["amplification"] >= 1 - 1e-12).all()
    liquidated = result["liquidated"].to_numpy()
    whole = share * mass.sum(axis=1)
    finite = np.isfinite(rest)
    assert (np.isnan(liquidated) == ~finite).all()
    assert (liquidated[0] <= whole[:, None, None, None] * (1 + 1e-9))[finite[0]].all()
    triggered = result["triggered"].to_numpy()[finite]
    assert ((triggered >= 0) & (triggered <= 1)).all()
    more = plain(levels, closing_share=min(1.0, share + 0.1))["rest"].to_numpy()
    assert (more >= rest - 1e-12).all()


def test_sides_mirror_in_log_price():
    mass = np.random.default_rng(1).gamma(0.5, 1e7, (5, 80))
    falls, rises = (0.05, 0.1), tuple(1 / (1 - x) - 1 for x in (0.05, 0.1))
    down = plain(levels_of(mass, mass), falls)["rest"].sel(side="long").to_numpy()
    up = plain(levels_of(mass, mass), rises)["rest"].sel(side="short").to_numpy()
    np.testing.assert_allclose(1 / (1 - down) - 1, up, rtol=1e-9)


def test_nothing_standing_moves_nothing():
    levels = levels_of(np.zeros((3, 50)), np.zeros((3, 50)))
    result = plain(levels, gap={"long": 0.004, "short": 0.004})
    np.testing.assert_allclose(result["rest"], np.broadcast_to(result["shock"], (1, 3, 1, 2, 3)))
    for name in ("liquidated", "triggered", "shortfall", "surplus", "bankrupt"):
        assert (result[name] == 0).all()


def test_everything_absorbed_moves_nothing_but_is_liquidated():
    mass = np.full((1, 50), 1e7)
    fixed = PLAIN | {"absorbed_off_book": 1.0}
    result = plain(levels_of(mass, mass), fixed=fixed)
    np.testing.assert_allclose(result["amplification"], 1.0)
    assert (result["liquidated"] > 0).all()


def test_shortfall_of_a_known_book():
    # one bin of longs around 10 % below, a jump of 20 % and no impact: filled at 80
    levels = levels_of(np.eye(1, 100, 20) * 1e6, np.zeros((1, 100)))
    fixed = PLAIN | {"absorbed_off_book": 1.0}
    gap = {"long": -np.log(0.99), "short": 0.0}
    for kind, loss in (
        ("linear", lambda level: (0.99 * level - 80) / level),
        ("inverse", lambda level: 1 - 80 / (0.99 * level)),
    ):
        result = plain(levels, (0.2,), fixed=fixed, gap=gap, kind=kind).sel(side="long")
        level = float(
            levels["price"].to_numpy()[levels["quote"].sel(side="long").to_numpy().argmax()]
        )
        assert float(result["shortfall"].squeeze()) == pytest.approx(1e6 * loss(level), rel=1e-4)
        assert float(result["bankrupt"].squeeze()) == pytest.approx(1e6)
        assert float(result["surplus"].squeeze()) == 0.0
        assert float(result["shortfall_triggered"].squeeze()) == 0.0
    # a gap wider than the jump leaves margin and nobody else pays
    result = plain(levels, (0.2,), fixed=fixed, gap={"long": 1.0, "short": 0.0}).sel(side="long")
    assert float(result["shortfall"].squeeze()) == 0.0 < float(result["surplus"].squeeze())


def test_fund_pays_first():
    mass = np.full((4, 100), 1e6)
    result = plain(levels_of(mass, mass), gap={"long": 0.005, "short": 0.005})
    unknown = shortfall_table(result)
    assert unknown["uncovered_median"].isna().all()
    none, large = shortfall_table(result, 0.0), shortfall_table(result, 1e12)
    np.testing.assert_allclose(none["uncovered_median"], none["shortfall_median"])
    np.testing.assert_allclose(none["deleveraged_median"], none["bankrupt_median"])
    assert (large[["uncovered_high", "deleveraged_high"]] == 0).all().all()
    with pytest.raises(InputError):
        shortfall_table(result, -1.0)


def test_beyond_the_priced_range_is_not_identified():
    mass = np.full((3, 50), 1e12)
    result = plain(levels_of(mass, mass))
    assert np.isinf(result["rest"]).all()
    table = rest_table(result)
    assert (table["beyond"] == 1).all() and table["rest_median"].isna().all()
    # a threshold within the range is reached all the same
    assert (reach_table(result, (1.5,))["probability"] == 1).all()
    assert reach_table(result, (60.0,))["probability"].isna().all()


@pytest.mark.parametrize("shocks", [(0.0,), (-0.1,), (0.6,), (float("nan"),)])
def test_shocks_outside_the_priced_range(shocks):
    with pytest.raises(InputError, match="priced range"):
        plain(levels_of(np.ones((1, 5)), np.ones((1, 5))), shocks)


@pytest.mark.parametrize(
    "fixed",
    [{"remaining_depth": 0.0}, {"remaining_depth": 1.5}, {"impact_exponent": 2.0},
     {"absorbed_off_book": -0.1}, {"impact_coefficient": float("nan")}, {"depth": 1.0}],
)  # fmt: skip
def test_values_that_no_prior_allows(fixed):
    with pytest.raises(InputError):
        draw_priors(IMPACT_PRIORS, 4, 1, fixed)


@pytest.mark.parametrize("given", [(0.0, 1e9), (0.03, 0.0), (float("nan"), 1e9), (0.03, -1.0)])
def test_no_liquidity_is_an_error(given):
    with pytest.raises(InputError, match="positive"):
        Liquidity(*given)


def test_levels_with_unknown_values():
    levels = levels_of(np.full((1, 5), np.nan), np.ones((1, 5)))
    with pytest.raises(InputError, match="unknown"):
        forced_book(levels, "long")


def test_fixing_one_prior_leaves_the_others():
    free = draw_priors(IMPACT_PRIORS, 50, 3)
    held = draw_priors(IMPACT_PRIORS, 50, 3, {"impact_coefficient": 2.0})
    assert (held["impact_coefficient"] == 2.0).all()
    for name in free.keys() - {"impact_coefficient"}:
        np.testing.assert_array_equal(free[name], held[name])
    # a Latin hypercube has its quantiles where they belong
    assert np.median(free["impact_coefficient"]) == pytest.approx(1.0, rel=0.05)
    assert free["impact_exponent"].min() >= 0.35 and free["impact_exponent"].max() <= 0.65


def test_gap_is_the_maintenance_margin():
    btc = load_contract("binance:BTCUSDT")
    at = "2024-07-01"
    rate = btc.tier_table(at)[0].rates[0]
    long = bankruptcy_gap(btc, "long", price=60_000.0, notional=1000.0, at=at)
    short = bankruptcy_gap(btc, "short", price=60_000.0, notional=1000.0, at=at)
    assert float(long) == pytest.approx(-np.log1p(-rate), rel=1e-9)
    assert float(short) == pytest.approx(np.log1p(rate), rel=1e-9)
    # larger positions have more margin, and sizes beyond the last tier end there
    sizes = np.array([1e3, 1e7, 1e12, 1e13])
    wide = bankruptcy_gap(btc, "long", price=60_000.0, notional=sizes, at=at)
    assert wide[0] < wide[1] < wide[2] == wide[3]


def test_liquidity_of_a_panel():
    panel = small_market()
    liquid = liquidity_of(panel)
    close, volume = panel.values("close"), panel.values("volume")
    steps = np.diff(np.log(close))
    assert liquid.volatility == pytest.approx(np.sqrt(24 * np.mean(steps**2)))
    assert liquid.volume == pytest.approx(24 * np.mean(volume * close))
    with pytest.raises(InputError, match="hours"):
        liquidity_of(panel, "12h")


def test_a_rule_has_no_interval():
    result = plain(levels_of(np.full((1, 50), 1e7), np.full((1, 50), 1e7)))
    table = rest_table(result)
    assert table[["rest_low", "rest_high"]].isna().all().all()
    assert np.isfinite(table["rest_median"]).all()
    assert reach_table(result)[["low", "high"]].isna().all().all()
