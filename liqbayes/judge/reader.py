"""Maps from files: the documented CSV (``docs/reference/map-csv.md``)."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from liqbayes.contracts import SIDES, AnyContract
from liqbayes.errors import InputError
from liqbayes.panel.files import load_table
from liqbayes.panel.rows import name_rows
from liqbayes.panel.times import parse_stamps
from liqbayes.panel.values import to_numbers
from liqbayes.peers import LevelMap

COLUMNS = ("time", "side", "price", "amount")
LIMITS = ("price_low", "price_high")
#: What amounts may be in.
UNITS = ("relative", "quantity", "quote")
# No price or amount of any market lies outside these; beyond them arithmetic overflows.
SMALLEST, LARGEST = 1e-12, 1e20


def read_map(path: str | Path) -> LevelMap:
    """Read a map of liquidation levels.

    Parameters
    ----------
    path : str or Path
        CSV (also gzipped or zipped) or parquet with columns ``time``, ``side``, ``price`` and
        ``amount``, and ``price_low`` and ``price_high`` where a level is a range of prices.

    Returns
    -------
    LevelMap
        Sorted by time; amounts as they are in the file.

    Raises
    ------
    InputError
        Naming rows and remedy; nothing is guessed and no row is dropped.
    """
    return map_of_table(load_table(Path(path)))


def map_of_table(table: pd.DataFrame) -> LevelMap:
    """A map from a table of the documented columns; errors as in `read_map`."""
    table = table.rename(columns={name: str(name).strip().lower() for name in table.columns})
    if table.columns.has_duplicates:
        twice = sorted(set(table.columns[table.columns.duplicated()]))
        raise InputError(f"column(s) {', '.join(map(str, twice))} occur twice; keep one of each.")
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise InputError(
            f"the map lacks the column(s) {', '.join(missing)}; it needs {', '.join(COLUMNS)}, and "
            f"may have {', '.join(LIMITS)}. It has {', '.join(map(str, table.columns)) or 'none'}."
        )
    if not len(table):
        raise InputError("the map has no rows; there is nothing to judge.")
    some = [name for name in LIMITS if name in table]
    if len(some) == 1:
        raise InputError(f"the map has {some[0]} without the other limit; give both or neither.")
    table = table.reset_index(drop=True)
    stamps = parse_stamps(table["time"])
    side = _sides(table["side"])
    price = _positive(table, "price")
    amount = to_numbers(table["amount"], "amount")
    _refuse(~np.isfinite(amount), "amount", "is missing or not finite; write 0 for none")
    _refuse(amount > LARGEST, "amount", f"is above {LARGEST:g}, more than any market holds")
    _refuse(amount < 0, "amount", "is negative; an amount that would be liquidated cannot be")
    low = high = price
    if some:
        low, high = _positive(table, "price_low"), _positive(table, "price_high")
        _refuse(low > high, "price_low", "is above price_high")
        inside = (price >= low * (1 - 1e-9)) & (price <= high * (1 + 1e-9))
        _refuse(~inside, "price", "lies outside price_low to price_high")
    time, snapshot = np.unique(stamps.to_numpy(dtype="datetime64[ns]"), return_inverse=True)
    return LevelMap(time, snapshot.ravel().astype(np.int64), side, low, high, amount)


def in_quantity(levels: LevelMap, unit: str, contract: AnyContract) -> LevelMap:
    """Amounts in the panel's quantity unit; relative ones stay as they are.

    Raises
    ------
    InputError
        For an unknown unit.
    """
    if unit not in UNITS:
        raise InputError(f"amounts are said to be {unit!r}; use one of {', '.join(UNITS)}.")
    if unit != "quote":
        return levels
    value = np.asarray(contract.to_quote(np.ones(levels.price.size), levels.price), float)
    return LevelMap(
        levels.time,
        levels.snapshot,
        levels.side,
        levels.low,
        levels.high,
        levels.amount / value,
        levels.notes,
    )


def _sides(column: pd.Series) -> np.ndarray[Any, np.dtype[np.int64]]:
    words = column.astype(str).str.strip().str.lower()
    code = words.map({side: j for j, side in enumerate(SIDES)})
    unknown = code.isna().to_numpy(dtype=bool)
    if unknown.any():
        given = ", ".join(repr(str(word)[:20]) for word in words[unknown].unique()[:3])
        raise InputError(
            f"side is {given} at {name_rows(unknown)}; write long for the levels at which longs "
            "are liquidated and short for those of shorts."
        )
    return np.asarray(code.to_numpy(), np.int64)


def _positive(table: pd.DataFrame, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = to_numbers(table[name], name)
    with np.errstate(invalid="ignore"):
        bad = ~((values >= SMALLEST) & (values <= LARGEST))
    _refuse(bad, name, "is missing, not positive or not finite; prices are in quote units")
    return values


def _refuse(bad: np.ndarray[Any, np.dtype[np.bool_]], name: str, what: str) -> None:
    if bad.any():
        raise InputError(f"{name} {what}, at {name_rows(bad)}.")
