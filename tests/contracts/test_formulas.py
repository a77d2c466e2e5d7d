"""Every formula against the root of the venue's own margin equation, or its own words."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from liqbayes.contracts import (
    FORMULAS,
    bankruptcy_price,
    liquidation_price,
    load_contract,
    margin_from_liquidation_price,
)
from tests.contracts.positions import first_breach, made, marginal, value

SIDES = ("long", "short")
side = st.sampled_from(SIDES)
entry_price = st.floats(1.0, 1e5)
leverage = st.floats(1.5, 60.0)
rate = st.floats(0.001, 0.012)
fee = st.floats(0.0, 0.001)
usd = st.floats(10.0, 1e6)


# name: requirement as a function of price, for quantity, entry, rate and fee
CASES = {
    "linear": lambda q, e, m, f: lambda p: m * q * p,
    "linear_fee": lambda q, e, m, f: lambda p: (m + f) * q * p,
    "linear_entry": lambda q, e, m, f: lambda p: m * q * e,
    "bitmex_linear": lambda q, e, m, f: lambda p: (m + 2 * f) * q * e,
    "inverse": lambda q, e, m, f: lambda p: m * q / p,
    "inverse_fee": lambda q, e, m, f: lambda p: (m + f) * q / p,
    "inverse_entry": lambda q, e, m, f: lambda p: m * q / e,
    "bitmex_inverse": lambda q, e, m, f: lambda p: (m + 2 * f) * q / e,
    "bybit_inverse_2026": lambda q, e, m, f: lambda p: m * q / p,
    "inverse_size": lambda q, e, m, f: lambda p: m * q / p,
}


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=40)
@given(side=side, entry=entry_price, size=usd, lev=leverage, m=rate, f=fee)
def test_price_is_the_root_of_equity_minus_requirement(name, side, entry, size, lev, m, f):
    formula = FORMULAS[name]
    contract = made(formula.kind, name)
    q = size / entry if formula.kind == "linear" else size
    held = value(formula.kind, q, entry) / lev
    need = CASES[name](q, entry, m, f)
    assume(held > 1.2 * need(entry))
    expected = first_breach(formula.kind, side, q, entry, held, need)
    got = liquidation_price(
        contract,
        side=side,
        entry_price=entry,
        quantity=q,
        margin=held,
        maintenance_margin_rate=m,
        fee=f,
    )
    assert float(got) == pytest.approx(expected, rel=1e-8, abs=1e-8 * entry)


def test_every_formula_is_tested():
    assert set(CASES) | {"bybit_inverse_cross_2020"} == set(FORMULAS)


@given(side=side, entry=entry_price, q=usd, lev=leverage, m=rate, f=fee)
def test_bybit_inverse_cross_takes_the_fee_at_the_bankruptcy_price(side, entry, q, lev, m, f):
    sign = 1 if side == "long" else -1
    held = q / entry / lev
    assume(held > 1.5 * (m + 2 * f) * q / entry)
    bankrupt = (1 + sign * f) * q / (q / entry + sign * held)  # the page's formula
    expected = first_breach(
        "inverse", side, q, entry, held, lambda p: m * q / entry + f * q / bankrupt
    )
    got = liquidation_price(
        made("inverse", "inverse", "bybit_inverse_cross_2020"),
        side=side,
        entry_price=entry,
        quantity=q,
        wallet_balance=held,
        maintenance_margin_rate=m,
        fee=f,
    )
    assert float(got) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("side", SIDES)
def test_bybit_inverse_2026_added_margin_is_divided_by_one_plus_fee(side):
    # The page's formula, typed out: 60,000 USD at 50,000, 10x, 0.05 BTC added, fee 0.06 %.
    got = liquidation_price(
        load_contract("bybit:BTCUSD"),
        side=side,
        entry_price=50_000,
        quantity=60_000,
        leverage=10,
        margin=0.12 + 0.05,
        at="2026-06-01",
        fee=0.0006,
    )
    if side == "long":
        expected = 60_000 * (0.005 + 1) / (1.2 + 0.12 + 0.05 / 1.0006)
    else:
        expected = 60_000 * (1 - 0.005) / (1.2 - 0.12 - 0.05 / 0.9994)
    assert float(got) == pytest.approx(expected, rel=1e-12)


BINANCE = load_contract("binance:BTCUSDT")
ROWS = [(t.cap, t.maintenance_rate) for t in BINANCE.tiers[-1].tiers]


@given(side=side, entry=st.floats(20_000, 1e5), notional=st.floats(1e3, 5e8), lev=st.floats(1, 5))
def test_binance_brackets_charge_each_part_of_the_position_at_its_own_rate(
    side, entry, notional, lev
):
    # The requirement is summed bracket by bracket, so the tier at the liquidation price and the
    # cumulative amounts are both tested.
    q = notional / entry
    held = notional / lev
    assume(held > 1.1 * marginal(notional, ROWS))
    expected = first_breach("linear", side, q, entry, held, lambda p: marginal(q * p, ROWS))
    got = liquidation_price(BINANCE, side=side, entry_price=entry, quantity=q, margin=held)
    assert float(got) == pytest.approx(expected, rel=1e-8, abs=1e-6)


COINM = load_contract("binance:BTCUSD_PERP")
COIN_ROWS = [(t.cap, t.maintenance_rate) for t in COINM.tiers[-1].tiers]


@given(entry=st.floats(20_000, 1e5), coins=st.floats(0.01, 250), lev=st.floats(3, 8), side=side)
def test_binance_coin_margined_brackets(entry, coins, lev, side):
    q, held = coins * entry, coins / lev
    assume(held > 1.1 * marginal(coins, COIN_ROWS))
    expected = first_breach("inverse", side, q, entry, held, lambda p: marginal(q / p, COIN_ROWS))
    got = liquidation_price(COINM, side=side, entry_price=entry, quantity=q, margin=held)
    assert float(got) == pytest.approx(expected, rel=1e-8)


@given(entry=st.floats(1_000, 1e5), coins=st.floats(0.1, 400), lev=st.floats(1.5, 20), side=side)
def test_deribit_maintenance_grows_with_the_position_in_coin(entry, coins, lev, side):
    contract = load_contract("deribit:BTC-PERPETUAL")
    q, held = coins * entry, coins / lev

    def need(price):
        size = q / price
        return (0.01 + 0.00005 * size) * size

    assume(held > 1.1 * need(entry))
    expected = first_breach("inverse", side, q, entry, held, need)
    got = liquidation_price(contract, side=side, entry_price=entry, quantity=q, margin=held)
    assert float(got) == pytest.approx(expected, rel=1e-7)
    back = margin_from_liquidation_price(
        contract, side=side, entry_price=entry, quantity=q, liquidation_price=expected
    )
    assert float(back) == pytest.approx(held, rel=1e-6)


def test_dydx_formula_of_its_documentation():
    # (e - s p) / (|s| MMF - s) with s signed; other positions' requirement is taken off e.
    e, s, p, mmf, other = 5000.0, -0.2, 60_000.0, 0.012, 700.0
    got = liquidation_price(
        load_contract("dydx:BTC-USD"),
        side="short",
        entry_price=p,
        quantity=0.2,
        wallet_balance=e,
        maintenance_other=other,
    )
    assert float(got) == pytest.approx((e - other - s * p) / (abs(s) * mmf - s), rel=1e-12)


@pytest.mark.parametrize("side", SIDES)
def test_hyperliquid_formula_of_its_documentation(side):
    # price - side * margin_available / size / (1 - l * side), l = 1 / (2 * maximum leverage),
    # from the mark: isolated margin there includes unrealised profit.
    s, entry, mark, size, collateral, low = (
        (1 if side == "long" else -1),
        3000.0,
        3100.0,
        4.0,
        1500.0,
        1 / (2 * 25),
    )
    at_mark = collateral + s * size * (mark - entry)
    expected = mark - s * (at_mark - mark * size * low) / size / (1 - low * s)
    got = liquidation_price(
        load_contract("hyperliquid:ETH"),
        side=side,
        entry_price=entry,
        quantity=size,
        margin=collateral,
    )
    assert float(got) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("side", SIDES)
def test_okx_inverse_formula(side):
    # F N (m + f + 1) / (W + F N / E) for a long, F N (m + f - 1) / (W - F N / E) for a short.
    face, n, entry, w, m, f = 100.0, 50, 40_000.0, 0.02, 0.004, 0.0005
    expected = (
        face * n * (m + f + 1) / (w + face * n / entry)
        if side == "long"
        else face * n * (m + f - 1) / (w - face * n / entry)
    )
    got = liquidation_price(
        load_contract("okx:BTC-USD-SWAP"),
        side=side,
        entry_price=entry,
        quantity=face * n,
        margin=w,
        maintenance_margin_rate=m,
    )
    assert float(got) == pytest.approx(expected, rel=1e-12)


def test_bitmex_linear_position_sample():
    # ETHUSDT 2022, long at 1963.0045, 0.02 ETH, 3x: posMaint 435,787e-6 USDT at m 1 %, taker
    # .05 %, funding .01 %; liquidation 1328.49 (printed 1328.5), bankruptcy 1308.7.
    contract = load_contract("bitmex:ETHUSDT")
    entry, q = 1963.0045, 0.02
    due = 0.0001 * entry * q
    price = liquidation_price(
        contract,
        side="long",
        entry_price=entry,
        quantity=q,
        leverage=3,
        maintenance_margin_rate=0.01,
        accrued_funding=due,
    )
    assert float(price) == pytest.approx(1328.49, abs=0.02)
    assert (0.01 + 2 * 0.0005) * entry * q + due == pytest.approx(0.435787, abs=1e-6)
    broke = bankruptcy_price(contract, side="long", entry_price=entry, quantity=q, leverage=3)
    assert float(broke) == pytest.approx(1308.7, abs=0.05)


@pytest.mark.parametrize("side", SIDES)
def test_bitmex_inverse_support_formula(side):
    # BP = E / (1 + s (1/L - 2f)); LP = BP + s E (m + funding), the latter to first order.
    s, entry, lev, f, m, funding = (
        (1 if side == "long" else -1),
        30_000.0,
        50,
        0.00075,
        0.0035,
        1e-4,
    )
    xbt, q = load_contract("bitmex:XBTUSD"), 1000.0
    broke = bankruptcy_price(
        xbt, side=side, entry_price=entry, quantity=q, leverage=lev, at="2021-08-01"
    )
    assert float(broke) == pytest.approx(entry / (1 + s * (1 / lev - 2 * f)), rel=1e-12)
    price = liquidation_price(
        xbt,
        side=side,
        entry_price=entry,
        quantity=q,
        leverage=lev,
        accrued_funding=funding * q / entry,
        at="2021-08-01",
    )
    assert float(price) == pytest.approx(float(broke) + s * entry * (m + funding), rel=3e-4)


def test_bankruptcy_prices():
    linear, inverse = load_contract("bybit:BTCUSDT"), load_contract("bybit:BTCUSD")
    for side_, s in (("long", 1), ("short", -1)):
        args = {"side": side_, "entry_price": 8000.0}
        f = 0.0006
        assert float(bankruptcy_price(linear, quantity=2, leverage=10, **args)) == pytest.approx(
            8000 * (1 - s / 10)
        )
        assert float(
            bankruptcy_price(linear, quantity=2, leverage=10, fee=f, **args)
        ) == pytest.approx(8000 * (1 - s / 10) / (1 - s * f))
        assert float(bankruptcy_price(inverse, quantity=2, leverage=10, **args)) == pytest.approx(
            8000 / (1 + s / 10)
        )
    # Bybit help centre 2020, inverse cross: 5718.57 for 0.5 BTC, 10,000 contracts at 8,000.
    got = bankruptcy_price(
        inverse, side="long", entry_price=8000, quantity=10_000, wallet_balance=0.5, fee=0.00075
    )
    assert float(got) == pytest.approx(5718.57, abs=0.005)
