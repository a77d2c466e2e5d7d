"""Both sides of the book stay equal, and every contract is accounted for."""

import numpy as np
import pytest

from liqbayes.simulate import FlowConfig, market_preset, simulate_market


def test_long_equals_short_in_every_bar(market):
    bars = market.bars
    np.testing.assert_allclose(
        bars["long_open_interest"], bars["short_open_interest"], rtol=1e-9, atol=0
    )
    np.testing.assert_array_equal(market.panel.values("open_interest"), bars["long_open_interest"])


@pytest.mark.parametrize("side", ["long", "short"])
def test_open_interest_changes_by_opens_less_closes_less_liquidations(market, side):
    bars = market.bars
    change = bars[f"{side}_open_interest"] - bars[f"{side}_open_interest_before"]
    flows = bars[f"{side}_opened"] - bars[f"{side}_closed"] - bars[f"{side}_liquidations"]
    scale = bars[f"{side}_open_interest"].mean()
    np.testing.assert_allclose(change / scale, flows / scale, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(
        bars[f"{side}_open_interest"].to_numpy()[:-1],
        bars[f"{side}_open_interest_before"].to_numpy()[1:],
    )


def test_volume_covers_the_change_of_open_interest_and_every_trade(market):
    bars, volume = market.bars, market.panel.values("volume")
    change = np.abs(bars["long_open_interest"] - bars["long_open_interest_before"])
    assert (volume >= change).all()
    # Buyers open longs or close shorts; each bought contract is traded once.
    bought = bars["long_opened"] + bars["short_closed"] + bars["short_liquidations"]
    sold = bars["short_opened"] + bars["long_closed"] + bars["long_liquidations"]
    np.testing.assert_allclose(bought, sold, rtol=1e-9)
    assert (volume >= bought * (1 - 1e-12)).all()
    taker = market.panel.values("taker_buy_volume")
    assert ((taker >= 0) & (taker <= volume)).all()


def test_positions_add_up_to_open_interest(market):
    last = market.panel.values("open_interest")[-1]
    for side in ("long", "short"):
        held = market.positions.loc[market.positions["side"] == side, "size"]
        assert (held > 0).all()
        assert held.sum() == pytest.approx(last, rel=1e-9)


def test_no_position_survives_beyond_its_level(market):
    close = market.panel.values("close")[-1]
    long = market.positions[market.positions["side"] == "long"]["liquidation_price"]
    short = market.positions[market.positions["side"] == "short"]["liquidation_price"]
    assert not (long >= close).any()
    assert not (short <= close).any()


def test_which_side_can_be_without_a_level(market):
    nowhere = market.positions["liquidation_price"].isna()
    sides = set(market.positions.loc[nowhere, "side"])
    expected = {"long"} if market.panel.contract.kind == "linear" else {"short"}
    assert sides == expected


@pytest.mark.parametrize("rho", [0.0, 0.35, 1.0])
def test_share_of_closing_counterparties_is_rho(rho):
    flow = FlowConfig(effective_positions=(200.0, 200.0), size_ratio=50.0, rho=rho)
    market = simulate_market(market_preset("crash", bars=100, flow=flow, warmup_days=3), seed=2)
    bars = market.bars
    taken = {}
    for side, other in (("long", "short"), ("short", "long")):
        # closed = sold + rho * (sold + liquidated) of the other side; solve for sold below.
        taken[side] = bars[f"{side}_closed"] + bars[f"{side}_liquidations"]
        assert (bars[f"{other}_liquidations"] >= 0).all()
    # With A, B the taken closes: C_long = A + rho B, C_short = B + rho A.
    if rho < 1:
        a = (taken["long"] - rho * taken["short"]) / (1 - rho**2)
        b = (taken["short"] - rho * taken["long"]) / (1 - rho**2)
        for side, own in (("long", a), ("short", b)):
            few(own - bars[f"{side}_liquidations"] * (1 - 1e-9) < -1e-9)
        pairs = bars["long_opened"] - (1 - rho) * a
        scale = bars["long_open_interest"].mean()
        apart = np.abs(pairs - (bars["short_opened"] - (1 - rho) * b))
        few(apart > 1e-6 * pairs.abs() + 1e-9 * scale)
    else:
        apart = np.abs(taken["long"] - taken["short"])
        few(apart > 1e-9 * taken["long"])
        few(np.abs(bars["long_opened"] - bars["short_opened"]) > 1e-9 * bars["long_opened"])
    assert apart.sum() < 1e-3 * (taken["long"] + taken["short"]).sum()


def few(exceptions):
    """Newcomers stand in where too few holders are found to close: seldom."""
    assert exceptions.mean() <= 0.05
