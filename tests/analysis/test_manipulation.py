"""The schedule of Almgren & Chriss, and both legs against what must hold of them."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from liqbayes.analysis.impact import Liquidity
from liqbayes.analysis.manipulation import (
    PRIORS,
    Attack,
    Execution,
    Terms,
    _by_size,
    manipulation_risk,
    remaining_share,
    risk_table,
    schedule_table,
    spot_push,
)
from liqbayes.analysis.manipulation.legs import worst_excursion
from liqbayes.contracts import load_contract
from liqbayes.errors import InputError
from tests.analysis.sided import levels_of

# Almgren & Chriss 2001, table 1: a million shares at 50, five days, spread 1/8, 5 M shares a day,
# 30 % annual volatility.
PAPER = Execution(
    quantity=1e6,
    periods=5,
    period=1.0,
    volatility=0.95,
    permanent=2.5e-7,
    temporary=2.5e-6,
    spread=0.0625,
)
LIQUID = Liquidity(volatility=0.05, volume=1e7)
FIXED = {
    "impact_coefficient": 1.0,
    "impact_exponent": 0.5,
    "remaining_depth": 0.2,
    "absorbed_off_book": 0.0,
    "spot_volume": 0.3,
    "permanent_share": 0.6,
    "half_spread": 0.0,
    "spot_fee": 0.0,
}


def test_example_of_the_paper():
    # section 3.4: with a risk aversion of 1e-6 per dollar, kappa is about 0.61 a day
    kappa = PAPER.urgency(1e-6) / 5.0
    assert kappa == pytest.approx(0.61, abs=0.005)
    # the naive strategy: 0.5 γ X² + ε X + (η - γτ/2) X² / T, and σ² X² T / 3 (1 - 1/N)(1 - 1/2N)
    naive = PAPER.naive()
    assert PAPER.cost(naive) == pytest.approx(125_000 + 62_500 + 475_000)
    assert PAPER.variance(naive) == pytest.approx(0.9025e12 * 5 / 3 * 0.8 * 0.9)
    left = PAPER.optimal(1e-6)
    assert left[0] == 1e6 and left[-1] == 0.0
    # closed form of the trajectory
    t = np.arange(6)
    expected = 1e6 * np.sinh(kappa * (5 - t)) / np.sinh(kappa * 5)
    np.testing.assert_allclose(left, expected, rtol=1e-9, atol=1e-6)
    assert PAPER.cost(left) > PAPER.cost(naive) and PAPER.variance(left) < PAPER.variance(naive)


def test_half_lives_of_another_implementation():
    # DROP 4.66 (Apache 2.0) prints, for this example, half-lives 1 / kappa and costs by λ in 1e-6
    for aversion, half_life, mean, variance in (
        (0.001, 51.30, 0.6625, 1.0812),
        (0.004, 25.65, 0.6625, 1.0758),
        (0.009, 17.10, 0.6626, 1.0669),
    ):
        left = PAPER.optimal(aversion * 1e-6)
        assert 5.0 / PAPER.urgency(aversion * 1e-6) == pytest.approx(half_life, abs=0.01)
        assert PAPER.cost(left) / 1e6 == pytest.approx(mean, abs=1e-4)
        assert PAPER.variance(left) / 1e12 == pytest.approx(variance, abs=2e-4)


@given(st.floats(1e-8, 1e-5))
@settings(max_examples=10, deadline=None)
def test_no_schedule_is_better(aversion):
    def value(inner):
        left = np.concatenate([[1.0], inner, [0.0]]) * 1e6
        return (PAPER.cost(left) + aversion * PAPER.variance(left)) / 1e6

    best = PAPER.optimal(aversion)
    found = minimize(value, PAPER.naive()[1:-1] / 1e6, method="BFGS")
    assert value(best[1:-1] / 1e6) <= found.fun + 1e-9
    np.testing.assert_allclose(best[1:-1] / 1e6, found.x, atol=2e-3)


def test_schedule_limits():
    np.testing.assert_allclose(PAPER.optimal(0.0), PAPER.naive())
    np.testing.assert_allclose(remaining_share(0.0, 4), [1, 0.75, 0.5, 0.25, 0])
    np.testing.assert_allclose(remaining_share(2000.0, 4), [1, 0, 0, 0, 0], atol=1e-12)


@pytest.mark.parametrize(
    "change",
    [{"quantity": 0.0}, {"periods": 0}, {"volatility": float("nan")}, {"permanent": -1.0},
     {"temporary": 1e-7}],
)  # fmt: skip
def test_problems_without_a_schedule(change):
    given = {**vars(PAPER), **change}
    with pytest.raises(InputError):
        Execution(**given)
    with pytest.raises(InputError):
        PAPER.optimal(-1.0)


def drawn(**change):
    return {name: np.array([value]) for name, value in {**FIXED, **change}.items()}


def test_spot_leg_by_hand():
    # a venue with all the weight: Q = V_s (d / (Y σ))²
    attack = Attack(periods=12, urgency=3.0)
    push = spot_push(0.02, attack, drawn(), 0.05, 1e7, naive=True)
    quantity = 0.3e7 * (0.02 / 0.05) ** 2
    assert push.notional[0] == pytest.approx(quantity)
    # twice the temporary part of the impact at an even pace: η Q / T less half a period's permanent
    assert push.cost[0] == pytest.approx(2 * quantity * 0.02 * (0.4 - 0.6 / 24))
    # the same by the general formulas, price 1
    one = Execution(
        quantity=quantity,
        periods=12,
        period=1 / 24 / 12,
        volatility=0.05,
        permanent=0.6 * 0.02 / quantity,
        temporary=0.4 * 0.02 * (1 / 24) / quantity,
    )
    permanent = 0.5 * one.permanent * quantity**2
    assert push.cost[0] == pytest.approx(2 * (one.cost(one.naive()) - permanent))
    optimal = spot_push(0.02, attack, drawn(), 0.05, 1e7)
    left = quantity * remaining_share(3.0, 12)
    assert optimal.cost[0] == pytest.approx(2 * (one.cost(left) - permanent))
    # dearer and less at risk
    assert optimal.cost[0] > push.cost[0] and optimal.deviation[0] < push.deviation[0]


def test_one_venue_costs_more_than_all():
    all_venues = spot_push(0.02, Attack(), drawn(), 0.05, 1e7)
    one = spot_push(0.02, Attack(index_weight=0.25), drawn(), 0.05, 1e7)
    assert one.notional[0] == pytest.approx(4 * all_venues.notional[0])
    assert one.cost[0] == pytest.approx(16 * all_venues.cost[0])


def test_excursion_has_the_law_of_a_bridge():
    rng = np.random.default_rng(2)
    steps = rng.standard_normal((4000, 400)) * 0.05 / 20
    path = np.cumsum(steps, axis=1)
    at = np.arange(1, 401) / 400
    bridge = path - path[:, -1:] * at + 0.03 * at
    drawn_max = worst_excursion(np.full(4000, 0.03), 0.05, 1 - rng.random(4000))
    # a walk sees less of the path: about 0.58 of a step's deviation
    seen = np.maximum(bridge.max(axis=1), 0.0) + 0.58 * 0.05 / 20
    np.testing.assert_allclose(np.quantile(drawn_max, [0.2, 0.5, 0.8]),
                               np.quantile(seen, [0.2, 0.5, 0.8]), atol=0.003)  # fmt: skip


def clusters_at(*prices, mark=100.0):
    return xr.Dataset(
        coords={
            "cluster": np.arange(len(prices)),
            "side": ("cluster", ["long" if p < mark else "short" for p in prices]),
            "price": ("cluster", np.array(prices, float)),
            "distance": ("cluster", np.abs(np.array(prices) / mark - 1.0)),
        }
    )


def run(levels, *prices, **options):
    options = {"scenarios": 16, "seed": 2, **options}
    return manipulation_risk(levels, clusters_at(*prices), LIQUID, **options)


def book_with_cluster(size, n=8):
    mass = np.full((n, 200), 1.0)
    mass[:, 5:8] += size  # about 2 % away
    return levels_of(mass, mass)


def test_an_empty_book_never_pays():
    table = risk_table(run(levels_of(np.zeros((4, 100)), np.zeros((4, 100))), 97.0, 103.0))
    assert (table["probability"] == 0).all() and (table["index"] == 0).all()
    assert (table["derivative"] == 0).all() and (table["gain_high"] < 0).all()


def test_gain_grows_with_what_stands_there():
    gains, chances = [], []
    for size in (1e3, 1e6, 1e8):
        table = risk_table(run(book_with_cluster(size), 97.5))
        gains.append(float(table["gain_median"].iloc[0]))
        chances.append(float(table["probability"].iloc[0]))
    assert gains[0] < gains[1] and chances[0] <= chances[1] <= 1.0
    # so much that the price mostly never comes to rest: not identified, no number
    beyond = risk_table(run(book_with_cluster(1e12), 97.5))
    assert beyond["beyond"].iloc[0] > 0.5 and np.isnan(beyond["gain_median"].iloc[0])


def test_sides_mirror_without_noise():
    mass = np.random.default_rng(3).gamma(0.5, 1e4, (6, 200))
    calm = Liquidity(volatility=1e-9, volume=1e7)
    # the coefficient makes up for a volatility of next to nothing
    fixed = FIXED | {"impact_coefficient": 0.05 / 1e-9}
    result = manipulation_risk(
        levels_of(mass, mass), clusters_at(97.0, 100 / 0.97), calm, scenarios=4, fixed=fixed,
        terms=Terms(funding_rate=0.0),
    )  # fmt: skip
    np.testing.assert_allclose(result["forced"][..., 0], result["forced"][..., 1], rtol=1e-6)
    np.testing.assert_allclose(result["spot_cost"][..., 0], result["spot_cost"][..., 1], rtol=1e-9)


def test_funding_is_paid_by_longs():
    levels = book_with_cluster(1e6)
    for price, sign in ((97.5, 1.0), (102.5, -1.0)):
        without, paid = (
            run(levels, price, terms=Terms(funding_rate=rate))["gain"] for rate in (0.0, 0.01)
        )
        assert np.sign(float((paid - without).median())) == sign


def test_index_drops_a_venue_far_from_the_others():
    result = run(book_with_cluster(1e6), 97.5, 99.5, attack=Attack(index_weight=0.25))
    np.testing.assert_array_equal(result["reachable"], [False, True])
    table = risk_table(result)
    assert table.loc[0, ["gain_median", "index", "capital_median", "probability"]].isna().all()
    assert table.loc[1, ["gain_median", "index", "capital_median"]].notna().all()
    assert set(schedule_table(result)["cluster"]) == {1}


def test_capital_is_margin_and_spot():
    result = run(book_with_cluster(1e6), 97.5, attack=Attack(leverage=5.0))
    np.testing.assert_allclose(
        result["capital"], result["spot_notional"] + result["derivative"] / 5.0
    )


def test_a_large_position_needs_the_margin_of_its_tier():
    levels = book_with_cluster(1e6)
    tiered = Terms(by_size=lambda notional: (4.0, 0.05))
    result = run(levels, 97.5, attack=Attack(leverage=10.0), terms=tiered)
    assert result["leverage"].to_numpy() == pytest.approx([4.0])
    np.testing.assert_allclose(
        result["capital"], result["spot_notional"] + result["derivative"] / 4.0
    )
    low = run(levels, 97.5, attack=Attack(leverage=2.0), terms=tiered)
    assert low["leverage"].to_numpy() == pytest.approx([2.0])
    assert risk_table(low)["leverage"].tolist() == [2.0]


@pytest.mark.parametrize("name", ["binance:BTCUSDT", "deribit:BTC-PERPETUAL", "bitmex:XBTUSD"])
def test_terms_by_size_are_those_of_the_venue(name):
    context = SimpleNamespace(
        contract=load_contract(name), mark_price=60_000.0, as_of=pd.Timestamp("2024-07-26")
    )
    terms = _by_size(context)
    leverage, maintenance = zip(*(terms(x) for x in (1e3, 1e6, 1e8, 1e9)), strict=True)
    assert (np.diff(leverage) < 1e-9).all() and leverage[0] > leverage[-1] > 0
    assert (np.diff(maintenance) > -1e-9).all() and maintenance[0] > 0
    if name == "binance:BTCUSDT":
        # the first tier: 125x and a maintenance margin rate of 0.4 % (Binance, margin tiers)
        assert leverage[0] == pytest.approx(125.0) and maintenance[0] == pytest.approx(
            0.004, rel=0.1
        )


def test_interval_orders_and_single_draws():
    table = risk_table(run(book_with_cluster(1e6), 97.5, 103.0))
    for name in ("probability", "index", "gain", "forced", "capital", "spot_cost"):
        assert (table[f"{name}_low"] <= table[f"{name}_median"]).all()
        assert (table[f"{name}_median"] <= table[f"{name}_high"]).all()
    single = risk_table(run(book_with_cluster(1e6, n=1), 97.5))
    assert single[["probability_low", "index_high", "gain_low"]].isna().all().all()
    assert single["probability"].notna().all()


def test_odds_of_what_is_left_of_the_draws_are_not_told():
    """Where price leaves the range no gain is known, and those are the largest cascades."""
    result = run(book_with_cluster(1e6), 97.5)
    lost = result.copy()
    gain = result["gain"].to_numpy().copy()
    gain[:, :, : gain.shape[2] // 5] = np.nan
    lost["gain"] = (result["gain"].dims, gain)
    before, after = risk_table(result), risk_table(lost)
    assert before["beyond"].iloc[0] == 0 and np.isfinite(before["index"].iloc[0])
    assert after["beyond"].iloc[0] == pytest.approx(0.2, abs=0.02)
    odds = ["probability", "probability_high", "index", "index_median"]
    assert after[odds].isna().all().all() and after["index_weight"].notna().all()
    assert after["capital_median"].notna().all()


@pytest.mark.parametrize("price", [40.0, 250.0])
def test_clusters_outside_the_priced_range(price):
    with pytest.raises(InputError, match="priced range"):
        run(book_with_cluster(1e6), price)


@pytest.mark.parametrize(
    "change",
    [{"hours": 0.0}, {"periods": 1}, {"leverage": 0.5}, {"participation": 0.0},
     {"index_weight": 1.5}, {"index_weight": 0.0}, {"urgency": float("nan")}],
)  # fmt: skip
def test_attacks_that_are_none(change):
    with pytest.raises(InputError):
        Attack(**change)


def test_priors_are_needed_by_name():
    with pytest.raises(InputError, match="spot_fee"):
        run(book_with_cluster(1e6), 97.5, priors=PRIORS[:-1])
