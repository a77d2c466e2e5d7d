"""Parsing of options that are more than one word, and figures for people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqbayes.cli.console import interval, number
from liqbayes.cli.options import check_bins, parse_columns, parse_price_range
from liqbayes.errors import InputError


def test_columns() -> None:
    assert parse_columns(["volume=vol_ccy:base", " open_interest = a=b:quote "]) == {
        "volume": "vol_ccy:base",
        "open_interest": "a=b:quote",
    }
    assert parse_columns([]) == {}


@given(st.floats(0.01, 0.99), st.floats(1.01, 100.0))
def test_price_ranges_round_trip(low: float, high: float) -> None:
    assert parse_price_range(f"{low!r}:{high!r}") == (low, high)


@pytest.mark.parametrize(
    "text", ["", "2", "1:2", "0:2", "0.5:1", "2:0.5", "nan:2", "0.5:inf", "a:b"]
)
def test_bad_price_ranges(text: str) -> None:
    with pytest.raises(InputError, match="give LOW:HIGH"):
        parse_price_range(text)


def test_bins() -> None:
    assert check_bins(400) == 400
    for bins in (0, 9, 5001):
        with pytest.raises(InputError, match="use 10 to 5000"):
            check_bins(bins)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "", "–"),
        (0.1234, "share", "12.3 %"),
        (61234.0, "price", "61,234"),
        (7.125, "leverage", "7.12x"),
        (-2.5e6, "", "-2.5M"),
        (0.0, "", "0"),
    ],
)
def test_figures(value: float | None, unit: str, text: str) -> None:
    assert number(value, unit) == text


def test_unknown_intervals_are_a_dash() -> None:
    assert interval(None) == ("–", "")
    assert interval([0.1, 0.2, 0.3], "share") == ("20.0 %", "10.0 % to 30.0 %")
