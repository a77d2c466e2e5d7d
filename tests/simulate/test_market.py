"""Reproducibility, symmetry, magnitudes, resampling, effects of the settings."""

import dataclasses
import json
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from liqbayes.errors import InputError
from liqbayes.panel import read_panel
from liqbayes.simulate import (
    BehaviourConfig,
    FlowConfig,
    LeverageConfig,
    MarketConfig,
    PriceConfig,
    list_presets,
    market_preset,
    resample_market,
    simulate_market,
    write_simulation,
)


def test_importing_the_settings_loads_nothing_heavy():
    code = (
        "import sys, liqbayes.simulate; liqbayes.simulate.market_preset('crash'); "
        "print([m for m in ('numba', 'pandas', 'xarray', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def tiny(small_flow, **changes):
    settings = {"bars": 48, "flow": small_flow, "warmup_days": 2} | changes
    return market_preset(**settings)


def test_same_seed_same_market(small_flow):
    config = tiny(small_flow)
    first, again, other = (simulate_market(config, seed) for seed in (1, 1, 2))
    assert first.panel.content_hash == again.panel.content_hash
    pd.testing.assert_frame_equal(first.positions, again.positions)
    assert first.truth == again.truth
    assert first.panel.content_hash != other.panel.content_hash
    assert first.truth["rho"] != other.truth["rho"]


def test_magnitudes_of_the_default_market(default_market):
    frame, bars = default_market.panel.to_frame(), default_market.bars
    open_interest, volume = frame["open_interest"], frame["volume"]
    change = open_interest.diff().abs()
    assert 1.5 < 24 * volume.mean() / open_interest.mean() < 5
    assert 0.015 < (change / volume).median() < 0.05
    assert 0.001 < (change / open_interest).median() < 0.006
    assert 0.002 < np.log(frame["close"]).diff().std() < 0.01
    for side in ("long", "short"):
        daily = 24 / open_interest.mean()
        assert 0.0005 < daily * frame[f"{side}_liquidations"].mean() < 0.01
        assert 0.001 < daily * bars[f"{side}_liquidations"].mean() < 0.03
        assert 0.02 < (frame[f"{side}_liquidations"] == 0).mean() < 0.25
        risk = default_market.truth["at_risk"][side]
        assert 0.01 < risk["0.05"] < 0.06
        assert 0.05 < risk["0.1"] < 0.14
        assert 0.13 < risk["0.2"] < 0.33
        held = default_market.positions[default_market.positions["side"] == side]
        close = frame["close"].iloc[-1]
        effective = 1 / (held["liquidation_price"] / close - 1).abs()
        order = effective.fillna(1.0).sort_values().index
        share = held["size"][order].cumsum() / held["size"].sum()
        quantiles = [effective.fillna(1.0)[share[share >= q].index[0]] for q in (0.5, 0.95)]
        assert 1.5 < quantiles[0] < 4.5
        assert 8 < quantiles[1] < 40
    funding = frame["funding_rate"].dropna()
    assert len(funding) == 90
    assert (funding.abs() < 0.003).all()


def test_effective_positions_follow_the_setting():
    counts = {}
    for wanted in (20.0, 600.0):
        flow = FlowConfig(
            notional_open_interest=5e8, effective_positions=(wanted, wanted), size_ratio=30.0
        )
        markets = [
            simulate_market(market_preset(bars=24, flow=flow, warmup_days=5), seed)
            for seed in range(3)
        ]
        counts[wanted] = np.mean([m.truth["effective_positions"]["long"] for m in markets])
    for wanted, found in counts.items():
        assert wanted / 2.5 < found < wanted * 2.5


def test_leverage_can_be_set_far_from_the_default(small_flow):
    high = simulate_market(tiny(small_flow, leverage=market_preset("high-leverage").leverage), 1)
    low = simulate_market(tiny(small_flow, leverage=market_preset("low-leverage").leverage), 1)
    for side in ("long", "short"):
        # processors differ in the last digits, and paths with them: no figure is exact
        assert high.truth["at_risk"][side]["0.1"] > 0.2
        assert low.truth["at_risk"][side]["0.1"] < 0.12


def test_sides_mirror_when_the_trend_turns(small_flow):
    # Equal leverage and a strong trend one way or the other: what hits longs in one market hits
    # shorts in the other. High leverage, where linear distances are nearly symmetric.
    leverage = LeverageConfig(
        menu=(20.0,), weights_long=(1,), weights_short=(1,), multiple_median=1, multiple_sigma=0
    )
    behaviour = BehaviourConfig(momentum=0.0, cross_correlation=0.0)
    totals = {}
    for trend in (-0.02, 0.02):
        price = PriceConfig(trend_per_day=trend, asymmetry=0.0, jumps_per_day=0.0)
        hits = np.zeros(2)
        for seed in range(3):
            config = tiny(small_flow, bars=120, leverage=leverage, behaviour=behaviour, price=price)
            market = simulate_market(config, seed)
            hits += [market.truth["realised_total"][side] for side in ("long", "short")]
        totals[trend] = hits
    down, up = totals[-0.02], totals[0.02]
    assert down[0] > 1.5 * down[1]
    assert up[1] > 1.5 * up[0]
    assert 0.6 < down[0] / up[1] < 1.6


def test_an_inverse_market_is_the_linear_one_in_the_reciprocal_price(small_flow):
    # With symmetric settings an inverse long has the distances of a linear short.
    market = simulate_market(tiny(small_flow, contract="binance:BTCUSD_PERP"), 4)
    assert market.truth["quantity_unit"] == "USD"
    assert market.panel.values("open_interest")[0] == pytest.approx(5e9, rel=0.4)
    frame = market.panel.to_frame()
    assert (frame["low"] <= frame[["open", "close"]].min(axis=1)).all()
    assert (frame["high"] >= frame[["open", "close"]].max(axis=1)).all()
    assert frame["open"].iloc[0] == pytest.approx(60_000, rel=0.03)


def test_a_crash_liquidates_longs_and_lowers_open_interest(crash_market):
    truth, frame = crash_market.truth, crash_market.panel.to_frame()
    assert truth["realised_total"]["long"] > 2 * truth["realised_total"]["short"]
    start = int(0.6 * len(frame))
    before, after = frame["open_interest"].iloc[start - 1], frame["open_interest"].iloc[start + 12]
    assert after < 0.95 * before
    assert np.log(frame["close"].iloc[start + 12] / frame["close"].iloc[start - 1]) < -0.15


def test_positions_opened_in_a_bar_are_liquidated_in_it(small_flow):
    # Everybody at 50x in a wild market where newcomers take every liquidation. Small tickets, so
    # that the venue's tiers allow it.
    leverage = LeverageConfig(
        menu=(50.0,), weights_long=(1,), weights_short=(1,), isolated_share=1.0
    )
    behaviour = dataclasses.replace(BehaviourConfig(), stop_share=0.0, topup_share=0.0)
    flow = dataclasses.replace(small_flow, notional_open_interest=1e6, rho=0.0)
    price = PriceConfig(hourly_volatility=0.03)
    config = tiny(flow, leverage=leverage, behaviour=behaviour, price=price, history_days=2)
    bars = simulate_market(config, 1).bars
    # More was liquidated in a bar than had been there when it began.
    assert (bars["long_liquidations"] / bars["long_open_interest_before"]).max() > 1.05


def test_other_profits_and_topups_move_levels(small_flow):
    calm = BehaviourConfig(cross_drift=0.0, topup_share=0.0)
    restless = dataclasses.replace(calm, cross_drift=0.1)
    levels = []
    for behaviour in (calm, restless):
        market = simulate_market(tiny(small_flow, behaviour=behaviour), 6)
        held = market.positions[market.positions["side"] == "short"]
        beyond = held["liquidation_price"] < held["entry_price"]
        levels.append((held["size"] * beyond).sum() / held["size"].sum())
    assert levels[0] < 0.01
    assert levels[1] > levels[0]


@pytest.mark.parametrize("coarse", [3600, 86400])
def test_resampling_keeps_totals(small_flow, coarse):
    config = market_preset(bars=288 * 3, bar_seconds=300, flow=small_flow, warmup_days=2)
    fine = simulate_market(config, 8)
    market = resample_market(fine, coarse)
    factor = coarse // 300
    assert market.panel.n_bars == 864 // factor
    assert market.panel.bar_seconds == coarse
    for name in ("volume", "taker_buy_volume", "long_liquidations", "short_liquidations"):
        assert market.panel.values(name).sum() == pytest.approx(fine.panel.values(name).sum())
    funding = np.nansum(market.panel.values("funding_rate"))
    assert funding == pytest.approx(np.nansum(fine.panel.values("funding_rate")))
    assert market.panel.values("open_interest")[-1] == fine.panel.values("open_interest")[-1]
    assert market.panel.values("close")[-1] == fine.panel.values("close")[-1]
    highs = fine.panel.values("high").reshape(-1, factor).max(axis=1)
    np.testing.assert_array_equal(market.panel.values("high"), highs)
    of_bars = {f"{n}_total{u}" for n in ("realised", "delta") for u in ("", "_quote")}
    assert all(market.truth[key] == fine.truth[key] for key in fine.truth.keys() - of_bars)
    assert market.truth.keys() == fine.truth.keys()
    for side in ("long", "short"):
        total = market.bars[f"{side}_liquidations"].iloc[1:].sum()
        assert total == pytest.approx(market.truth["realised_total"][side])
        known = fine.bars[f"{side}_liquidations"].iloc[factor:].sum()
        assert total == pytest.approx(known)
        change = market.bars[f"{side}_open_interest"] - market.bars[f"{side}_open_interest_before"]
        flows = (
            market.bars[f"{side}_opened"]
            - market.bars[f"{side}_closed"]
            - market.bars[f"{side}_liquidations"]
        )
        np.testing.assert_allclose(change, flows, atol=1e-6 * fine.truth["open_interest"])


def test_resampling_refuses_what_is_not_whole(small_flow):
    market = simulate_market(tiny(small_flow, bars=30), 1)
    with pytest.raises(InputError, match="whole bars"):
        resample_market(market, 86400)
    with pytest.raises(InputError, match="multiple"):
        resample_market(market, 5400)
    with pytest.raises(InputError, match="bar_seconds=300"):
        resample_market(market, 300)


def test_written_files_read_back(tmp_path, small_flow):
    market = simulate_market(tiny(small_flow), 1)
    out = write_simulation(market, tmp_path / "a" / "sim")
    assert sorted(p.name for p in out.iterdir()) == [
        "panel.parquet",
        "positions.parquet",
        "truth.json",
    ]
    assert [p.name for p in out.parent.iterdir()] == ["sim"]
    truth = json.loads((out / "truth.json").read_text())
    assert truth["config"]["bars"] == 48
    assert truth["at_risk"] == market.truth["at_risk"]
    panel = read_panel(out / "panel.parquet", contract="binance:BTCUSDT")
    np.testing.assert_array_equal(panel.values("close"), market.panel.values("close"))
    positions = pd.read_parquet(out / "positions.parquet")
    assert len(positions) == len(market.positions)
    with pytest.raises(InputError, match="exists"):
        write_simulation(market, out)
    assert write_simulation(market, out, force=True) == out
    (out / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"notes\.txt"):
        write_simulation(market, out, force=True)
    assert (out / "notes.txt").exists()


@pytest.mark.parametrize("name", list_presets())
def test_presets_exist_and_can_be_changed(name):
    config = market_preset(name, bars=10)
    assert config.bars == 10
    assert json.loads(json.dumps(config.to_dict()))["contract"] == config.contract


def test_bad_settings_are_named():
    with pytest.raises(InputError, match="No market preset 'bear'"):
        market_preset("bear")
    with pytest.raises(InputError, match="no such setting among \\['bar'\\]"):
        market_preset(bar=3)
    with pytest.raises(InputError, match="bars=1 is not possible: allowed is an integer 3"):
        MarketConfig(bars=1)
    with pytest.raises(InputError, match=r"bar_seconds=7000"):
        MarketConfig(bar_seconds=7000)
    with pytest.raises(InputError, match=r"opened and liquidated in the same bar"):
        MarketConfig(steps_per_bar=1)
    with pytest.raises(InputError, match=r"turnover=0.1 .* at least"):
        MarketConfig(flow=FlowConfig(turnover=0.1))
    with pytest.raises(InputError, match="11 non-negative weights"):
        LeverageConfig(weights_long=(1, 2))
    with pytest.raises(InputError, match=r"rho=1\.5"):
        FlowConfig(rho=1.5)
    with pytest.raises(InputError, match="seed=-1"):
        simulate_market(MarketConfig(), -1)
    with pytest.raises(InputError, match="mixes venues"):
        simulate_market(MarketConfig(contract="aggregate:BTC"), 1)
    with pytest.raises(InputError, match="is no date"):
        simulate_market(MarketConfig(start="soon"), 1)
    with pytest.raises(InputError, match="not the open time of a bar"):
        simulate_market(MarketConfig(start="2024-01-01T00:30"), 1)


def test_a_month_of_hours_takes_seconds(default_market):
    begin = time.process_time()
    simulate_market(market_preset("default"), seed=4)
    # A few seconds on a laptop core; the bound only catches a change of order.
    assert time.process_time() - begin < 20
