"""Snapshots of the positions of observed accounts: reading and validation."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Columns of a census; the first six are required.
CENSUS_COLUMNS = (
    "time",
    "account",
    "market",
    "side",
    "size",
    "liquidation_price",
    "mark_price",
    "entry_price",
    "set_leverage",
    "account_value",
)
_REQUIRED = CENSUS_COLUMNS[:7]
_POSITIVE = ("size", "mark_price", "entry_price", "set_leverage")
# What public snapshots call these columns.
_OTHER_NAMES = {"snapshot_utc": "time", "timestamp": "time", "coin": "market", "symbol": "market"}
_SIDES = {"long": 1, "short": -1, 1: 1, -1: -1}


@dataclass(frozen=True)
class Census:
    """Positions of observed accounts at several times; absent accounts are unknown, not flat.

    Attributes
    ----------
    table : DataFrame
        One row a position and time: columns of `CENSUS_COLUMNS`, ``time`` UTC without zone,
        ``side`` 1 (long) or -1, ``size`` in base coin, ``liquidation_price`` NaN where the
        position has none. Sorted by time, account, market.
    """

    table: pd.DataFrame

    @cached_property
    def times(self) -> NDArray[np.datetime64]:
        """Times of the snapshots, ascending."""
        return np.unique(self.table["time"].to_numpy("datetime64[ns]"))

    @cached_property
    def accounts(self) -> IntArray:
        """Labels of all accounts, ascending."""
        return np.unique(self.table["account"].to_numpy(np.int64))

    @cached_property
    def markets(self) -> tuple[str, ...]:
        """Names of the markets."""
        return tuple(sorted(self.table["market"].unique()))

    def snapshot(self, market: str, time: np.datetime64) -> pd.DataFrame:
        """Positions of one market at one time."""
        table = self.table
        return table[(table["market"] == market) & (table["time"] == pd.Timestamp(time))]

    def daily(self) -> NDArray[np.datetime64]:
        """The snapshot with the most accounts of each day, the earliest of equals."""
        counts = self.table.groupby("time")["account"].nunique()
        day = pd.DatetimeIndex(counts.index).normalize()
        return np.sort(counts.groupby(day).idxmax().to_numpy("datetime64[ns]"))

    def apart(
        self, hours: float, among: NDArray[np.datetime64] | None = None
    ) -> NDArray[np.datetime64]:
        """Snapshots at least so many hours apart: the first, and each next one that is.

        Parameters
        ----------
        hours : float
        among : ndarray of datetime64, optional
            Those to choose from, ascending; all by default.
        """
        kept: list[np.datetime64] = []
        for time in self.times if among is None else among:
            if not kept or (time - kept[-1]) / np.timedelta64(1, "h") >= hours:
                kept.append(time)
        return np.array(kept, "datetime64[ns]")


def read_census(path: str | Path, columns: Mapping[str, str] | None = None) -> Census:
    """Read snapshots of positions from Parquet or CSV.

    Parameters
    ----------
    path : str or Path
    columns : mapping, optional
        Column of `CENSUS_COLUMNS` to its name in the file, where that differs.

    Returns
    -------
    Census

    Raises
    ------
    InputError
        If the file cannot be read, a required column is missing, or a value is impossible.
    """
    path = Path(path)
    try:
        frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as Parquet or CSV: {error}.") from None
    given = dict(columns or {})
    unknown = sorted(set(given) - set(CENSUS_COLUMNS))
    if unknown:
        raise InputError(f"columns {unknown} are unknown; use {', '.join(CENSUS_COLUMNS)}.")
    absent = sorted(source for source in given.values() if source not in frame)
    if absent:
        raise InputError(f"{path} has no column {absent}; it has {', '.join(map(str, frame))}.")
    frame = frame.rename(columns={source: name for name, source in given.items()})
    frame = frame.rename(columns={a: b for a, b in _OTHER_NAMES.items() if b not in frame})
    return census_of(frame)


def census_of(frame: pd.DataFrame) -> Census:
    """Validate a table of positions; see `read_census`.

    Raises
    ------
    InputError
        For missing columns, impossible values, two rows of one account, market and time, and
        liquidation prices on the wrong side of the mark price.
    """
    missing = [name for name in _REQUIRED if name not in frame]
    if missing:
        raise InputError(
            f"the positions lack {missing}; needed are {', '.join(_REQUIRED)}, optional "
            f"{', '.join(CENSUS_COLUMNS[len(_REQUIRED) :])}. Name others with --column NAME=SOURCE."
        )
    if frame.empty:
        raise InputError("the table of positions is empty; give at least one snapshot.")
    out = pd.DataFrame(index=range(len(frame)))
    time = pd.DatetimeIndex(pd.to_datetime(frame["time"].to_numpy(), utc=True))
    if time.hasnans:
        raise InputError("a position has no time; every row needs one.")
    out["time"] = time.tz_localize(None).as_unit("ns")
    out["account"] = pd.factorize(frame["account"].to_numpy(), sort=True)[0].astype(np.int64)
    out["market"] = frame["market"].astype(str).to_numpy()
    side = frame["side"].map(_SIDES)
    if side.isna().any():
        raise InputError(
            f"side is {frame['side'][side.isna()].iloc[0]!r} in a row; use long or short, 1 or -1."
        )
    out["side"] = side.to_numpy(np.int64)
    for name in CENSUS_COLUMNS[4:]:
        values = (
            pd.to_numeric(frame[name], errors="coerce").to_numpy(float)
            if name in frame
            else np.full(len(frame), np.nan)
        )
        if name in _POSITIVE:
            _check_positive(name, values)
        out[name] = values
    _check_levels(out)
    twice = out.duplicated(["time", "account", "market"])
    if twice.any():
        raise InputError(
            f"{int(twice.sum())} rows repeat an account's position in a market at the same time "
            f"({out['time'][twice].iloc[0]}); net them to one row."
        )
    return Census(out.sort_values(["time", "account", "market"], ignore_index=True))


def _check_positive(name: str, values: FloatArray) -> None:
    required = name in _REQUIRED
    bad = ~(values > 0) & (required | ~np.isnan(values)) | np.isinf(values)
    if bad.any():
        raise InputError(
            f"{name} is {values[bad][0]} in {int(bad.sum())} rows; it must be positive and finite"
            + ("." if required else ", or empty where unknown.")
        )


def _check_levels(table: pd.DataFrame) -> None:
    """Levels are positive, below the mark price for longs, above it for shorts."""
    level = table["liquidation_price"]
    if not (level.isna() | (level > 0)).all() or np.isinf(level).any():
        raise InputError("liquidation_price must be positive and finite, or empty where none.")
    wrong = (level - table["mark_price"]) * table["side"] >= 0
    if wrong.any():
        row = table[wrong].iloc[0]
        raise InputError(
            f"{int(wrong.sum())} positions have a level on the wrong side of the mark price, such "
            f"as side {int(row['side'])} with level {row['liquidation_price']:g} at mark price "
            f"{row['mark_price']:g}; are the sides swapped?"
        )
