"""Files of comparison, exam and fusion: aggregates and bins, never an account."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from liqbayes.report.directory import write_directory, write_json
from liqbayes.validate.files import replace_with

FUSE_FILES = ("fused.csv", "at_risk.csv", "fused.nc", "fused.json")
_LIMITS = (0.05, 0.5, 0.95)


def write_tables(out: Path, tables: dict[str, pd.DataFrame]) -> None:
    """Write tables as CSV into the directory of a run, each whole."""
    for name, table in tables.items():

        def write(path: Path, table: pd.DataFrame = table) -> None:
            table.to_csv(path, index=False, float_format="%.6g")

        replace_with(out / f"{name}.csv", write)


def fused_tables(fused: xr.Dataset) -> dict[str, pd.DataFrame]:
    """Intervals of a fused map by bin, and of its at_risk by move."""
    sample = ["chain", "draw"]
    bins = xr.Dataset(
        {
            **_limits("quantity", fused["quantity"], sample),
            "known": fused["known"],
            **_limits("share_observed", fused["share_observed"], sample),
        }
    )
    risk = xr.Dataset(_limits("at_risk", fused["at_risk"], sample))
    return {
        "fused": bins.to_dataframe().reset_index().drop(columns="visited", errors="ignore"),
        "at_risk": risk.to_dataframe().reset_index(),
    }


def _limits(name: str, values: xr.DataArray, over: list[str]) -> dict[str, xr.DataArray]:
    with warnings.catch_warnings():
        # a bin that no draw fills has no share, and stays NaN
        warnings.filterwarnings("ignore", "All-NaN slice encountered", RuntimeWarning)
        q = values.quantile(_LIMITS, dim=over, skipna=True)
    return {
        f"{name}_{end}": q.isel(quantile=i, drop=True)
        for i, end in enumerate(("low", "median", "high"))
    }


def write_fused(fused: xr.Dataset, out: Path, *, force: bool = False) -> Path:
    """Write a fused map: draws as netCDF, intervals as CSV.

    Raises
    ------
    InputError
        If the directory exists and may not be replaced.
    """
    part = fused["share_observed_side"]
    about: dict[str, Any] = {
        "schema": "liqbayes-fused-1",
        **{key: fused.attrs[key] for key in ("contract", "as_of", "kind", "assumption")},
        "share_observed": {str(side): float(part.sel(side=side)) for side in part["side"].values},
    }

    def fill(directory: Path) -> None:
        for name, table in fused_tables(fused).items():
            table.to_csv(directory / f"{name}.csv", index=False, float_format="%.6g")
        fused.to_netcdf(directory / "fused.nc")
        write_json(directory / "fused.json", about)

    return write_directory(out, fill, force=force, known=FUSE_FILES)


def positions_of(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of one market of a census as the table of known positions that the fusion takes."""
    return pd.DataFrame(
        {
            "time": table["time"],
            "side": np.where(table["side"] > 0, "long", "short"),
            "size": table["size"],
            "entry_price": table["entry_price"],
            "liquidation_price": table["liquidation_price"],
        }
    )
