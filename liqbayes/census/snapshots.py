"""Snapshots as units of work: a table each and how its fit converged, put together at the end."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

import pandas as pd
import xarray as xr

from liqbayes.batch import Outcome, Rows, run_batch
from liqbayes.checks import convergence_reasons, diagnostics
from liqbayes.errors import InputError


def run_snapshots(
    units: Mapping[str, Any],
    work: Callable[[Any], dict[str, Any]],
    rows: Rows,
    executor: Executor,
    *,
    budget_minutes: float | None,
    progress: bool,
) -> tuple[pd.DataFrame, Outcome]:
    """Run what is left of the snapshots and join the tables of all that are finished.

    Parameters
    ----------
    units : mapping of str to unit
    work : callable
        Gives a row with plain values by column under ``table``, and ``fit_quality`` of its fit.
    rows : Rows
    executor : concurrent.futures.Executor
    budget_minutes, progress
        See ``run_batch``.

    Returns
    -------
    DataFrame, Outcome
        The frame's ``attrs["fits"]`` is a list with the quality of each fit by snapshot.

    Raises
    ------
    InputError
        If no snapshot has a table; the message holds their errors.
    """
    outcome = run_batch(
        units,
        work,
        rows,
        executor,
        budget_minutes=budget_minutes,
        progress=progress,
        title="snapshots",
    )
    found = [row for row in rows.read() if row["key"] in units]
    parts = [pd.DataFrame(row["table"]) for row in found if "table" in row]
    if not parts:
        errors = "; ".join(str(row["error"]) for row in found if "error" in row)
        raise InputError(f"no snapshot was finished. {errors}")
    table = pd.concat(parts, ignore_index=True)
    table.attrs["fits"] = [{"snapshot": row["key"], **row["fit"]} for row in found if "fit" in row]
    return table, outcome


def fits_table(table: pd.DataFrame) -> pd.DataFrame:
    """How the fits behind a table of `run_snapshots` converged, a row each."""
    return pd.DataFrame(table.attrs["fits"])


def fit_quality(fit: xr.DataTree) -> dict[str, Any]:
    """Convergence of a sampled fit in plain values; ``reasons`` is empty where it converged."""
    found = diagnostics(fit)
    return {
        "max_rhat": found["max_rhat"],
        "min_ess": min(found["min_ess_bulk"], found["min_ess_tail"]),
        "divergences": found["divergences"],
        "reasons": "; ".join(convergence_reasons(found)),
    }
