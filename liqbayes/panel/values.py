"""Checks of the numbers themselves: what no market can have shown."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from liqbayes.errors import InputError
from liqbayes.panel.columns import COLUMNS, LEGS, MARKS, PRICES
from liqbayes.panel.rows import name_rows

_STOCKS = ("open_interest", *LEGS)
# No price or amount of any market lies outside these; beyond them arithmetic overflows.
_SMALLEST, _LARGEST = 1e-12, 1e20
# Rounding of prices to a tick in one column and not in another; a real mistake is far larger.
_TICK = 1e-9


def to_numbers(series: pd.Series, name: str) -> np.ndarray[Any, Any]:
    """Float64 values of a column; missing cells are NaN.

    Raises
    ------
    InputError
        Text that is no number, booleans, dates or complex numbers, with the rows.
    """
    kind = series.dtype
    if pd.api.types.is_bool_dtype(kind) or pd.api.types.is_complex_dtype(kind):
        raise InputError(f"column {name!r} holds {kind} values; give numbers.")
    if pd.api.types.is_numeric_dtype(kind):
        return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    if pd.api.types.is_datetime64_any_dtype(kind) or pd.api.types.is_timedelta64_dtype(kind):
        raise InputError(f"column {name!r} holds times; give numbers.")
    values = np.full(len(series), np.nan)
    wrong = np.zeros(len(series), dtype=bool)
    for i, value in enumerate(series.astype(object)):
        if value is None or value is pd.NA or value is pd.NaT:
            continue
        try:
            if isinstance(value, bool | np.bool_ | bytes):
                raise TypeError
            values[i] = float(value) if not isinstance(value, str) else _text_number(value)
        except (TypeError, ValueError, OverflowError):
            wrong[i] = True
    if wrong.any():
        first = series.iloc[int(np.flatnonzero(wrong)[0])]
        raise InputError(
            f"column {name!r} holds {str(first)[:40]!r}, which is no number, at "
            f"{name_rows(wrong)}. Write plain numbers with a point, and leave unknown cells empty."
        )
    return values


def _text_number(text: str) -> float:
    text = text.strip()
    if "_" in text:  # Python reads 1_000; a data file that has it is damaged
        raise ValueError
    return float(text) if text else float("nan")


def check_values(
    columns: Mapping[str, np.ndarray[Any, Any]],
    stamps: pd.DatetimeIndex,
    proxies: Mapping[str, str],
) -> None:
    """Refuse impossible values, naming rows and remedy. NaN passes: it means unknown.

    Parameters
    ----------
    columns : mapping of str to (n,) array
        Canonical columns.
    stamps : DatetimeIndex of length n
    proxies : mapping of str to str
        Columns that another venue reports; they are not compared with the venue's own.
    """
    for name, values in columns.items():
        _refuse(np.isinf(values), stamps, f"{name} is infinite", "leave unknown cells empty")
        _refuse(
            np.abs(values) > _LARGEST,
            stamps,
            f"{name} is beyond {_LARGEST:g}, more than any market has",
            "check the column and its unit, and leave unknown cells empty",
        )
        if COLUMNS[name].kind in ("price", "stock"):
            _refuse(
                (values > 0) & (values < _SMALLEST),
                stamps,
                f"{name} is below {_SMALLEST:g}, less than any market has",
                "check the column and its unit, and leave unknown cells empty",
            )
    for group in (PRICES, MARKS):
        _check_prices({n: columns[n] for n in group if n in columns}, group, stamps)
    for name, values in columns.items():
        if name in _STOCKS:
            _refuse(
                values <= 0,
                stamps,
                f"{name} is zero or negative",
                "a venue file that shows 0 means 'unknown': leave these cells empty",
            )
        elif COLUMNS[name].kind == "flow":
            _refuse(
                values < 0,
                stamps,
                f"{name} is negative",
                "give the amount without sign, and leave unknown cells empty",
            )
        elif name == "leverage_ratio":
            _refuse(values <= 0, stamps, f"{name} is not positive", "leave unknown cells empty")
        elif name == "funding_rate":
            _refuse(
                np.abs(values) > 0.5,
                stamps,
                f"{name} is beyond ±0.5, and no venue pays half of a position",
                "give a fraction (0.0001 for 0.01 %), one value per settlement",
            )
    if "taker_buy_volume" in columns and "volume" in columns:
        same_venue = proxies.get("volume") == proxies.get("taker_buy_volume")
        if same_venue:
            # Two per cent: the two columns may have been converted at slightly different prices.
            _refuse(
                columns["taker_buy_volume"] > 1.02 * columns["volume"],
                stamps,
                "taker_buy_volume exceeds volume",
                "check the unit of both columns (base, quote or contracts)",
            )


def _check_prices(
    prices: Mapping[str, np.ndarray[Any, Any]], names: tuple[str, ...], stamps: pd.DatetimeIndex
) -> None:
    for name, values in prices.items():
        _refuse(values <= 0, stamps, f"{name} is not positive", "leave unknown cells empty")
    first, top, bottom, last = names
    remedy = "check the order of the price columns and these rows"
    if top in prices and bottom in prices:
        high, low = prices[top] * (1 + _TICK), prices[bottom] * (1 - _TICK)
        _refuse(high < low, stamps, f"{top} is below {bottom}", remedy)
        for name in (first, last):
            if name in prices:
                _refuse(prices[name] > high, stamps, f"{name} is above {top}", remedy)
                _refuse(prices[name] < low, stamps, f"{name} is below {bottom}", remedy)


def _refuse(bad: np.ndarray[Any, Any], stamps: pd.DatetimeIndex, what: str, remedy: str) -> None:
    if bad.any():
        raise InputError(f"{what} at {name_rows(bad, stamps)}; {remedy}.")
