import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqbayes.errors import InputError
from liqbayes.panel.times import (
    bar_length,
    bar_name,
    full_grid,
    parse_bar,
    parse_bound,
    parse_stamps,
    to_bar_open,
    within,
)

HOURS = pd.date_range("2024-01-01", periods=5, freq="1h").as_unit("ns")


@pytest.mark.parametrize("unit, factor", [("s", 1e9), ("ms", 1e6), ("us", 1e3), ("ns", 1)])
def test_epoch_unit_is_told_by_magnitude(unit, factor):
    numbers = (HOURS.asi8 // int(factor)).tolist()
    assert parse_stamps(pd.Series(numbers)).equals(HOURS)
    assert parse_stamps(pd.Series([str(x) for x in numbers])).equals(HOURS)


def test_ms_and_us_may_be_mixed_in_one_column():
    numbers = [int(HOURS.asi8[0] // 10**6), int(HOURS.asi8[1] // 10**3)]
    assert parse_stamps(pd.Series(numbers)).equals(HOURS[:2])


def test_fractional_seconds():
    assert parse_stamps(pd.Series([1704067200.25])) == pd.DatetimeIndex(["2024-01-01 00:00:00.25"])


@given(st.integers(1_300_000_000_000, 4_000_000_000_000))
def test_integer_milliseconds_are_exact(ms):
    assert parse_stamps(pd.Series([ms])).asi8[0] == ms * 10**6


@pytest.mark.parametrize("text", ["{}Z", "{}+00:00", "{} UTC", "{}"])
def test_text_in_utc(text):
    texts = [text.format(stamp.strftime("%Y-%m-%dT%H:%M:%S")) for stamp in HOURS]
    assert parse_stamps(pd.Series(texts)).equals(HOURS)


def test_offsets_are_converted():
    assert parse_stamps(
        pd.Series(["2024-01-01 02:00:00+02:00", "2024-01-01 03:00:00+0200"])
    ).equals(HOURS[:2])
    assert parse_stamps(pd.Series(["2023-12-31T19:00:00-05:00"])).equals(HOURS[:1])


def test_bitmex_separator():
    assert parse_stamps(pd.Series(["2024-01-01D00:00:00.000000000"])).equals(HOURS[:1])


def test_aware_index_becomes_utc_without_zone():
    index = parse_stamps(HOURS.tz_localize("UTC").tz_convert("Asia/Tokyo"))
    assert index.equals(HOURS)
    assert index.tz is None
    assert index.dtype == "datetime64[ns]"


def test_naive_is_utc_unless_tz_is_given():
    assert parse_stamps(HOURS.tz_localize(None)).equals(HOURS)
    berlin = parse_stamps(HOURS, tz="Europe/Berlin")
    assert berlin.equals(HOURS - pd.Timedelta(hours=1))


@pytest.mark.parametrize(
    "values, tz, words",
    [
        (["2024-01-01 00:00:00", "2024-01-01 01:00:00Z"], None, "mixed"),
        (["2024-01-01 00:00:00+01:00", "2024-01-01 01:00:00+02:00"], None, "different zones"),
        ([pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-01 01:00", tz="UTC")], None, "mixed"),
        (["2024-01-01", "yesterday"], None, "row 1"),
        (["01/02/2024 10:00"], None, "ISO 8601"),
        ([20240101, 20240102], None, "YYYY-MM-DD"),
        ([0, 1, 2], None, "row number"),
        ([np.inf], None, "no epoch"),
        (["2024-01-01", None], None, "missing at row 1"),
        (["1700-01-01"], None, "outside"),
        (["9999-12-31"], None, "outside"),
        ([True, False], None, "booleans"),
        (["2024-01-01"], "Mars/Olympus", "IANA"),
        (["2024-03-31 02:30:00"], "Europe/Berlin", "Europe/Berlin"),
        (["2024-01-01 00:00:00Z"], "UTC", "leave tz out"),
        ([1704067200], "UTC", "leave tz out"),
    ],
)
def test_bad_stamps_are_named(values, tz, words):
    with pytest.raises(InputError, match=words):
        parse_stamps(pd.Series(values, dtype=None), tz=tz)


def test_off_grid_and_irregular_stamps():
    index = pd.DatetimeIndex(pd.date_range("2024-01-01", periods=30, freq="1h")).as_unit("ns")
    assert bar_length(index) == 3600
    late = index.to_numpy().copy()
    late[7] += np.timedelta64(61, "s")
    with pytest.raises(InputError, match=r"off-grid.*row 7 \(2024-01-01 07:01:01\)"):
        bar_length(pd.DatetimeIndex(late))
    rng = np.random.default_rng(0)
    ticks = np.cumsum(rng.integers(1, 10**10, 200)) + index.asi8[0]
    with pytest.raises(InputError, match="irregular"):
        bar_length(pd.DatetimeIndex(ticks.view("datetime64[ns]")))
    with pytest.raises(InputError, match="irregular"):
        bar_length(pd.date_range("2020-01-01", periods=40, freq="MS").as_unit("ns"))
    with pytest.raises(InputError, match="2 bar"):
        bar_length(index[:2])
    with pytest.raises(InputError, match="almost all are missing"):
        bar_length(index.append(index + pd.Timedelta(days=9000)))


@pytest.mark.parametrize("first", [10, 20])
def test_a_grid_that_moves_midway_names_both_phases_and_the_change(first):
    index = pd.date_range("2024-01-01", periods=30, freq="1h").as_unit("ns")
    moved = index[:first].append(index[first:] + pd.Timedelta("30min"))
    words = rf"change their grid at row {first} \(2024-01-01 {first}:30:00\): .* 0 s, 1800 s past"
    with pytest.raises(InputError, match=words):
        bar_length(moved)
    back = moved[:15].append(index[15:]) if first == 10 else moved[:25].append(index[25:])
    with pytest.raises(InputError, match=rf"grid at row {first} .*, row {first + 5} .*0 s, 1800 s"):
        bar_length(back)


def test_a_few_stamps_off_one_grid_are_named_themselves():
    stamps = pd.date_range("2024-01-01", periods=30, freq="1h").as_unit("ns").to_numpy().copy()
    stamps[7:9] += np.timedelta64(61, "s")
    with pytest.raises(InputError, match=r"off-grid.*row 7 .*, row 8 \(2024-01-01 08:01:01\)\."):
        bar_length(pd.DatetimeIndex(stamps))


def test_grid_keeps_the_last_bar_of_long_panels():
    # numpy's arange counts in doubles and loses it.
    index = pd.date_range("2016-05-15", periods=46_968, freq="1h").as_unit("ns")
    assert full_grid(index, 3600).equals(index)


@pytest.mark.parametrize("short", ["0s", "1s", "1ms", "1us"])
def test_close_stamps(short):
    closes = HOURS + pd.Timedelta(hours=1) - pd.Timedelta(short)
    assert to_bar_open(closes, "close").equals(HOURS)
    assert to_bar_open(HOURS, "open").equals(HOURS)
    with pytest.raises(InputError, match="'open'"):
        to_bar_open(HOURS, "middle")


def test_since_includes_and_until_excludes():
    keep = within(HOURS, "2024-01-01 01:00", "2024-01-01T04:00:00+01:00")
    assert keep.tolist() == [False, True, True, False, False]
    with pytest.raises(InputError, match="2024-01-01 04:00:00"):
        within(HOURS, "2025-01-01", None)
    with pytest.raises(InputError, match="since"):
        parse_bound("soon", "since")


def test_bar_names():
    assert [parse_bar(b) for b in ("5m", "1h", "1d", 300, pd.Timedelta("4h"))] == [
        300,
        3600,
        86_400,
        300,
        14_400,
    ]
    assert [bar_name(s) for s in (300, 3600, 86_400, 90)] == ["5m", "1h", "1d", "90s"]
    for bad in ("1M", "0h", "hour", -5, 1.5, None, True):
        with pytest.raises(InputError, match="bar is"):
            parse_bar(bad)
