"""The optional table of known positions: validation, and reading it from a file."""

from typing import Any

import numpy as np
import pandas as pd

from liqbayes.errors import InputError
from liqbayes.panel.rows import name_rows
from liqbayes.panel.times import parse_stamps
from liqbayes.panel.values import to_numbers

POSITION_COLUMNS = ("time", "side", "size", "entry_price", "liquidation_price", "margin_mode")
_REQUIRED = ("time", "side", "size")
_SIDES = ("long", "short")
_MODES = ("isolated", "cross", "unknown")


def check_positions(positions: pd.DataFrame) -> pd.DataFrame:
    """Validate a positions table; it may cover only part of the open interest.

    Parameters
    ----------
    positions : DataFrame
        ``time`` (naive is UTC), ``side`` (``"long"`` or ``"short"``), ``size`` (quantity unit of
        the contract, positive); optional ``entry_price``, ``liquidation_price`` (NaN: none or
        unknown) and ``margin_mode`` (``"isolated"``, ``"cross"`` or missing).

    Returns
    -------
    DataFrame
        The six columns of `POSITION_COLUMNS`, times as UTC without zone, one row a position and
        time, in the given order.

    Raises
    ------
    InputError
        For missing or unknown columns and impossible values, naming the rows.
    """
    if not isinstance(positions, pd.DataFrame):
        raise InputError(f"positions is a {type(positions).__name__}; give a pandas DataFrame.")
    missing = [name for name in _REQUIRED if name not in positions]
    unknown = [str(name) for name in positions if name not in POSITION_COLUMNS]
    if missing or unknown:
        raise InputError(
            f"positions lacks {missing} and has the unknown columns {unknown}; its columns are "
            f"{', '.join(POSITION_COLUMNS)}, the first three required."
        )
    time = parse_stamps(positions["time"])
    side = positions["side"].astype(object).to_numpy()
    wrong = np.array([value not in _SIDES for value in side], dtype=bool)
    if wrong.any():
        raise InputError(
            f"positions: side is {side[np.flatnonzero(wrong)[0]]!r} at {name_rows(wrong)}; "
            "allowed: 'long', 'short'."
        )
    table: dict[str, Any] = {"time": time, "side": side}
    for name in ("size", "entry_price", "liquidation_price"):
        values = (
            to_numbers(positions[name], f"positions.{name}")
            if name in positions
            else np.full(len(positions), np.nan)
        )
        # A size must be known; the two prices may not be.
        bad = (values <= 0) | np.isinf(values) | (np.isnan(values) & (name == "size"))
        if bad.any():
            raise InputError(
                f"positions: {name} must be positive and finite"
                + ("" if name == "size" else ", or empty where there is none")
                + f", and is not at {name_rows(bad)}."
            )
        table[name] = values
    mode = (
        positions["margin_mode"].astype(object)
        if "margin_mode" in positions
        else pd.Series([None] * len(positions), dtype=object)
    )
    modes = np.where(mode.isna(), "unknown", mode)
    wrong = np.array([value not in _MODES for value in modes], dtype=bool)
    if wrong.any():
        raise InputError(
            f"positions: margin_mode is {modes[np.flatnonzero(wrong)[0]]!r} at "
            f"{name_rows(wrong)}; allowed: 'isolated', 'cross', 'unknown' or empty."
        )
    table["margin_mode"] = modes
    return pd.DataFrame(table, columns=list(POSITION_COLUMNS)).astype(
        {"side": object, "margin_mode": object}
    )


def positions_to_plain(positions: pd.DataFrame | None) -> list[list[Any]] | None:
    """Rows of plain JSON values: nanoseconds, texts, numbers and null."""
    if positions is None:
        return None
    columns: list[list[Any]] = []
    for name in POSITION_COLUMNS:
        values = positions[name]
        if name == "time":
            columns.append([int(stamp) for stamp in pd.DatetimeIndex(values).as_unit("ns").asi8])
        elif name in ("side", "margin_mode"):
            columns.append([str(value) for value in values])
        else:
            columns.append([None if np.isnan(value) else float(value) for value in values])
    return [list(row) for row in zip(*columns, strict=True)]


def positions_from_plain(rows: list[list[Any]] | None) -> pd.DataFrame | None:
    """Inverse of `positions_to_plain`, validated again."""
    if rows is None:
        return None
    table = pd.DataFrame(rows, columns=list(POSITION_COLUMNS))
    table["time"] = pd.DatetimeIndex(
        np.array([row[0] for row in rows], dtype=np.int64).view("datetime64[ns]")
    )
    return check_positions(table)
