"""Partial liquidation step by step, against a position re-computed at every step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqbayes.contracts import (
    contract_from_dict,
    liquidation_price,
    load_contract,
    partial_liquidation_ladder,
)
from liqbayes.errors import InputError, NotDeterminedError
from tests.contracts.positions import equity, marginal


@pytest.mark.parametrize("side", ["long", "short"])
def test_hyperliquid_twenty_per_cent_then_the_rest(side):
    btc = load_contract("hyperliquid:BTC")
    args = {"side": side, "entry_price": 60_000.0, "quantity": 10.0, "leverage": 10}
    got = partial_liquidation_ladder(btc, **args)
    assert got.share == pytest.approx([0.2, 0.8])
    assert got.price[0] == pytest.approx(float(liquidation_price(btc, **args)))
    # Second step: equity at p is unchanged by the fill at p1; 8 BTC must meet 1.25 %.
    at_first = equity("linear", side, 10, 60_000, 60_000, got.price[0])
    rest = equity("linear", side, 8, got.price[0], at_first, got.price[1])
    assert rest == pytest.approx(0.0125 * 8 * got.price[1])
    assert (got.price[1] < got.price[0]) == (side == "long")


def test_hyperliquid_small_positions_go_at_once():
    got = partial_liquidation_ladder(
        load_contract("hyperliquid:BTC"),
        side=["long", "long"],
        entry_price=60_000.0,
        quantity=[1.0, 10.0],
        leverage=10,
    )
    assert got.share[0].tolist() == [1.0, 0.0]
    assert np.isnan(got.price[0, 1])
    assert got.share[1] == pytest.approx([0.2, 0.8])


@given(
    side=st.sampled_from(["long", "short"]),
    notional=st.floats(1e4, 7.5e7),
    lev=st.floats(2, 14),
    cost=st.sampled_from([0.0, 0.002]),
)
def test_bybit_descends_tier_by_tier(side, notional, lev, cost):
    btc = load_contract("bybit:BTCUSDT")
    table = btc.tiers[0]
    rows = list(zip(table.caps, table.rates, strict=True))
    entry, q = 50_000.0, notional / 50_000.0
    got = partial_liquidation_ladder(
        btc, side=side, entry_price=entry, quantity=q, leverage=lev, closing_cost=cost
    )
    assert got.share.sum() == pytest.approx(1.0)
    moves = np.diff(got.price)
    assert np.all(moves <= 1e-9) if side == "long" else np.all(moves >= -1e-9)
    assert np.all(got.share > 0)
    left, held = q, notional / lev
    for k, (price, share) in enumerate(zip(got.price, got.share, strict=True)):
        need = marginal(left * entry, rows)  # valued at entry
        have = equity("linear", side, left, entry, held, price)
        if cost == 0.0:
            assert have == pytest.approx(need, rel=1e-6)
        else:
            assert have <= need * (1 + 1e-6)
        closed = share * q
        held += (1 if side == "long" else -1) * closed * (price - entry) - cost * closed * price
        left -= closed
        if k < len(got.price) - 1:
            assert np.any(np.isclose(left * entry, table.caps))  # at the top of a lower tier
    assert left == pytest.approx(0.0, abs=1e-9 * q)


def test_bitmex_steps():
    # 500 XBT at 100 XBT steps above 200: 0.35 % + 3 steps, then 400, 300, 200, all.
    got = partial_liquidation_ladder(
        load_contract("bitmex:XBTUSD"),
        side="long",
        leverage=10,
        entry_price=40_000.0,
        quantity=500 * 40_000.0,
        at="2021-08-01",
    )
    assert got.share == pytest.approx([0.2, 0.2, 0.2, 0.4])
    m, f = 0.0035 * 4, 0.00075
    first = 1 / (1 / 40_000 * (1 + 0.1 - m - 2 * f))
    assert got.price[0] == pytest.approx(first)


def test_okx_goes_down_two_tiers():
    rows = [
        {"cap": 100, "maintenance_rate": 0.01},
        {"cap": 200, "maintenance_rate": 0.02},
        {"cap": 300, "maintenance_rate": 0.03},
        {"cap": 400, "maintenance_rate": 0.04},
    ]
    values = load_contract("okx:BTC-USDT-SWAP").to_dict()
    values["tiers"] = [
        {
            "unit": "contracts",
            "deductions": "none",
            "complete": True,
            "source": "test",
            "rows": rows,
        }
    ]
    contract = contract_from_dict(values)
    # tier 4 -> top of tier 2 -> (tier 2: everything); tier 3 -> top of tier 1 -> everything
    got = partial_liquidation_ladder(
        contract, side="long", entry_price=50_000.0, leverage=5, quantity=[4.0, 3.0, 2.0, 1.0]
    )
    assert got.share[0] == pytest.approx([0.5, 0.5])
    assert got.share[1] == pytest.approx([2 / 3, 1 / 3])
    assert got.share[2] == pytest.approx([1.0, 0.0])
    assert got.share[3] == pytest.approx([1.0, 0.0])


def test_okx_first_tier_is_closed_at_once_beyond_it_is_not_determined():
    okx = load_contract("okx:BTC-USDT-SWAP")
    args = {"side": "short", "entry_price": 50_000.0, "leverage": 5}
    assert partial_liquidation_ladder(okx, quantity=10.0, **args).share == pytest.approx([1.0])
    with pytest.raises(NotDeterminedError, match="not determined beyond"):
        partial_liquidation_ladder(okx, quantity=10.1, **args)


def test_a_growing_short_still_descends():
    # Tiers valued at the liquidation price: after a reduction to a cap the short grows beyond it.
    values = load_contract("binance:BTCUSDT").to_dict()
    values["ladder"] = {"rule": "next_tier", "source": "test"}
    got = partial_liquidation_ladder(
        contract_from_dict(values), side="short", leverage=4, entry_price=60_000.0, quantity=1_000.0
    )
    assert got.share.sum() == pytest.approx(1.0)
    assert len(got.share) == 6  # 60M notional (75M at the first price): tier 6 to tier 1
    assert np.all(np.diff(got.price) > 0)


def test_a_position_that_is_never_liquidated():
    got = partial_liquidation_ladder(
        load_contract("hyperliquid:BTC"),
        side=["long", "long"],
        entry_price=100.0,
        quantity=1.0,
        margin=[200.0, 20.0],
    )
    assert np.isnan(got.price[0]).all() and got.share[0].sum() == 0
    assert got.share[1].sum() == 1


@pytest.mark.parametrize(
    "name", ["binance:BTCUSDT", "dydx:BTC-USD", "deribit:BTC-PERPETUAL", "gate:BTC_USDT"]
)
def test_where_the_rule_is_not_determined(name):
    with pytest.raises(NotDeterminedError, match="step by step is not determined"):
        partial_liquidation_ladder(
            load_contract(name), side="long", entry_price=50_000.0, quantity=1.0, leverage=3
        )


def test_bad_arguments():
    btc = load_contract("hyperliquid:BTC")
    with pytest.raises(InputError, match="not both"):
        partial_liquidation_ladder(
            btc, side="long", entry_price=1.0, quantity=1.0, leverage=2, margin=1.0
        )
    with pytest.raises(InputError, match="above 0"):
        partial_liquidation_ladder(btc, side="long", entry_price=-1.0, quantity=1.0, leverage=2)
    with pytest.raises(NotDeterminedError):
        partial_liquidation_ladder(
            load_contract("aggregate:BTC"), side="long", entry_price=1.0, quantity=1.0, leverage=2
        )
