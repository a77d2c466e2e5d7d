"""The truth, recomputed from positions and bars by slow and plain loops."""

import json
import math

import pytest

from liqbayes.conventions import MOVES, OPENED_WINDOWS, WINDOWS


def test_at_risk_counts_position_by_position(market):
    close = market.panel.values("close")[-1]
    for move in MOVES:
        for side in ("long", "short"):
            total = hit = 0.0
            for row in market.positions.itertuples():
                if row.side != side:
                    continue
                total += row.size
                if math.isnan(row.liquidation_price):
                    continue
                if side == "long" and row.liquidation_price >= close * (1 - move):
                    hit += row.size
                if side == "short" and row.liquidation_price <= close * (1 + move):
                    hit += row.size
            key = str(move)
            assert market.truth["at_risk"][side][key] == pytest.approx(hit / total, rel=1e-12)
            worth = hit * close if market.panel.contract.kind == "linear" else hit
            assert market.truth["at_risk_quote"][side][key] == pytest.approx(worth, rel=1e-9)


def test_totals_and_windows_leave_the_first_bar_out(market):
    bars, truth = market.bars, market.truth
    for unit in ("", "_quote"):
        per_side = {}
        for side in ("long", "short"):
            per_side[side] = sum(bars[f"{side}_liquidations{unit}"].tolist()[1:])
            assert truth[f"realised_total{unit}"][side] == pytest.approx(per_side[side])
        difference = per_side["long"] - per_side["short"]
        assert truth[f"delta_total{unit}"] == pytest.approx(difference)
    assert list(truth["delta_quote"]) == list(WINDOWS)
    hours = {"1h": 1, "4h": 4, "12h": 12, "1d": 24, "3d": 72, "7d": 168, "30d": 720}
    for window, count in hours.items():
        if count >= len(bars):
            assert truth["delta_quote"][window] is None
            continue
        last = bars.iloc[-count:]
        delta = sum(last["long_liquidations_quote"]) - sum(last["short_liquidations_quote"])
        assert truth["delta_quote"][window] == pytest.approx(delta)


def test_quote_values_are_near_the_prices_of_the_bar(market):
    frame, bars = market.panel.to_frame(), market.bars
    for side in ("long", "short"):
        quantity, quote = bars[f"{side}_liquidations"], bars[f"{side}_liquidations_quote"]
        some = quantity > 0
        if market.panel.contract.kind == "inverse":
            assert (quote == quantity).all()
            continue
        price = quote[some] / quantity[some]
        assert (price <= frame["high"][some] * (1 + 1e-9)).all()
        assert (price >= frame["low"][some] * (1 - 1e-9)).all()


def test_entry_vwap_and_effective_positions(market):
    for side in ("long", "short"):
        size, value, squares = 0.0, 0.0, 0.0
        linear = market.panel.contract.kind == "linear"
        for row in market.positions.itertuples():
            if row.side == side:
                size += row.size
                value += row.size * row.entry_price if linear else row.size / row.entry_price
                squares += row.size**2
        vwap = value / size if linear else size / value
        assert market.truth["entry_vwap"][side] == pytest.approx(vwap)
        assert market.truth["effective_positions"][side] == pytest.approx(size**2 / squares)


def test_leverage_windows(market):
    for side in ("long", "short"):
        leverage = market.truth["average_leverage"][side]
        assert list(leverage) == ["open_interest", *OPENED_WINDOWS]
        known = [value for value in leverage.values() if value is not None]
        assert all(0.2 < value < 130 for value in known)
        assert (leverage["30d"] is None) == (market.panel.n_bars <= 720)


def test_truth_is_plain_json(market):
    assert json.loads(json.dumps(market.truth, allow_nan=False)) == market.truth
    assert market.truth["mark_price"] == market.panel.values("close")[-1]
    assert market.truth["seed"] in (3, 7)
    assert 0.3 <= market.truth["rho"] <= 0.9
