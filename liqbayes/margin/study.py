"""Margins for chosen liquidation probabilities: cells over an executor, then tables."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.batch import Outcome, Rows, run_batch
from liqbayes.contracts import SIDES
from liqbayes.errors import NotDeterminedError
from liqbayes.margin.answers import historical_answer, normal_answer
from liqbayes.margin.backtest import judge
from liqbayes.margin.cell import PER_PERIOD, fit_cell
from liqbayes.margin.moves import Moves, block_maxima, excess_kurtosis
from liqbayes.margin.plan import MarginPlan, cell_key
from liqbayes.margin.required import required_margin
from liqbayes.panel import MarketPanel

FloatArray = NDArray[np.float64]
GEV = "gev, {}"
NORMAL, NORMAL_PATH, HISTORICAL = "normal", "normal path", "historical"


@dataclass(frozen=True)
class MarginResult:
    """What a plan found.

    Attributes
    ----------
    margins : DataFrame
        A row for each holding period, probability, side and method: ``move_low``, ``move_median``,
        ``move_high``, ``move_predictive`` (adverse move, fraction of entry price) and ``margin_*``
        (initial margin under the contract's rules, fraction of value).
    backtest : DataFrame
        As of `liqbayes.margin.backtest.judge`.
    tails : DataFrame
        Shape of each posterior and its convergence.
    not_converged, errors, notes : tuple of str
    """

    margins: pd.DataFrame
    backtest: pd.DataFrame
    tails: pd.DataFrame
    not_converged: tuple[str, ...]
    errors: tuple[str, ...]
    notes: tuple[str, ...]


def margin_study(
    plan: MarginPlan,
    out: str | Path,
    executor: Executor,
    *,
    budget_minutes: float | None = None,
    force: bool = False,
    progress: bool = True,
) -> tuple[MarginResult, Outcome]:
    """Margins and their backtest; resumable.

    Parameters
    ----------
    plan : MarginPlan
    out : str or Path
        Directory: ``run.json`` and ``rows.jsonl`` grow as posteriors finish.
    executor : concurrent.futures.Executor
        Any; each worker compiles once.
    budget_minutes : float, optional
    force : bool
        Throw away the rows of another plan in the same directory.
    progress : bool

    Returns
    -------
    MarginResult, Outcome
        Rows of what has no posterior yet are left out of the tables.
    """
    cells = plan.cells()
    rows = Rows.open(out, plan.identity(), force=force)
    outcome = run_batch(
        cells,
        fit_cell,
        rows,
        executor,
        budget_minutes=budget_minutes,
        progress=progress,
        title="tails",
    )
    return tabulate(plan, {row["key"]: row for row in rows.read()}), outcome


def tabulate(plan: MarginPlan, rows: Mapping[str, Mapping[str, Any]]) -> MarginResult:
    """Tables of the rows that are there."""
    found = {key: row for key, row in rows.items() if "error" not in row}
    margins, tails, notes = [], [], []
    for holding, moves in plan.moves.items():
        for side in SIDES:
            margins += _whole(plan, found, holding, side)
            dropped = block_maxima(moves.adverse[side], plan.block)[1]
            for prior in plan.priors:
                row = found.get(cell_key(holding, side, prior, moves.n))
                if row is not None:
                    tails.append(_tail(row, holding, side, prior, dropped))
    table = pd.DataFrame(margins)
    for end in ("low", "median", "high", "predictive"):
        values, note = _margins(plan.panel, table, f"move_{end}")
        table[f"margin_{end}"] = values
        notes += [note] if note and note not in notes else []
    for holding, moves in plan.moves.items():
        kurtosis = excess_kurtosis(moves.change)
        notes.append(f"excess kurtosis of returns over {holding}: {kurtosis:.1f}")
    backtest = judge(_forecasts(plan, found)) if plan.refits else pd.DataFrame()
    return MarginResult(
        table,
        backtest,
        pd.DataFrame(tails),
        tuple(f"{k}: {'; '.join(r['reasons'])}" for k, r in found.items() if r["reasons"]),
        tuple(f"{key}: {row['error']}" for key, row in rows.items() if "error" in row),
        tuple(notes),
    )


def _normals(kind: str) -> tuple[tuple[str, bool], ...]:
    """Normal answers and whether they are of the worst price within; that is asked of it alone."""
    ends = ((NORMAL, False),)
    return (*ends, (NORMAL_PATH, True)) if kind == "intrabar" else ends


def _whole(
    plan: MarginPlan, rows: Mapping[str, Mapping[str, Any]], holding: str, side: str
) -> list[dict[str, Any]]:
    """Answers from the whole panel."""
    moves = plan.moves[holding]
    out = []
    for p in plan.probabilities:
        answers: dict[str, tuple[float, ...]] = {}
        for prior in plan.priors:
            row = rows.get(cell_key(holding, side, prior, moves.n))
            if row is not None:
                answers[GEV.format(prior)] = tuple(row["levels"][PER_PERIOD][str(p)])
        for name, path in _normals(plan.kind):
            n = normal_answer(moves.change, side, p, path=path, seed=plan.settings.seed)
            answers[name] = (n.low, n.median, n.high, np.nan)
        h = historical_answer(moves.adverse[side], p)
        answers[HISTORICAL] = (h.low, h.median, h.high, np.nan)
        ends = ("low", "median", "high", "predictive")
        for method, values in answers.items():
            out.append(
                {"holding": holding, "probability": p, "side": side, "method": method}
                | {f"move_{end}": v for end, v in zip(ends, values, strict=True)}
            )
    return out


def _tail(
    row: Mapping[str, Any], holding: str, side: str, prior: str, dropped: int
) -> dict[str, Any]:
    low, median, high = row["shape"]
    about = row["diagnostics"]
    return {
        "holding": holding,
        "side": side,
        "prior": prior,
        "blocks": row["blocks"],
        "dropped": dropped,
        "shape_low": low,
        "shape_median": median,
        "shape_high": high,
        "rhat": about["max_rhat"],
        "ess": min(about["min_ess_bulk"], about["min_ess_tail"]),
        "divergences": about["divergences"],
        "converged": not row["reasons"],
    }


def _margins(panel: MarketPanel, table: pd.DataFrame, column: str) -> tuple[FloatArray, str | None]:
    """Initial margins of the moves in a column, or NaN and the reason."""
    out = np.full(len(table), np.nan)
    price = float(panel.values("close")[~np.isnan(panel.values("close"))][-1])
    for side in SIDES:
        chosen = (table["side"] == side).to_numpy()
        try:
            out[chosen] = required_margin(
                panel.contract,
                side,
                table.loc[chosen, column].to_numpy(float),
                entry_price=price,
                at=panel.time[-1],
            )
        except NotDeterminedError as error:
            return out, f"no initial margins: {error}"
    return out, None


def _forecasts(
    plan: MarginPlan, rows: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[dict[str, Any], FloatArray, FloatArray]]:
    """Levels that each method gave before each stretch, beside what came."""
    for holding, moves in plan.moves.items():
        stretches = plan.origins(holding)
        for p in plan.probabilities:
            for side in SIDES:
                came = moves.adverse[side][stretches[0].at :]
                for method, levels in _levels(plan, rows, moves, side, p).items():
                    about = {"holding": holding, "probability": p, "side": side, "method": method}
                    lengths = [o.until - o.at for o in stretches]
                    yield about, np.repeat(np.asarray(levels, float), lengths), came


def _levels(
    plan: MarginPlan, rows: Mapping[str, Mapping[str, Any]], moves: Moves, side: str, p: float
) -> dict[str, list[float]]:
    """One level for each stretch, by method; NaN where there is none."""
    out: dict[str, list[float]] = {}
    for o in plan.origins(moves.holding):
        past, change = moves.adverse[side][: o.at], moves.change[: o.at]
        for prior in plan.priors:
            row = rows.get(cell_key(moves.holding, side, prior, o.at))
            _, median, _, ahead = row["levels"][PER_PERIOD][str(p)] if row else [np.nan] * 4
            out.setdefault(GEV.format(prior), []).append(median)
            out.setdefault(GEV.format(prior) + ", predictive", []).append(ahead)
        for name, path in _normals(plan.kind):
            level = normal_answer(change, side, p, path=path, seed=plan.settings.seed).median
            out.setdefault(name, []).append(level)
        out.setdefault(HISTORICAL, []).append(historical_answer(past, p).median)
    return out
