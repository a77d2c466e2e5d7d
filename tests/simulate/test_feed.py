"""The feed shows part of the truth."""

import dataclasses

import numpy as np
import pytest

from liqbayes.simulate import FeedConfig, market_preset, simulate_market
from liqbayes.simulate.feed import throttled


def test_reported_never_exceeds_true(market):
    for side in ("long", "short"):
        reported = market.panel.values(f"{side}_liquidations")
        true = market.bars[f"{side}_liquidations"].to_numpy()
        assert (reported <= true).all()
        assert (reported >= 0).all()
        assert market.truth["reported_share"][side] == pytest.approx(reported.sum() / true.sum())


def test_throttle_shows_one_order_per_window_across_sides():
    rng = np.random.default_rng(0)
    time = np.sort(rng.uniform(0, 500, 2000))
    size = rng.exponential(1.0, 2000)
    for limit, width, room in ((1.0, 1.0, 1), (3.0, 1.0, 3), (0.1, 10.0, 1)):
        for kept in ("largest", "latest"):
            shown = throttled(time, size, limit, kept)
            window = np.floor(time / width).astype(int)
            counts = np.bincount(window[shown])
            available = np.bincount(window)
            np.testing.assert_array_equal(counts, np.minimum(available, room))
    shown = throttled(time, size, 1.0, "largest")
    for second in range(0, 500, 50):
        inside = np.floor(time) == second
        assert size[inside & shown] == size[inside].max()
    assert throttled(time, size, None, "latest").all()


def test_feed_settings_change_nothing_but_the_feed(small_flow):
    base = market_preset(bars=60, flow=small_flow, warmup_days=2)
    full = dataclasses.replace(base, feed=FeedConfig(throttle="none", kappa=1.0))
    poor = dataclasses.replace(base, feed=FeedConfig(throttle=0.02, kappa=0.3))
    none = dataclasses.replace(base, feed=FeedConfig(publish=False))
    markets = [simulate_market(config, 5) for config in (full, poor, none)]
    for other in markets[1:]:
        np.testing.assert_array_equal(markets[0].bars, other.bars)
        np.testing.assert_array_equal(markets[0].panel.values("close"), other.panel.values("close"))
    for side in ("long", "short"):
        name = f"{side}_liquidations"
        np.testing.assert_allclose(markets[0].panel.values(name), markets[0].bars[name], rtol=1e-12)
        assert markets[1].panel.values(name).sum() < 0.5 * markets[0].panel.values(name).sum()
        assert not markets[2].panel.has(name)
    assert markets[2].truth["reported_share"] == {"long": None, "short": None}


def test_kappa_alone_is_the_reported_share():
    config = market_preset("crash", feed=FeedConfig(throttle="none", kappa=0.4), bars=200)
    market = simulate_market(config, seed=1)
    assert market.truth["reported_share"]["long"] == pytest.approx(0.4, abs=0.05)
