"""The market panel: bars of one contract, validated once and never changed."""

import hashlib
import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import xarray as xr

from liqbayes.contracts import AnyContract, load_contract
from liqbayes.errors import InputError
from liqbayes.panel.columns import COLUMNS, LEGS, REQUIRED, allowed_names
from liqbayes.panel.positions import check_positions, positions_from_plain, positions_to_plain
from liqbayes.panel.rows import name_rows
from liqbayes.panel.times import (
    bar_length,
    bar_name,
    check_offset,
    check_order,
    full_grid,
    parse_stamps,
    within,
)
from liqbayes.panel.values import check_values, to_numbers

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False, repr=False)
class MarketPanel:
    """Bars of one contract with units and provenance.

    Make one with `MarketPanel.from_frame` or `liqbayes.read_panel`; both validate. All arrays are
    read-only, NaN means unknown, and bars that were missing are rows of NaN.

    Attributes
    ----------
    contract : Contract or AggregateContract
    bar_seconds : int
        Length of a bar.
    """

    contract: AnyContract
    bar_seconds: int
    _data: xr.Dataset
    _provenance: dict[str, Any] = field(default_factory=dict)
    _positions: pd.DataFrame | None = None

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        contract: AnyContract | str | Path,
        *,
        provenance: Mapping[str, Any] | None = None,
        positions: pd.DataFrame | None = None,
        bar_seconds: int | None = None,
    ) -> Self:
        """Validate a table of canonical columns in the panel's units.

        Parameters
        ----------
        frame : DataFrame
            DatetimeIndex of bar opens (naive is UTC), columns of `COLUMNS`: prices in quote
            units; volume, open interest and liquidations one-sided in
            ``contract.quantity_unit``; funding as a fraction on settlement rows, NaN elsewhere.
        contract : Contract, AggregateContract or str
            A contract or its name, such as ``"binance:BTCUSDT"``.
        provenance : mapping, optional
            Plain JSON values. Keys with a meaning: ``source``, ``conversions``, ``dropped``,
            ``proxy`` (column to venue), ``open_interest_offset_seconds`` (relative to bar close).
        positions : DataFrame, optional
            Known positions, see `check_positions`.
        bar_seconds : int, optional
            Bar length; otherwise the most common spacing.

        Returns
        -------
        MarketPanel

        Raises
        ------
        InputError
            With the rows and the remedy.
        """
        if isinstance(contract, str | Path):
            contract = load_contract(contract)
        if not isinstance(frame, pd.DataFrame):
            raise InputError(f"frame is a {type(frame).__name__}; give a pandas DataFrame.")
        if not isinstance(frame.index, pd.DatetimeIndex):
            raise InputError(
                f"the frame's index is {frame.index.dtype}, not a DatetimeIndex of bar opens; "
                "use frame.set_index(pd.to_datetime(...))."
            )
        _check_names(frame, contract)
        index = parse_stamps(frame.index)
        check_order(index)
        seconds = bar_length(index, bar_seconds)
        columns = {str(name): to_numbers(frame[name], str(name)) for name in frame}
        origin = _plain(provenance or {})
        check_values(columns, index, origin["proxy"])
        if contract.kind == "aggregate":
            _add_total(columns, index)
        grid = full_grid(index, seconds)
        missing = len(grid) - len(index)
        if missing:
            place = grid.get_indexer(index)
            for name, values in columns.items():
                columns[name] = np.full(len(grid), np.nan)
                columns[name][place] = values
        origin["missing_bars"] = origin.get("missing_bars", 0) + missing
        checked = None if positions is None else check_positions(positions)
        return cls._build(grid, columns, contract, seconds, origin, checked)

    @classmethod
    def from_dataset(cls, data: xr.Dataset, contract: AnyContract, meta: Mapping[str, Any]) -> Self:
        """Rebuild a panel from its `data` and `meta`, as stored in a fit; validated again."""
        frame = data.to_dataframe()
        frame.index = pd.DatetimeIndex(data["time"].to_numpy())
        return cls.from_frame(
            frame,
            contract,
            provenance=meta["provenance"],
            positions=positions_from_plain(meta["positions"]),
            bar_seconds=meta["bar_seconds"],
        )

    @classmethod
    def _build(
        cls,
        grid: pd.DatetimeIndex,
        columns: Mapping[str, Array],
        contract: AnyContract,
        bar_seconds: int,
        provenance: dict[str, Any],
        positions: pd.DataFrame | None,
    ) -> Self:
        """Drop empty columns, freeze the arrays and make the object."""
        variables = {}
        for name in allowed_names(contract.kind):
            if name not in columns:
                continue
            values = np.array(columns[name], dtype=np.float64)
            if np.isnan(values).all():
                if name in REQUIRED:
                    raise InputError(
                        f"the required column {name!r} is all NaN between {grid[0]} and "
                        f"{grid[-1]}; a panel needs {', '.join(REQUIRED)}."
                    )
                provenance["dropped"].setdefault(name, "all NaN")
                continue
            values.flags.writeable = False
            attrs = {"units": _unit(name, contract), "long_name": COLUMNS[name].long_name}
            variables[name] = ("time", values, attrs)
        stamps = grid.to_numpy(dtype="datetime64[ns]").copy()
        stamps.flags.writeable = False
        data = xr.Dataset(variables, coords={"time": ("time", stamps)})
        data["time"].attrs["long_name"] = "start of the bar, UTC"
        return cls(contract, bar_seconds, data, provenance, positions)

    @property
    def data(self) -> xr.Dataset:
        """Dataset with dim ``time`` (bar open, UTC, no zone); assigning to it changes a copy."""
        return self._data.copy(deep=False)

    @property
    def provenance(self) -> dict[str, Any]:
        """Plain JSON values on where the numbers come from; a copy."""
        return deepcopy(self._provenance)

    @property
    def positions(self) -> pd.DataFrame | None:
        """Known positions, or None; a copy."""
        return None if self._positions is None else self._positions.copy()

    @property
    def time(self) -> Array:
        """Bar opens, ``datetime64[ns]``, read-only, shape (n_bars,)."""
        stamps = self._data["time"].to_numpy()
        view = stamps.view()
        view.flags.writeable = False
        return view

    @property
    def n_bars(self) -> int:
        """Number of bars, the missing ones included."""
        return int(self._data.sizes["time"])

    @property
    def columns(self) -> tuple[str, ...]:
        """Canonical columns that are present."""
        return tuple(str(name) for name in self._data.data_vars)

    @property
    def open_interest_offset_seconds(self) -> float:
        """When open interest was read, relative to bar close (negative: before it)."""
        return float(self._provenance["open_interest_offset_seconds"])

    def has(self, name: str) -> bool:
        """Whether the column is present; present columns have at least one value."""
        return name in self._data.data_vars

    def values(self, name: str) -> Array:
        """Read-only float64 values of a column, shape (n_bars,).

        Raises
        ------
        InputError
            If the panel does not have it; the message says why where that is known.
        """
        if not self.has(name):
            why = self._provenance["dropped"].get(name)
            raise InputError(
                f"the panel has no column {name!r}"
                + (f" (dropped: {why})" if why else "")
                + f"; it has {', '.join(self.columns)}. Map it with columns={{{name!r}: "
                "'SOURCE:UNIT'} when reading."
            )
        values: Array = self._data[name].to_numpy()
        return values

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of everything a model can see: contract name, grid, values, positions, proxies.

        The file name and other provenance do not enter, so the same data read from parquet and
        from CSV have the same hash.
        """
        digest = hashlib.sha256()
        visible = {
            "contract": self.contract.name,
            "kind": self.contract.kind,
            "bar_seconds": self.bar_seconds,
            "proxy": self._provenance["proxy"],
            "open_interest_offset_seconds": self.open_interest_offset_seconds,
            "positions": positions_to_plain(self._positions),
        }
        digest.update(json.dumps(visible, sort_keys=True).encode())
        digest.update(self.time.astype("<i8").tobytes())
        for name in sorted(self.columns):
            values = self.values(name)
            # One NaN and one zero, whatever their bits were.
            plain = np.where(np.isnan(values), np.nan, values + 0.0).astype("<f8")
            digest.update(name.encode() + b"\0" + plain.tobytes())
        return digest.hexdigest()

    def meta(self) -> dict[str, Any]:
        """Plain JSON values that, with `data` and the contract, rebuild the panel."""
        return {
            "bar_seconds": self.bar_seconds,
            "provenance": self.provenance,
            "positions": positions_to_plain(self._positions),
        }

    def slice(self, since: Any = None, until: Any = None) -> Self:
        """Bars with ``since <= open < until`` (UTC); columns empty there are dropped."""
        grid = pd.DatetimeIndex(self.time)
        keep = within(grid, since, until)
        bar_length(grid[keep], self.bar_seconds)
        origin = self.provenance
        if since is not None or until is not None:
            origin["slice"] = [str(grid[keep][0]), str(grid[keep][-1])]
        columns = {name: self.values(name)[keep] for name in self.columns}
        return self._build(
            grid[keep], columns, self.contract, self.bar_seconds, origin, self.positions
        )

    def without(self, *columns: str) -> Self:
        """A panel without some optional columns; absent names are an error."""
        for name in columns:
            if name in REQUIRED:
                raise InputError(f"column {name!r} is required and cannot be left out.")
            self.values(name)
        origin = self.provenance
        origin["dropped"] |= dict.fromkeys(columns, "left out by the user")
        kept = {name: self.values(name) for name in self.columns if name not in columns}
        return self._build(
            pd.DatetimeIndex(self.time),
            kept,
            self.contract,
            self.bar_seconds,
            origin,
            self.positions,
        )

    def with_open_interest_offset(self, seconds: float) -> Self:
        """The same panel with another stamp of open interest, in seconds after bar close."""
        origin = _plain({**self.provenance, "open_interest_offset_seconds": check_offset(seconds)})
        return type(self)(self.contract, self.bar_seconds, self._data, origin, self.positions)

    def to_frame(self) -> pd.DataFrame:
        """A writable DataFrame of the columns; index ``timestamp``, UTC without zone."""
        index = pd.DatetimeIndex(self.time.copy(), name="timestamp")
        return pd.DataFrame({n: self.values(n).copy() for n in self.columns}, index=index)

    def to_parquet(self, path: str | Path) -> None:
        """Write the panel with contract, provenance and positions; `read_panel` restores it."""
        from liqbayes.panel.storage import write_panel

        write_panel(self, Path(path))

    def __repr__(self) -> str:
        span = f"{pd.Timestamp(self.time[0])} to {pd.Timestamp(self.time[-1])} UTC"
        return (
            f"MarketPanel({self.contract.name}, {self.n_bars} bars of "
            f"{bar_name(self.bar_seconds)}, {span}, columns: {', '.join(self.columns)})"
        )


def _unit(name: str, contract: AnyContract) -> str:
    kind = COLUMNS[name].kind
    if kind == "price":
        return f"{contract.quote_unit}/{contract.base}"
    if name == "open_interest_linear":
        return contract.base
    if COLUMNS[name].is_quantity:
        return contract.quantity_unit
    return "1"


def _check_names(frame: pd.DataFrame, contract: AnyContract) -> None:
    names = allowed_names(contract.kind)
    unknown = [str(name) for name in frame.columns if name not in names]
    if unknown:
        raise InputError(
            f"unknown column(s) {', '.join(unknown)}; the columns of a {contract.kind} panel are "
            f"{', '.join(names)}. Other names are matched by read_panel."
        )
    if frame.columns.has_duplicates:
        doubled = frame.columns[frame.columns.duplicated()].tolist()
        raise InputError(f"column(s) {doubled} occur twice; keep one of each.")
    missing = [name for name in REQUIRED if name not in frame.columns]
    if missing:
        raise InputError(
            f"the required column(s) {', '.join(missing)} are missing; a panel needs "
            f"{', '.join(REQUIRED)}."
        )


def _add_total(columns: dict[str, Array], index: pd.DatetimeIndex) -> None:
    """Aggregates: open_interest = linear leg x close + inverse leg, in USD."""
    given = [name for name in LEGS if name in columns]
    if len(given) == 1:
        raise InputError(
            f"an aggregate has {given[0]!r} without the other leg; give both of "
            f"{', '.join(LEGS)}, or neither."
        )
    if not given:
        return
    total = columns[LEGS[0]] * columns["close"] + columns[LEGS[1]]
    if "open_interest" in columns:
        with np.errstate(invalid="ignore"):
            apart = np.abs(columns["open_interest"] - total) > 0.01 * total
        if apart.any():
            raise InputError(
                "open_interest is not open_interest_linear x close + open_interest_inverse at "
                f"{name_rows(apart, index)}; leave it out (it is computed), or correct the legs' "
                "units (linear in coins, inverse in USD)."
            )
    columns["open_interest"] = total


def _plain(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Provenance as plain JSON values with the keys that others rely on."""
    try:
        text = json.dumps(dict(provenance), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"provenance must hold plain JSON values only: {error}.") from error
    plain: dict[str, Any] = json.loads(text)
    for key, default in (("conversions", {}), ("dropped", {}), ("proxy", {}), ("notes", [])):
        plain.setdefault(key, default)
    plain["open_interest_offset_seconds"] = check_offset(
        plain.get("open_interest_offset_seconds", 0.0)
    )
    return plain
