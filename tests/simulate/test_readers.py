"""Traders who act on a published map: nothing without them, and what each behaviour does."""

import dataclasses
import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liqbayes.errors import InputError
from liqbayes.simulate import (
    MarketConfig,
    PublishedMap,
    ReaderConfig,
    market_preset,
    simulate_market,
)
from liqbayes.simulate.book import (
    ANCHOR,
    CAP,
    COLLATERAL,
    ENTRY,
    EXIT_LEFT,
    INITIAL,
    LEVEL,
    MAINTENANCE,
    READER,
    SIZE,
    STOP,
    TARGET,
    WISH,
    empty_book,
    rules_of,
)
from liqbayes.simulate.chart import CELL, Chart, blank_chart, read_map
from liqbayes.simulate.positions import liquidation_level, refresh
from liqbayes.simulate.readers import (
    avoiding_margin,
    dense_run,
    pass_cells,
    place_stop,
    pull_of,
    take_profits,
    target_of,
)
from liqbayes.simulate.seeding import desk_of

TIERS = np.array([[np.inf], [0.004], [0.0], [0.008]])
assert (CAP, MAINTENANCE, INITIAL) == (0, 1, 3)
RULES = rules_of(MarketConfig(), rho=0.5, target=1e5, orientation=1)
PRICE = 100.0


def tiny(small_flow, **changes):
    given_ = {"bars": 120, "flow": small_flow, "warmup_days": 2} | changes
    return market_preset(**given_)


def digest(market):
    parts = (market.panel.content_hash, market.positions.to_csv(), market.bars.to_csv())
    text = "".join((*parts, repr(market.truth), repr(market.config.to_dict())))
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module")
def nobody(small_flow):
    return simulate_market(tiny(small_flow), 5)


def test_maps_that_nobody_reads_change_nothing(small_flow, nobody):
    seen = []

    def publish(panel):
        seen.append(panel)
        return PublishedMap(np.array([1.0, 2e6]), np.ones((2, 1)))

    config = tiny(small_flow, readers=ReaderConfig(first_hours=48, every_hours=12))
    market = simulate_market(config, 5, publish=publish)
    assert digest(market) == digest(nobody)
    assert [p.n_bars for p in seen] == [48, 60, 72, 84, 96, 108]
    assert [p.bars for p in market.publications] == [48, 60, 72, 84, 96, 108]


def test_settings_of_absent_readers_are_not_settings():
    plain = MarketConfig().to_dict()
    assert "readers" not in plain
    assert MarketConfig(readers=ReaderConfig(every_hours=5)).to_dict() == plain
    assert MarketConfig(readers=ReaderConfig(share=0.1)).to_dict()["readers"]["share"] == 0.1


@pytest.mark.parametrize("contract", ["binance:BTCUSDT", "binance:BTCUSD_PERP"])
def test_publisher_sees_the_beginning_of_the_panel_without_the_feed(small_flow, contract):
    seen = []

    def publish(panel):
        seen.append(panel.to_frame())
        return PublishedMap(np.array([1.0, 2e6]), np.ones((2, 1)))

    readers = ReaderConfig(share=0.5, first_hours=24, every_hours=24)
    market = simulate_market(
        tiny(small_flow, readers=readers, contract=contract), 5, publish=publish
    )
    whole = market.panel.to_frame().drop(columns=["long_liquidations", "short_liquidations"])
    for frame in seen:
        known = whole.iloc[: len(frame)]
        pd.testing.assert_frame_equal(
            frame.dropna(axis=1, how="all"), known.dropna(axis=1, how="all"), check_freq=False
        )
    assert [len(frame) for frame in seen] == [24, 48, 72, 96]


@pytest.mark.parametrize("contract", ["binance:BTCUSDT", "binance:BTCUSD_PERP"])
def test_the_true_map_is_the_book(small_flow, contract):
    config = tiny(small_flow, readers=ReaderConfig(every_hours=24), contract=contract)
    market = simulate_market(config, 5, publish="true", keep_levels=True)
    for each in market.publications:
        time = market.levels["time"].unique()[each.bars - 1]
        now = market.levels[market.levels["time"] == time]
        for j, side in enumerate(("long", "short")):
            own = now[now["side"] == side]
            inside = (own["price"] > each.book.edges[0]) & (own["price"] < each.book.edges[-1])
            # funding is settled in between and moves levels by little: some cross an end
            held = own["amount"][inside].sum()
            assert each.book.amount[j].sum() == pytest.approx(held, rel=5e-3)
            assert each.book.amount[j].sum() < each.open_interest
        assert each.shown is each.book


@pytest.mark.parametrize("behaviour", ["stops", "front-running", "avoidance"])
def test_readers_keep_the_accounts(small_flow, nobody, behaviour):
    readers = ReaderConfig(share=0.6, behaviour=(behaviour,), first_hours=24)
    market = simulate_market(tiny(small_flow, readers=readers), 5, publish="true")
    again = simulate_market(tiny(small_flow, readers=readers), 5, publish="true")
    assert digest(market) == digest(again) != digest(nobody)
    bars = market.bars
    np.testing.assert_allclose(bars["long_open_interest"], bars["short_open_interest"], rtol=1e-9)
    for side in ("long", "short"):
        flows = bars[f"{side}_opened"] - bars[f"{side}_closed"] - bars[f"{side}_liquidations"]
        change = bars[f"{side}_open_interest"] - bars[f"{side}_open_interest_before"]
        np.testing.assert_allclose(change, flows, atol=1e-6 * market.truth["open_interest"])
    frame = market.panel.to_frame()
    assert (frame["taker_buy_volume"] <= frame["volume"] * (1 + 1e-12)).all()
    assert (frame["taker_buy_volume"] >= 0).all()
    # before the first map nothing is different
    before = nobody.bars.iloc[:24]
    pd.testing.assert_frame_equal(market.bars.iloc[:24], before)


def test_readers_need_a_map(small_flow):
    config = tiny(small_flow, readers=ReaderConfig(share=0.2))
    with pytest.raises(InputError, match=r"readers\.share=0\.2, but no map is published"):
        simulate_market(config, 1)
    with pytest.raises(InputError, match="publish='trve' is not possible"):
        simulate_market(config, 1, publish="trve")


def test_bad_settings_and_maps_are_named():
    with pytest.raises(InputError, match=r"readers\.share=0\.95"):
        ReaderConfig(share=0.95)
    with pytest.raises(InputError, match=r"behaviour=.*front-running"):
        ReaderConfig(behaviour=("herding",))
    with pytest.raises(InputError, match="behaviour="):
        ReaderConfig(behaviour=())
    with pytest.raises(InputError, match="reach="):
        ReaderConfig(reach=0.2, window=0.1)
    with pytest.raises(InputError, match="edges"):
        PublishedMap(np.array([1.0, 2.0]), np.ones((2, 3)))
    with pytest.raises(InputError, match="ascend"):
        PublishedMap(np.array([2.0, 1.0]), np.ones((2, 1)))
    for bad in (np.nan, -1.0):
        with pytest.raises(InputError, match="none unknown"):
            PublishedMap(np.array([1.0, 2.0]), np.full((2, 1), bad))


def chart_with(row, first, last, *, does=(1.0, 1.0, 1.0), reach=0.03):
    """A chart around PRICE, 40 cells a side, whose cells `first` to `last` of a row are dense."""
    dense = np.zeros((2, 80))
    dense[row, first : last + 1] = 1
    grid = np.array([np.log(PRICE) - 40 * CELL, CELL, reach, *does])
    return Chart(10 * dense + 1, dense, grid, np.zeros((2, 2)))


def cell(price):
    return int(np.floor((np.log(price) - np.log(PRICE)) / CELL)) + 40


@settings(max_examples=80, deadline=None)
@given(
    row=st.integers(0, 1),
    first=st.integers(0, 38),
    length=st.integers(0, 12),
    share=st.floats(0.05, 0.9),
    margin=st.floats(0.02, 0.3),
)
def test_stops_leave_dense_cells_for_the_nearer_end(row, first, length, share, margin):
    sign = 1.0 - 2.0 * row
    cells = (
        (first, min(first + length, 38))
        if row == 0
        else (41 + 38 - min(first + length, 38), 41 + 38 - first)
    )
    chart = chart_with(row, *cells)
    book = empty_book(1)
    book[SIZE, row, 0], book[READER, row, 0] = 1.0, 1.0
    book[ENTRY, row, 0] = book[ANCHOR, row, 0] = PRICE
    book[COLLATERAL, row, 0] = margin * PRICE
    book[STOP, row, 0] = book[WISH, row, 0] = share
    refresh(book, row, 0, sign, TIERS, RULES)
    level = book[LEVEL, row, 0]
    wish = level + share * (PRICE - level)
    low, high = dense_run(chart, row, wish)
    place_stop(book, row, 0, sign, PRICE, chart, TIERS, RULES)
    stop = level + book[STOP, row, 0] * (PRICE - level)
    if high == 0:
        assert stop == pytest.approx(wish, rel=1e-12)
        return
    ends = [low, high]
    possible = [e for e in ends if sign * (PRICE - e) > 0 and sign * (e - level) > 0]
    assert sign * (PRICE - stop) > 0 and sign * (stop - level) > 0
    assert chart.dense[row, cell(stop)] == 0 or not possible
    nearest = min(abs(e - wish) for e in ends)
    if len(possible) == 2:
        assert abs(stop - wish) == pytest.approx(nearest, rel=1e-6, abs=1e-6)


@settings(max_examples=80, deadline=None)
@given(
    row=st.integers(0, 1),
    first=st.integers(0, 38),
    length=st.integers(0, 12),
    margin=st.floats(0.01, 0.12),
)
def test_avoiding_traders_put_their_level_outside(row, first, length, margin):
    sign = 1.0 - 2.0 * row
    last = min(first + length, 38)
    chart = chart_with(row, first, last) if row == 0 else chart_with(row, 79 - last, 79 - first)
    level = liquidation_level(sign, 1.0, PRICE, margin * PRICE, TIERS)
    low, high = dense_run(chart, row, level)
    found = avoiding_margin(row, sign, 1.0, PRICE, margin, 0.008, chart, TIERS)
    moved = liquidation_level(sign, 1.0, PRICE, found * PRICE, TIERS)
    if high == 0:
        assert found == margin
        return
    assert found >= 0.008
    assert dense_run(chart, row, moved) == (0.0, 0.0)
    assert min(abs(moved / low - 1), abs(moved / high - 1)) < 1e-9
    off = blank_chart()
    assert avoiding_margin(row, sign, 1.0, PRICE, margin, 0.008, off, TIERS) == margin


def test_front_runners_look_at_what_is_near_and_unswept():
    log_price = np.log(PRICE)
    chart = chart_with(1, 44, 46)
    assert 0 < pull_of(chart, log_price) < 1
    # row 0 buys and sells at the lower end of the cells above; row 1 has nothing to run to
    assert target_of(chart, 0, log_price) == pytest.approx(PRICE * np.exp(4 * CELL))
    assert target_of(chart, 1, log_price) == 0
    mirrored = chart_with(0, 33, 35)
    assert pull_of(mirrored, log_price) == pytest.approx(-pull_of(chart, log_price))
    assert target_of(mirrored, 1, log_price) == pytest.approx(PRICE * np.exp(-4 * CELL))
    assert pull_of(chart_with(1, 60, 62), log_price) == 0, "beyond reach"
    assert pull_of(chart_with(1, 44, 46, does=(1.0, 0.0, 1.0)), log_price) == 0
    pass_cells(chart, PRICE, PRICE * np.exp(5 * CELL))
    assert target_of(chart, 0, log_price) == pytest.approx(PRICE * np.exp(5 * CELL))
    pass_cells(chart, PRICE * np.exp(-0.05), PRICE * np.exp(8 * CELL))
    assert pull_of(chart, log_price) == 0
    assert chart.amount[0, 30:].sum() == 0 and chart.amount[0, :19].min() == 1


def test_front_runners_sell_at_their_target():
    book = empty_book(4)
    book[SIZE, :, :2] = 3.0
    book[TARGET, 0, 0], book[TARGET, 1, 1] = 101.0, 99.0
    desk = desk_of(book, (2, 2), 1)
    chart = chart_with(1, 44, 46)
    take_profits(desk, chart, 99.5, 100.5)
    assert book[EXIT_LEFT].sum() == 0
    take_profits(desk, chart, 99.5, 101.0)
    assert book[EXIT_LEFT, 0, 0] == 3.0 and book[TARGET, 0, 0] == 0
    assert book[EXIT_LEFT].sum() == 3.0 and chart.flow[1, 0] == 3.0


def test_a_map_is_read_alike_in_reciprocal_prices():
    rng = np.random.default_rng(1)
    edges = PRICE * np.exp(np.linspace(-0.2, 0.2, 161))
    amount = rng.gamma(1.0, size=(2, 160))
    config = ReaderConfig(share=0.1)
    linear = read_map(PublishedMap(edges, amount), PRICE, 1, config)
    inverse = read_map(PublishedMap(edges, amount), PRICE, -1, config)
    np.testing.assert_allclose(inverse.amount, linear.amount[::-1, ::-1], atol=1e-12)
    np.testing.assert_array_equal(inverse.dense, linear.dense[::-1, ::-1])
    assert linear.dense.sum(axis=1).tolist() == [8, 8]
    # only levels on the adverse side of the price, and all of them
    inside = (edges[:-1] >= PRICE * np.exp(-0.1) - 1e-9) & (edges[1:] <= PRICE + 1e-9)
    assert linear.amount[0].sum() == pytest.approx(amount[0, inside].sum())
    nothing = read_map(PublishedMap(edges, 0 * amount), PRICE, 1, config)
    assert nothing.dense.sum() == 0


def test_front_running_buys_towards_a_cluster(small_flow):
    """With all of the map above the price, readers are long and take: price rises by impact."""
    edges = 60_000 * np.exp(CELL * np.arange(-400, 401))
    amount = np.zeros((2, 800))
    amount[1] = 1.0

    def above(panel):
        return PublishedMap(edges, amount)

    price = dataclasses.replace(market_preset().price, impact=1.0)
    moves, bought = {}, {}
    for share in (0.0, 0.9):
        readers = ReaderConfig(
            share=share, behaviour=("front-running",), first_hours=3, every_hours=1
        )
        config = tiny(small_flow, readers=readers, price=price)
        found = [simulate_market(config, seed, publish=above) for seed in (5, 6)]
        moves[share] = np.mean([np.log(m.truth["mark_price"] / 60_000) for m in found])
        bought[share] = np.mean(
            [(m.panel.values("taker_buy_volume") / m.panel.values("volume")).mean() for m in found]
        )
    assert moves[0.9] > moves[0.0] and bought[0.9] > bought[0.0]
