"""From rows of ranks to verdicts and files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.errors import InputError
from liqbayes.validate.files import replace_text
from liqbayes.validate.sbc.uniformity import ecdf_p_values, holm, uniform_values

# Probability of a wrong rejection over all quantities of a model together.
FAMILY_LEVEL = 0.05
SUMMARY, TABLE, RANKS = "sbc.json", "sbc.csv", "ranks.csv"


@dataclass(frozen=True)
class SbcResult:
    """Ranks of a calibration run and what they say.

    Attributes
    ----------
    table : DataFrame
        One row a quantity: ``mean_rank`` (share of the draws below the truth; 0.5 if calibrated),
        ``deviation`` (largest distance of the ECDF from uniform), ``p``, ``p_holm``, ``rejected``.
    values : ndarray, shape (quantity, panel)
        Ranks spread over (0, 1).
    failed : int
        Panels without a fit. They count as the lowest rank of every quantity, so that failures
        speak against a model.
    reruns : int
        Panels that needed longer chains.
    """

    table: pd.DataFrame
    values: NDArray[np.float64]
    failed: int
    reruns: int

    @property
    def calibrated(self) -> bool:
        """Whether no quantity is rejected at the family-wise level."""
        return not bool(self.table["rejected"].any())


def judge(rows: Sequence[Mapping[str, Any]], *, n_ranks: int, seed: int) -> SbcResult:
    """Test every quantity of the finished panels for uniform ranks.

    Raises
    ------
    InputError
        If fewer than two panels have been fitted.
    """
    fitted = [row for row in rows if "ranks" in row]
    if len(fitted) < 2:
        why = rows[0]["error"] if rows else "the budget ended before the first"
        raise InputError(f"{len(fitted)} panels have been fitted ({why}); there is no result yet.")
    names = list(fitted[0]["ranks"])
    failed = len(rows) - len(fitted)
    ranks = np.array([[row["ranks"][name] for row in fitted] + [0] * failed for name in names])
    values = uniform_values(ranks, n_ranks, seed)
    p = ecdf_p_values(values)
    adjusted = holm(p)
    n = values.shape[1]
    steps = np.sort(values, axis=1)
    above = np.arange(1, n + 1) / n - steps
    table = pd.DataFrame(
        {
            "quantity": names,
            "mean_rank": values.mean(axis=1),
            "deviation": np.maximum(above, 1 / n - above).max(axis=1),
            "p": p,
            "p_holm": adjusted,
            "rejected": adjusted < FAMILY_LEVEL,
        }
    )
    return SbcResult(table, values, failed, sum(row["reruns"] > 0 for row in fitted))


def write_result(
    result: SbcResult,
    identity: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    directory: Path,
) -> None:
    """Write ``sbc.csv``, ``ranks.csv`` and ``sbc.json`` into the directory of the run."""
    fitted = [row for row in rows if "ranks" in row]
    smallest = result.table.nsmallest(1, "p").to_dict("records")[0]
    summary = {
        **identity,
        "panels": len(rows),
        "failed": result.failed,
        "errors": sorted({str(row["error"]) for row in rows if "error" in row}),
        "reruns": result.reruns,
        "family_level": FAMILY_LEVEL,
        "calibrated": result.calibrated,
        "rejected": result.table.loc[result.table["rejected"], "quantity"].tolist(),
        "smallest_p": {"quantity": str(smallest["quantity"]), "p": float(smallest["p"])},
        "median_ess": float(np.median([row["ess"] for row in fitted])),
        "divergences": int(sum(row["divergences"] for row in fitted)),
        "worker_seconds": round(float(sum(row["seconds"] for row in fitted)), 1),
    }
    text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    replace_text(directory / SUMMARY, text)
    replace_text(directory / TABLE, result.table.to_csv(index=False, float_format="%.4g"))
    replace_text(directory / RANKS, ranks_of(rows).to_csv(index=False))


def ranks_of(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row a panel: path, effective sample size, reruns, and the rank of every quantity.

    A panel without a fit has no numbers.
    """
    kept = ("path", "ess", "reruns")
    return pd.DataFrame(
        [
            {"panel": row["key"], **{k: row.get(k) for k in kept}, **row.get("ranks", {})}
            for row in rows
        ]
    ).convert_dtypes()
