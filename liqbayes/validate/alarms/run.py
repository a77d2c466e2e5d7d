"""A study of the monitor: markets over an executor, then rates of alarms with their intervals."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from liqbayes.batch import Outcome, Rows, run_batch
from liqbayes.errors import InputError
from liqbayes.model import load_spec
from liqbayes.model.spec import ModelSpec
from liqbayes.monitor.limits import AMBER, ORDER, RED, limits
from liqbayes.resources import DEFAULT_MODEL
from liqbayes.validate.alarms.faults import FAULTS, NONE
from liqbayes.validate.alarms.unit import (
    CHAINS,
    DRAWS,
    FIRST_SEED,
    FITTED_BARS,
    NEW_BARS,
    PRESETS,
    TUNE,
    WEEKS,
    Unit,
    sound,
)
from liqbayes.validate.files import replace_text
from liqbayes.validate.identity import model_identity, run_versions
from liqbayes.validate.recovery.statistics import clustered_coverage

SCHEMA = "liqbayes-alarms-1"
SUMMARY, TABLE = "alarms.json", "alarms.csv"
MOST_MARKETS = 1000


@dataclass(frozen=True)
class AlarmPlan:
    """What a study of the monitor is.

    Attributes
    ----------
    model : str or ModelSpec
        Name, path or specification.
    markets : int
        One fit each.
    """

    model: str | ModelSpec = DEFAULT_MODEL
    markets: int = 40

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        if not 1 <= self.markets <= MOST_MARKETS:
            raise InputError(f"--markets is {self.markets}; use 1 to {MOST_MARKETS}.")
        if self.spec().rule is not None:
            raise InputError(f"{self.spec().name} is a rule and predicts nothing; name a model.")

    def spec(self) -> ModelSpec:
        """The specification."""
        return load_spec(self.model) if isinstance(self.model, str) else self.model

    def units(self) -> dict[str, Unit]:
        """Markets by key."""
        text = self.spec().to_json()
        return {f"{number:04d}": Unit(text, number) for number in range(self.markets)}

    def identity(self) -> dict[str, Any]:
        """Everything that a row depends on; the number of markets is not part of it."""
        spec = self.spec()
        return {
            "schema": SCHEMA,
            "model": model_identity(spec),
            "presets": list(PRESETS),
            "bars": {"fitted": FITTED_BARS, "week": NEW_BARS, "weeks": WEEKS},
            "first_seed": FIRST_SEED,
            "draws": {"chains": CHAINS, "tune": TUNE, "draws": DRAWS},
            "faults": [NONE, *FAULTS],
            "limits": limits(),
            "versions": run_versions(),
        }


@dataclass(frozen=True)
class AlarmResult:
    """Rates of alarms.

    Attributes
    ----------
    table : DataFrame
        A row a fault: ``runs``, ``markets``, ``amber`` and ``red`` (share of runs that were at
        least amber, and red), each with its 95 % interval ``_low`` and ``_high`` (Wilson's; runs
        of one market count as dependent), ``first`` (the checks that sounded most often, with how
        many runs each).
    errors : tuple of str
    """

    table: pd.DataFrame
    errors: tuple[str, ...]


def alarm_rates(
    plan: AlarmPlan,
    out: str | Path,
    executor: Executor,
    *,
    budget_minutes: float | None = None,
    force: bool = False,
    progress: bool = True,
) -> tuple[AlarmResult, Outcome]:
    """Measure how often the monitor sounds on simulated markets, without and with planted faults.

    Parameters
    ----------
    plan : AlarmPlan
    out : str or Path
        Directory: ``run.json`` and ``rows.jsonl`` grow as markets finish, ``alarms.json`` and
        ``alarms.csv`` are written at the end of each call. The same plan goes on where it was.
    executor : concurrent.futures.Executor
    budget_minutes : float, optional
        No market begins after that.
    force : bool
        Throw away the rows of another plan in the same directory.
    progress : bool

    Raises
    ------
    InputError
        If the plan or the directory does not fit, or no market has been finished.
    """
    rows = Rows.open(out, plan.identity(), force=force)
    units = plan.units()
    outcome = run_batch(
        units, sound, rows, executor, budget_minutes=budget_minutes, progress=progress,
        title=plan.spec().name,
    )  # fmt: skip
    finished = sorted((r for r in rows.read() if r["key"] in units), key=lambda r: r["key"])
    result = rates(finished)
    summary = {
        **plan.identity(),
        "markets": int(result.table["markets"].max()),
        "rates": result.table.to_dict("records"),
        "errors": list(result.errors),
    }
    text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    replace_text(rows.directory / SUMMARY, text)
    replace_text(rows.directory / TABLE, result.table.to_csv(index=False, float_format="%.4g"))
    return result, outcome


def rates(rows: Sequence[Mapping[str, Any]]) -> AlarmResult:
    """Rates of alarms over finished markets.

    Raises
    ------
    InputError
        If none has finished without an error.
    """
    good = [row for row in rows if "error" not in row]
    errors = tuple(str(row["error"]) for row in rows if "error" in row)
    if not good:
        raise InputError("no market has been finished" + (f": {errors[0]}" if errors else "."))
    out = []
    for fault in good[0]["runs"]:
        by_market = [row["runs"][fault] for row in good]
        runs = [run for own in by_market for run in own]
        which = Counter(
            check for run in runs for check in {alarm["check"] for alarm in run["alarms"]}
        )
        record: dict[str, Any] = {"fault": fault, "runs": len(runs), "markets": len(good)}
        for name, least in (("amber", AMBER), ("red", RED)):
            rank = ORDER.index(least)
            counts = [sum(ORDER.index(run["status"]) >= rank for run in own) for own in by_market]
            size = [len(own) for own in by_market]
            found = clustered_coverage(np.array(counts, float), np.array(size, float))
            record |= {name: found.share, f"{name}_low": found.low, f"{name}_high": found.high}
        record["first"] = ", ".join(f"{check} {count}" for check, count in which.most_common(4))
        out.append(record)
    return AlarmResult(pd.DataFrame(out), errors)
