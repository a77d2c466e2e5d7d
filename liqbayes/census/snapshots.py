"""Snapshots as units of work: a table each, put together at the end."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

import pandas as pd

from liqbayes.batch import Outcome, Rows, run_batch
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
        Gives a row with plain values by column under ``table``.
    rows : Rows
    executor : concurrent.futures.Executor
    budget_minutes, progress
        See ``run_batch``.

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
    return pd.concat(parts, ignore_index=True), outcome
