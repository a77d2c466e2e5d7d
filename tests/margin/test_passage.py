"""First passages from bars, against a path that is followed point by point."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from liqbayes.contracts import load_contract
from liqbayes.errors import InputError, NotDeterminedError
from liqbayes.margin import first_passage, level_ratios, replicate_alexander
from liqbayes.margin.passage import linear_ratio
from liqbayes.panel import MarketPanel
from tests.margin.panels import walk, with_gap


def fine_path(n: int, points: int, seed: int) -> tuple[np.ndarray, MarketPanel]:
    """A path of many points a bar, and its bars."""
    rng = np.random.default_rng(seed)
    path = 9000 * np.exp(np.cumsum(rng.normal(0, 0.01 / np.sqrt(points), n * points)))
    rows = path.reshape(n, points)
    frame = pd.DataFrame(
        {
            "open": rows[:, 0],
            "high": rows.max(axis=1),
            "low": rows.min(axis=1),
            "close": rows[:, -1],
            "volume": np.ones(n),
        },
        index=pd.date_range("2020-01-01", periods=n, freq="h"),
    )
    return path, MarketPanel.from_frame(frame, "bitmex:XBTUSD")


@pytest.mark.parametrize("side", ["long", "short"])
def test_extremes_are_exact_and_bounds_hold_every_entry(side: str) -> None:
    n, points, horizon = 300, 20, 24
    path, panel = fine_path(n, points, seed=4)
    ratio = 0.96 if side == "long" else 1.04
    found = first_passage(panel, side, np.full(n, ratio), horizon, (1, 24))
    sign = 1 if side == "long" else -1
    for i in range(0, n - horizon, 7):
        for j in range(points):
            start = i * points + j
            lived = sign * path[start : start + horizon * points]
            hit = lived.min() <= sign * path[start] * ratio
            if j == 0:
                assert found.extremes[i] == hit
            assert found.least[i] <= hit <= found.most[i]
    assert 0.05 < found.extremes.mean() < 0.95
    assert found.closes[24].mean() <= found.closes[1].mean() <= found.extremes.mean()


def test_unknown_bars_are_unknown_passages() -> None:
    panel = with_gap(walk(100, hours=1), slice(50, 51))
    found = first_passage(panel, "long", np.full(100, 0.9), 24, (24,))
    assert np.isnan(found.extremes[27:51]).all()
    assert np.isfinite(found.extremes[:27]).all()
    assert np.isfinite(found.extremes[51:]).all()


def test_what_cannot_be_followed() -> None:
    panel = walk(20, hours=1)
    with pytest.raises(InputError, match="longer panel"):
        first_passage(panel, "long", np.full(20, 0.9), 24, (1,))
    with pytest.raises(InputError, match="divide"):
        first_passage(panel, "long", np.full(20, 0.9), 10, (3,))
    with pytest.raises(InputError, match="side"):
        first_passage(panel, "up", np.full(20, 0.9), 10, (1,))
    with pytest.raises(InputError, match="do not divide a day"):
        replicate_alexander(walk(300))
    with pytest.raises(InputError, match="at least 140"):
        replicate_alexander(walk(24 * 30, hours=1))


def test_rules_are_those_of_their_day() -> None:
    contract = load_contract("bitmex:XBTUSD")
    days = np.array(["2019-01-01", "2020-04-20", "2020-06-01"], "datetime64[ns]")
    ratio, notes = level_ratios(contract, "long", 20.0, days)
    # maintenance margin rates 0.5, 0.45 and 0.4 %, two taker fees of 0.075 %
    wanted = [1 / (1 + 1 / 20 - m - 0.0015) for m in (0.005, 0.0045, 0.004)]
    assert ratio == pytest.approx(wanted)
    early = np.array([dt.datetime(2016, 6, 1)], "datetime64[ns]")
    assert any("2018-01-01" in note for note in level_ratios(contract, "long", 20.0, early)[1])
    assert not any("2018-01-01" in note for note in notes)
    with pytest.raises(InputError, match="above the maximum"):
        level_ratios(contract, "long", 200.0, days)
    with pytest.raises(NotDeterminedError):
        level_ratios(load_contract("aggregate:BTC"), "long", 5.0, days)


def test_the_linear_rule() -> None:
    # equity equals the requirement at the level
    for side, s in (("long", 1), ("short", -1)):
        p = linear_ratio(side, 20.0, 0.005)
        assert 1 / 20 + s * (p - 1) == pytest.approx(0.005 * p)
    with pytest.raises(InputError, match="liquidated at once"):
        linear_ratio("long", 200.0, 0.005)


def test_a_replication_on_a_walk() -> None:
    result = replicate_alexander(walk(24 * 400, hours=1), seed=1)
    whole = result.table[result.table["window"] == "all"]
    assert len(whole) == 12
    assert ((whole["least"] <= whole["share"]) & (whole["share"] <= whole["most"])).all()
    assert ((whole["low"] <= whole["share"]) | whole["low"].isna()).all()
    rare = whole[whole["episodes"] < 10]
    assert rare["low"].isna().all()
    assert (rare["contains"] == "unknown").all()
    by_leverage = whole.groupby("leverage")["share"].mean()
    assert by_leverage.is_monotonic_increasing
