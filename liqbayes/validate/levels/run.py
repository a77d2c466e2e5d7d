"""A study of clusters and zones: markets over an executor, then one table."""

from collections.abc import Iterator, Mapping, Sequence
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
from liqbayes.resources import DEFAULT_MODEL
from liqbayes.validate.files import finished_rows, replace_text
from liqbayes.validate.identity import model_identity, run_versions
from liqbayes.validate.levels.unit import CHAINS, DRAWS, GROUPS, PARTS, TOP, TUNE, Unit, examine
from liqbayes.validate.recovery.markets import N_DEVELOPMENT, N_JUDGED, markets, table_hash
from liqbayes.validate.recovery.statistics import clustered_coverage

SCHEMA = "liqbayes-levels-1"
TABLE = "levels.csv"


@dataclass(frozen=True)
class LevelsPlan:
    """Which model is held against the true book of how many markets.

    Attributes
    ----------
    model : str or ModelSpec
    markets : int
        Of those of the recovery table that are judged, shortest panels first.
    """

    model: str | ModelSpec = DEFAULT_MODEL
    markets: int = 20

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        if not 1 <= self.markets <= N_JUDGED:
            raise InputError(f"--markets is {self.markets}; use 1 to {N_JUDGED}.")

    def spec(self) -> ModelSpec:
        """The specification."""
        return load_spec(self.model) if isinstance(self.model, str) else self.model

    def units(self) -> dict[str, Unit]:
        """Fits by key, shortest panels first: what is compiled for a length serves the next."""
        text, table = self.spec().to_json(), markets()
        judged = range(N_DEVELOPMENT, N_DEVELOPMENT + N_JUDGED)
        numbers = sorted(judged, key=lambda n: (table[n].config.bars, n))[: self.markets]
        return {f"{number:03d}": Unit(text, number) for number in numbers}

    def identity(self) -> dict[str, Any]:
        """Everything that a row depends on; the number of markets is not part of it."""
        spec = self.spec()
        return {
            "schema": SCHEMA,
            "model": model_identity(spec),
            "table": table_hash(),
            "draws": {"chains": CHAINS, "tune": TUNE, "draws": DRAWS},
            "compared": {"top": TOP, "parts": PARTS},
            "versions": run_versions(),
        }


def levels_on_agent_markets(
    plan: LevelsPlan,
    out: str | Path,
    executor: Executor,
    *,
    budget_minutes: float | None = None,
    force: bool = False,
    progress: bool = True,
) -> tuple[pd.DataFrame, Outcome]:
    """Hold clusters and zones of fits against the positions of simulated markets.

    Parameters
    ----------
    plan : LevelsPlan
    out : str or Path
        Directory: ``run.json`` and ``rows.jsonl`` grow as fits finish; ``levels.csv`` is written
        at the end of each call. The same plan goes on where it was.
    executor : concurrent.futures.Executor
    budget_minutes : float, optional
        No fit begins after that.
    force : bool
        Throw away the rows of another plan in the same directory.
    progress : bool

    Returns
    -------
    DataFrame, Outcome
        See `summarise_rows`.

    Raises
    ------
    InputError
        If the plan or the directory does not fit, or no fit has been finished.
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
        title=plan.spec().name,
    )
    finished = finished_rows(rows, units, "zones", "no market has been fitted")
    table = summarise_rows(finished)
    replace_text(rows.directory / TABLE, table.to_csv(index=False, float_format="%.4g"))
    return table, outcome


def summarise_rows(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Pool the rows of a study.

    Returns
    -------
    DataFrame
        Columns group, quantity, n (comparisons), markets, value, low and high. Rows of coverage
        ("... covered") have the 95 % Wilson interval of clustered comparisons; the others are
        means with 95 % intervals of the mean over markets (normal): ``p_top`` claimed, ``top``
        true, their Brier score and that of always saying the overall frequency, ``apart`` and what
        was ``claimed``, ``width`` and ``held``, and ``lift``: held over width.
    """
    out = []
    for group in GROUPS:
        for quantity, by_market in _hits(rows, group).items():
            sizes = np.array([len(v) for v in by_market], float)
            share = clustered_coverage(np.array([float(sum(v)) for v in by_market]), sizes)
            out.append(
                {
                    "group": group,
                    "quantity": f"{quantity} covered",
                    "n": share.n,
                    "markets": share.clusters,
                    "value": share.share,
                    "low": share.low,
                    "high": share.high,
                }
            )
        for quantity, values in _means(rows, group).items():
            known = values[np.isfinite(values)]
            half = 1.96 * known.std(ddof=1) / np.sqrt(known.size) if known.size > 1 else np.nan
            middle = known.mean() if known.size else np.nan
            out.append(
                {
                    "group": group,
                    "quantity": quantity,
                    "n": known.size,
                    "markets": known.size,
                    "value": middle,
                    "low": middle - half,
                    "high": middle + half,
                }
            )
    return pd.DataFrame(out)


def _hits(rows: Sequence[Mapping[str, Any]], group: str) -> dict[str, list[list[bool]]]:
    """Whether 90 % intervals held the truth, market by market."""
    names = ("cost basis", "in profit", "entries", "delta")
    out: dict[str, list[list[bool]]] = {
        "cluster notional": [
            [_inside(c["interval"], c["truth"]) for c in row["clusters"][group]] for row in rows
        ]
    }
    for name in names:
        for kind, label in (("interval", name), ("expected", f"{name}, no lumps,")):
            out[label] = [
                [_inside(z[kind], z["truth"]) for z in _of(row["zones"][group], name)]
                for row in rows
            ]
    return out


def _of(zones: Sequence[Mapping[str, Any]], name: str) -> Iterator[Mapping[str, Any]]:
    return (z for z in zones if z["quantity"] == name)


def _inside(interval: Sequence[float], truth: float) -> bool:
    return interval[0] <= truth <= interval[2]


def _means(rows: Sequence[Mapping[str, Any]], group: str) -> dict[str, Any]:
    """Mean of every market."""
    clusters = [row["clusters"][group] for row in rows]
    every = [float(c["top"]) for found in clusters for c in found]
    base = float(np.mean(every)) if every else np.nan
    out = {
        f"p_top{TOP}": [_mean(c["p_top"] for c in found) for found in clusters],
        f"top{TOP}": [_mean(c["top"] for c in found) for found in clusters],
        "Brier score": [_mean((c["p_top"] - c["top"]) ** 2 for c in found) for found in clusters],
        "Brier score of the frequency": [
            _mean((base - c["top"]) ** 2 for c in found) for found in clusters
        ],
    }
    for name in ("apart", "claimed", "width", "held"):
        out[name] = [_mean(s[name] for s in row["sets"][group].values()) for row in rows]
    out["lift"] = [
        _mean(s["held"] / s["width"] for s in row["sets"][group].values() if s["width"] > 0)
        for row in rows
    ]
    return {name: np.array(values, float) for name, values in out.items()}


def _mean(values: Iterator[Any]) -> float:
    known = [float(v) for v in values]
    known = [v for v in known if np.isfinite(v)]
    return float(np.mean(known)) if known else float("nan")
