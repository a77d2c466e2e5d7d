"""A recovery run: markets over an executor, then coverage, sharpness and files."""

import json
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liqbayes.batch import Outcome, Rows, run_batch
from liqbayes.errors import InputError
from liqbayes.model import list_models, load_spec
from liqbayes.model.spec import ModelSpec
from liqbayes.resources import DEFAULT_MODEL
from liqbayes.validate.files import replace_text
from liqbayes.validate.identity import model_identity, run_versions
from liqbayes.validate.recovery.markets import N_DEVELOPMENT, N_JUDGED, table_hash
from liqbayes.validate.recovery.picture import draw_coverage
from liqbayes.validate.recovery.tables import (
    RecoveryResult,
    judge,
    numbers_of,
    summary_of,
)
from liqbayes.validate.recovery.targets import POINT_RULES
from liqbayes.validate.recovery.unit import ARMS, CHAINS, DRAWS, TUNE, Unit, recover

SCHEMA = "liqbayes-recovery-1"
SUMMARY, TABLE, PICTURE = "recovery.json", "recovery.csv", "coverage.png"
NUMBERS = "comparisons.csv"


@dataclass(frozen=True)
class RecoveryPlan:
    """What a recovery run is.

    Attributes
    ----------
    model : str or ModelSpec
        Name, path or specification.
    markets : int
        How many of those that are judged; each is fitted with and without its feed.
    """

    model: str | ModelSpec = DEFAULT_MODEL
    markets: int = N_JUDGED

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        if not 1 <= self.markets <= N_JUDGED:
            raise InputError(
                f"--markets is {self.markets}; the table has {N_JUDGED} that are judged, use 1 to "
                f"{N_JUDGED}."
            )

    def spec(self) -> ModelSpec:
        """The specification."""
        return load_spec(self.model) if isinstance(self.model, str) else self.model

    def rules(self) -> tuple[str, ...]:
        """Point rules that are shipped, without the model that is judged."""
        shipped, own = list_models(), self.spec().name
        return tuple(rule for rule in POINT_RULES if rule in shipped and rule != own)

    def units(self) -> dict[str, Unit]:
        """Fits by key, market by market; none of those that development has looked at."""
        text, rules = self.spec().to_json(), self.rules()
        return {
            f"{number:03d}-{arm}": Unit(text, number, arm, rules)
            for number in range(N_DEVELOPMENT, N_DEVELOPMENT + self.markets)
            for arm in ARMS
        }

    def identity(self) -> dict[str, Any]:
        """Everything that a row depends on; the number of markets is not part of it."""
        spec = self.spec()
        return {
            "schema": SCHEMA,
            "model": model_identity(spec),
            "table": table_hash(),
            "draws": {"chains": CHAINS, "tune": TUNE, "draws": DRAWS},
            "point_rules": {rule: load_spec(rule).content_hash for rule in self.rules()},
            "versions": run_versions(),
        }


def recovery_on_agent_markets(
    plan: RecoveryPlan,
    out: str | Path,
    executor: Executor,
    *,
    budget_minutes: float | None = None,
    force: bool = False,
    progress: bool = True,
) -> tuple[RecoveryResult, Outcome]:
    """Check a model's 90 % intervals on agent markets that share no code with its likelihood.

    Parameters
    ----------
    plan : RecoveryPlan
    out : str or Path
        Directory: ``run.json`` and ``rows.jsonl`` grow as fits finish, ``recovery.json``,
        ``recovery.csv``, ``comparisons.csv`` and ``coverage.png`` at the end of each call. The
        same plan goes on where it was; with nothing left it only judges again.
    executor : concurrent.futures.Executor
        Any; each worker compiles the model once for each length of panel, with and without feed.
    budget_minutes : float, optional
        No fit begins after that.
    force : bool
        Throw away the rows of another plan in the same directory.
    progress : bool

    Returns
    -------
    RecoveryResult, Outcome

    Raises
    ------
    InputError
        If the plan or the directory does not fit, or no fit has been finished.
    """
    rows = Rows.open(out, plan.identity(), force=force)
    units = plan.units()
    outcome = run_batch(
        units,
        recover,
        rows,
        executor,
        budget_minutes=budget_minutes,
        progress=progress,
        title=plan.spec().name,
    )
    finished = sorted((r for r in rows.read() if r["key"] in units), key=lambda r: r["key"])
    result = judge(finished, plan.rules())
    summary = summary_of(result, plan.identity(), finished)
    text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    replace_text(rows.directory / SUMMARY, text)
    replace_text(rows.directory / TABLE, result.table.to_csv(index=False, float_format="%.4g"))
    replace_text(
        rows.directory / NUMBERS, numbers_of(finished).to_csv(index=False, float_format="%.5g")
    )
    draw_coverage(result, plan.spec().name, rows.directory / PICTURE)
    return result, outcome
