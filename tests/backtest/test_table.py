"""Ratios to open interest before the bar; unknown stays unknown; further bars."""

import numpy as np
import pandas as pd
import pytest

from liqbayes.backtest.forecaster import check_request
from liqbayes.backtest.table import BarTable, interest_before
from liqbayes.errors import InputError
from liqbayes.panel import MarketPanel
from tests.backtest.tables import price_bars, random_table


def frame(n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    index = pd.date_range("2024-03-01", periods=n, freq="h")
    interest = 1000.0 * np.exp(np.cumsum(0.01 * rng.normal(size=n)))
    return pd.DataFrame(
        {
            **price_bars(n, rng),
            "volume": rng.uniform(50, 150, n),
            "open_interest": interest,
            "long_liquidations": rng.uniform(0, 1, n),
            "short_liquidations": rng.uniform(0, 1, n),
        },
        index=index,
    )


def panel(table: pd.DataFrame) -> MarketPanel:
    return MarketPanel.from_frame(table, "binance:BTCUSDT")


def test_ratios_are_to_the_open_interest_before() -> None:
    table = frame()
    bars = BarTable.of(panel(table))
    before = table["open_interest"].shift(1).to_numpy()
    np.testing.assert_allclose(bars.turnover, table["volume"] / before)
    np.testing.assert_allclose(bars.reported[0], table["long_liquidations"] / before)
    np.testing.assert_allclose(bars.reported[1], table["short_liquidations"] / before)
    np.testing.assert_allclose(bars.change, np.log(table["open_interest"] / before))
    assert np.isnan(bars.reported[:, 0]).all() and bars.bar_hours == 1.0
    np.testing.assert_array_equal(bars.low, table["low"])


def test_unknown_open_interest_makes_two_bars_unknown_and_no_more() -> None:
    table = frame()
    table.loc[table.index[7], "open_interest"] = np.nan
    bars = BarTable.of(panel(table))
    assert np.flatnonzero(np.isnan(bars.turnover)).tolist() == [0, 8]
    assert np.flatnonzero(np.isnan(bars.change)).tolist() == [0, 7, 8]
    assert np.flatnonzero(np.isnan(interest_before(panel(table)))).tolist() == [0, 8]


def test_mark_price_triggers_where_it_is_known() -> None:
    table = frame()
    for name in ("open", "high", "low", "close"):
        table[f"mark_{name}"] = table[name] * 1.0001
    table.loc[table.index[5], "mark_low"] = np.nan
    bars = BarTable.of(panel(table))
    expected = table["high"].to_numpy() * 1.0001
    expected[5] = table["high"].iloc[5]
    np.testing.assert_array_equal(bars.high, expected)


@pytest.mark.parametrize("change", ["zero", "missing", "volume"])
def test_what_cannot_be_scored_is_an_error(change: str) -> None:
    table = frame()
    if change == "zero":
        table["long_liquidations"] = 0.0
    elif change == "missing":
        table = table.drop(columns="short_liquidations")
    else:
        table["volume"] = np.nan
    with pytest.raises(InputError, match=r"zero in every bar|lacks"):
        BarTable.of(panel(table))


def test_further_bars_know_price_and_turnover_alone() -> None:
    table = random_table(50)
    longer = table.append(open=[1, 2], high=[2, 3], low=[1, 1], close=[2, 2], turnover=[0.1, 0.2])
    assert longer.n_bars == 52
    assert np.isnan(longer.reported[:, 50:]).all() and np.isnan(longer.change[50:]).all()
    np.testing.assert_array_equal(np.diff(longer.time)[-3:], np.diff(table.time)[:3])
    same = longer.rows(None, 50)
    np.testing.assert_array_equal(same.reported, table.reported)
    np.testing.assert_array_equal(longer.rows(48, None).low[-2:], [1, 1])
    with pytest.raises(InputError, match="one length"):
        table.append(open=[1, 2], high=[2], low=[1], close=[2], turnover=[0.1])


def test_arrays_cannot_be_changed_and_shapes_are_checked() -> None:
    table = random_table(30)
    with pytest.raises(ValueError, match="read-only"):
        table.reported[0, 0] = 1.0
    with pytest.raises(InputError, match="reported has shape"):
        BarTable(
            table.time,
            1.0,
            table.open,
            table.high,
            table.low,
            table.close,
            table.turnover,
            table.change,
            table.reported[0],
        )


def test_requests_are_checked() -> None:
    table = random_table(30)
    assert check_request(table, np.array([3, 4]), "forecast", 5).tolist() == [3, 4]
    with pytest.raises(InputError, match="the tasks are conditional"):
        check_request(table, np.array([3]), "guess", 5)
    with pytest.raises(InputError, match="rows 0 to 29"):
        check_request(table, np.array([30]), "conditional", 5)
    with pytest.raises(InputError, match="one draw"):
        check_request(table, np.array([3]), "conditional", 0)
