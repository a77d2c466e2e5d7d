"""Shipped contracts: names, units, dates, tables."""

import datetime as dt
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from liqbayes.contracts import (
    AggregateContract,
    Contract,
    contract_from_dict,
    list_contracts,
    load_contract,
    recurrence,
)
from liqbayes.errors import NotDeterminedError, UnknownContractError

REQUIRED = [
    "binance:BTCUSDT",
    "binance:ETHUSDT",
    "binance:SOLUSDT",
    "binance:BTCUSD_PERP",
    "binance:ETHUSD_PERP",
    "bybit:BTCUSDT",
    "bybit:ETHUSDT",
    "bybit:BTCUSD",
    "bybit:ETHUSD",
    "okx:BTC-USDT-SWAP",
    "okx:ETH-USDT-SWAP",
    "okx:BTC-USD-SWAP",
    "okx:ETH-USD-SWAP",
    "bitmex:XBTUSD",
    "bitmex:ETHUSDT",
    "hyperliquid:BTC",
    "hyperliquid:ETH",
    "hyperliquid:SOL",
    "dydx:BTC-USD",
    "dydx:ETH-USD",
    "deribit:BTC-PERPETUAL",
    "deribit:ETH-PERPETUAL",
    "gate:BTC_USDT",
    "gate:ETH_USDT",
    "aggregate:BTC",
    "aggregate:ETH",
]
SINGLE = [name for name in REQUIRED if not name.startswith("aggregate")]
TABLES = [(name, k) for name in SINGLE for k in range(len(load_contract(name).tiers))]


def test_the_list():
    assert list_contracts() == sorted(REQUIRED)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(UnknownContractError) as error:
        load_contract("binance:DOGEUSDT")
    for name in REQUIRED:
        assert name in str(error.value)


@pytest.mark.parametrize("name", SINGLE)
def test_units_and_sources(name):
    c = load_contract(name)
    assert isinstance(c, Contract) and c.name == name
    assert c.quantity_unit == (c.base if c.kind == "linear" else "USD")
    assert (c.settle == c.base) == (c.kind == "inverse")
    assert c.sources and all(rule.source for rule in c.formulas + c.fees + c.feed + c.tiers)
    assert c.ladder.note or c.ladder.source
    q, p = 3.0, np.array([100.0, 200.0])
    if c.kind == "linear":
        assert np.array_equal(c.to_quote(q, p), [300.0, 600.0])
        assert np.array_equal(c.to_base(q, p), [3.0, 3.0])
    else:
        assert np.array_equal(c.to_quote(q, p), [3.0, 3.0])
        assert np.array_equal(c.to_base(q, p), [0.03, 0.015])
    for unit in ("quote", "base", "contracts"):
        assert np.allclose(c.quantity_of_size(unit, c.size(unit, q, p), p), q)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("okx:BTC-USDT-SWAP", 0.01),
        ("okx:ETH-USDT-SWAP", 0.1),
        ("okx:BTC-USD-SWAP", 100),
        ("binance:BTCUSD_PERP", 100),
        ("binance:ETHUSD_PERP", 10),
        ("bitmex:XBTUSD", 1),
        ("bitmex:ETHUSDT", 1e-5),
        ("deribit:BTC-PERPETUAL", 10),
        ("deribit:ETH-PERPETUAL", 1),
        ("gate:BTC_USDT", 0.0001),
        ("bybit:BTCUSD", 1),
        ("binance:BTCUSDT", 1),
    ],
)
def test_contract_sizes(name, size):
    assert load_contract(name).contract_size == size


@pytest.mark.parametrize(("name", "k"), TABLES)
def test_cumulative_amounts_obey_the_recurrence(name, k):
    table = load_contract(name).tiers[k]
    if table.deductions != "cumulative":
        assert not table.amounts.any()
        return
    due = recurrence(table)
    assert np.allclose(table.amounts, due, rtol=1e-9, atol=1e-6)
    # ... which is what makes the margin continuous at every cap.
    for i, cap in enumerate(table.caps[:-1]):
        below = table.rates[i] * cap - table.amounts[i]
        above = table.rates[i + 1] * cap - table.amounts[i + 1]
        assert below == pytest.approx(above, rel=1e-9)


@pytest.mark.parametrize(("name", "k"), TABLES)
def test_maintenance_is_below_initial_margin(name, k):
    for tier in load_contract(name).tiers[k].tiers:
        if tier.maintenance_rate is not None and tier.max_leverage is not None:
            assert tier.maintenance_rate <= 1 / tier.max_leverage + 1e-12


def test_the_table_in_force_is_the_last_one_not_after_the_date():
    c = load_contract("binance:BTCUSDT")
    table, note = c.tier_table("2023-01-01")
    assert table.since == dt.datetime(2021, 3, 18, 9) and note is None
    assert table.tiers[1].cap == 250_000
    for at in (
        "2024-10-24",
        dt.date(2024, 10, 24),
        np.datetime64("2024-10-24"),
        pd.Timestamp("2024-10-24", tz="UTC"),
        pd.Timestamp("2024-10-24 02:00+02:00"),
    ):
        assert c.tier_table(at)[0].tiers[1].cap == 600_000
    assert c.tier_table("2021-03-18T08:59:59")[1] is not None
    assert c.tier_table("2021-03-18T09:00:00+00:00")[1] is None
    assert c.tier_table()[0] is c.tiers[-1]


def test_before_the_first_table_the_first_is_used_with_a_note():
    table, note = load_contract("binance:ETHUSDT").tier_table("2022-01-01")
    assert table.since == dt.datetime(2024, 10, 24)
    assert note is not None and "2024-10-24" in note and "2022-01-01" in note
    _, undated = load_contract("bybit:BTCUSDT").tier_table("2022-01-01")
    assert undated is not None and "does not date" in undated


def test_bitmex_history():
    xbt = load_contract("bitmex:XBTUSD")
    rates = {"2019-06-01": 0.005, "2020-04-20": 0.0045, "2020-07-01": 0.004, "2021-07-12": 0.0035}
    for at, rate in rates.items():
        assert xbt.tier_table(at)[0].tiers[0].maintenance_rate == rate
    # 200 XBT, then each step adds the base rate: 100 XBT steps, 150 since 2021-08-31 06:00.
    early, late = xbt.tier_table("2021-08-30")[0], xbt.tier_table("2021-09-01")[0]
    sizes = np.array([200.0, 200.5, 300.0, 300.5, 350.0, 350.5])
    assert early.steps(sizes).tolist() == [0, 1, 1, 2, 2, 2]
    assert late.steps(sizes).tolist() == [0, 1, 1, 1, 1, 2]
    assert xbt.fees_at("2019-01-01")[0].taker == 0.00075
    assert xbt.fees_at("2021-12-15")[0].taker == 0.0005
    assert xbt.taker_fee == 0.00075


def test_feed_regimes():
    b, y = load_contract("binance:BTCUSDT"), load_contract("bybit:BTCUSD")
    assert b.feed_at("2021-04-01").max_orders_per_second is None
    assert b.feed_at("2021-04-27").max_orders_per_second == 1.0
    assert b.feed_at("2010-01-01") is None
    assert [
        y.feed_at(at).max_orders_per_second for at in ("2021-08-01", "2023-01-01", "2025-03-01")
    ] == [None, 1.0, None]
    assert load_contract("hyperliquid:BTC").feed_at("2026-01-01").max_orders_per_second is None
    assert load_contract("okx:BTC-USDT-SWAP").feed_at("2026-01-01") is None


def test_cuts_of_leverage():
    """One rule for all contracts of a venue; aggregates have those of their large venues."""
    days = {
        name: [str(cap.since.date()) for cap in load_contract(name).leverage_caps]
        for name in REQUIRED
    }
    binance = ["2021-07-19", "2021-07-27"]
    for name, found in days.items():
        venue = name.split(":")[0]
        expected = {"binance": binance, "aggregate": ["2021-07-19", "2021-07-25", "2021-07-27"]}
        assert found == expected.get(venue, []), name
    for cap in load_contract("aggregate:BTC").leverage_caps:
        assert cap.max_leverage == 20.0 and cap.source and cap.note


def test_no_table_at_all():
    with pytest.raises(NotDeterminedError, match="maintenance_margin_rate="):
        load_contract("okx:BTC-USD-SWAP").tier_table()
    with pytest.raises(NotDeterminedError, match="pass fee="):
        load_contract("dydx:BTC-USD").fees_at()


@pytest.mark.parametrize("name", REQUIRED)
def test_json_round_trip(name):
    contract = load_contract(name)
    again = contract_from_dict(json.loads(json.dumps(contract.to_dict())))
    assert again == contract
    assert hash(again) == hash(contract)


def test_aggregate():
    a = load_contract("aggregate:BTC")
    assert isinstance(a, AggregateContract)
    assert (a.kind, a.quantity_unit, a.quote_unit) == ("aggregate", "USD", "USD")
    assert [leg.quantity_unit for leg in a.legs] == ["BTC", "USD"]
    assert (a.linear, a.inverse) == a.legs
    assert np.array_equal(a.to_base(10.0, [2.0, 5.0]), [5.0, 2.0])
    assert np.array_equal(a.to_quote(10.0, [2.0, 5.0]), [10.0, 10.0])
    assert a.feed_at() is None and a.taker_fee is None
    with pytest.raises(NotDeterminedError):
        a.tier_table()


def test_import_is_light():
    code = (
        "import sys, liqbayes.contracts;"
        "print([m for m in ('scipy','pandas','xarray','numba','pymc') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
