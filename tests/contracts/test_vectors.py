"""Liquidation prices that venues or tested programs have published."""

import pytest

from liqbayes.contracts import liquidation_price, load_contract, margin_from_liquidation_price
from tests.contracts.vectors import VECTORS, Vector


def _price(v: Vector) -> float:
    return float(
        liquidation_price(
            load_contract(v.contract),
            side=v.side,
            entry_price=v.entry,
            quantity=v.quantity,
            at=v.at,
            maintenance_margin_rate=v.rate,
            maintenance_amount=v.amount,
            fee=v.fee,
            **v.margins,
            **v.others,
        )
    )


def test_every_vector_is_listed_once():
    assert len({v.id for v in VECTORS}) == len(VECTORS) == 52


@pytest.mark.parametrize("v", VECTORS, ids=lambda v: v.id)
def test_published_price(v: Vector):
    assert _price(v) == pytest.approx(v.price, rel=v.rel, abs=v.abs)


@pytest.mark.parametrize("v", VECTORS, ids=lambda v: v.id)
def test_margin_of_the_price_is_the_margin_given(v: Vector):
    price = _price(v)
    held = margin_from_liquidation_price(
        load_contract(v.contract),
        side=v.side,
        entry_price=v.entry,
        quantity=v.quantity,
        liquidation_price=price,
        mode="cross" if "wallet_balance" in v.margins else "isolated",
        at=v.at,
        maintenance_margin_rate=v.rate,
        maintenance_amount=v.amount,
        fee=v.fee,
        **v.others,
    )
    contract = load_contract(v.contract)
    value = v.entry * v.quantity if contract.kind == "linear" else v.quantity / v.entry
    given = v.margins.get("margin", v.margins.get("wallet_balance"))
    expected = value / v.margins["leverage"] if given is None else given
    assert float(held) == pytest.approx(expected, rel=1e-9)


def test_hyperliquid_positions_need_no_override():
    # The 2024 tables give the rates that the vectors state.
    for v in VECTORS:
        if v.id.startswith("HL-") and v.entry > 1:
            price = liquidation_price(
                load_contract(v.contract),
                side=v.side,
                entry_price=v.entry,
                quantity=v.quantity,
                at="2024-11-01",
                **v.margins,
            )
            assert float(price) == pytest.approx(v.price, rel=v.rel, abs=v.abs)


def test_binance_coin_margined_calculator():
    # Binance's calculator as quoted at dev.binance.vision/t/6292: 10,000,000 USD long at 45,000
    # with 101 BTC gives 33,599.40. No override: this also tests the seventh bracket's 12.5 % and
    # 11.605 BTC, which the FAQ states for 300 BTC. The calculator rounds to the tick of 0.1.
    price = liquidation_price(
        load_contract("binance:BTCUSD_PERP"),
        side="long",
        entry_price=45000,
        quantity=10_000_000,
        wallet_balance=101,
    )
    assert float(price) == pytest.approx(33599.40, abs=0.05)


def test_bitmex_real_positions():
    # XBTUSD, 2021-07-11, cross, long 500 at 33,669.35: bankruptcy 20,226, liquidation 20,288 (the
    # interface rounds to the tick of 0.5). The balance follows from the bankruptcy price.
    xbt = load_contract("bitmex:XBTUSD")
    balance = 500 / 20226 - 500 / 33669.35
    due = 500 / 33669.35 * 0.0001  # funding of 0.01 %, part of BitMEX's maintenance margin
    price = liquidation_price(
        xbt,
        side="long",
        entry_price=33669.35,
        quantity=500,
        wallet_balance=balance,
        accrued_funding=due,
        at="2021-07-11",
    )
    assert float(price) == pytest.approx(20288, abs=1.0)
