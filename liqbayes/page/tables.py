"""Tables as the page shows them: numbers for people, values for sorting, intervals in one cell."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

#: Rows that a page holds of one table; the files of the analysis have all.
ROWS = 200
UNKNOWN = "–"


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes
    ----------
    text : str
    below : str
        The interval of a median.
    value : str
        What the column is sorted by; empty is unknown and last.
    """

    text: str
    below: str = ""
    value: str = ""


@dataclass(frozen=True)
class Column:
    """Head of a column; numbers are set to the right."""

    label: str
    unit: str
    number: bool


@dataclass(frozen=True)
class Table:
    """A table ready to be set.

    Attributes
    ----------
    caption : str
    columns : tuple of Column
    rows : tuple of tuple of Cell
    total : int
        Rows that there are; more than ``rows`` if it was cut.
    kept : str
        Which rows of a table that was cut.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: int
    kept: str = ""


def most_asked_for(frame: pd.DataFrame, rows: int) -> tuple[pd.DataFrame, str]:
    """Rows of a long table that are kept, and what they are.

    The latest where there is a time, the nearest to the price where there is a distance, whatever
    their side, and else the first.
    """
    if len(frame) <= rows:
        return frame, ""
    if "time" in frame:
        return frame.sort_values("time", ascending=False, kind="stable").head(rows), "latest"
    if "distance" in frame:
        nearest = frame["distance"].abs().sort_values(kind="stable").index[:rows]
        return frame.loc[nearest], "nearest"
    return frame.head(rows), "first"


def table_of(
    frame: pd.DataFrame, caption: str, units: Mapping[str, str] | None = None, *, rows: int = ROWS
) -> Table:
    """Set a table: ``low``, ``median`` and ``high`` become one column, units go to the head.

    Parameters
    ----------
    frame : DataFrame
        Intervals as columns ``low``, ``median``, ``high`` or ``x_low``, ``x_median``, ``x_high``.
    caption : str
    units : mapping, optional
        Column name to unit.
    rows : int
        Rows to keep; see `most_asked_for`.
    """
    units = units or {}
    shown, kept = most_asked_for(frame, rows)
    columns: list[Column] = []
    cells: list[list[Cell]] = []
    for name in frame.columns:
        prefix = _interval_of(str(name), frame)
        if prefix is None:
            if _is_end(str(name), frame):
                continue
            unit = units.get(str(name), "")
            columns.append(
                Column(
                    words(str(name)),
                    "" if unit in _IN_CELLS else unit,
                    _numeric(frame[name]),
                )
            )
            cells.append([cell(value, str(name), unit) for value in shown[name]])
            continue
        unit = next((units[k] for k in (str(name), prefix, f"{prefix}_low") if k in units), "")
        columns.append(
            Column(
                f"{words(prefix) or 'median'} (90 % interval)",
                "" if unit in _IN_CELLS else unit,
                True,
            )
        )
        ends = (_joined(prefix, "low"), _joined(prefix, "high"))
        cells.append(
            [
                interval_cell(low, middle, high, prefix, unit)
                for low, middle, high in zip(
                    shown[ends[0]], shown[name], shown[ends[1]], strict=True
                )
            ]
        )
    body = tuple(zip(*cells, strict=True)) if cells else ()
    return Table(caption, tuple(columns), body, len(frame), kept)


def interval_cell(low: Any, middle: Any, high: Any, name: str = "", unit: str = "") -> Cell:
    """Median with its interval below; nothing below where a single draw has none."""
    main = cell(middle, name, unit)
    if _missing(low) or _missing(high):
        return main
    ends = (cell(end, name, unit).text for end in (low, high))
    return Cell(main.text, " to ".join(ends), main.value)


def cell(value: Any, name: str = "", unit: str = "") -> Cell:
    """A value as text and as a key to sort by."""
    if _missing(value):
        return Cell(UNKNOWN)
    if isinstance(value, bool | np.bool_):
        return Cell("yes" if value else "no", value=str(int(value)))
    if isinstance(value, pd.Timestamp):
        return Cell(f"{value:%Y-%m-%d %H:%M}", value=value.isoformat())
    if isinstance(value, int | float) or hasattr(value, "__float__"):
        number = float(value)
        return Cell(figure(number, name, unit), value=repr(number))
    return Cell(str(value), value=str(value))


def figure(value: float, name: str = "", unit: str = "") -> str:
    """A number for people: shares in percent, prices with all their digits, amounts short."""
    if not math.isfinite(value):
        return UNKNOWN
    return _figure(value, name, unit).replace("-", "−")


def _figure(value: float, name: str, unit: str) -> str:
    if unit in _SHARES:
        if 0 < abs(value) < 1e-5:
            return "<0.001 %" if value > 0 else ">-0.001 %"
        return f"{100 * value:.3g} %" if abs(value) < 0.1 else f"{100 * value:.1f} %"
    if unit == "probability" or name.startswith("p_"):
        return f"{value:.2f}"
    if "price" in name or "price" in unit or name in ("vwap", "level", "mark"):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.5g}"
    for limit, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit * 0.9995:
            if float(value).is_integer() and abs(value) < 1e5:
                return f"{value:,.0f}"
            return f"{value / limit:.3g}{suffix}"
    return "0" if unit in _MONEY and abs(value) < 0.005 else f"{value:.3g}"


_MONEY = ("quote", "USD", "USDT", "USDC")
_SHARES = ("share", "fraction")
# Units that the figure itself shows.
_IN_CELLS = (*_SHARES, "probability")


def words(name: str) -> str:
    """A column name as words."""
    return name.replace("_", " ").strip()


def _joined(prefix: str, end: str) -> str:
    return f"{prefix}_{end}" if prefix else end


def _interval_of(name: str, frame: pd.DataFrame) -> str | None:
    """Prefix of the interval whose median a column is; None if it is none."""
    if name != "median" and not name.endswith("_median"):
        return None
    prefix = "" if name == "median" else name.removesuffix("_median")
    ends = (_joined(prefix, "low"), _joined(prefix, "high"))
    return prefix if all(end in frame.columns for end in ends) else None


def _is_end(name: str, frame: pd.DataFrame) -> bool:
    """Whether a column is an end of an interval that is shown in its median's column."""
    for end in ("low", "high"):
        if name == end or name.endswith(f"_{end}"):
            prefix = "" if name == end else name.removesuffix(f"_{end}")
            middle = _joined(prefix, "median")
            return middle in frame.columns and _interval_of(middle, frame) is not None
    return False


def _numeric(column: "pd.Series[Any]") -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column))


def _missing(value: Any) -> bool:
    return value is None or (not isinstance(value, str) and bool(pd.isna(value)))
