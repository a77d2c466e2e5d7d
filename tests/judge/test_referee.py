"""The referee: true maps pass, others do not, impossible ones are refused, bad input raises."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import liqbayes
from liqbayes.errors import InputError
from liqbayes.judge import Judgement, fit_level_map, judge_fit, judge_map, write_judgement
from liqbayes.judge.own import context_of, fit_held
from liqbayes.judge.sweeps import Sweeps
from liqbayes.model import load_spec
from liqbayes.panel import MarketPanel
from liqbayes.peers import LevelMap, rule_map, swept
from liqbayes.simulate import market_preset, simulate_market
from tests.judge.markets import known_market, shuffled
from tests.outputs.fits import fake_fit, small_market

PANEL, TRUE = known_market()


def status(found: Judgement, check: str) -> str:
    return next(ruling.status for ruling in found.rulings if ruling.check == check)


def value(found: Judgement, score: str, source: str, column: str = "value") -> float:
    rows = found.scores[
        (found.scores["side"] == "both")
        & (found.scores["score"] == score)
        & (found.scores["source"] == source)
    ]
    return float(rows[column].iloc[0])


ADDED = ("gain", "map and distance over distance")


@pytest.mark.parametrize("amounts", ["relative", "quantity"])
def test_the_true_map_passes(amounts: str) -> None:
    found = judge_map(TRUE, PANEL, amounts=amounts)
    assert not found.refused
    for check in ("adds to distance", "tells levels of one distance apart", "lift"):
        assert status(found, check) == "ok"
    assert value(found, *ADDED, "low") > 0.05
    assert status(found, "open interest") == "ok" and status(found, "sides") == "ok"
    assert found.about["bars"] > 350 and set(found.scores["side"]) == {"long", "short", "both"}
    assert (found.scores["low"] <= found.scores["value"]).all()


def test_a_shuffled_map_does_not() -> None:
    found = judge_map(shuffled(TRUE), PANEL)
    assert status(found, "adds to distance") != "ok"
    assert status(found, "tells levels of one distance apart") != "ok"
    assert abs(value(found, *ADDED)) < 0.05


def test_swapped_sides_are_refused() -> None:
    found = judge_map(replace(TRUE, side=1 - TRUE.side), PANEL)
    assert found.refused and status(found, "sides") == "fail"
    assert "swapped" in next(r.text for r in found.rulings if r.check == "sides")


def test_another_market_is_refused() -> None:
    found = judge_map(replace(TRUE, low=3 * TRUE.low, high=3 * TRUE.high), PANEL)
    assert found.refused and "another market" in found.rulings[0].text


def test_more_than_open_interest_is_refused_unless_relative() -> None:
    more = replace(TRUE, amount=4 * TRUE.amount)
    found = judge_map(more, PANEL, amounts="quantity")
    assert found.refused and status(found, "open interest") == "fail"
    assert "4 of open interest" in next(r.text for r in found.rulings if "interest" in r.check)
    assert not judge_map(more, PANEL).refused
    less = judge_map(replace(TRUE, amount=TRUE.amount / 4), PANEL, amounts="quantity")
    assert not less.refused and status(less, "open interest") == "warn"


def test_a_part_of_the_snapshots_is_enough_to_refuse() -> None:
    """Sums and medians over snapshots would pass these."""
    some = np.random.default_rng(1).random(TRUE.time.size) < 0.3
    swapped = replace(TRUE, side=np.where(some[TRUE.snapshot], 1 - TRUE.side, TRUE.side))
    found = judge_map(swapped, PANEL)
    assert found.refused and "of the snapshots most of a side" in found.rulings[0].text
    bloated = replace(TRUE, amount=TRUE.amount * np.where(some[TRUE.snapshot], 50.0, 1.0))
    found = judge_map(bloated, PANEL, amounts="quantity")
    assert found.refused and status(found, "open interest") == "fail"


def test_relative_amounts_that_are_no_open_interest_are_said() -> None:
    found = judge_map(replace(TRUE, amount=33 * TRUE.amount), PANEL)
    assert not found.refused and status(found, "open interest") == "warn"
    assert status(judge_map(TRUE, PANEL), "open interest") == "ok"


def test_five_minutes_have_blocks_of_a_day() -> None:
    frame = PANEL.to_frame()
    frame.index = pd.date_range("2024-01-01", periods=len(frame), freq="5min")
    short = MarketPanel.from_frame(frame, PANEL.contract)
    time = TRUE.time[0] + np.arange(TRUE.time.size) * np.timedelta64(5, "m")
    early = replace(TRUE, time=time - np.timedelta64(55, "m"))
    with pytest.raises(InputError, match="2880 are needed"):
        judge_map(early, short)


def test_relative_amounts_may_change_their_scale_at_every_snapshot() -> None:
    factor = np.random.default_rng(0).uniform(0.1, 10, TRUE.time.size)
    scaled = replace(TRUE, amount=TRUE.amount * factor[TRUE.snapshot])
    one, two = judge_map(TRUE, PANEL), judge_map(scaled, PANEL)
    pd.testing.assert_frame_equal(one.scores, two.scores)


def test_quote_amounts() -> None:
    quote = replace(TRUE, amount=TRUE.amount * TRUE.price)
    one = judge_map(TRUE, PANEL, amounts="quantity").scores
    two = judge_map(quote, PANEL, amounts="quote").scores
    np.testing.assert_allclose(one["value"], two["value"])


def test_stale_frozen_and_repeated_are_said() -> None:
    day = TRUE.time.astype("datetime64[h]").astype(int) % 24 == 0
    kept = day[TRUE.snapshot]
    names = ("snapshot", "side", "low", "high", "amount")
    daily = LevelMap(TRUE.time, **{name: getattr(TRUE, name)[kept] for name in names})
    place = np.cumsum(day) - 1
    daily = replace(daily, time=TRUE.time[day], snapshot=place[daily.snapshot])
    found = judge_map(daily, PANEL, max_age_hours=18.0)
    assert status(found, "staleness") == "warn" and found.about["bars"] < 400
    assert status(judge_map(daily, PANEL), "staleness") == "ok"
    with pytest.raises(InputError, match="bars can be scored"):
        judge_map(daily, PANEL, max_age_hours=1.0)

    first = TRUE.snapshot == 0
    n = TRUE.time.size
    frozen = LevelMap(
        TRUE.time,
        np.repeat(np.arange(n), first.sum()),
        *(np.tile(getattr(TRUE, name)[first], n) for name in names[1:]),
    )
    assert status(judge_map(frozen, PANEL), "frozen snapshots") == "warn"

    twice = LevelMap(TRUE.time, **{name: np.tile(getattr(TRUE, name), 2) for name in names})
    again = judge_map(twice, PANEL)
    assert status(again, "duplicates") == "warn"
    np.testing.assert_allclose(again.scores["value"], judge_map(TRUE, PANEL).scores["value"])


def test_levels_that_price_has_passed_do_not_count() -> None:
    j = np.flatnonzero((TRUE.side == 0) & (TRUE.snapshot == 300))[:40]
    low, high = TRUE.low.copy(), TRUE.high.copy()
    close = PANEL.values("close")[300]
    low[j], high[j] = close * 1.01, close * 1.02
    found = judge_map(replace(TRUE, low=low, high=high), PANEL)
    assert not found.refused and 0 < (found.rulings[0].value or 0) < 0.02


@pytest.mark.parametrize(
    ("panel", "words"),
    [
        (lambda p: p.without("long_liquidations"), "long_liquidations"),
        (lambda p: p.without("open_interest"), "open_interest"),
        (lambda p: p.slice(until=p.time[200]), "bars can be scored"),
        (lambda p: _changed(p, "short_liquidations", 0.0), "zero in every bar"),
    ],
)
def test_panels_that_cannot_judge(panel, words: str) -> None:
    with pytest.raises(InputError, match=words):
        judge_map(TRUE, panel(PANEL))


def _changed(panel: MarketPanel, name: str, to: float) -> MarketPanel:
    frame = panel.to_frame()
    frame[name] = to
    return MarketPanel.from_frame(frame, panel.contract)


def test_a_map_of_another_year() -> None:
    other = replace(TRUE, time=TRUE.time - np.timedelta64(3650, "D"))
    with pytest.raises(InputError, match="do not meet"):
        judge_map(other, PANEL)
    with pytest.raises(InputError, match="age"):
        judge_map(TRUE, PANEL, max_age_hours=float("nan"))


def test_later_reports_do_not_change_what_a_map_is() -> None:
    """Doubling all reports changes no score: they say where, not how much."""
    frame = PANEL.to_frame()
    frame[["long_liquidations", "short_liquidations"]] *= 2
    twice = MarketPanel.from_frame(frame, PANEL.contract)
    one, two = judge_map(TRUE, PANEL).scores, judge_map(TRUE, twice).scores
    np.testing.assert_allclose(one["value"], two["value"], rtol=1e-4, atol=1e-5)


def test_written_files_are_complete_json(tmp_path: Path) -> None:
    import json

    write_judgement(judge_map(TRUE, PANEL), tmp_path / "out")
    found = json.loads((tmp_path / "out" / "judge.json").read_text())
    assert found["schema"] == "liqbayes-judge-1" and not found["refused"]
    assert {row["side"] for row in found["scores"]} == {"long", "short", "both"}
    assert found["scores"][0]["draw_low"] is None
    with pytest.raises(InputError, match="exists"):
        write_judgement(judge_map(TRUE, PANEL), tmp_path / "out")
    swapped = judge_map(replace(TRUE, side=1 - TRUE.side), PANEL)
    write_judgement(swapped, tmp_path / "out", force=True)
    found = json.loads((tmp_path / "out" / "judge.json").read_text())
    assert found["refused"] and found["scores"] == []


def test_a_rule_is_judged_like_a_fit() -> None:
    fit = liqbayes.fit("fixed-mix", PANEL)
    sweeps = Sweeps.of(PANEL)
    np.testing.assert_allclose(
        fit_held(fit, sweeps).mean * sweeps.interest, swept(PANEL, "fixed-mix"), rtol=1e-9
    )
    found = judge_fit(fit)
    assert status(found, "out of sample") == "ok" and found.scores["draw_low"].isna().all()


def test_an_exported_map_is_judged_as_the_fit_was() -> None:
    fit = liqbayes.fit("fixed-mix", PANEL)
    direct = judge_fit(fit)
    drawn = fit_level_map(fit, bins=1500)
    assert (drawn.high > drawn.low).all()
    exported = judge_map(drawn, PANEL, amounts="quantity")
    for row in (("gain", "map"), ("top quarter", "map"), ADDED):
        assert value(exported, *row) == pytest.approx(value(direct, *row), abs=0.03)


def test_a_longer_panel_must_be_the_same_market() -> None:
    short = PANEL.slice(until=PANEL.time[200])
    fit = liqbayes.fit("fixed-mix", short)
    sweeps = Sweeps.of(PANEL)
    np.testing.assert_allclose(
        fit_held(fit, sweeps, panel=PANEL).mean,
        fit_held(liqbayes.fit("fixed-mix", PANEL), sweeps).mean,
    )
    with pytest.raises(InputError, match="must begin with the bars"):
        judge_fit(fit, panel=PANEL.slice(since=PANEL.time[5]))
    with pytest.raises(InputError, match="close of the panel differs"):
        judge_fit(fit, panel=known_other())


@pytest.mark.parametrize("name", ["baseline", "standard"])
def test_a_fit_over_a_longer_panel_keeps_its_scales(name: str) -> None:
    """What later bars bring changes nothing in the fit's own; weeks after it have their prior."""
    source = small_market(400)
    own = source.slice(until=source.time[120])
    fit = fake_fit(own, load_spec(name), draws=10)
    here = context_of(fit, None, 20).evaluator.data
    there = context_of(fit, source, 20)
    n = own.n_bars
    np.testing.assert_array_equal(there.evaluator.data.covariates[:n], here.covariates)
    np.testing.assert_array_equal(there.evaluator.data.block_funding[: here.block_funding.size],
                                  here.block_funding)  # fmt: skip
    short, long = fit_held(fit, Sweeps.of(own)), fit_held(fit, Sweeps.of(source), panel=source)
    np.testing.assert_allclose(long.draws[:, :, :n], short.draws, rtol=1e-12)
    assert np.isfinite(long.mean[:, n + 200 :]).all()
    more = there.z.shape[2] - fit["posterior"]["z"].sizes["parameter"]
    assert (more > 0) == (name == "standard")


def known_other() -> MarketPanel:
    frame = PANEL.to_frame()
    frame.loc[frame.index[10], "close"] *= 1.0001
    frame["high"] = np.maximum(frame["high"], frame["close"])
    return MarketPanel.from_frame(frame, PANEL.contract)


def test_true_levels_of_a_simulated_market() -> None:
    config = market_preset("few-large", bars=48)
    market = simulate_market(config, 3, keep_levels=True)
    plain = simulate_market(config, 3)
    assert plain.levels is None and market.levels is not None
    assert plain.panel.content_hash == market.panel.content_hash
    levels = market.levels
    assert levels["time"].nunique() == 48
    last = levels[levels["time"] == levels["time"].max()]
    held = market.positions.dropna(subset="liquidation_price")
    for side in ("long", "short"):
        mine = last[last["side"] == side]
        true = held[held["side"] == side]
        np.testing.assert_allclose(
            np.sort(mine["price"]), np.sort(true["liquidation_price"]), rtol=1e-9
        )
        assert mine["amount"].sum() == pytest.approx(true["size"].sum())


@pytest.mark.slow
def test_simulated_markets_tell_true_maps_from_rules() -> None:
    """On an agent market the true map is ahead of distance, of the peers and of its own shuffle."""
    from liqbayes.judge import map_of_table

    market = simulate_market(market_preset("few-large", bars=720), 11, keep_levels=True)
    assert market.levels is not None
    true = map_of_table(market.levels)
    found = judge_map(true, market.panel, amounts="quantity")
    assert status(found, "adds to distance") == "ok" and status(found, "lift") == "ok"
    best = value(found, *ADDED)
    for rule in ("py-liquidation-map", "oi-flow", "oi-flow-corrected"):
        peer = judge_map(rule_map(market.panel, rule), market.panel)
        assert value(peer, *ADDED) < best


@pytest.mark.devdata
@pytest.mark.parametrize("rule", ["py-liquidation-map", "oi-flow", "oi-flow-corrected"])
def test_peers_on_real_hours(rule: str, dev_data: Path) -> None:
    panel = liqbayes.read_panel(dev_data / "binance_btcusdt_1h.parquet", contract="binance:BTCUSDT")
    found = judge_map(rule_map(panel, rule), panel)
    assert not found.refused and status(found, "sides") == "ok"
    assert found.about["bars"] > 700 and np.isfinite(found.scores["low"]).all()
    if rule == "py-liquidation-map":
        claimed = judge_map(rule_map(panel, rule), panel, amounts="quantity")
        assert claimed.refused and status(claimed, "open interest") == "fail"
