"""Tables: intervals in one cell, units once, unknown is a dash and sorted last."""

import numpy as np
import pandas as pd
import pytest

from liqbayes.page.tables import UNKNOWN, cell, figure, table_of


def test_interval_columns_become_one() -> None:
    frame = pd.DataFrame(
        {
            "side": ["long", "short"],
            "quote_low": [1e6, np.nan],
            "quote_median": [2e6, 5e6],
            "quote_high": [3e6, np.nan],
        }
    )
    table = table_of(frame, "t", {"quote_median": "USDT"})
    assert [c.label for c in table.columns] == ["side", "quote (90 % interval)"]
    assert table.columns[1].unit == "USDT"
    assert table.rows[0][1].text == "2M"
    assert table.rows[0][1].below == "1M to 3M"
    assert float(table.rows[0][1].value) == 2e6
    assert table.rows[1][1].below == "", "one draw has no interval"


def test_bounds_without_a_median_stay_columns() -> None:
    frame = pd.DataFrame({"price_low": [1.0], "price": [2.0], "price_high": [3.0]})
    assert [c.label for c in table_of(frame, "t").columns] == ["price low", "price", "price high"]


def test_plain_low_median_high() -> None:
    table = table_of(pd.DataFrame({"low": [0.1], "median": [0.2], "high": [0.3]}), "t")
    assert len(table.columns) == 1
    assert table.rows[0][0].below == "0.1 to 0.3"


def test_long_tables_are_cut_and_say_how_long_they_were() -> None:
    table = table_of(pd.DataFrame({"a": range(10)}), "t", rows=4)
    assert (len(table.rows), table.total) == (4, 10)


def test_rows_of_long_tables_are_the_latest_or_the_nearest() -> None:
    """Longs come first in their files: the first rows would be the oldest of one side."""
    days = pd.date_range("2024-01-01", periods=5)
    frame = pd.DataFrame({"time": [*days, *days], "side": ["long"] * 5 + ["short"] * 5})
    table = table_of(frame, "t", rows=4)
    assert table.kept == "latest"
    assert {row[1].text for row in table.rows} == {"long", "short"}
    assert all("01-0" in row[0].text and row[0].text >= "2024-01-04" for row in table.rows)
    frame = pd.DataFrame({"distance": [-0.5, -0.1, 0.2, 0.4], "side": list("abcd")})
    assert [row[1].text for row in table_of(frame, "t", rows=2).rows] == ["b", "c"]
    assert table_of(frame, "t").kept == ""


def test_empty_table_has_heads() -> None:
    table = table_of(pd.DataFrame({"a": [], "b": []}), "t")
    assert [c.label for c in table.columns] == ["a", "b"]
    assert table.rows == ()


@pytest.mark.parametrize("value", [None, float("nan"), pd.NaT, pd.NA])
def test_unknown(value: object) -> None:
    assert cell(value).text == UNKNOWN
    assert cell(value).value == ""


@pytest.mark.parametrize(
    ("value", "name", "unit", "text"),
    [
        (0.1234, "", "share", "12.3 %"),
        (1e-7, "", "share", "<0.001 %"),
        (0.0, "", "share", "0 %"),
        (0.5, "p_top", "", "0.50"),
        (65_432.1, "price_low", "", "65,432"),
        (1.23456e9, "", "USDT", "1.23B"),
        (-2.5e6, "", "USDT", "−2.5M"),
        (3e-30, "", "quote", "0"),
        (float("inf"), "", "", UNKNOWN),
        (0.00012, "", "", "0.00012"),
    ],
)
def test_figures(value: float, name: str, unit: str, text: str) -> None:
    assert figure(value, name, unit) == text


def test_booleans_and_times() -> None:
    assert cell(np.bool_(True)).text == "yes"
    assert cell(pd.Timestamp("2024-07-01 05:00")).text == "2024-07-01 05:00"
