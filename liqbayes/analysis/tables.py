"""Interval columns and the numbers of sentences."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from liqbayes.conventions import has_interval
from liqbayes.outputs.context import is_rule
from liqbayes.report.reduce import interval


def put(table: pd.DataFrame, name: str, draws: xr.DataArray) -> None:
    """Add columns ``name_low``, ``name_median`` and ``name_high`` (5, 50 and 95 % quantiles).

    Parameters
    ----------
    table : DataFrame
        Changed in place.
    name : str
    draws : DataArray
        Dims chain, draw and one more, which runs along the rows. A row is NaN where any of its
        draws is unknown; a single draw has no outer quantiles.
    """
    for column, values in zip(("low", "median", "high"), interval(draws), strict=True):
        table[f"{name}_{column}"] = values


def chance(event: xr.DataArray) -> xr.DataArray:
    """Share of draws in which something is true; NaN for a single draw."""
    share = event.mean(("chain", "draw"))
    return share if has_interval(event.sizes) else xr.full_like(share, np.nan)


def rows(table: pd.DataFrame) -> list[Any]:
    """Rows whose columns are attributes, without the types that pandas gives them."""
    return list(table.itertuples(index=False))


def amount(row: Any, name: str, unit: str = "") -> str:
    """Median and 90 % interval of a row's columns in words, or "not identified"."""
    return _phrase(row, name, compact, f" {unit}" if unit else "")


def price(row: Any, name: str) -> str:
    """The same for prices, with more digits."""
    return _phrase(row, name, "{:.6g}".format, "")


def percent(row: Any, name: str) -> str:
    """The same for shares, as per cent."""
    return _phrase(row, name, _percent, " %")


def _percent(share: float) -> str:
    return f"{100.0 * share:.3g}" if share == 0 or share >= 1e-4 else "less than 0.01"


def _phrase(row: Any, name: str, write: Callable[[float], str], tail: str) -> str:
    low, median, high = (float(getattr(row, f"{name}_{x}")) for x in ("low", "median", "high"))
    if not math.isfinite(median):
        return "not identified"
    if not (math.isfinite(low) and math.isfinite(high)):
        return f"{write(median)}{tail} (one book, no interval)"
    return f"{write(median)}{tail} (90 % interval {write(low)} to {write(high)})"


def compact(value: float) -> str:
    """Three digits, with k, M and bn from ten thousand on."""
    for size, letter in ((1e9, " bn"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= (size if size > 1e3 else 1e4):
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def place_cautions(fit: xr.DataTree) -> tuple[str, ...]:
    """What has been found of clusters and zones on markets whose positions are known.

    A rule makes no claim of certainty and gets none.
    """
    if is_rule(fit):
        return ()
    return (
        "how much lies between two prices has held on simulated markets (0.90 of 90 % intervals), "
        "where it is densest has not: clusters lay where the true book is dense no more often than "
        "the prior's, and zones, entries and shares in profit were claimed too sharply (standard, "
        "20 markets; docs, Levels as objects). liqbayes validate levels measures it.",
    )
