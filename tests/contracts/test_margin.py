"""What holds for liquidation prices of every kind, and what bad arguments are told."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from liqbayes.contracts import (
    FORMULAS,
    bankruptcy_price,
    leverage_from_liquidation_price,
    liquidation_price,
    load_contract,
    margin_from_liquidation_price,
)
from liqbayes.errors import InputError, NotDeterminedError
from tests.contracts.positions import equity, made, marginal

side = st.sampled_from(("long", "short"))
entry_price = st.floats(1.0, 1e5)
leverage = st.floats(1.5, 60.0)
rate = st.floats(0.001, 0.012)
fee = st.floats(0.0, 0.001)
usd = st.floats(10.0, 1e6)

BINANCE = load_contract("binance:BTCUSDT")
ROWS = [(t.cap, t.maintenance_rate) for t in BINANCE.tiers[-1].tiers]
COINM = load_contract("binance:BTCUSD_PERP")
# The other two are tested in test_formulas.py and test_vectors.py.
ISOLATED = sorted(set(FORMULAS) - {"inverse_size", "bybit_inverse_cross_2020"})


@pytest.mark.parametrize(
    "name", sorted(set(FORMULAS) - {"inverse_size", "bybit_inverse_cross_2020"})
)
@given(side=side, entry=entry_price, size=usd, lev=leverage, m=rate, f=fee)
def test_inverse_round_trip(name, side, entry, size, lev, m, f):
    formula = FORMULAS[name]
    contract = made(formula.kind, name)
    q = size / entry if formula.kind == "linear" else size
    args = {
        "side": side,
        "entry_price": entry,
        "quantity": q,
        "maintenance_margin_rate": m,
        "fee": f,
    }
    price = liquidation_price(contract, leverage=lev, **args)
    back = leverage_from_liquidation_price(contract, liquidation_price=price, **args)
    assert float(back) == pytest.approx(lev, rel=1e-7)
    held = margin_from_liquidation_price(contract, liquidation_price=price, **args)
    again = liquidation_price(contract, margin=held, **args)
    assert float(again) == pytest.approx(float(price), rel=1e-9)


ALL = [
    "binance:BTCUSDT",
    "binance:BTCUSD_PERP",
    "bybit:BTCUSDT",
    "bybit:BTCUSD",
    "okx:BTC-USDT-SWAP",
    "bitmex:XBTUSD",
    "hyperliquid:BTC",
    "dydx:BTC-USD",
    "deribit:BTC-PERPETUAL",
    "gate:BTC_USDT",
]


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=40)
@given(
    entry=st.floats(5_000, 90_000),
    notional=st.floats(10, 50_000),
    low=st.floats(1.2, 40),
    ratio=st.floats(1.01, 3),
)
def test_levels_lie_beyond_entry_and_nearer_with_more_leverage(name, entry, notional, low, ratio):
    contract = load_contract(name)
    q = notional / entry if contract.kind == "linear" else notional
    levs = np.array([low, min(low * ratio, 45.0)])
    assume(levs[1] > levs[0])
    top = contract.tier_table()[0].max_leverage(
        contract.size(contract.tier_table()[0].unit, q, entry),
        contract.to_base(q, entry),
        name=name,
    )
    assume(levs[1] < float(top))
    longs = liquidation_price(contract, side="long", entry_price=entry, quantity=q, leverage=levs)
    shorts = liquidation_price(contract, side="short", entry_price=entry, quantity=q, leverage=levs)
    assert np.all(longs < entry) and np.all(shorts > entry)
    assert longs[1] > longs[0]
    assert shorts[1] < shorts[0]


@given(entry=entry_price, lev=leverage, m=rate)
def test_mirror(entry, lev, m):
    # A linear long in price is an inverse short in 1/price, and the other way round.
    lin, inv = made("linear", "linear"), made("inverse", "inverse")
    for a, b in (("long", "short"), ("short", "long")):
        p = liquidation_price(
            lin, side=a, entry_price=entry, quantity=3.0, leverage=lev, maintenance_margin_rate=m
        )
        r = liquidation_price(
            inv,
            side=b,
            entry_price=1 / entry,
            quantity=3.0,
            leverage=lev,
            maintenance_margin_rate=m,
        )
        assert float(p) == pytest.approx(1 / float(r), rel=1e-9)
    # Entry-valued requirements are symmetric about entry.
    sym = made("linear", "linear_entry")
    pair = liquidation_price(
        sym,
        side=["long", "short"],
        entry_price=entry,
        quantity=1,
        leverage=lev,
        maintenance_margin_rate=m,
    )
    assert pair.sum() == pytest.approx(2 * entry)


def test_positions_that_no_price_liquidates():
    lin, inv = load_contract("binance:BTCUSDT"), load_contract("binance:BTCUSD_PERP")
    assert liquidation_price(lin, side="long", entry_price=100, quantity=1, margin=101) == 0.0
    assert liquidation_price(inv, side="short", entry_price=100, quantity=100, margin=1.1) == np.inf
    assert np.isfinite(
        liquidation_price(lin, side="short", entry_price=100, quantity=1, margin=500)
    )
    assert bankruptcy_price(lin, side="long", entry_price=100, quantity=1, leverage=1) == 0.0
    assert bankruptcy_price(inv, side="short", entry_price=100, quantity=1, leverage=1) == np.inf


def test_broadcasting_gives_the_scalar_results():
    sides, entries = np.array(["long", "short"]), np.array([[20_000.0], [60_000.0], [90_000.0]])
    q = np.array([0.5, 400.0])
    got = liquidation_price(BINANCE, side=sides, entry_price=entries, quantity=q, leverage=8)
    assert got.shape == (3, 2)
    for i in range(3):
        for j in range(2):
            one = liquidation_price(
                BINANCE, side=str(sides[j]), entry_price=entries[i, 0], quantity=q[j], leverage=8
            )
            assert np.ndim(one) == 0
            assert float(one) == got[i, j]
    lev = liquidation_price(BINANCE, side="long", entry_price=100, quantity=1, leverage=[2])
    assert lev.shape == (1,)
    grid = margin_from_liquidation_price(
        BINANCE,
        side="long",
        entry_price=100.0,
        quantity=1.0,
        liquidation_price=np.linspace(50, 90, 5),
    )
    assert grid.shape == (5,) and np.all(np.diff(grid) < 0)


def test_funding_paid_moves_the_level_towards_entry():
    base = {"side": "long", "entry_price": 100.0, "quantity": 10.0, "leverage": 10}
    before = liquidation_price(BINANCE, **base)
    after = liquidation_price(BINANCE, accrued_funding=3.0, **base)
    held = margin_from_liquidation_price(
        BINANCE,
        side="long",
        entry_price=100.0,
        quantity=10.0,
        liquidation_price=after,
        accrued_funding=3.0,
    )
    assert after > before
    assert float(held) == pytest.approx(100.0)


def test_equity_helper_agrees_with_the_formula_at_the_root():
    price = float(
        liquidation_price(BINANCE, side="short", entry_price=50_000, quantity=20, leverage=4)
    )
    assert equity("linear", "short", 20, 50_000, 250_000, price) == pytest.approx(
        marginal(20 * price, ROWS)
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"side": "buy"}, "^side='buy'; a side is 'long' or 'short'"),
        ({"entry_price": 0.0}, "entry_price must be above 0"),
        ({"entry_price": -1.0}, "entry_price must be above 0"),
        ({"entry_price": np.nan}, "entry_price must be finite"),
        ({"quantity": 0.0}, "quantity must be above 0"),
        ({"quantity": "many"}, "must be numeric"),
        ({"leverage": 126, "quantity": 0.5}, "leverage 126 is above the maximum 125"),
        ({"leverage": 100, "quantity": 100}, "above the maximum 50"),
        ({"leverage": -3}, "leverage must be above 0"),
        ({"quantity": 1e5}, "beyond the last margin tier"),
        ({"leverage": None}, "exactly one of"),
        ({"margin": 10.0}, "exactly one of"),
        ({"maintenance_other": 5.0}, "belong to cross margin"),
        ({"maintenance_amount": 5.0}, "give maintenance_margin_rate="),
        ({"maintenance_margin_rate": 0.4e2}, "must be a fraction"),
        ({"fee": -0.1}, "must be a fraction"),
        ({"at": "yesterday"}, "is no date"),
        ({"entry_price": [1.0, 2.0], "quantity": [1.0, 2.0, 3.0]}, "broadcast"),
    ],
)
def test_bad_arguments(change, message):
    args = {"side": "long", "entry_price": 60_000.0, "quantity": 1.0, "leverage": 10} | change
    with pytest.raises(InputError, match=message):
        liquidation_price(BINANCE, **args)


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("bybit:ETHUSDT", {"leverage": 10}, "pass maintenance_margin_rate="),
        ("bybit:ETHUSD", {"leverage": 10}, "pass maintenance_margin_rate="),
        ("binance:ETHUSD_PERP", {"leverage": 10}, "pass maintenance_margin_rate="),
        ("okx:BTC-USD-SWAP", {"leverage": 10}, "pass maintenance_margin_rate="),
        ("gate:ETH_USDT", {"leverage": 10}, "pass maintenance_margin_rate="),
        ("bitmex:ETHUSDT", {"leverage": 10}, "pass maintenance_margin_rate="),
        ("okx:BTC-USDT-SWAP", {"leverage": 10, "quantity": 11.0}, "not determined beyond 1,000"),
        ("okx:BTC-USDT-SWAP", {"wallet_balance": 10.0}, "cross-margin liquidation formula"),
        ("bybit:BTCUSDT", {"wallet_balance": 10.0}, "cross-margin liquidation formula"),
        (
            "bitmex:ETHUSDT",
            {"wallet_balance": 10.0, "maintenance_margin_rate": 0.01},
            "cross-margin liquidation formula",
        ),
        ("bybit:BTCUSD", {"wallet_balance": 10.0, "at": "2026-06-01"}, "cross-margin"),
        ("aggregate:BTC", {"leverage": 10}, "mixes venues"),
    ],
)
def test_what_is_not_determined_says_what_overrides_it(name, args, message):
    base = {"side": "long", "entry_price": 50_000.0, "quantity": 1.0}
    with pytest.raises(NotDeterminedError, match=message):
        liquidation_price(load_contract(name), **(base | args))


def test_an_override_replaces_what_is_not_determined():
    price = liquidation_price(
        load_contract("bybit:ETHUSDT"),
        side="long",
        entry_price=3000.0,
        quantity=1.0,
        leverage=10,
        maintenance_margin_rate=0.005,
    )
    assert float(price) == pytest.approx(3000 * (1 - 0.1 + 0.005))


def test_a_short_that_grows_beyond_the_known_tiers_is_not_determined():
    # 390 BTC are within the known brackets, but they would be more before the long is liquidated.
    with pytest.raises(NotDeterminedError, match="not determined beyond 400"):
        liquidation_price(COINM, side="long", entry_price=50_000, quantity=390 * 50_000, leverage=3)


@pytest.mark.parametrize("change", [{"mode": "portfolio"}, {"liquidation_price": 0.0}])
def test_bad_arguments_of_the_inverse(change):
    args = {"side": "long", "entry_price": 60_000.0, "quantity": 1.0, "liquidation_price": 5e4}
    with pytest.raises(InputError):
        margin_from_liquidation_price(BINANCE, **(args | change))


def test_something_that_is_no_contract():
    with pytest.raises(InputError, match="load_contract"):
        liquidation_price("binance:BTCUSDT", side="long", entry_price=1.0, quantity=1.0, leverage=2)
