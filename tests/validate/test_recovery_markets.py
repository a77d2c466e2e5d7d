"""The table of markets is what it was, legal, and half of it far from the prior."""

from collections import Counter

import numpy as np
import pytest

from liqbayes.model import load_spec
from liqbayes.simulate import simulate_market
from liqbayes.simulate.openings import opening_tail
from liqbayes.validate.recovery import targets
from liqbayes.validate.recovery.distance import (
    leverage_distance,
    planned_share,
    share_distance,
    turnover_distance,
)
from liqbayes.validate.recovery.markets import (
    AXES,
    FAR,
    N_DEVELOPMENT,
    N_JUDGED,
    NEAR,
    markets,
    table_hash,
)

# A change of any setting or seed is another table: results of the two cannot be compared.
FROZEN = "02671fdc9637dd6cf3d561e86f240a25fae5d9b1a268c74dc6e40584c907bbad"


def test_table_is_frozen():
    assert table_hash() == FROZEN


def test_thresholds_are_frozen():
    assert targets.COVERAGE == (0.85, 0.96) and targets.REGIME_COVERAGE == (0.85, 0.97)
    assert targets.WIDTH["at_risk"] == {"feed": 0.75, "none": 0.9}
    assert targets.WIDTH["total"] == {"feed": 0.3, "none": 0.3}
    assert targets.LEAST_MARKETS == 20
    assert targets.NOTHING == 1e-9 and targets.NEXT_TO_NOTHING == 0.001


def test_enough_markets_of_the_lengths_that_were_asked_for():
    table = markets()
    assert [m.number for m in table] == list(range(N_DEVELOPMENT + N_JUDGED))
    assert len({m.seed for m in table}) == len(table)
    judged = table[N_DEVELOPMENT:]
    assert len(judged) == N_JUDGED == 100
    lengths = Counter(m.config.bars for m in judged)
    assert lengths[2000] == 10
    assert all(500 <= bars <= 1000 for bars in lengths if bars != 2000)


@pytest.mark.parametrize("axis", AXES)
def test_every_level_can_be_judged(axis):
    """At least twenty markets each, and any first ten hold nearly all levels."""
    judged = markets()[N_DEVELOPMENT:]
    found = Counter(m.levels[axis] for m in judged)
    assert set(found) == set(AXES[axis])
    assert min(found.values()) >= targets.LEAST_MARKETS
    assert set(m.levels[axis] for m in judged[:10]) == set(AXES[axis])


def test_levels_are_what_is_simulated():
    for market in markets():
        config, levels = market.config, market.levels
        assert config.feed.kappa == float(levels["reporting share"])
        assert config.flow.effective_positions[0] == float(levels["positions"])
        assert (config.behaviour.cross_drift == 0) == (levels["level drift"] == "none")
        assert (config.behaviour.topup_share == 0) == (levels["top-ups"] == "none")
        assert (config.price.crash < 0) == (levels["path"] == "crash")
        assert (levels["leverage"] == "middle") == (levels["prior"] == NEAR)
        # without the feed nothing else changes
        assert not market.panel_config(feed=False).feed.publish
        assert market.panel_config(feed=True) == config


def test_half_of_the_markets_lie_far_from_the_prior():
    """By at least one prior standard deviation in leverage and in turnover; the others do not."""
    spec = load_spec("baseline")
    assert Counter(m.levels["prior"] for m in markets()) == {FAR: 80, NEAR: 80}
    for market in markets():
        leverage = leverage_distance(spec, market.config)
        turnover = abs(share_distance(spec, planned_share(market.config)))
        if market.levels["prior"] == FAR:
            assert leverage >= 1.0 and turnover >= 1.0, market.number
        else:
            assert leverage < 1.0 and turnover < 1.2, market.number


def test_distance_is_measured_in_prior_standard_deviations():
    spec = load_spec("baseline")
    assert share_distance(spec, 0.2) == pytest.approx(0.0, abs=1e-12)
    one_sd = 1 / (1 + np.exp(-(np.log(0.25) + 1)))
    assert share_distance(spec, one_sd) == pytest.approx(1.0)
    market = simulate_market(markets()[3].config, markets()[3].seed)
    assert abs(turnover_distance(spec, market)) < 1.2


def test_opening_tail_follows_the_settings():
    """Isolated traders at one menu leverage: the level lies at the margin less maintenance."""
    from dataclasses import replace

    config = markets()[0].config
    alone = replace(
        config.leverage,
        menu=(20.0,),
        weights_long=(1.0,),
        weights_short=(1.0,),
        isolated_share=1.0,
    )
    config = replace(config, leverage=alone, flow=replace(config.flow, notional_open_interest=1e6))
    # 5 % of margin less 0.4 % of maintenance: 1 / 0.046 = 21.7, a little less for each side
    tail = opening_tail(config, (20.0, 21.5, 22.0), 0)
    for side in ("long", "short"):
        assert tail[side] == (1.0, 1.0, 0.0)


def test_any_market_of_the_table_can_be_simulated():
    """A small one of each kind of path; all of them are simulated in a run."""
    seen = set()
    for market in markets():
        if market.levels["positions"] == "50" and market.levels["path"] not in seen:
            seen.add(market.levels["path"])
            made = simulate_market(market.config, market.seed)
            assert made.panel.n_bars == market.config.bars
    assert seen == set(AXES["path"])
