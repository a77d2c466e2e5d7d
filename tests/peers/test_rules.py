"""The peers' rules against slow restatements, known values and the arrow of time."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liqbayes
from liqbayes.errors import InputError
from liqbayes.panel import MarketPanel
from liqbayes.peers import RULES, rule_map, swept
from liqbayes.peers.oi_flow import level_prices
from liqbayes.peers.trades import LEVERAGES, window_bars
from tests.peers.markets import market

DRAWN = [rule for rule in RULES if rule != "fixed-mix"]


def slow_trades(panel: MarketPanel, t: int, window: int) -> list[list[tuple[float, float]]]:
    """The map of py-liquidation-map at the close of bar t, one trade and leverage at a time."""
    p = {name: panel.values(name) for name in panel.columns}
    last = p["close"][t]
    out: list[list[tuple[float, float]]] = [[], []]
    for s in range(max(0, t - window + 1), t + 1):
        price = (p["open"][s] + p["high"][s] + p["low"][s] + p["close"][s]) / 4
        bought = p["taker_buy_volume"][s]
        for j, size in enumerate((bought, p["volume"][s] - bought)):
            if size * price < 100_000:
                continue
            for leverage in LEVERAGES:
                level = price * (1 - 1 / leverage if j == 0 else 1 + 1 / leverage)
                if level <= last if j == 0 else level >= last:
                    out[j].append((level, size))
    return out


def slow_flow(panel: MarketPanel, corrected: bool):
    """The heatmap of positions, one position at a time, as its authors wrote it."""
    p = {name: panel.values(name) for name in panel.columns}
    split = {5: 0.15, 10: 0.30, 25: 0.25, 50: 0.20, 100: 0.10}
    held: list[list] = []  # side, level, size
    gone = np.zeros((2, panel.n_bars))
    maps = []
    for t in range(panel.n_bars):
        kept = []
        for side, level, size in held:
            if (side == 0 and p["low"][t] <= level) or (side == 1 and p["high"][t] >= level):
                gone[side, t] += size
            else:
                kept.append([side, level, size])
        held = kept
        delta = p["open_interest"][t] - p["open_interest"][t - 1] if t else 0.0
        if delta > 0:
            side = 1 if p["close"][t] < p["open"][t] else 0
            for leverage, weight in split.items():
                entry, sign = p["close"][t], -1 if side == 0 else 1
                level = entry * (1 + sign / leverage - sign * 0.004 / leverage)
                if corrected:
                    level = entry * (1 + sign / leverage) / (1 + sign * 0.004)
                held.append([side, level, delta * weight])
        if delta < 0:
            total = sum(size for _, _, size in held)
            for position in held if total > 0 else ():
                position[2] *= 1 - min(-delta / total, 1.0)
        maps.append([(side, level, size) for side, level, size in held])
    return gone, maps


@pytest.mark.parametrize("corrected", [False, True])
@settings(max_examples=8)
@given(seed=st.integers(0, 10_000))
def test_oi_flow_equals_one_position_at_a_time(corrected: bool, seed: int) -> None:
    panel = market(seed)
    rule = "oi-flow-corrected" if corrected else "oi-flow"
    gone, maps = slow_flow(panel, corrected)
    found = swept(panel, rule)
    np.testing.assert_allclose(found[:, 1:], gone[:, 1:], rtol=1e-9, atol=1e-9)
    drawn = rule_map(panel, rule)
    for j in (0, 1):
        totals = [sum(size for side, _, size in each if side == j) for each in maps]
        np.testing.assert_allclose(drawn.totals()[j], totals, rtol=1e-9, atol=1e-9)
    last = (drawn.snapshot == panel.n_bars - 1) & (drawn.amount > 0)
    ours = sorted(zip(drawn.side[last], drawn.price[last], strict=True))
    theirs = sorted((side, level) for side, level, size in maps[-1] if size > 0)
    np.testing.assert_allclose(ours, theirs)


@settings(max_examples=8)
@given(seed=st.integers(0, 10_000), window=st.sampled_from([1, 5, 200]))
def test_trades_equal_one_trade_at_a_time(seed: int, window: int) -> None:
    from liqbayes.peers import trades

    panel = market(seed, 40)
    found = trades.swept(panel, window_hours=window)
    drawn = trades.levels(panel, np.arange(panel.n_bars), window_hours=window)
    low, high = panel.values("low"), panel.values("high")
    for t in range(panel.n_bars):
        held = slow_trades(panel, t, window)
        for j in (0, 1):
            mine = (drawn.snapshot == t) & (drawn.side == j) & (drawn.amount > 0)
            np.testing.assert_allclose(
                np.sort(drawn.price[mine]), np.sort([level for level, _ in held[j]])
            )
            np.testing.assert_allclose(drawn.amount[mine].sum(), sum(a for _, a in held[j]))
            if t + 1 < panel.n_bars:
                taken = sum(
                    a for x, a in held[j] if (x >= low[t + 1] if j == 0 else x <= high[t + 1])
                )
                assert found[j, t + 1] == pytest.approx(taken)


def test_a_trade_counts_once_a_leverage() -> None:
    panel = market(1, 3)
    drawn = rule_map(panel, "py-liquidation-map")
    first = drawn.snapshot == 0
    # all four levels of both sides stand, because price has not moved ten per cent in a bar
    bought = panel.values("taker_buy_volume")[0]
    assert drawn.amount[first & (drawn.side == 0)].sum() == pytest.approx(4 * bought, rel=0.3)


def test_published_and_corrected_levels() -> None:
    published = level_prices(100.0, 0, corrected=False)
    assert published[1] == pytest.approx(90.04)
    exact = level_prices(100.0, 0, corrected=True)
    assert exact[1] == pytest.approx(90.3614, abs=1e-4)
    for leverage, level in zip((5, 10, 25, 50, 100), exact, strict=True):
        assert 100 / leverage + level - 100 == pytest.approx(0.004 * level)
    for leverage, level in zip(
        (5, 10, 25, 50, 100), level_prices(100.0, 1, corrected=True), strict=True
    ):
        assert 100 / leverage + 100 - level == pytest.approx(0.004 * level)
    for side, sign in ((0, 1.0), (1, -1.0)):
        for leverage, level in zip(
            (5, 10, 25, 50, 100),
            level_prices(100.0, side, corrected=True, kind="inverse"),
            strict=True,
        ):
            equity = 0.01 / leverage + sign * (0.01 - 1 / level)
            assert equity == pytest.approx(0.004 / level)


@pytest.mark.parametrize("rule", RULES)
def test_a_bar_sweeps_only_what_was_drawn_before_it(rule: str) -> None:
    panel = market(5, 80)
    whole = swept(panel, rule)
    cut = swept(panel.slice(until=panel.time[50]), rule)
    np.testing.assert_allclose(cut[:, 1:], whole[:, 1:50])
    # its own volume and its own change of open interest do not matter to what a bar sweeps
    frame = panel.to_frame()
    frame.iloc[50, frame.columns.get_loc("volume")] *= 3
    frame.iloc[50, frame.columns.get_loc("open_interest")] *= 1.5
    changed = swept(MarketPanel.from_frame(frame, "binance:BTCUSDT"), rule)
    np.testing.assert_allclose(changed[:, 1:51], whole[:, 1:51])
    assert np.nanmax(np.abs(changed[:, 51:] - whole[:, 51:])) > 0
    assert np.isnan(whole[:, 0]).all() and (whole[:, 1:] >= 0).all()


@pytest.mark.parametrize("rule", DRAWN)
def test_an_unknown_bar_is_unknown_and_not_none(rule: str) -> None:
    frame = market(2).to_frame()
    frame.iloc[20] = np.nan
    panel = MarketPanel.from_frame(frame, "binance:BTCUSDT")
    found = swept(panel, rule)
    assert np.isnan(found[:, 20:22]).all()
    assert np.isfinite(found[:, 1:20]).all() and np.isfinite(found[:, 22:]).all()


def test_fixed_mix_is_the_shipped_model() -> None:
    panel = market(3)
    fit = liqbayes.fit("fixed-mix", panel)
    flows = liqbayes.realised_liquidations(fit)["quantity"].to_numpy()[0, 0]
    # the model's liquidations add what each bar opens and liquidates itself
    assert (swept(panel, "fixed-mix")[:, 1:] <= flows[:, 1:] + 1e-3).all()


def test_half_the_volume_without_takers_is_said() -> None:
    panel = market(0).without("taker_buy_volume")
    assert "half" in rule_map(panel, "py-liquidation-map").notes[0]


def test_errors_name_the_remedy() -> None:
    panel = market(0)
    with pytest.raises(InputError, match=r"oi-flow.*fixed-mix"):
        swept(panel, "magnet")
    with pytest.raises(InputError, match="open_interest"):
        swept(panel.without("open_interest"), "oi-flow")
    with pytest.raises(InputError, match="every"):
        rule_map(panel, "oi-flow", every=0)


def test_windows_are_whole_bars() -> None:
    from liqbayes.peers.bars import Bars

    bars = Bars.of(market(0, 30))
    assert [window_bars(bars, hours) for hours in (0.1, 5.0, 1e6)] == [1, 5, 30]


@pytest.mark.devdata
@pytest.mark.parametrize("rule", RULES)
def test_rules_on_real_hours(rule: str, dev_data: Path) -> None:
    panel = liqbayes.read_panel(dev_data / "binance_btcusdt_1h.parquet", contract="binance:BTCUSDT")
    found = swept(panel, rule)
    assert np.isfinite(found[:, 1:]).all() and (found[:, 1:] >= 0).all()
    assert (found > 0).any(axis=1).all()
