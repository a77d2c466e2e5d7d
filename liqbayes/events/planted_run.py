"""A study of the event studies: markets with a planted effect, or with none, then one table."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from liqbayes.batch import Outcome, Rows, run_batch
from liqbayes.errors import InputError
from liqbayes.events.definitions import CONSUMPTION, LEAD, MAGNETISM
from liqbayes.events.planted import Planted, planted_evidence, rates_of
from liqbayes.events.study import study
from liqbayes.validate.files import finished_rows, replace_text
from liqbayes.validate.identity import run_versions

SCHEMA = "liqbayes-planted-1"
TABLE = "planted.csv"
#: What is planted, in volatilities of a bar (see `Planted`).
EFFECTS = (
    Planted(CONSUMPTION, 3.0),
    Planted(MAGNETISM, 0.3),
    Planted(MAGNETISM, 0.6),
    Planted(LEAD, 0.3),
)
_BARS, _DRAWS = 624, 8
_KEPT = ("question", "test", "horizon_hours", "median", "low", "high", "p", "detectable", "verdict")


@dataclass(frozen=True)
class Unit:
    """One market.

    Attributes
    ----------
    planted : Planted
    seed : int
    """

    planted: Planted
    seed: int


@dataclass(frozen=True)
class PlantedPlan:
    """How many markets.

    Attributes
    ----------
    markets : int
        In which nothing is planted.
    each : int
        With each of `EFFECTS`.
    """

    markets: int = 120
    each: int = 12

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        for option, given in (("--markets", self.markets), ("--each", self.each)):
            if given < 1:
                raise InputError(f"{option} is {given}; use at least 1.")

    def units(self) -> dict[str, Unit]:
        """Markets by key, those with an effect first."""
        counted = [(effect, self.each) for effect in EFFECTS] + [(Planted(), self.markets)]
        return {
            f"{planted.kind or 'none'} {planted.size:g} {seed:03d}": Unit(planted, seed)
            for planted, n in counted
            for seed in range(n)
        }

    def identity(self) -> dict[str, Any]:
        """Everything that a row depends on; how many markets are asked for is not part of it."""
        return {"schema": SCHEMA, "bars": _BARS, "draws": _DRAWS, "versions": run_versions()}


def examine(unit: Unit) -> dict[str, Any]:
    """Run every test of the event studies on one market."""
    found = study(planted_evidence(unit.planted, bars=_BARS, draws=_DRAWS, seed=unit.seed))
    kept = found[list(_KEPT)].astype(object)
    return {
        "planted": unit.planted.kind or "none",
        "size": unit.planted.size,
        "tests": kept.where(kept.notna(), None).to_dict("records"),
    }


def planted_effects(
    plan: PlantedPlan,
    out: str | Path,
    executor: Executor,
    *,
    budget_minutes: float | None = None,
    force: bool = False,
    progress: bool = True,
) -> tuple[pd.DataFrame, Outcome]:
    """Run the event studies on markets whose answer is known.

    Parameters
    ----------
    plan : PlantedPlan
    out : str or Path
        Directory: ``run.json`` and ``rows.jsonl`` grow as markets finish; ``planted.csv`` is
        written at the end of each call. The same plan goes on where it was.
    executor : concurrent.futures.Executor
    budget_minutes : float, optional
        No market begins after that.
    force : bool
        Throw away the rows of another plan in the same directory.
    progress : bool

    Returns
    -------
    DataFrame, Outcome
        See `summarise_planted`.

    Raises
    ------
    InputError
        If the plan or the directory does not fit, or no market has been finished.
    """
    rows = Rows.open(out, plan.identity(), force=force)
    units = plan.units()
    outcome = run_batch(
        units,
        examine,
        rows,
        executor,
        budget_minutes=budget_minutes,
        progress=progress,
        title="planted effects",
    )
    finished = finished_rows(rows, units, "tests", "no market has been studied")
    table = summarise_planted(finished)
    replace_text(rows.directory / TABLE, table.to_csv(index=False, float_format="%.4g"))
    return table, outcome


def summarise_planted(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rates of every test by what is planted.

    Parameters
    ----------
    rows : sequence of mapping
        Of `examine`, with their ``key``.

    Returns
    -------
    DataFrame
        Columns ``planted`` and ``size``, then those of `liqbayes.events.planted.rates_of`.
    """
    arms: dict[tuple[str, float], list[pd.DataFrame]] = {}
    for row in sorted(rows, key=lambda r: str(r["key"])):
        arm = arms.setdefault((str(row["planted"]), float(row["size"])), [])
        tests = pd.DataFrame(row["tests"])
        numbers = ["horizon_hours", "median", "low", "high", "p", "detectable"]
        arm.append(tests.astype(dict.fromkeys(numbers, float)).assign(market=row["key"]))
    # nothing planted comes first
    ordered = sorted(arms.items(), key=lambda item: (item[0][0] != "none", item[0]))
    return pd.concat(
        [
            rates_of(pd.concat(tables)).assign(planted=kind, size=size)
            for (kind, size), tables in ordered
        ],
        ignore_index=True,
    ).pipe(lambda table: table[["planted", "size", *table.columns.drop(["planted", "size"])]])
