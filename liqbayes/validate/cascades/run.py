"""A study of cascades: markets over an executor, then one table."""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from liqbayes.batch import Outcome, Rows, run_batch
from liqbayes.errors import InputError
from liqbayes.validate.cascades.unit import BARS, BEFORE, Unit, examine
from liqbayes.validate.files import finished_rows, replace_text
from liqbayes.validate.identity import run_versions

SCHEMA = "liqbayes-cascades-1"
TABLE = "cascades.csv"
_FIRST_SEED = 1


@dataclass(frozen=True)
class CascadePlan:
    """How many markets fall how far under which impact.

    Attributes
    ----------
    markets : int
        Seeds, each with every fall and every impact.
    falls : tuple of float
        Falls of the price as fractions, within one step of the market.
    impacts : tuple of float
        Coefficients of the market's impact law.
    """

    markets: int = 12
    falls: tuple[float, ...] = (0.05, 0.1)
    impacts: tuple[float, ...] = (0.5, 1.0, 2.0)

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        if self.markets < 1:
            raise InputError(f"--markets is {self.markets}; use at least 1.")
        if not self.falls or not all(0 < x < 0.9 for x in self.falls):
            raise InputError(f"--falls is {list(self.falls)}; give fractions between 0 and 0.9.")
        if not self.impacts or not all(0 < x < math.inf for x in self.impacts):
            raise InputError(f"--impacts is {list(self.impacts)}; give positive coefficients.")

    def units(self) -> dict[str, Unit]:
        """Cascades by key, market by market."""
        return {
            f"{seed:03d}-{fall:g}-{impact:g}": Unit(seed, fall, impact)
            for seed in range(_FIRST_SEED, _FIRST_SEED + self.markets)
            for fall in self.falls
            for impact in self.impacts
        }

    def identity(self) -> dict[str, Any]:
        """Everything that a row depends on; which cascades are asked for is not part of it."""
        return {
            "schema": SCHEMA,
            "bars": {"before": BEFORE, "all": BARS},
            "versions": run_versions(),
        }


def cascades_on_agent_markets(
    plan: CascadePlan,
    out: str | Path,
    executor: Executor,
    *,
    budget_minutes: float | None = None,
    force: bool = False,
    progress: bool = True,
) -> tuple[pd.DataFrame, Outcome]:
    """Lay the fixed point on true books beside the cascades of the agent market itself.

    Parameters
    ----------
    plan : CascadePlan
    out : str or Path
        Directory: ``run.json`` and ``rows.jsonl`` grow as markets finish; ``cascades.csv`` is
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
        See `summarise_cascades`.

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
        title="cascades",
    )
    finished = finished_rows(rows, units, "simulated", "no market has been run")
    table = summarise_cascades(finished)
    replace_text(rows.directory / TABLE, table.to_csv(index=False, float_format="%.4g"))
    return table, outcome


def summarise_cascades(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Median, smallest and largest over the markets of each fall and impact.

    Parameters
    ----------
    rows : sequence of mapping
        Of `simulated_cascade`.

    Returns
    -------
    DataFrame
        Columns fall, impact, markets, quantity, median, smallest and largest. Quantities:
        ``simulated``, the market's further log fall; ``predicted / simulated``, of the fixed point
        on the true book; ``by_rounds / simulated``, the same with a root for each step.
    """
    table = pd.DataFrame(rows)
    out = []
    for (fall, impact), found in table.groupby(["fall", "impact"], sort=True):
        fallen = found["simulated"].to_numpy(float)
        # a market whose forced orders moved nothing has no ratio
        moved = np.where(fallen > 0, fallen, np.nan)
        values = {
            "simulated": fallen,
            "predicted / simulated": found["predicted"].to_numpy(float) / moved,
            "by_rounds / simulated": found["by_rounds"].to_numpy(float) / moved,
        }
        for quantity, of_markets in values.items():
            known = of_markets[np.isfinite(of_markets)]
            cuts = [np.median(known), known.min(), known.max()] if known.size else [np.nan] * 3
            names = ("median", "smallest", "largest")
            out.append(
                {"fall": fall, "impact": impact, "markets": known.size, "quantity": quantity}
                | dict(zip(names, map(float, cuts), strict=True))
            )
    return pd.DataFrame(out)
