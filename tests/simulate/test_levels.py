"""Levels against the contract's own margin rules, and what touching a level does."""

import numpy as np
import pytest

from liqbayes.contracts import load_contract
from liqbayes.simulate import market_preset
from liqbayes.simulate.book import (
    ALERT,
    ANCHOR,
    COLLATERAL,
    ENTRY,
    LEVEL,
    MARGIN,
    RUNGS,
    SIZE,
    SLOT,
    STOP,
    TOPUPS,
    empty_book,
    rules_of,
    tiers_of,
)
from liqbayes.simulate.positions import COUNT, ORDERS, liquidation_level, touched
from liqbayes.simulate.seeding import desk_of, refresh_all

FLAT = np.array([[np.inf], [0.01], [0.0], [0.02]])


def equity_at(kind, side, quantity, entry, collateral, price):
    sign = 1 if side == "long" else -1
    if kind == "linear":
        return collateral + sign * quantity * (price - entry)
    return collateral + sign * quantity * (1 / entry - 1 / price)


@pytest.mark.parametrize("name", ["binance:BTCUSDT", "binance:BTCUSD_PERP", "bybit:BTCUSD"])
@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("notional", [2e4, 5e6, 8e7])
def test_equity_at_the_level_is_the_maintenance_margin(name, side, notional):
    contract = load_contract(name)
    entry, price_unit = 60_000.0, 60_000.0
    tiers = tiers_of(contract, "2024-12-01", price_unit)
    linear = contract.kind == "linear"
    quantity = notional / entry if linear else notional
    value = notional if linear else notional / entry
    collateral = 0.6 * value
    row = 0 if (side == "long") == linear else 1
    coordinate = entry if linear else 1 / entry
    level = liquidation_level(1.0 - 2.0 * row, quantity, coordinate, collateral, tiers)
    price = level if linear else 1 / level
    tier = np.searchsorted(tiers[0], value)
    worth = quantity * price if linear else quantity / price
    margin = tiers[1, tier] * worth - tiers[2, tier]
    equity = equity_at(contract.kind, side, quantity, entry, collateral, price)
    assert equity == pytest.approx(margin, rel=1e-9, abs=1e-9 * value)
    assert (price < entry) == (side == "long")


def test_a_long_backed_in_full_has_no_level():
    assert liquidation_level(1.0, 1.0, 100.0, 100.0, FLAT) == -np.inf
    assert np.isfinite(liquidation_level(-1.0, 1.0, 100.0, 100.0, FLAT))


def one_long(*, stop=0.0, topups=0, rungs=0, size=1.0):
    """A 10x long at 100 with 1 % maintenance: level 90 / 0.99."""
    book = empty_book(4)
    for field, value in (
        (SIZE, size),
        (ENTRY, 100.0),
        (ANCHOR, 100.0),
        (COLLATERAL, 10.0 * size),
        (MARGIN, 0.1),
        (STOP, stop),
        (TOPUPS, topups),
        (RUNGS, rungs),
        (SLOT, -1),
    ):
        book[field, 0, 0] = value
    rules = rules_of(market_preset(), rho=0.5, target=100.0, orientation=1)
    rules = rules._replace(
        stop_reliability=1.0,
        topup_trigger=0.2,
        topup_size=0.5,
        partial_notional=1000.0,
        partial_share=0.4,
    )
    desk = desk_of(book, (1, 0), 20)
    refresh_all(desk, FLAT, rules)
    return desk, rules


def touch(desk, rules, far):
    return touched(desk, 0, 0, 0, 1.0, 100.0, far, FLAT, rules, np.random.default_rng(0))


def test_liquidation_happens_at_the_level():
    desk, rules = one_long()
    level = 90 / 0.99
    assert desk.book[LEVEL, 0, 0] == pytest.approx(level)
    sold, liquidated, value = touch(desk, rules, level - 1e-6)
    assert (sold, liquidated) == (0.0, 1.0)
    assert value == pytest.approx(level)
    assert desk.tally[COUNT] == 0
    assert desk.tally[ORDERS] == 1


def test_price_that_stays_above_the_level_does_nothing():
    desk, rules = one_long()
    assert touch(desk, rules, 90 / 0.99 + 1e-6) == (0.0, 0.0, 0.0)
    assert desk.tally[COUNT] == 1


def test_a_stop_sells_before_the_level_and_is_no_liquidation():
    desk, rules = one_long(stop=0.5)
    assert desk.book[ALERT, 0, 0] == pytest.approx((100 + 90 / 0.99) / 2)
    assert touch(desk, rules, 80.0) == (1.0, 0.0, 0.0)
    assert desk.tally[ORDERS] == 0


def test_added_collateral_moves_the_level_away():
    desk, rules = one_long(topups=1)
    assert touch(desk, rules, 90.0) == (0.0, 0.0, 0.0)
    assert desk.book[LEVEL, 0, 0] == pytest.approx((100 - 15) / 0.99)
    assert desk.book[TOPUPS, 0, 0] == 0
    # Once it is used up, the new level liquidates.
    assert touch(desk, rules, 80.0)[1] == 1.0


def test_large_positions_are_liquidated_in_parts():
    desk, rules = one_long(rungs=2, size=100.0)
    level = 90 / 0.99
    _, liquidated, _ = touch(desk, rules, level - 1e-6)
    assert liquidated == pytest.approx(40.0)
    assert desk.book[SIZE, 0, 0] == pytest.approx(60.0)
    # Equity is unchanged by the sale, 60 % of the maintenance margin is needed.
    assert desk.book[LEVEL, 0, 0] < level - 1e-6
    _, liquidated, _ = touch(desk, rules, 50.0)
    assert liquidated == pytest.approx(60.0)
    assert desk.tally[COUNT] == 0
    # 40 %, then 40 % of the rest, then all of it: the ladder has two rungs.
    assert desk.tally[ORDERS] == 3
