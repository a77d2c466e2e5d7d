"""From panels to model data: gaps, segments, history, burn-in, feeds, funding, legs."""

import copy

import numpy as np
import pytest

from liqbayes.errors import InputError, SpecError
from liqbayes.model.data import SIDES, USUAL_TURNOVER_PER_DAY, prepare
from liqbayes.model.spec import ModelSpec, load_spec
from tests.model.markets import (
    AGGREGATE,
    INVERSE,
    LINEAR,
    UNTHROTTLED,
    aggregate,
    bars,
    panel,
    small_spec,
    spec_table,
)

SPEC = small_spec()


def terms(leg):
    return list(zip(leg.term_from.tolist(), leg.term_to.tolist(), strict=True))


def test_complete_panel():
    table = bars(60)
    data = prepare(SPEC, panel(table))
    (leg,) = data.legs
    assert data.n_bars == 60
    assert data.path.segments == ((0, 60),)
    assert data.last_bar == 59
    np.testing.assert_array_equal(data.start, np.r_[1, np.zeros(59)])
    assert data.scored_from.tolist() == [12]  # 12 h burn-in, at most a fifth of the segment
    assert terms(leg) == [(t, t + 1) for t in range(11, 59)]
    np.testing.assert_allclose(leg.interest, table["open_interest"])
    np.testing.assert_array_equal(leg.before[1:], leg.interest[:-1])
    ratio = table["volume"].to_numpy()[1:] / leg.before[1:]
    np.testing.assert_allclose(leg.turnover[1:], ratio)
    assert leg.turnover[0] == 0.0
    assert not data.bridged.any()
    np.testing.assert_allclose(data.common_interest(), leg.interest)


def test_burn_in_is_capped_by_share():
    data = prepare(small_spec(burn_in_hours=500.0), panel(bars(60)))
    assert data.scored_from.tolist() == [12]
    data = prepare(small_spec(burn_in_hours=0.0), panel(bars(60)))
    assert data.scored_from.tolist() == [1]


def test_gap_in_open_interest_is_bridged_and_scored_as_one_change():
    table = bars(60)
    table.loc[table.index[30:33], "open_interest"] = np.nan
    data = prepare(SPEC, panel(table))
    (leg,) = data.legs
    assert data.path.segments == ((0, 60),)
    assert np.flatnonzero(data.bridged).tolist() == [30, 31, 32]
    a, b = table["open_interest"].iloc[[29, 33]]
    np.testing.assert_allclose(leg.interest[30:33], a * (b / a) ** (np.array([1, 2, 3]) / 4))
    found = terms(leg)
    assert (29, 33) in found
    assert not any(29 < x < 33 for term in found for x in term)
    assert (28, 29) in found
    assert (33, 34) in found


def test_unknown_volume_ends_a_segment():
    table = bars(60)
    table.loc[table.index[25:27], "volume"] = np.nan
    data = prepare(SPEC, panel(table))
    (leg,) = data.legs
    assert data.path.segments == ((0, 25), (27, 60))
    assert data.start[[0, 24, 25, 26, 27, 28]].tolist() == [1, 0, -1, -1, 1, 0]
    assert not any(x in (25, 26) for term in terms(leg) for x in term)
    assert (24, 27) not in terms(leg)
    assert (leg.turnover[[0, 25, 26, 27]] == 0).all()
    assert np.isnan(data.path.close[25:27]).all()
    assert data.scored_from.tolist() == [5, 33]
    assert min(t for t, _ in terms(leg) if t >= 27) == 32


def test_unknown_price_ends_a_segment_and_unknown_ends_are_cut():
    table = bars(60)
    table.loc[table.index[30], ["open", "high", "low", "close"]] = np.nan
    table.loc[table.index[:3], "open_interest"] = np.nan
    table.loc[table.index[28:30], "open_interest"] = np.nan
    data = prepare(SPEC, panel(table))
    assert data.path.segments == ((3, 28), (31, 60))


def test_short_segments_are_left_out():
    table = bars(60)
    table.loc[table.index[[8, 20]], "volume"] = np.nan
    data = prepare(SPEC, panel(table))
    assert data.path.segments == ((9, 20), (21, 60))


def test_nothing_usable():
    table = bars(60)
    table.loc[table.index[::8], "volume"] = np.nan
    with pytest.raises(InputError, match="no stretch of 10 bars"):
        prepare(SPEC, panel(table))
    table = bars(60)
    table["open_interest"] = np.nan
    with pytest.raises((InputError, SpecError), match=r"open.interest"):
        prepare(SPEC, panel(table))


@pytest.mark.parametrize("missing", [["volume"], ["open_interest"], ["volume", "open_interest"]])
def test_missing_columns_are_named(missing):
    with pytest.raises(SpecError) as error:
        prepare(SPEC, panel(bars(60).drop(columns=missing)))
    text = str(error.value)
    assert "lacks " + ", ".join(missing) in text
    assert "--column" in text


def test_volume_of_zero_everywhere():
    with pytest.raises(InputError, match="volume is zero"):
        prepare(SPEC, panel(bars(60).assign(volume=0.0)))


def test_history_builds_the_book_and_is_not_scored():
    whole = bars(80)
    old, new = panel(whole.iloc[:30]), panel(whole.iloc[30:])
    data = prepare(SPEC, new, old)
    (leg,) = data.legs
    assert data.n_history == 30
    assert data.n_bars == 80
    assert data.path.segments == ((0, 80),)
    assert data.scored_from.tolist() == [30]
    assert min(terms(leg)) == (29, 30)
    np.testing.assert_allclose(leg.interest, whole["open_interest"])
    for side in SIDES:
        assert data.feeds[side].bars.min() == 30


def test_history_without_open_interest_holds_the_first_value():
    whole = bars(80)
    old = panel(whole.iloc[:30].drop(columns="open_interest"))
    new = whole.iloc[30:].copy()
    new.iloc[0, new.columns.get_loc("open_interest")] = np.nan
    data = prepare(SPEC, panel(new), old)
    (leg,) = data.legs
    np.testing.assert_allclose(leg.interest[:31], whole["open_interest"].iloc[31])
    assert data.scored_from.tolist() == [30]
    # a held value is no observation: the first change is that between the first two known values
    assert min(terms(leg)) == (31, 32)


def test_history_must_fit():
    whole = bars(80)
    new = panel(whole.iloc[30:])
    with pytest.raises(InputError, match=r"one bar .3600 s. apart"):
        prepare(SPEC, new, panel(whole.iloc[:29]))
    with pytest.raises(InputError, match="contract and bar length"):
        prepare(SPEC, new, panel(whole.iloc[:30], "bybit:BTCUSDT"))


def test_feed_keeps_zeros_and_drops_unknown():
    table = bars(60)
    table.loc[table.index[40:44], "long_liquidations"] = np.nan
    table.loc[table.index[44], "long_liquidations"] = 0.0
    data = prepare(SPEC, panel(table))
    feed = data.feeds["long"]
    assert not set(range(40, 44)) & set(feed.bars.tolist())
    assert 44 in feed.bars
    assert feed.bars.min() == 12
    assert (feed.reported[40:44] == 0).all()
    assert np.isfinite(feed.reported).all()


def test_feed_of_one_side_or_none():
    assert prepare(SPEC, panel(bars(60, feed=False))).feeds == {}
    assert prepare(SPEC, panel(bars(60).drop(columns="short_liquidations"))).feeds == {}
    with pytest.raises(InputError, match="long_liquidations is zero in every bar"):
        prepare(SPEC, panel(bars(60).assign(long_liquidations=0.0)))


def test_capacity_follows_the_venue_and_the_date():
    throttled = prepare(SPEC, panel(bars(60)))
    assert (throttled.capacity == 3600.0).all()
    before = prepare(SPEC, panel(bars(60, start="2020-06-01")))
    assert np.isinf(before.capacity).all()
    complete = prepare(SPEC, panel(bars(60), UNTHROTTLED))
    assert np.isinf(complete.capacity).all()
    change = prepare(SPEC, panel(bars(60, start="2021-04-26")))
    assert np.isinf(change.capacity[:24]).all()
    assert (change.capacity[24:] == 3600.0).all()


def test_funding_blocks_use_settled_rates_only():
    table = bars(60, funding=True)
    table["funding_rate"] = np.nan
    table.iloc[::8, table.columns.get_loc("funding_rate")] = [
        1e-4, 5e-4, -3e-4, 5e-4, -3e-4, 1e-4, 5e-4, -3e-4,
    ]  # fmt: skip
    data = prepare(SPEC, panel(table))
    assert data.block_funding.size == 3
    assert (np.diff(data.block_funding) > 0).all()
    score = data.block_funding[data.block]
    # the rate settled with the open of bar 8 is known in bar 9
    assert score[8] == score[1]
    assert score[9] == score[16] == data.block_funding[2]
    assert score[17] == data.block_funding[0]


def test_funding_absent_or_rare_gives_one_block():
    assert prepare(SPEC, panel(bars(60))).block_funding.tolist() == [0.0]
    table = bars(60)
    table["funding_rate"] = np.nan
    table.iloc[5, table.columns.get_loc("funding_rate")] = 1e-4
    data = prepare(SPEC, panel(table))
    assert (data.block == 0).all()


def test_mark_price_triggers_where_it_is_known():
    table = bars(60)
    for name in ("open", "high", "low", "close"):
        table[f"mark_{name}"] = table["close"].to_numpy()
    unknown = [f"mark_{n}" for n in ("open", "high", "low", "close")]
    table.loc[table.index[7], unknown] = np.nan
    data = prepare(SPEC, panel(table))
    np.testing.assert_array_equal(np.delete(data.path.low, 7), np.delete(table["close"], 7))
    assert data.path.low[7] == table["low"].iloc[7]


def test_inverse_contract_has_inverse_distances():
    table = bars(60, feed=False)
    table["open_interest"] *= 1e4
    table["volume"] *= 1e4
    inverse = prepare(SPEC, panel(table, INVERSE))
    linear = prepare(SPEC, panel(table, LINEAR))
    assert inverse.legs[0].kind == "inverse"
    near = {k: d.cells.distances(k, "long")[0] for k, d in
            [("linear", linear), ("inverse", inverse)]}  # fmt: skip
    assert (near["inverse"][1:5] < near["linear"][1:5]).all()
    for data in (inverse, linear):
        assert all(np.isfinite(data.legs[0].touches[s].weight).all() for s in SIDES)


def test_aggregate_has_two_legs_in_one_common_unit():
    table = aggregate(60)
    data = prepare(SPEC, panel(table, AGGREGATE))
    by_kind = {leg.kind: leg for leg in data.legs}
    assert set(by_kind) == {"linear", "inverse"}
    linear, inverse = by_kind["linear"], by_kind["inverse"]
    np.testing.assert_allclose(linear.interest, table["open_interest_linear"])
    np.testing.assert_allclose(inverse.interest, table["open_interest_inverse"])
    price = table[["open", "high", "low", "close"]].mean(axis=1).to_numpy()
    np.testing.assert_allclose(linear.to_common, price)
    assert (inverse.to_common == 1).all()
    # what stands is worth what it is at the close
    total = table["open_interest_linear"] * table["close"] + table["open_interest_inverse"]
    np.testing.assert_allclose(data.common_interest(), total)
    shares = data.share_of(linear) + data.share_of(inverse)
    np.testing.assert_allclose(shares, 1.0)
    # each leg trades in proportion to its open interest before the bar
    volume = {
        k: leg.turnover[1:] * leg.before[1:] * leg.to_common[1:] for k, leg in by_kind.items()
    }
    np.testing.assert_allclose(volume["linear"] + volume["inverse"], table["volume"].iloc[1:])


def test_a_bars_own_open_interest_does_not_set_its_turnover():
    """It is scored given the turnover: else a Jacobian would be missing."""
    table = aggregate(60)
    other = table.copy()
    other.loc[other.index[40:], "open_interest_linear"] *= 0.8
    one, two = (prepare(SPEC, panel(t, AGGREGATE)) for t in (table, other))
    for a, b in zip(one.legs, two.legs, strict=True):
        np.testing.assert_array_equal(a.turnover[:41], b.turnover[:41])
        assert a.turnover[41] != b.turnover[41]


def test_aggregate_needs_both_legs():
    table = aggregate(60).drop(columns="open_interest_inverse")
    with pytest.raises((SpecError, InputError), match="open_interest_inverse"):
        prepare(SPEC, panel(table, AGGREGATE))


def test_covariates_do_not_depend_on_the_price_level():
    table = bars(60, feed=False)
    dear = table.copy()
    dear[["open", "high", "low", "close"]] *= 7.0
    one, other = prepare(SPEC, panel(table)), prepare(SPEC, panel(dear))
    np.testing.assert_allclose(one.covariates, other.covariates, atol=1e-9)
    assert one.covariates.shape == (60, 3)
    np.testing.assert_allclose(one.covariates[:, 1:].mean(axis=0), 0.0, atol=1e-12)
    for side in SIDES:
        a, b = (d.legs[0].touches[side] for d in (one, other))
        assert a.n_touches == b.n_touches
        np.testing.assert_allclose(a.weight, b.weight, atol=1e-5)


def test_volume_of_another_venue_gives_only_the_course_in_time():
    table = bars(60)
    own = prepare(SPEC, panel(table)).legs[0]
    many = table.assign(volume=table["volume"] * 50.0)
    proxies = [panel(t, provenance={"proxy": {"volume": "elsewhere"}}) for t in (table, many)]
    first, second = (prepare(SPEC, p).legs[0] for p in proxies)
    np.testing.assert_allclose(second.turnover, first.turnover)
    assert first.turnover[1:].mean() == pytest.approx(USUAL_TURNOVER_PER_DAY / 24.0)
    scale = first.turnover[1] / own.turnover[1]
    np.testing.assert_allclose(first.turnover, own.turnover * scale)


def test_weeks_are_blocks_of_the_opening_mix():
    table = copy.deepcopy(spec_table())
    table["opening_mix"] = {"walk_hours": 24.0}
    spec = ModelSpec.from_mapping(table)
    data = prepare(spec, panel(bars(90, funding=True)))
    day = np.arange(90) // 24
    assert (data.block_week[data.block] == day).all()
    plain = prepare(load_spec("baseline"), panel(bars(90, funding=True)))
    np.testing.assert_array_equal(data.block_funding[data.block], plain.block_funding[plain.block])
    assert set(plain.block_week) == {0}


def test_a_constant_reporting_share_knows_no_throttle():
    table = copy.deepcopy(spec_table())
    table["channels"]["feed_throttle"] = "constant"
    spec = ModelSpec.from_mapping(table)
    assert np.isinf(prepare(spec, panel(bars(60))).capacity).all()
    assert np.isfinite(prepare(load_spec("baseline"), panel(bars(60))).capacity).all()


def test_short_bars_share_the_weight_of_an_hour():
    """So that five-minute bars do not count twelvefold; longer bars keep the whole weight."""
    table = copy.deepcopy(spec_table())
    table["channels"] |= {"feed_weight": 0.05, "open_interest_weight": 0.1, "weight_hours": 1.0}
    discounted, whole = ModelSpec.from_mapping(table), ModelSpec.from_mapping(spec_table())
    for freq, part in (("5min", 1 / 12), ("1h", 1.0), ("1D", 1.0)):
        given = panel(bars(60, freq=freq))
        found = prepare(discounted, given)
        assert found.open_interest_weight == pytest.approx(0.1 * part)
        assert found.feed_weight == pytest.approx(0.05 * part)
        assert prepare(whole, given).open_interest_weight == 1.0
