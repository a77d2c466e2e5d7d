"""A run of the studies: blocks over an executor, then tests, placebos and their files."""

import json
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from liqbayes.backtest.tables import plain
from liqbayes.batch import Outcome, Rows, run_batch
from liqbayes.events import definitions
from liqbayes.events.definitions import ALPHA, CONVENTIONS, LEAD, MAP, POWER, PROBABILITY
from liqbayes.events.evidence import Evidence
from liqbayes.events.lead import lead
from liqbayes.events.plan import EventPlan
from liqbayes.events.study import placebos, study
from liqbayes.events.unit import evidence_of, study_block
from liqbayes.events.wording import sentence
from liqbayes.validate.files import replace_text

SUMMARY, TESTS, PLACEBOS = "events.json", "events.csv", "placebos.csv"


@dataclass(frozen=True)
class EventResult:
    """What the studies found.

    Attributes
    ----------
    tests, placebos : DataFrame
        See ``study.study`` and ``study.placebos``.
    summary : mapping
        ``findings`` (question to sentences), ``conventions`` (what is usually read, by question),
        ``bars`` (studied), ``tests`` (in the family), ``definitions`` (all), ``alpha``,
        ``power``, ``probability``, ``own_window`` (rank correlation of ΔL with the return of its
        own window, by hours), ``fits``, ``unfinished_blocks``, ``errors``.
    """

    tests: pd.DataFrame
    placebos: pd.DataFrame
    summary: Mapping[str, Any]


def study_events(
    plan: EventPlan,
    out: str | Path,
    executor: Executor,
    *,
    budget_minutes: float | None = None,
    force: bool = False,
    progress: bool = True,
) -> tuple[EventResult, Outcome]:
    """Fit before every block, follow the maps, and test the usual readings.

    Parameters
    ----------
    plan : EventPlan
    out : str or Path
        Directory: ``run.json`` and ``rows.jsonl`` grow as blocks finish; ``events.json``,
        ``events.csv`` and ``placebos.csv`` are written at the end of each call. The same plan goes
        on where it was.
    executor : concurrent.futures.Executor
        Any; each worker compiles the model once.
    budget_minutes : float, optional
        No block begins after that.
    force : bool
        Throw away the rows of another plan in the same directory.
    progress : bool

    Returns
    -------
    EventResult, Outcome

    Raises
    ------
    InputError
        If the directory does not fit, or no block has been finished.
    """
    rows = Rows.open(out, plan.identity(), force=force)
    outcome = run_batch(
        plan.units(),
        study_block,
        rows,
        executor,
        budget_minutes=budget_minutes,
        progress=progress,
        title=plan.spec.name,
    )
    finished = sorted(rows.read(), key=lambda row: str(row["key"]))
    result = conclude(evidence_of(plan.panel, finished), finished, outcome.left)
    _write(result, plan.identity(), rows.directory)
    return result, outcome


def conclude(evidence: Evidence, rows: list[dict[str, Any]], unfinished: int = 0) -> EventResult:
    """Test the evidence and say in words what was found.

    Parameters
    ----------
    evidence : Evidence
    rows : list of dict
        Of the blocks it comes from; their diagnostics are kept.
    unfinished : int
        Blocks that have no row yet.
    """
    tests = study(evidence)
    count = int(tests["p"].notna().sum())
    findings = {
        question: [
            sentence({str(key): value for key, value in row.items()}, count)
            for row in group.to_dict("records")
        ]
        for question, group in tests.groupby("question", sort=False)
    }
    own = tests[tests["question"] == LEAD].drop_duplicates("horizon_hours")
    mechanical = {
        f"{hours:g}": lead(evidence, round(hours / evidence.bar_hours), direction).own
        for hours, direction in zip(own["horizon_hours"], own["test"], strict=True)
    }
    summary = {
        "findings": findings,
        "conventions": dict(CONVENTIONS),
        "bars": int(evidence.known(MAP).sum()),
        "tests": count,
        "definitions": {
            name.lower(): value
            for name, value in vars(definitions).items()
            if name.isupper() and isinstance(value, int | float | tuple)
        },
        "alpha": ALPHA,
        "power": POWER,
        "probability": PROBABILITY,
        "own_window": mechanical,
        "fits": [row["fit"] for row in rows if "error" not in row],
        "unfinished_blocks": unfinished,
        "errors": sorted({str(row["error"]) for row in rows if "error" in row}),
    }
    return EventResult(tests, placebos(evidence), summary)


def _write(result: EventResult, identity: Mapping[str, Any], directory: Path) -> None:
    values = {
        "schema": identity["schema"],
        "model": identity["model"],
        **result.summary,
        "run": {k: v for k, v in identity.items() if k not in ("schema", "model")},
    }
    text = json.dumps(plain(values), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    replace_text(directory / SUMMARY, text)
    for name, table in ((TESTS, result.tests), (PLACEBOS, result.placebos)):
        replace_text(directory / name, table.to_csv(index=False, float_format="%.6g"))
